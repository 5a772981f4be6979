//! Functions that run when a signal comes.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Signal;
use super::number::Set;
use super::registry::{Listener, Subscription, spawn_surely};

/// Runs `then` in a new greenlet each time the signal comes, until the returned
/// handle is cancelled or dropped.
///
/// `then` may block, like any greenlet; when the signal comes again meanwhile,
/// another greenlet runs it at the same time. Several handlers of one signal
/// all run, in the order in which they were made. Signals that come in quick
/// succession may count as one. Never blocks; starts the hub. A handler keeps
/// neither the hub nor the program running.
///
/// # Errors
///
/// `InvalidInput` for signals that cannot be handled: [`KILL`](Signal::KILL) and
/// [`STOP`](Signal::STOP), the faults [`SEGV`](Signal::SEGV),
/// [`BUS`](Signal::BUS), [`ILL`](Signal::ILL) and [`FPE`](Signal::FPE), and the
/// two that the C library keeps for itself. The kernel's, when there are no more
/// descriptors; `OutOfMemory` when there are no more greenlets.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{Event, signal::{self, Signal}};
///
/// let told = Event::new();
/// let teller = told.clone();
/// let handler = signal::handler(Signal::USR1, move || teller.set())?;
/// # let me = rustix::process::getpid();
/// # rustix::process::kill_process(me, rustix::process::Signal::USR1)?;
/// told.wait(); // until somebody calls `kill -USR1`
/// handler.cancel();
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "signal_handler")]
#[doc(alias = "gevent.signal")]
pub fn handler(
    signal: Signal,
    then: impl Fn() + Send + Sync + 'static,
) -> io::Result<SignalHandler> {
    let active = Arc::new(AtomicBool::new(true));
    let listener = Arc::new(Function {
        active: active.clone(),
        then,
    });
    let signals = Set::from_iter([signal]);
    Ok(SignalHandler {
        signal,
        active,
        _subscription: Subscription::new(signals, listener)?,
    })
}

/// A function that runs when a signal comes; see [`handler()`]. Dropping it
/// removes the function.
///
/// See the example of [`handler()`].
#[must_use = "dropping it removes the handler; `detach` keeps it for good"]
pub struct SignalHandler {
    signal: Signal,
    active: Arc<AtomicBool>,
    _subscription: Subscription,
}

impl SignalHandler {
    /// Removes the function. It is not started again from here on; where it
    /// runs already it goes on.
    ///
    /// See the example of [`handler()`].
    pub fn cancel(self) {
        // `Drop` does it.
    }

    /// Leaves the function in place for the rest of the process's life.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::signal::{Signal, handler};
    ///
    /// handler(Signal::HUP, || println!("settings are read again"))?.detach();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn detach(self) {
        std::mem::forget(self);
    }

    /// The signal that it is for.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::signal::{Signal, handler};
    ///
    /// let on_hangup = handler(Signal::HUP, || ())?;
    /// assert_eq!(on_hangup.signal(), Signal::HUP);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.signal
    }
}

impl Drop for SignalHandler {
    fn drop(&mut self) {
        self.active.store(false, Ordering::SeqCst);
    }
}

impl fmt::Debug for SignalHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalHandler")
            .field("signal", &self.signal)
            .finish_non_exhaustive()
    }
}

struct Function<F> {
    active: Arc<AtomicBool>,
    then: F,
}

impl<F: Fn() + Send + Sync + 'static> Listener for Function<F> {
    fn tell(self: Arc<Self>, signal: Signal) {
        let name = format!("handler of {signal}");
        spawn_surely(&name, move || {
            // It may have been cancelled before this greenlet's first run.
            if self.active.load(Ordering::SeqCst) {
                (self.then)();
            }
        });
    }
}
