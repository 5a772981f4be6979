//! References to greenlets that can be shared.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use crate::wait::{
    Ending, Interrupt, Outcome, Share, Strand, Waitable, Watch, Watcher, deadline_after,
    with_strand,
};

use super::GreenletError;

/// A reference to a greenlet: to wait for it, kill it or link to it.
///
/// Cheap to clone. It has no right to the result: that is
/// [`Greenlet::get`](super::Greenlet::get)'s.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::{sleep, spawn};
///
/// let sleeper = spawn(|| sleep(Duration::MAX));
/// let handle = sleeper.handle().clone();
/// let killer = spawn(move || handle.kill());
/// killer.join();
/// assert!(sleeper.get().unwrap_err().is_killed());
/// ```
#[derive(Clone)]
pub struct GreenletRef {
    strand: Share,
}

impl GreenletRef {
    pub(super) fn new(strand: Arc<Strand>) -> Self {
        Self {
            strand: Share::new(strand),
        }
    }

    pub(super) fn strand(&self) -> &Arc<Strand> {
        &self.strand
    }

    /// The greenlet's number, unique in the process.
    ///
    /// # Examples
    ///
    /// ```
    /// let greenlets = [(); 2].map(|()| maypole_runtime::spawn(|| ()));
    /// assert_ne!(greenlets[0].handle().id(), greenlets[1].handle().id());
    /// ```
    #[doc(alias = "minimal_ident")]
    #[must_use]
    pub fn id(&self) -> u64 {
        self.strand.id
    }

    /// The name given to its [`Builder`](super::Builder), or one made of its number.
    ///
    /// # Examples
    ///
    /// ```
    /// let greenlet = maypole_runtime::spawn(|| ());
    /// assert!(greenlet.handle().name().starts_with("Greenlet-"));
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        self.strand.name()
    }

    /// See [`Greenlet::join`](super::Greenlet::join).
    ///
    /// # Panics
    ///
    /// When a greenlet joins itself.
    pub fn join(&self) {
        self.refuse_self();
        // While the caller unwinds there is no waiting and nobody to tell.
        let _ = self.strand.end.wait(None);
    }

    /// See [`Greenlet::join_timeout`](super::Greenlet::join_timeout).
    ///
    /// # Panics
    ///
    /// When a greenlet joins itself.
    pub fn join_timeout(&self, limit: Duration) -> bool {
        self.refuse_self();
        match self.strand.end.wait(deadline_after(limit)) {
            Ok(ended) => ended,
            Err(_) => self.is_finished(),
        }
    }

    /// Waits for the end; false while the caller unwinds and cannot wait. Joining
    /// oneself is for those who have just killed themselves: it unwinds.
    pub(crate) fn try_join(&self) -> bool {
        self.strand.end.wait(None).is_ok()
    }

    /// See [`Greenlet::kill`](super::Greenlet::kill). A greenlet that kills
    /// itself unwinds at once.
    pub fn kill(&self) {
        self.start_kill();
        let _ = self.strand.end.wait(None);
    }

    /// See [`Greenlet::kill_timeout`](super::Greenlet::kill_timeout).
    pub fn kill_timeout(&self, limit: Duration) -> bool {
        self.start_kill();
        match self.strand.end.wait(deadline_after(limit)) {
            Ok(ended) => ended,
            Err(_) => self.is_finished(),
        }
    }

    /// See [`Greenlet::start_kill`](super::Greenlet::start_kill).
    pub fn start_kill(&self) {
        if !self.is_finished() {
            self.strand.interrupt(Interrupt::Kill);
        }
    }

    /// Has the greenlet look again at what its
    /// [`wait_read_unless`](crate::net::TcpStream::wait_read_unless) is to stop
    /// for. Whatever else it waits for goes on. Never blocks.
    ///
    /// See the example of [`wait_read_unless`](crate::net::TcpStream::wait_read_unless).
    pub fn nudge(&self) {
        if !self.is_finished() {
            self.strand.nudge();
        }
    }

    /// Whether the greenlet has ended, in whatever way.
    ///
    /// # Examples
    ///
    /// ```
    /// let handle = maypole_runtime::spawn(|| ()).handle().clone();
    /// handle.join();
    /// assert!(handle.is_finished());
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.strand.end.has_come()
    }

    /// See [`Greenlet::ending`](super::Greenlet::ending).
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.strand.end.ending()
    }

    /// See [`Greenlet::is_successful`](super::Greenlet::is_successful).
    #[must_use]
    pub fn is_successful(&self) -> bool {
        matches!(self.ending(), Some(Ending::Returned | Ending::Killed))
    }

    /// Waits for the end and takes the outcome. Only the owner of the result.
    pub(super) fn take_outcome<T: 'static>(&self) -> Result<T, GreenletError> {
        if self.strand.end.wait(None).is_err() {
            return Err(GreenletError::unwinding());
        }
        match self.strand.end.take() {
            Some(Outcome::Value(value)) => match value.downcast() {
                Ok(value) => Ok(*value),
                // Only a builder makes one, with the type it stores.
                Err(_) => Err(GreenletError::killed()),
            },
            Some(Outcome::Panicked(payload)) => Err(GreenletError::panicked(payload)),
            Some(Outcome::TimedOut) => Err(GreenletError::timed_out()),
            // Nobody else can have taken it: the owner has the right to it.
            Some(Outcome::Killed) | None => Err(GreenletError::killed()),
        }
    }

    #[track_caller]
    pub(super) fn refuse_self(&self) {
        let own = with_strand(|strand| Arc::ptr_eq(strand, &self.strand));
        assert!(
            !own || self.is_finished(),
            "a greenlet cannot join itself: it would wait for ever"
        );
    }
}

impl AsRef<Self> for GreenletRef {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// It comes when the greenlet has ended.
impl Waitable for GreenletRef {}

impl Watch for GreenletRef {
    fn watch(&self, watcher: Watcher) -> Result<u64, Watcher> {
        self.strand.end.watch(watcher)
    }

    fn unwatch(&self, place: u64) {
        self.strand.end.unwatch(place);
    }
}

impl PartialEq for GreenletRef {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.strand, &other.strand)
    }
}

impl Eq for GreenletRef {}

impl Hash for GreenletRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl fmt::Debug for GreenletRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GreenletRef")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("finished", &self.is_finished())
            .finish()
    }
}
