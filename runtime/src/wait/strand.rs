//! One thread of control: a greenlet, or a plain thread while it uses this
//! crate.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::engine::{self, Alarm, Local, Parker};

use super::interrupt::Interrupts;
use super::number::Number;
use super::turns::Turns;
use super::{Doing, End, Track};

/// What is known of a strand, shared with all who wait for it or may wake it.
pub(crate) struct Strand {
    pub(crate) id: u64,
    name: Option<Box<str>>,
    // Where it was spawned, and the greenlet that did; 0 for a plain thread.
    location: &'static Location<'static>,
    spawner: u64,
    // What few strands have; one look tells.
    extras: OnceLock<Box<Extras>>,
    pub(crate) parker: Parker,
    pub(super) turns: Turns,
    pub(crate) interrupts: Interrupts,
    pub(crate) end: End,
}

#[derive(Default)]
struct Extras {
    // Made when a number is asked for, or a name that was not given.
    number: OnceLock<Number>,
    name: OnceLock<Box<str>>,
    // While greenlets are tracked.
    track: OnceLock<Arc<Track>>,
}

/// A share in a greenlet's strand. The last one to go keeps the strand for
/// another greenlet, so that a spawn asks the allocator for nothing.
#[derive(Clone)]
pub(crate) struct Share(Option<Arc<Strand>>);

impl Share {
    pub(crate) fn new(strand: Arc<Strand>) -> Self {
        Self(Some(strand))
    }
}

impl Deref for Share {
    type Target = Arc<Strand>;

    #[inline]
    fn deref(&self) -> &Arc<Strand> {
        match &self.0 {
            Some(strand) => strand,
            None => unreachable!("a share is emptied by its destructor"),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some(strand) = self.0.take() {
            Strand::let_go(strand);
        }
    }
}

/// Strands of ended greenlets that each thread keeps for new ones: as many as
/// a hub keeps stacks. Some 400 bytes each.
const KEPT: usize = 4096;

/// Numbers that a thread takes at a time.
const IDS_AT_A_TIME: u64 = 256;

thread_local! {
    static SPARE: RefCell<Vec<Arc<Strand>>> = const { RefCell::new(Vec::new()) };
    static IDS: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

impl Strand {
    /// A strand for a greenlet that is about to be spawned.
    #[track_caller]
    pub(crate) fn for_greenlet(name: Option<Box<str>>) -> Arc<Self> {
        let location = Location::caller();
        let spawner = engine::with_current(|me: Option<&Arc<Self>>| me.map_or(0, |me| me.id));
        let spare = SPARE.try_with(|spare| spare.borrow_mut().pop());
        if let Ok(Some(mut spare)) = spare
            && let Some(strand) = Arc::get_mut(&mut spare)
        {
            strand.id = next_id();
            strand.name = name;
            strand.location = location;
            strand.spawner = spawner;
            return spare;
        }
        Arc::new(Self {
            name,
            spawner,
            ..Self::new(Parker::for_greenlet(), location)
        })
    }

    /// Lets go of a greenlet's strand, and keeps it for another greenlet if
    /// nobody else holds it.
    fn let_go(mut this: Arc<Self>) {
        // A look first, which is cheap: others mostly hold it still.
        if Arc::strong_count(&this) > 1 {
            return;
        }
        let Some(strand) = Arc::get_mut(&mut this) else {
            return;
        };
        strand.reset();
        // A thread that is about to end keeps nothing.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < KEPT {
                spare.push(this);
            }
        });
    }

    fn reset(&mut self) {
        self.name = None;
        self.extras.take();
        self.parker.reset();
        self.turns = Turns::default();
        self.interrupts.reset();
        self.end.reset();
    }

    /// A strand for a plain thread, the calling one.
    #[track_caller]
    pub(super) fn for_thread() -> Self {
        Self::new(Parker::for_thread(), Location::caller())
    }

    fn new(parker: Parker, location: &'static Location<'static>) -> Self {
        Self {
            id: next_id(),
            name: None,
            location,
            spawner: 0,
            extras: OnceLock::new(),
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
                .extras()
                .name
                .get_or_init(|| format!("Greenlet-{}", self.number()).into()),
        }
    }

    /// The smallest number that no other living greenlet had when it was asked
    /// for first.
    pub(crate) fn number(&self) -> u32 {
        self.extras().number.get_or_init(Number::take).get()
    }

    fn extras(&self) -> &Extras {
        self.extras.get_or_init(Box::default)
    }

    fn tracked(&self) -> Option<&Arc<Track>> {
        self.extras.get()?.track.get()
    }

    /// Where it was spawned.
    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// The greenlet that spawned it.
    pub(crate) fn spawner(&self) -> Option<u64> {
        (self.spawner != 0).then_some(self.spawner)
    }

    /// Tracks the greenlet from here on, until it ends.
    #[cold]
    pub(crate) fn track(self: &Arc<Self>) {
        let track = Track::begin(self.id, Arc::downgrade(self));
        let _ = self.extras().track.set(track); // empty: it is about to be spawned
    }

    /// It ends, or could not be spawned.
    pub(crate) fn track_no_more(&self) {
        if self.tracked().is_some() {
            Track::end(self.id);
        }
    }

    /// Notes what it does from now on, if it is tracked.
    #[inline]
    pub(crate) fn does(&self, doing: Doing) {
        if let Some(track) = self.tracked() {
            track.does(doing);
        }
    }

    /// Whether it has ever begun a wait. One that has not run yet has not.
    pub(crate) fn has_waited(&self) -> bool {
        self.turns.any()
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

    fn ended(self: Arc<Self>) {
        self.track_no_more();
        Self::let_go(self);
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

/// A number that no other strand has had. They rise on each thread.
fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let take = |ids: &Cell<(u64, u64)>| {
        let (mut next, mut end) = ids.get();
        if next == end {
            next = NEXT.fetch_add(IDS_AT_A_TIME, Ordering::Relaxed);
            end = next + IDS_AT_A_TIME;
        }
        ids.set((next + 1, end));
        next
    };
    IDS.with(take)
}

#[cold]
#[cfg(not(all(test, loom)))]
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

/// loom's threads have thread-locals of their own.
#[cfg(all(test, loom))]
fn of_thread() -> Arc<Strand> {
    loom::thread_local! {
        static THREAD: Arc<Strand> = Arc::new(Strand::for_thread());
    }
    THREAD.with(Arc::clone)
}
