//! Who ends a wait: an atomic word.

use std::sync::atomic::Ordering;

use crate::engine::sync::AtomicU64;

/// The waits of one strand, by number, and how far the last one is. Whoever
/// changes its phase away from `Waiting` ends it; only one can.
// The number, and the phase in the lowest bits. Changed by read-modify-writes
// alone: each sees what those before it had done, whatever they changed.
#[derive(Debug)]
pub(super) struct Turns(AtomicU64);

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

impl Turns {
    /// Begins the next wait and returns its number. Only the strand itself.
    pub(super) fn begin(&self) -> u64 {
        let turn = turn_of(self.0.load(Ordering::Relaxed)) + 1;
        self.0.swap(word(turn, Phase::Waiting), Ordering::AcqRel);
        turn
    }

    /// Ends wait number `turn` if nobody has; true for the one who did.
    pub(super) fn end(&self, turn: u64, phase: Phase) -> bool {
        self.0
            .compare_exchange(
                word(turn, Phase::Waiting),
                word(turn, phase),
                Ordering::AcqRel,
                Ordering::Relaxed,
            )
            .is_ok()
    }

    /// Changes nothing. What the caller did before is seen by whoever begins the
    /// next wait; what the one who has begun the current one did, by the caller.
    pub(super) fn touch(&self) {
        self.0.fetch_add(0, Ordering::AcqRel);
    }

    /// Ends whatever wait is current, if it is not ended yet. When it returns
    /// false, what the caller did before is seen by whoever begins the next.
    pub(super) fn end_current(&self, phase: Phase) -> bool {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            // Written even when nothing changes, or a wait that begins now
            // could miss the caller as the caller misses it.
            let next = match phase_of(seen) {
                Phase::Waiting => word(turn_of(seen), phase),
                _ => seen,
            };
            match self
                .0
                .compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return next != seen,
                Err(now) => seen = now,
            }
        }
    }

    /// Whether a wait was ever begun.
    pub(super) fn any(&self) -> bool {
        turn_of(self.0.load(Ordering::Relaxed)) > 0
    }

    /// How far wait number `turn`, the current one, is.
    pub(super) fn phase(&self, turn: u64) -> Phase {
        let now = self.0.load(Ordering::Acquire);
        debug_assert_eq!(turn_of(now), turn);
        phase_of(now)
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self(AtomicU64::new(word(0, Phase::Woken)))
    }
}

fn turn_of(word: u64) -> u64 {
    word >> PHASE_BITS
}

fn phase_of(word: u64) -> Phase {
    match word & PHASE_MASK {
        0 => Phase::Waiting,
        1 => Phase::Woken,
        _ => Phase::Interrupted,
    }
}

fn word(turn: u64, phase: Phase) -> u64 {
    turn << PHASE_BITS
        | match phase {
            Phase::Waiting => 0,
            Phase::Woken => 1,
            Phase::Interrupted => 2,
        }
}
