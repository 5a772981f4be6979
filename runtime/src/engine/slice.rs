//! The time slice: how long greenlets may keep each other going before the hub
//! polls for I/O and rings alarms. The same for every engine.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Ticks before the first two looks at the clock of a slice. A look costs about
/// 24 ns, a switch 12: so as few as do not show.
const FIRST_STRIDE: u32 = 16;

/// Ticks between two looks at most, when they are found to be short. Bounds how
/// late the end of a slice is seen when long ones follow.
const LONGEST_STRIDE: u32 = 64;

/// A stride grows while it takes less than this part of a slice.
const PART_OF_SLICE: u32 = 64;

thread_local! {
    static TICKS_LEFT: Cell<u32> = const { Cell::new(FIRST_STRIDE) };
    static STRIDE: Cell<u32> = const { Cell::new(FIRST_STRIDE) };
    // The first look at the clock since the last poll.
    static SLICE_START: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Says that epoll has just been polled: a new slice begins.
#[cfg_attr(not(feature = "native"), inline(never))] // touches thread-locals, see `current`
pub(super) fn polled() {
    TICKS_LEFT.set(FIRST_STRIDE);
    STRIDE.set(FIRST_STRIDE);
    SLICE_START.set(None);
}

/// Counts a tick; true when the slice since the last poll is spent.
#[cfg_attr(feature = "native", inline)]
#[cfg_attr(not(feature = "native"), inline(never))] // touches thread-locals, see `current`
pub(super) fn slice_spent(slice: Duration) -> bool {
    let left = TICKS_LEFT.get();
    if left > 0 {
        TICKS_LEFT.set(left - 1);
        return false;
    }
    look(slice)
}

#[cold]
fn look(slice: Duration) -> bool {
    let now = Instant::now();
    let start = SLICE_START.get().unwrap_or(now);
    let elapsed = now.saturating_duration_since(start);
    if elapsed >= slice {
        // It stays spent until the poll: all that follow step back too, in their
        // order, instead of overtaking the one that looked.
        return true;
    }
    let stride = STRIDE.get();
    if start != now && elapsed < slice / PART_OF_SLICE && stride < LONGEST_STRIDE {
        STRIDE.set(stride * 2);
    }
    TICKS_LEFT.set(STRIDE.get());
    SLICE_START.set(Some(start));
    false
}
