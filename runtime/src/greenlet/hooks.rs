//! What a program may have called when greenlets are spawned and when they fail.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;

use super::GreenletRef;
use super::error::message_of;

type SpawnCallback = Arc<dyn Fn(&GreenletRef) + Send + Sync>;
type ErrorHook = Arc<dyn Fn(&UnhandledPanic<'_>) + Send + Sync>;

/// Has `callback` called for each greenlet that is spawned, until the returned
/// registration is dropped.
///
/// It is called where the greenlet is spawned, before it runs. It should not
/// block; a panic of it is logged and otherwise ignored.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use maypole_runtime::{add_spawn_callback, spawn};
///
/// let count = Arc::new(AtomicUsize::new(0));
/// let counts = count.clone();
/// let counting = add_spawn_callback(move |_| {
///     counts.fetch_add(1, Ordering::Relaxed);
/// });
/// spawn(|| ()).join();
/// drop(counting);
/// spawn(|| ()).join();
/// assert_eq!(count.load(Ordering::Relaxed), 1);
/// ```
#[doc(alias = "Greenlet.add_spawn_callback")]
#[doc(alias = "remove_spawn_callback")]
pub fn add_spawn_callback(
    callback: impl Fn(&GreenletRef) + Send + Sync + 'static,
) -> SpawnCallbackGuard {
    let callback: SpawnCallback = Arc::new(callback);
    let mut callbacks = SPAWN_CALLBACKS.write();
    callbacks.push(callback.clone());
    SPAWN_CALLBACK_COUNT.store(callbacks.len(), Ordering::Release);
    SpawnCallbackGuard { callback }
}

/// A callback of [`add_spawn_callback`]; dropping this removes it.
///
/// See the example of [`add_spawn_callback`].
#[must_use = "dropping it removes the callback"]
pub struct SpawnCallbackGuard {
    callback: SpawnCallback,
}

impl Drop for SpawnCallbackGuard {
    fn drop(&mut self) {
        let mut callbacks = SPAWN_CALLBACKS.write();
        callbacks.retain(|other| !Arc::ptr_eq(other, &self.callback));
        SPAWN_CALLBACK_COUNT.store(callbacks.len(), Ordering::Release);
    }
}

impl fmt::Debug for SpawnCallbackGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnCallbackGuard")
            .field("callbacks", &SPAWN_CALLBACK_COUNT.load(Ordering::Relaxed))
            .finish()
    }
}

/// Has `hook` called when a greenlet panics and nobody will ask for its result,
/// in place of what was called before.
///
/// By default the panic is logged, as an error with the target
/// `maypole_runtime`. Either way std's panic hook has spoken before, where the
/// panic began. The hook runs in the greenlet that failed, or in whoever drops
/// the [`Greenlet`](super::Greenlet) of one that failed before; it should not
/// block. A panic of it is ignored.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
/// use maypole_runtime::{Builder, set_error_hook, take_error_hook};
///
/// let (tell, told) = mpsc::channel();
/// set_error_hook(move |failed| {
///     let _ = tell.send(format!("{}: {}", failed.greenlet().name(), failed.message()));
/// });
/// drop(Builder::new().name("worker").spawn(|| panic!("out of luck"))?);
/// assert_eq!(told.recv()?, "worker: out of luck");
/// take_error_hook();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "handle_error")]
#[doc(alias = "hub.handle_error")]
pub fn set_error_hook(hook: impl Fn(&UnhandledPanic<'_>) + Send + Sync + 'static) {
    let before = ERROR_HOOK.write().replace(Arc::new(hook));
    drop(before);
}

/// Brings the default of [`set_error_hook`] back.
///
/// See the example of [`set_error_hook`].
pub fn take_error_hook() {
    let before = ERROR_HOOK.write().take();
    drop(before);
}

/// A greenlet has panicked and nobody asks for its result.
///
/// See the example of [`set_error_hook`].
pub struct UnhandledPanic<'a> {
    greenlet: &'a GreenletRef,
    payload: &'a (dyn Any + Send),
}

impl UnhandledPanic<'_> {
    /// The greenlet.
    ///
    /// See the example of [`set_error_hook`].
    #[must_use]
    pub fn greenlet(&self) -> &GreenletRef {
        self.greenlet
    }

    /// What it panicked with.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use maypole_runtime::{set_error_hook, spawn};
    ///
    /// let (tell, told) = mpsc::channel();
    /// set_error_hook(move |failed| drop(tell.send(failed.payload().is::<u32>())));
    /// drop(spawn(|| std::panic::panic_any(404_u32)));
    /// assert!(told.recv()?);
    /// # Ok::<(), mpsc::RecvError>(())
    /// ```
    #[must_use]
    pub fn payload(&self) -> &(dyn Any + Send) {
        self.payload
    }

    /// The message of the panic, or a stand-in if it had none.
    ///
    /// See the example of [`set_error_hook`].
    #[must_use]
    pub fn message(&self) -> &str {
        message_of(self.payload).unwrap_or("a panic without a message")
    }

    /// Where the greenlet was spawned.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use maypole_runtime::{set_error_hook, spawn};
    ///
    /// let (tell, told) = mpsc::channel();
    /// set_error_hook(move |failed| drop(tell.send(failed.spawned_at())));
    /// drop(spawn(|| panic!("no")));
    /// assert!(told.recv()?.line() > 0);
    /// # Ok::<(), mpsc::RecvError>(())
    /// ```
    #[must_use]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.greenlet.strand().location()
    }

    /// The number of the greenlet that spawned it; `None` for a plain thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use maypole_runtime::{set_error_hook, spawn};
    ///
    /// let (tell, told) = mpsc::channel();
    /// set_error_hook(move |failed| drop(tell.send(failed.spawner())));
    /// drop(spawn(|| panic!("no")));
    /// assert_eq!(told.recv()?, None); // a plain thread
    /// # Ok::<(), mpsc::RecvError>(())
    /// ```
    #[doc(alias = "spawning_greenlet")]
    #[must_use]
    pub fn spawner(&self) -> Option<u64> {
        self.greenlet.strand().spawner()
    }
}

impl fmt::Display for UnhandledPanic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, location) = (self.greenlet.name(), self.spawned_at());
        write!(f, "greenlet {name}, spawned at {location}")?;
        match self.spawner() {
            Some(spawner) => write!(f, " by greenlet {spawner}")?,
            None => write!(f, " by a thread")?,
        }
        write!(f, ", panicked: {}", self.message())
    }
}

impl fmt::Debug for UnhandledPanic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnhandledPanic")
            .field("greenlet", self.greenlet)
            .field("message", &self.message())
            .finish_non_exhaustive()
    }
}

static SPAWN_CALLBACKS: RwLock<Vec<SpawnCallback>> = RwLock::new(Vec::new());
// Looked at by every spawn.
static SPAWN_CALLBACK_COUNT: AtomicUsize = AtomicUsize::new(0);
static ERROR_HOOK: RwLock<Option<ErrorHook>> = RwLock::new(None);

/// A greenlet is about to be spawned.
#[inline]
pub(super) fn spawning(greenlet: &GreenletRef) {
    if SPAWN_CALLBACK_COUNT.load(Ordering::Acquire) > 0 {
        call_spawn_callbacks(greenlet);
    }
}

#[cold]
fn call_spawn_callbacks(greenlet: &GreenletRef) {
    let callbacks = SPAWN_CALLBACKS.read().clone();
    for callback in callbacks {
        if catch_unwind(AssertUnwindSafe(|| callback(greenlet))).is_err() {
            log::error!("a spawn callback panicked");
        }
    }
}

/// A greenlet has panicked and nobody asks for its result.
#[cold]
pub(super) fn unhandled(greenlet: &GreenletRef, payload: &(dyn Any + Send)) {
    let unhandled = UnhandledPanic { greenlet, payload };
    let hook = ERROR_HOOK.read().clone();
    match hook {
        // Its own panic has been reported by std's hook, and must not unwind a
        // greenlet that is ending.
        Some(hook) => drop(catch_unwind(AssertUnwindSafe(|| hook(&unhandled)))),
        None => log::error!(target: "maypole_runtime", "{unhandled}"),
    }
}
