//! What is known of each greenlet while greenlets are tracked.
//!
//! Off by default: a greenlet that was spawned then has no [`Track`], and a wait
//! looks at one pointer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::Mutex;

use super::Strand;

static ON: AtomicBool = AtomicBool::new(false);

/// All tracked greenlets that live, by their number.
static LIVE: Mutex<BTreeMap<u64, Arc<Track>>> = Mutex::new(BTreeMap::new());

/// What is known of one greenlet.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) strand: Weak<Strand>,
    pub(crate) spawned: Instant,
    doing: Mutex<(Doing, Instant)>,
}

/// What a greenlet does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Doing {
    /// It has not run yet.
    NotStarted,
    /// It runs, or will when its turn comes.
    Running,
    /// It waits for this.
    Waiting(&'static str),
}

/// Tracks greenlets that are spawned from here on, or no more of them.
pub(crate) fn set_tracking(on: bool) {
    ON.store(on, Ordering::Relaxed);
}

/// Whether greenlets that are spawned now are tracked.
#[inline]
pub(crate) fn is_tracking() -> bool {
    ON.load(Ordering::Relaxed)
}

/// All tracked greenlets that live, in the order of their numbers.
pub(crate) fn tracked() -> Vec<Arc<Track>> {
    LIVE.lock().values().cloned().collect()
}

impl Track {
    /// Notes a greenlet that is about to be spawned.
    pub(super) fn begin(id: u64, strand: Weak<Strand>) -> Arc<Self> {
        let now = Instant::now();
        let track = Arc::new(Self {
            strand,
            spawned: now,
            doing: Mutex::new((Doing::NotStarted, now)),
        });
        LIVE.lock().insert(id, track.clone());
        track
    }

    /// What the greenlet does, and since when.
    pub(crate) fn doing(&self) -> (Doing, Instant) {
        *self.doing.lock()
    }

    /// Notes what the greenlet does from now on.
    pub(super) fn does(&self, doing: Doing) {
        *self.doing.lock() = (doing, Instant::now());
    }

    /// The greenlet has ended.
    pub(super) fn end(id: u64) {
        let gone = LIVE.lock().remove(&id);
        drop(gone);
    }
}
