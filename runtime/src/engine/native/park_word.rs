//! Who hands a suspended greenlet back to its hub: an atomic word.

use std::sync::atomic::Ordering;

use super::super::sync::AtomicU8;

/// Whether a greenlet runs, was told to go on, or is suspended.
#[derive(Debug)]
pub(super) struct ParkWord(AtomicU8);

/// It runs, or is in a run queue.
const RUNNING: u8 = 0;
/// The same, and an unpark has come that no park has seen.
const TOLD: u8 = 1;
/// It is suspended; who steps from here to `RUNNING` hands it to its hub.
const PARKED: u8 = 2;

impl ParkWord {
    /// Says that the owner suspends. False when it must not: an unpark came
    /// before, and is used up by this. Only the owner calls it.
    #[inline]
    pub(super) fn park(&self) -> bool {
        let parked = self
            .0
            .compare_exchange(RUNNING, PARKED, Ordering::AcqRel, Ordering::Relaxed);
        if parked.is_err() {
            // A swap, not a store: it sees what those had done who unparked
            // after the first. After a plain store the owner could look for
            // what woke it before that store was seen, miss it, and park for
            // ever, while the unparker believed in the unpark before its own.
            self.0.swap(RUNNING, Ordering::AcqRel);
        }
        parked.is_ok()
    }

    /// Ends the current or the next park. True for the one who is to hand the
    /// owner to its hub: one in each park.
    #[inline]
    pub(super) fn unpark(&self) -> bool {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            // Written even when it is `TOLD` already: see `park`.
            let next = if seen == PARKED { RUNNING } else { TOLD };
            match self
                .0
                .compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return seen == PARKED,
                Err(now) => seen = now,
            }
        }
    }
}

impl Default for ParkWord {
    fn default() -> Self {
        Self(AtomicU8::new(RUNNING))
    }
}
