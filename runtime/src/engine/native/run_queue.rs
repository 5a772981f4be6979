//! Who runs next on a hub: the tasks themselves, linked, so that to wait for a
//! turn takes no memory.
//!
//! Of the thread: a plain thread's is empty. A task is in it once at most, since
//! only the one who suspends itself by a yield, or who took it from "parked" to
//! "running", or who made it, puts it in.

use std::cell::Cell;

use super::task::TaskPtr;

thread_local! {
    // No destructor: looked at whenever a greenlet suspends.
    static QUEUE: RunQueue = const { RunQueue::new() };
}

/// The two ends; each task knows who is behind it.
#[derive(Debug)]
struct RunQueue {
    first: Cell<Option<TaskPtr>>,
    // Good while `first` is some.
    last: Cell<Option<TaskPtr>>,
}

impl RunQueue {
    const fn new() -> Self {
        Self {
            first: Cell::new(None),
            last: Cell::new(None),
        }
    }

    #[inline]
    fn push(&self, task: TaskPtr) {
        let before = self.last.replace(Some(task));
        match (self.first.get(), before) {
            // SAFETY: on the thread of the hub that both are queued on, see
            // `push` below.
            (Some(_), Some(last)) => unsafe { last.set_next(task) },
            _ => self.first.set(Some(task)),
        }
    }

    #[inline]
    fn pop(&self) -> Option<TaskPtr> {
        let task = self.first.get()?;
        // SAFETY: as above.
        self.first.set(unsafe { task.take_next() });
        Some(task)
    }
}

/// Puts a task at the end of the calling thread's queue.
///
/// # Safety
///
/// The thread is that of the task's hub, and the task is not in its queue.
#[inline]
pub(super) unsafe fn push(task: TaskPtr) {
    QUEUE.with(|queue| queue.push(task));
}

/// Takes the first out of the calling thread's queue.
#[inline]
pub(super) fn pop() -> Option<TaskPtr> {
    QUEUE.with(RunQueue::pop)
}

/// Whether nobody is in the calling thread's queue.
#[inline]
pub(super) fn is_empty() -> bool {
    QUEUE.with(|queue| queue.first.get().is_none())
}
