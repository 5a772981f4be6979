//! Signals: functions that run when one comes, and waiting for one.
//!
//! Nothing of ours runs inside the kernel's signal handler but a note of which
//! signal it was and a byte to wake the hub. A greenlet reads that, and starts
//! [handlers](handler) in greenlets of their own, where they may do anything,
//! or wakes those who [wait](Signals).
//!
//! The kernel does not count signals: of several that come before the first is
//! seen, one is left. Their order is that of their numbers.
//!
//! # Before and after
//!
//! While anybody wants a signal, it does nothing else. When the last
//! [`SignalHandler`] and [`Signals`] for it is gone, it does what it did before
//! the first came: it is ignored if it was ignored, else it has the kernel's
//! effect, which for most is to end the process. A handler that code of others
//! installed before ours is called in addition, always. Real-time signals are
//! ignored afterwards. As everywhere, a signal that is on its way when the last
//! one goes may find either.
//!
//! A program that stops at the first Ctrl-C and ends at the second:
//!
//! ```no_run
//! use maypole_runtime::signal::{self, Signal};
//! # fn stop_everything() {}
//!
//! signal::wait(&[Signal::INT, Signal::TERM])?;
//! stop_everything(); // nobody waits any more: the next one ends the process
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Programs that are started by [`process::Command`](crate::process::Command)
//! have no handlers, and get SIGPIPE.

mod handler;
mod number;
mod registry;
mod signals;

pub use handler::{SignalHandler, handler};
pub use number::Signal;
pub use signals::{Signals, wait};
