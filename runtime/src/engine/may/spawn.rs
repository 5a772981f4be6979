//! Spawning: the one place where a coroutine of `may` is made.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use may::coroutine;

use super::super::settings::Place;
use super::super::{Local, Placement, SpawnError, current};
use super::hub::hub;
use super::turn;

/// See [`spawn`](super::super::spawn).
pub(crate) fn spawn<L: Local>(
    placement: Placement,
    stack_size: usize,
    local: Arc<L>,
    body: impl FnOnce(&Arc<L>) + Send + 'static,
) -> Result<(), SpawnError> {
    if let Placement::On(hub @ 1..) = placement {
        return Err(SpawnError::NoHub { hub });
    }
    let hub = hub();
    let place = hub.take_place()?;
    let words = stack_size.div_ceil(size_of::<usize>());
    let mut builder = coroutine::Builder::new();
    if words != hub.stack_words {
        // Only stacks of the default size are kept for reuse. Always even: an
        // odd number asks for stack measuring.
        builder = builder.stack_size(words.next_multiple_of(2));
    }
    let on_hub = current::is_greenlet();
    let start = move || {
        if on_hub {
            // `spawn_local` starts us at once, on top of the spawner. Step
            // aside: the body starts in its turn. This puts us into the run
            // queue without the eventfd write that `spawn` costs.
            coroutine::yield_now();
        }
        run(local, body, stack_size, place, on_hub);
    };
    // A stack that cannot be mapped is a panic inside `may`.
    let spawned = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: `may` asks two things of the closure.
        // 1. It must not hold a reference into a thread-local across a
        //    suspension. With one worker, the default, nothing ever moves to
        //    another thread: only `Hub::workers` changes that, and it is
        //    `unsafe` with this as its contract. Our own code takes
        //    thread-locals only in functions that do not suspend.
        // 2. It must not overflow its stack. The guard page turns an overflow
        //    into a fault, and `overflow` ends the process on it.
        unsafe {
            if on_hub {
                builder.spawn_local(start)
            } else {
                builder.spawn(start)
            }
        }
    }));
    match spawned {
        Ok(Ok(_detached)) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(SpawnError::Stack),
    }
}

/// The root of every greenlet.
fn run<L: Local>(
    local: Arc<L>,
    body: impl FnOnce(&Arc<L>),
    stack_size: usize,
    place: Place,
    on_hub: bool,
) {
    // The first frames of a stack fit into its top page, so the top is where
    // that page ends. Below the usable part lies one guard page. One page of
    // tolerance, in case the first frames ever need two.
    let page = hub().page_size;
    let marker = 0u8;
    let top = (&raw const marker as usize).next_multiple_of(page);
    let usable = stack_size.next_multiple_of(page);
    let guard = top.saturating_sub(usable + page);
    let root = current::Root {
        stack_size,
        guard: guard..guard + 2 * page,
    };
    let first = || {
        if on_hub {
            // Greenlets that spawn each other in a chain must let I/O in too.
            // One from outside has come through a poll.
            turn::tick();
        }
    };
    current::run(local, root, first, body);
    drop(place);
}
