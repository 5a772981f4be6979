//! Greenlets: plain blocking code that does not block.
//!
//! ```
//! use std::time::Duration;
//! use maypole_runtime::{Event, sleep, spawn};
//!
//! let done = Event::new();
//! let teller = done.clone();
//! let worker = spawn(move || {
//!     sleep(Duration::from_millis(1)); // other greenlets run meanwhile
//!     teller.set();
//!     6 * 7
//! });
//! done.wait();
//! assert_eq!(worker.get().unwrap(), 42);
//! ```
//!
//! # Greenlets
//!
//! [`spawn`] runs a function in a greenlet: a thread of control with a small
//! stack of its own. All greenlets run on one thread, the hub's; one runs until
//! it makes a blocking call, then the next one does. Code between two blocking
//! calls is not interrupted by other greenlets. [`Greenlet::get`] waits for the
//! result, [`Greenlet::kill`] ends a greenlet at its blocking call, and
//! [`with_timeout`] limits any piece of code.
//!
//! # Waiting
//!
//! [`Event`], [`AsyncResult`], [`queue`]s and [`lock`]s wait for other
//! greenlets, [`Pool`] and [`Group`] for many, [`net`] for sockets, [`sleep`] for
//! time. [`iwait`] waits for several things at once and yields each as it comes,
//! [`join_all`] and [`kill_all`] are for greenlets. Each call blocks only the
//! greenlet that makes it. From a plain thread, `main` included, each blocks that
//! thread only.
//!
//! # Interrupts
//!
//! A kill or a time-out unwinds a greenlet from its blocking call, once;
//! destructors run. Code that catches all panics swallows them too. A greenlet
//! that unwinds must not wait: calls that would have to return an error instead
//! ([`Unwinding`] says why), so destructors do not block.
//!
//! # Thread-locals
//!
//! With the one hub that is the default, a greenlet never changes its thread:
//! thread-locals, `Rc`s and lock guards are as safe as ever. They are shared by
//! all greenlets of the hub, though, and a lock of std that is held across a
//! blocking call can stop the hub when another greenlet wants it.
//!
//! # Limits
//!
//! Linux only, and `panic = "unwind"` only. Code that computes for long or
//! calls blocking functions of others (std's files, names and locks) stops the
//! hub meanwhile: [`fs`], [`net`] and [`lock`] do not, and [`threadpool::run`]
//! takes the rest. There can be about 30,000 greenlets at once with the kernel's
//! default of `vm.max_map_count`; [`Builder::spawn`] returns an error beyond.
//! The engine crate `may` logs each descriptor at level `info`: filter the
//! target `may` in your logger.

// Libraries log, they do not print. Examples may.
#![warn(clippy::print_stdout, clippy::print_stderr)]

#[allow(
    unsafe_code,
    reason = "switching stacks is what the engine is for; nothing outside it may"
)]
mod engine;

pub mod fs;
pub mod inspect;
pub mod io;
pub mod lock;
pub mod net;
pub mod process;
pub mod queue;
pub mod select;
pub mod signal;
pub mod threadpool;

/// For crates above that work on one of the two engines only.
#[doc(hidden)]
pub const IS_NATIVE: bool = cfg!(feature = "native");

mod async_result;
mod config;
mod descriptor;
mod event;
mod greenlet;
mod group;
mod iwait;
mod mapping;
mod pool;
mod timeout;
mod wait;

#[cfg(test)]
mod contract;
#[cfg(all(test, loom))]
mod models;

pub use async_result::{AsyncResult, AsyncResultError};
pub use config::{Config, ConfigError};
pub use engine::Hub;
pub use event::Event;
pub use greenlet::{
    Builder, Greenlet, GreenletError, GreenletRef, LinkId, LocalGreenlet, LocalKey,
    SpawnCallbackGuard, UnhandledPanic, add_spawn_callback, catch_panic, current, join_all,
    join_all_timeout, kill_all, kill_all_timeout, set_error_hook, sleep, spawn, spawn_later,
    spawn_local, spawn_on, start_kill_all, take_error_hook, try_join_all, yield_now,
};
pub use group::{Group, MemberFailed};
pub use iwait::{Iwait, iwait, iwait_timeout, wait, wait_timeout};
pub use lock::{Permit, Semaphore};
pub use mapping::{Imap, ImapUnordered};
pub use pool::{Pool, Slot};
pub use timeout::{Elapsed, Timeout, with_timeout};
pub use wait::{Ending, Unwinding, Waitable};

/// The README, whose example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
