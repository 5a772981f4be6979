//! Draining: how connections hear that their server stops.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use maypole_runtime::Group;

/// Whether a server drains, shared with all its connections. They have a flag to
/// look at and are on no list: who waits is found through its greenlet.
#[derive(Clone, Default)]
pub(crate) struct Drain(Arc<AtomicBool>);

impl Drain {
    /// Says that the server drains, and wakes those of its handlers that wait
    /// for a request.
    pub(crate) fn begin(&self, handlers: &Group) {
        if self.0.swap(true, Ordering::SeqCst) {
            return;
        }
        for handler in handlers.members() {
            handler.nudge();
        }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Drain").field(&self.has_begun()).finish()
    }
}
