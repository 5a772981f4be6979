//! Greenlets whose body need not be `Send`.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use crate::wait::{Waitable, Watch, Watcher};

use super::{Builder, GreenletError, GreenletRef};

/// Runs `body`, which need not be `Send`, in a new greenlet on the caller's hub.
///
/// A greenlet never leaves its hub, and its hub's greenlets take turns on one
/// thread: so they may share `Rc`s and `RefCell`s. The result stays there too.
///
/// # Panics
///
/// On a plain thread, which has no hub, and when no more greenlets can be had;
/// [`Builder::spawn_local`] returns an error then.
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use maypole_runtime::{spawn, spawn_local};
///
/// let counted = spawn(|| {
///     let count = Rc::new(Cell::new(0));
///     let shared = count.clone();
///     spawn_local(move || shared.set(shared.get() + 1)).get().unwrap();
///     count.get()
/// });
/// assert_eq!(counted.get().unwrap(), 1);
/// ```
///
/// What is not `Send` cannot get to another hub:
///
/// ```compile_fail,E0277
/// use std::rc::Rc;
/// let here = Rc::new(1);
/// maypole_runtime::spawn(move || *here);
/// ```
#[track_caller]
pub fn spawn_local<T, F>(body: F) -> LocalGreenlet<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    match Builder::new().spawn_local(body) {
        Ok(greenlet) => greenlet,
        Err(error) => panic!("cannot spawn: {error}"),
    }
}

/// A greenlet of the same hub, and the right to its result, which need not be
/// `Send`. Dropping it detaches the greenlet.
///
/// See the example of [`spawn_local`].
#[must_use = "dropping it detaches the greenlet; its result is lost"]
pub struct LocalGreenlet<T> {
    handle: GreenletRef,
    result: Rc<Cell<Option<T>>>,
}

impl<T: 'static> LocalGreenlet<T> {
    pub(super) fn new(handle: GreenletRef, result: Rc<Cell<Option<T>>>) -> Self {
        Self { handle, result }
    }

    /// Waits until the greenlet has ended and takes what it returned; see
    /// [`Greenlet::get`](super::Greenlet::get).
    ///
    /// # Errors
    ///
    /// As [`Greenlet::get`](super::Greenlet::get).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::rc::Rc;
    /// use maypole_runtime::{spawn, spawn_local};
    ///
    /// let outer = spawn(|| *spawn_local(|| Rc::new(42)).get().unwrap());
    /// assert_eq!(outer.get().unwrap(), 42);
    /// ```
    pub fn get(self) -> Result<T, GreenletError> {
        self.handle.take_outcome::<()>()?;
        // It has returned, so it has left its value, which nobody else takes.
        self.result.take().ok_or_else(GreenletError::killed)
    }

    /// To wait for it, kill it, link to it.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{spawn, spawn_local, yield_now};
    ///
    /// let outer = spawn(|| {
    ///     let inner = spawn_local(yield_now);
    ///     inner.handle().kill();
    ///     inner.get().unwrap_err().is_killed()
    /// });
    /// assert!(outer.get().unwrap());
    /// ```
    #[must_use]
    pub fn handle(&self) -> &GreenletRef {
        &self.handle
    }
}

impl<T> AsRef<GreenletRef> for LocalGreenlet<T> {
    fn as_ref(&self) -> &GreenletRef {
        &self.handle
    }
}

/// It comes when the greenlet has ended.
impl<T> Waitable for LocalGreenlet<T> {}

impl<T> Watch for LocalGreenlet<T> {
    fn watch(&self, watcher: Watcher) -> Result<u64, Watcher> {
        self.handle.watch(watcher)
    }

    fn unwatch(&self, place: u64) {
        self.handle.unwatch(place);
    }
}

impl<T> fmt::Debug for LocalGreenlet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalGreenlet")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}

/// Where a greenlet leaves its value for the owner of its result.
pub(super) fn result<T>() -> (Value<T>, Rc<Cell<Option<T>>>) {
    let result = Rc::new(Cell::new(None));
    (Value(result.clone()), result)
}

/// The greenlet's side of a result.
pub(super) struct Value<T>(Rc<Cell<Option<T>>>);

impl<T> Value<T> {
    pub(super) fn set(self, value: T) {
        // With the owner gone, `self` is the last one: the value is dropped here,
        // in the greenlet.
        self.0.set(Some(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{spawn, yield_now};

    #[test]
    fn shares_what_is_not_send() {
        let sum = spawn(|| {
            let total = Rc::new(Cell::new(0));
            let adders: Vec<_> = (1..=10)
                .map(|n| {
                    let total = total.clone();
                    spawn_local(move || {
                        yield_now();
                        total.set(total.get() + n);
                        Rc::new(n)
                    })
                })
                .collect();
            let results: i32 = adders.into_iter().map(|a| *a.get().unwrap()).sum();
            (total.get(), results, Rc::strong_count(&total))
        });
        assert_eq!(sum.get().unwrap(), (55, 55, 1));
    }

    #[test]
    fn is_refused_on_a_plain_thread() {
        let error = Builder::new().spawn_local(|| ()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }

    #[test]
    fn is_killed_and_panics_like_any_other() {
        let outcome = spawn(|| {
            let killed = spawn_local(yield_now);
            killed.handle().start_kill();
            let panics = spawn_local(|| panic!("no"));
            (
                killed.get().unwrap_err().is_killed(),
                panics.get().unwrap_err().is_panic(),
            )
        });
        assert_eq!(outcome.get().unwrap(), (true, true));
    }
}
