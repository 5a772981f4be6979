//! One thread of control: a greenlet, or a plain thread while it uses this
//! crate.

use std::fmt;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::{self, Alarm, Local, Parker};

use super::{End, interrupt::Interrupts};

/// What is known of a strand, shared with all who wait for it or may wake it.
pub(crate) struct Strand {
    pub(crate) id: u64,
    name: Option<Box<str>>,
    // Made when a name is asked for that was not given.
    default_name: OnceLock<Box<str>>,
    pub(crate) parker: Parker,
    // The number of the current or last wait, and its `Phase` in the lowest
    // bits. Whoever changes the phase away from `Waiting` ends that wait.
    word: AtomicU64,
    pub(crate) interrupts: Interrupts,
    pub(crate) end: End,
}

/// How far the wait of the current turn is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// Nobody has ended it.
    Waiting,
    /// A ticket was used; also what a strand that does not wait looks like.
    Woken,
    /// An interrupt has come.
    Interrupted,
}

const PHASE_BITS: u32 = 2;
const PHASE_MASK: u64 = (1 << PHASE_BITS) - 1;

impl Strand {
    /// A strand for a greenlet that is about to be spawned.
    pub(crate) fn for_greenlet(name: Option<Box<str>>) -> Self {
        Self::new(name, Parker::for_greenlet())
    }

    fn new(name: Option<Box<str>>, parker: Parker) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            name,
            default_name: OnceLock::new(),
            parker,
            word: AtomicU64::new(word(0, Phase::Woken)),
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

    /// Whether it has ever begun a wait. One that has not run yet has not.
    pub(crate) fn has_waited(&self) -> bool {
        turn_of(self.word.load(Ordering::Relaxed)) > 0
    }

    /// Begins the next wait and returns its number. Only the strand itself.
    pub(super) fn begin_turn(&self) -> u64 {
        let turn = turn_of(self.word.load(Ordering::Relaxed)) + 1;
        self.word.swap(word(turn, Phase::Waiting), Ordering::SeqCst);
        turn
    }

    /// Ends a wait that nobody has ended; true for the one who did.
    pub(super) fn end_turn(&self, turn: u64, phase: Phase) -> bool {
        self.word
            .compare_exchange(
                word(turn, Phase::Waiting),
                word(turn, phase),
                Ordering::SeqCst,
                Ordering::SeqCst,
            )
            .is_ok()
    }

    /// Ends the strand's own wait for want of a waker.
    pub(super) fn give_up_turn(&self, turn: u64) -> bool {
        self.end_turn(turn, Phase::Woken)
    }

    /// Ends whatever wait is current, if it is not ended yet.
    pub(super) fn end_current_turn(&self, phase: Phase) -> bool {
        self.end_turn(turn_of(self.word.load(Ordering::SeqCst)), phase)
    }

    /// How far wait number `turn`, the current one, is.
    pub(super) fn phase(&self, turn: u64) -> Phase {
        let now = self.word.load(Ordering::SeqCst);
        debug_assert_eq!(turn_of(now), turn);
        match now & PHASE_MASK {
            0 => Phase::Waiting,
            1 => Phase::Woken,
            _ => Phase::Interrupted,
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

fn turn_of(word: u64) -> u64 {
    word >> PHASE_BITS
}

fn word(turn: u64, phase: Phase) -> u64 {
    turn << PHASE_BITS
        | match phase {
            Phase::Waiting => 0,
            Phase::Woken => 1,
            Phase::Interrupted => 2,
        }
}

#[cold]
fn of_thread() -> Arc<Strand> {
    thread_local! {
        static THREAD: Arc<Strand> = new();
    }
    fn new() -> Arc<Strand> {
        Arc::new(Strand::new(None, Parker::for_thread()))
    }
    // In the destructors of other thread-locals ours may be gone already.
    THREAD.try_with(Arc::clone).unwrap_or_else(|_| new())
}
