//! One thread of control: a greenlet, or a plain thread while it uses this
//! crate.

use std::fmt;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::{self, Alarm, Local, Parker};

use super::{End, interrupt::Interrupts, turns::Turns};

/// What is known of a strand, shared with all who wait for it or may wake it.
pub(crate) struct Strand {
    pub(crate) id: u64,
    name: Option<Box<str>>,
    // Made when a name is asked for that was not given.
    default_name: OnceLock<Box<str>>,
    pub(crate) parker: Parker,
    pub(super) turns: Turns,
    pub(crate) interrupts: Interrupts,
    pub(crate) end: End,
}

impl Strand {
    /// A strand for a greenlet that is about to be spawned.
    pub(crate) fn for_greenlet(name: Option<Box<str>>) -> Self {
        Self::new(name, Parker::for_greenlet())
    }

    /// A strand for a plain thread, the calling one.
    pub(super) fn for_thread() -> Self {
        Self::new(None, Parker::for_thread())
    }

    fn new(name: Option<Box<str>>, parker: Parker) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            name,
            default_name: OnceLock::new(),
            parker,
            turns: Turns::default(),
            interrupts: Interrupts::default(),
            end: End::default(),
        }
    }

    /// The name given, or one made of the number.
    pub(crate) fn name(&self) -> &str {
        match &self.name {
            Some(name) => name,
            None => self
                .default_name
                .get_or_init(|| format!("Greenlet-{}", self.id).into()),
        }
    }
}

impl Alarm for Strand {
    fn ring(self: Arc<Self>) {
        self.parker.alarm_rang(self.clone());
    }
}

impl Local for Strand {
    fn id(&self) -> u64 {
        self.id
    }

    fn name(&self) -> Option<&str> {
        // No default here: this runs in the handler of a stack overflow.
        self.name.as_deref()
    }

    fn parker(&self) -> &Parker {
        &self.parker
    }
}

impl fmt::Debug for Strand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strand")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Calls `f` with the strand of the calling greenlet or thread.
#[inline(always)] // see `wait::yield_now`
pub(crate) fn with_strand<R>(f: impl FnOnce(&Arc<Strand>) -> R) -> R {
    engine::with_current(|greenlet| {
        let thread;
        // One call of `f`, not one in each arm: it is to be inlined.
        f(match greenlet {
            Some(strand) => strand,
            None => {
                thread = of_thread();
                &thread
            }
        })
    })
}

#[cold]
fn of_thread() -> Arc<Strand> {
    thread_local! {
        static THREAD: Arc<Strand> = new();
    }
    fn new() -> Arc<Strand> {
        Arc::new(Strand::for_thread())
    }
    // In the destructors of other thread-locals ours may be gone already.
    THREAD.try_with(Arc::clone).unwrap_or_else(|_| new())
}
