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
use super::{Doing, End, Track};

/// What is known of a strand, shared with all who wait for it or may wake it.
pub(crate) struct Strand {
    pub(crate) id: u64,
    name: Option<Box<str>>,
    // Where it was spawned, and the greenlet that did; 0 for a plain thread.
    location: &'static Location<'static>,
    spawner: u64,
    // Made when a number is asked for, or a name that was not given.
    number: OnceLock<Number>,
    default_name: OnceLock<Box<str>>,
    // While greenlets are tracked.
    track: OnceLock<Arc<Track>>,
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

    // The turn counts on: no ticket of the last greenlet fits the next.
    fn reset(&mut self) {
        self.name = None;
        self.number.take();
        self.default_name.take();
        self.track.take();
        self.parker.reset();
        self.interrupts.reset();
        self.end.reset();
    }

    fn new(parker: Parker, location: &'static Location<'static>) -> Self {
        Self {
            id: next_id(),
            name: None,
            location,
            spawner: 0,
            number: OnceLock::new(),
            default_name: OnceLock::new(),
            track: OnceLock::new(),
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
                .get_or_init(|| format!("Greenlet-{}", self.number()).into()),
        }
    }

    /// The smallest number that no other living greenlet had when it was asked
    /// for first.
    pub(crate) fn number(&self) -> u32 {
        self.number.get_or_init(Number::take).get()
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
        let _ = self.track.set(track); // empty: it is about to be spawned
    }

    /// It ends, or could not be spawned.
    pub(crate) fn track_no_more(&self) {
        if self.track.get().is_some() {
            Track::end(self.id);
        }
    }

    /// Notes what it does from now on, if it is tracked.
    #[inline]
    pub(crate) fn does(&self, doing: Doing) {
        if let Some(track) = self.track.get() {
            track.does(doing);
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
        Arc::new(Strand::new(Parker::for_thread(), Location::caller()))
    }
    // In the destructors of other thread-locals ours may be gone already.
    THREAD.try_with(Arc::clone).unwrap_or_else(|_| new())
}
