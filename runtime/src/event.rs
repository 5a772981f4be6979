//! A flag that greenlets can wait for.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::sync::Mutex;
use crate::wait::{
    self, Unwinding, WaitList, Waitable, Waited, Watch, Watcher, deadline_after, unwatch_in,
    wait_in, watch_in,
};

/// A flag that is set and cleared, and that any number can wait for.
///
/// [`set`](Self::set) wakes everyone who waits at that moment, in the order in
/// which they came, even if the flag is cleared right after: set-then-clear is
/// a broadcast. Clones share the flag. Works between greenlets and threads.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{Event, spawn};
///
/// let ready = Event::new();
/// let flag = ready.clone();
/// let waiter = spawn(move || flag.wait());
/// ready.set();
/// assert!(waiter.get().unwrap());
/// ```
#[derive(Clone, Default)]
pub struct Event {
    state: Arc<Mutex<State>>,
}

struct State {
    set: bool,
    waiters: WaitList,
}

impl Default for State {
    fn default() -> Self {
        Self {
            set: false,
            waiters: WaitList::of("an event"),
        }
    }
}

impl Event {
    /// An event that is not set.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!maypole_runtime::Event::new().is_set());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the flag and wakes all who wait. Never blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Event, spawn, yield_now};
    ///
    /// let event = Event::new();
    /// let theirs = event.clone();
    /// let waiter = spawn(move || theirs.wait());
    /// # while !waiter.is_finished() {
    /// yield_now(); // it waits
    /// event.set();
    /// event.clear(); // it was told all the same
    /// # }
    /// assert!(waiter.get().unwrap());
    /// ```
    pub fn set(&self) {
        let waiters = {
            let mut state = self.state.lock();
            state.set = true;
            state.waiters.take_all()
        };
        waiters.wake();
    }

    /// Clears the flag.
    ///
    /// # Examples
    ///
    /// ```
    /// let event = maypole_runtime::Event::new();
    /// event.set();
    /// event.clear();
    /// assert!(!event.is_set());
    /// ```
    pub fn clear(&self) {
        self.state.lock().set = false;
    }

    /// Whether the flag is set.
    ///
    /// # Examples
    ///
    /// ```
    /// let event = maypole_runtime::Event::new();
    /// event.set();
    /// assert!(event.is_set());
    /// ```
    #[doc(alias = "ready")]
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.state.lock().set
    }

    /// Waits until the flag is set; returns at once if it is.
    ///
    /// Suspends only the caller; a kill or time-out interrupts it. True when the
    /// flag was set meanwhile; false only while the caller unwinds and so
    /// cannot wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Event, spawn};
    ///
    /// let event = Event::new();
    /// let theirs = event.clone();
    /// let teller = spawn(move || theirs.set());
    /// assert!(event.wait());
    /// # teller.join();
    /// ```
    pub fn wait(&self) -> bool {
        self.wait_until(None).unwrap_or(false)
    }

    /// Waits until the flag is set or `limit` has passed; true when it was set.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let never = maypole_runtime::Event::new();
    /// assert!(!never.wait_timeout(Duration::from_millis(1)));
    /// ```
    #[doc(alias = "wait(timeout)")]
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        self.wait_until(deadline_after(limit)).unwrap_or(false)
    }

    fn wait_until(&self, deadline: Option<Instant>) -> Result<bool, Unwinding> {
        wait::checkpoint();
        if self.is_set() {
            return Ok(true);
        }
        let ready = |state: &mut State| state.set.then_some(());
        let waited = wait_in(&self.state, |state| &mut state.waiters, deadline, ready)?;
        Ok(waited != Waited::TimedOut)
    }

    /// How many wait, for tests.
    #[cfg(test)]
    pub(crate) fn waiters(&self) -> usize {
        self.state.lock().waiters.len()
    }
}

/// It comes when it is set.
impl Waitable for Event {}

impl Watch for Event {
    fn watch(&self, watcher: Watcher) -> Result<u64, Watcher> {
        watch_in(
            &self.state,
            |state| &mut state.waiters,
            watcher,
            |state| state.set,
        )
    }

    fn unwatch(&self, place: u64) {
        unwatch_in(&self.state, |state| &mut state.waiters, place);
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("set", &self.is_set())
            .finish_non_exhaustive()
    }
}
