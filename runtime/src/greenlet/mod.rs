//! Greenlets: spawning them, waiting for them, killing them.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

mod builder;
mod current;
mod error;
mod handle;
mod hooks;
mod later;
mod link;
mod local;
mod local_key;
mod many;
mod scope;

pub use builder::Builder;
pub use current::{catch_panic, current, sleep, yield_now};
pub use error::GreenletError;
pub use handle::GreenletRef;
pub use hooks::{
    SpawnCallbackGuard, UnhandledPanic, add_spawn_callback, set_error_hook, take_error_hook,
};
pub use later::spawn_later;
pub use link::LinkId;
pub use local::{LocalGreenlet, spawn_local};
pub use local_key::LocalKey;
pub use many::{
    join_all, join_all_timeout, kill_all, kill_all_timeout, start_kill_all, try_join_all,
};

use crate::wait::{Ending, Outcome, Strand, Waitable, Watch, Watcher};

/// Runs `body` in a new greenlet and returns the owner of its result.
///
/// The greenlet starts when the caller next blocks or yields, after those that
/// are ready already; on a plain thread it starts as soon as the hub gets to
/// it. Dropping the returned [`Greenlet`] lets it run on by itself.
///
/// # Panics
///
/// When no more greenlets can be had; [`Builder::spawn`] returns an error then.
///
/// # Examples
///
/// ```
/// let answer = maypole_runtime::spawn(|| 6 * 7);
/// assert_eq!(answer.get().unwrap(), 42);
/// ```
#[doc(alias = "gevent.spawn")]
#[doc(alias = "go")]
#[track_caller]
pub fn spawn<T, F>(body: F) -> Greenlet<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match Builder::new().spawn(body) {
        Ok(greenlet) => greenlet,
        Err(error) => panic!("cannot spawn: {error}"),
    }
}

/// Runs `body` in a new greenlet on the hub with this number, counted from 0,
/// instead of on the caller's; see [`Hub::threads`](crate::Hub::threads).
///
/// To leave the choice to the load, use [`Builder::least_loaded`].
///
/// # Panics
///
/// When there is no such hub, and when no more greenlets can be had;
/// [`Builder::spawn`] returns an error then.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{Hub, spawn_on};
///
/// let last = Hub::count() - 1;
/// assert_eq!(spawn_on(last, || "there").get().unwrap(), "there");
/// ```
#[track_caller]
pub fn spawn_on<T, F>(hub: usize, body: F) -> Greenlet<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match Builder::new().hub(hub).spawn(body) {
        Ok(greenlet) => greenlet,
        Err(error) => panic!("cannot spawn: {error}"),
    }
}

/// A running greenlet, and the right to its result.
///
/// Any number of greenlets and threads may wait for it, through it or through
/// the [`GreenletRef`] that [`handle`](Self::handle) returns; one takes the
/// result with [`get`](Self::get). Dropping it detaches the greenlet.
///
/// # Examples
///
/// ```
/// use maypole_runtime::spawn;
///
/// let greenlet = spawn(|| 6 * 7);
/// greenlet.link(|ended| assert!(ended.is_successful()));
/// assert_eq!(greenlet.get().unwrap(), 42);
/// ```
#[must_use = "dropping it detaches the greenlet; its result is lost"]
pub struct Greenlet<T> {
    handle: GreenletRef,
    // The outcome has been taken: there is none to disown.
    taken: bool,
    result: PhantomData<fn() -> T>,
}

impl<T: 'static> Greenlet<T> {
    fn new(strand: Arc<Strand>) -> Self {
        Self {
            handle: GreenletRef::new(strand),
            taken: false,
            result: PhantomData,
        }
    }

    /// Waits until the greenlet has ended and takes what it returned.
    ///
    /// Suspends the caller; a kill or time-out of the caller interrupts it, and
    /// the greenlet then runs on by itself. For a limit on the waiting, call
    /// [`join_timeout`](Self::join_timeout) first.
    ///
    /// # Errors
    ///
    /// If the greenlet was killed, panicked, or was unwound by a time-out that
    /// nobody caught; and while the calling greenlet itself unwinds, if it would
    /// have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::spawn;
    ///
    /// let fails = spawn(|| panic!("no"));
    /// assert!(fails.get().unwrap_err().is_panic());
    /// ```
    #[doc(alias = "value")]
    pub fn get(mut self) -> Result<T, GreenletError> {
        let outcome = self.handle.take_outcome();
        self.taken = self.is_finished();
        outcome
    }

    /// Waits until the greenlet has ended, in whatever way.
    ///
    /// Suspends the caller; a kill or time-out of the caller interrupts it.
    /// While the caller unwinds it returns at once.
    ///
    /// # Panics
    ///
    /// When a greenlet joins itself: it would wait for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// let greenlet = maypole_runtime::spawn(|| ());
    /// greenlet.join();
    /// assert!(greenlet.is_finished());
    /// ```
    pub fn join(&self) {
        self.handle.join();
    }

    /// Waits until the greenlet has ended or `limit` has passed; true when it
    /// has ended. Otherwise as [`join`](Self::join).
    ///
    /// # Panics
    ///
    /// When a greenlet joins itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let sleeper = maypole_runtime::spawn(|| maypole_runtime::sleep(Duration::MAX));
    /// assert!(!sleeper.join_timeout(Duration::from_millis(1)));
    /// ```
    #[doc(alias = "get(timeout)")]
    pub fn join_timeout(&self, limit: Duration) -> bool {
        self.handle.join_timeout(limit)
    }

    /// Kills the greenlet and waits until it has ended.
    ///
    /// See [`start_kill`](Self::start_kill) for what a kill is. A greenlet that
    /// catches its kill and goes on is waited for as well. Suspends the caller; a
    /// kill or time-out of the caller interrupts it. While the caller unwinds it
    /// does not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let sleeper = maypole_runtime::spawn(|| maypole_runtime::sleep(Duration::MAX));
    /// sleeper.kill();
    /// assert!(sleeper.is_finished());
    /// ```
    #[doc(alias = "GreenletExit")]
    pub fn kill(&self) {
        self.handle.kill();
    }

    /// Kills the greenlet and waits until it has ended or `limit` has passed;
    /// true when it has ended. Otherwise as [`kill`](Self::kill).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let sleeper = maypole_runtime::spawn(|| maypole_runtime::sleep(Duration::MAX));
    /// assert!(sleeper.kill_timeout(Duration::from_secs(10)));
    /// ```
    pub fn kill_timeout(&self, limit: Duration) -> bool {
        self.handle.kill_timeout(limit)
    }

    /// Asks the greenlet to end, and does not wait.
    ///
    /// The greenlet unwinds from its current or next blocking call, once:
    /// destructors run, nothing is printed. One that has not run yet never
    /// runs its body. One that has ended is left alone. A greenlet that catches
    /// the unwinding lives on and can be killed again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{sleep, spawn};
    ///
    /// let sleeper = spawn(|| sleep(Duration::MAX));
    /// sleeper.start_kill();
    /// assert!(sleeper.get().unwrap_err().is_killed());
    /// ```
    #[doc(alias = "kill(block=False)")]
    pub fn start_kill(&self) {
        self.handle.start_kill();
    }

    /// Whether the greenlet has ended, in whatever way.
    ///
    /// See the example of [`join`](Self::join).
    #[doc(alias = "ready")]
    #[doc(alias = "dead")]
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// How the greenlet has ended; `None` while it has not. Works after
    /// [`get`](Self::get) too, on its [`handle`](Self::handle).
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Ending, spawn, yield_now};
    ///
    /// let greenlet = spawn(yield_now);
    /// assert_eq!(greenlet.ending(), None);
    /// greenlet.kill();
    /// assert_eq!(greenlet.ending(), Some(Ending::Killed));
    /// ```
    #[doc(alias = "exc_info")]
    #[doc(alias = "exception")]
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.handle.ending()
    }

    /// Whether the greenlet has ended without a failure: it returned, or it was
    /// killed, as it was told. Not after a panic or a time-out that nobody
    /// caught, and not while it runs.
    ///
    /// A killed greenlet has no value all the same: [`get`](Self::get) returns
    /// an error that says so.
    ///
    /// # Examples
    ///
    /// ```
    /// let fails = maypole_runtime::spawn(|| panic!("no"));
    /// fails.join();
    /// assert!(fails.is_finished() && !fails.is_successful());
    /// ```
    #[doc(alias = "successful")]
    #[must_use]
    pub fn is_successful(&self) -> bool {
        self.handle.is_successful()
    }

    /// A reference to the greenlet that can be cloned and sent around.
    ///
    /// # Examples
    ///
    /// ```
    /// let greenlet = maypole_runtime::spawn(|| 42);
    /// let handle = greenlet.handle().clone(); // for others, who may wait
    /// handle.join();
    /// assert_eq!(greenlet.get().unwrap(), 42); // the result is ours
    /// ```
    #[must_use]
    pub fn handle(&self) -> &GreenletRef {
        &self.handle
    }
}

impl<T> AsRef<GreenletRef> for Greenlet<T> {
    fn as_ref(&self) -> &GreenletRef {
        &self.handle
    }
}

/// It comes when the greenlet has ended.
impl<T> Waitable for Greenlet<T> {}

impl<T> Watch for Greenlet<T> {
    fn watch(&self, watcher: Watcher) -> Result<u64, Watcher> {
        self.handle.watch(watcher)
    }

    fn unwatch(&self, place: u64) {
        self.handle.unwatch(place);
    }
}

impl<T> Drop for Greenlet<T> {
    fn drop(&mut self) {
        if !self.taken {
            let unwanted = self.handle.strand().end.disown();
            if let Some(Outcome::Panicked(payload)) = &unwanted {
                hooks::unhandled(&self.handle, &**payload);
            }
        }
    }
}

impl<T> fmt::Debug for Greenlet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Greenlet")
            .field("id", &self.handle.id())
            .field("name", &self.handle.name())
            .field("finished", &self.handle.is_finished())
            .finish()
    }
}
