//! The time slice: how long greenlets may keep each other going before the hub
//! polls for I/O and rings alarms. The same for every engine.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Ticks between two looks at the clock. A look costs about 24 ns, a switch 40.
const TICKS_PER_LOOK: u32 = 16;

thread_local! {
    static TICKS_LEFT: Cell<u32> = const { Cell::new(TICKS_PER_LOOK) };
    // The first look at the clock since the last poll.
    static SLICE_START: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Says that epoll has just been polled: a new slice begins.
#[inline(never)] // touches thread-locals, see `current`
pub(super) fn polled() {
    TICKS_LEFT.set(TICKS_PER_LOOK);
    SLICE_START.set(None);
}

/// Counts a tick; true when the slice since the last poll is spent.
#[inline(never)] // touches thread-locals, see `current`
pub(super) fn slice_spent(slice: Duration) -> bool {
    let left = TICKS_LEFT.get();
    if left > 0 {
        TICKS_LEFT.set(left - 1);
        return false;
    }
    let now = Instant::now();
    let start = SLICE_START.get().unwrap_or(now);
    if now.saturating_duration_since(start) >= slice {
        // It stays spent until the poll: all that follow step back too, in their
        // order, instead of overtaking the one that looked.
        return true;
    }
    TICKS_LEFT.set(TICKS_PER_LOOK);
    SLICE_START.set(Some(start));
    false
}
