//! What a program can be told of by its master.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use maypole_runtime::catch_panic;

use super::Options;
use crate::report::panic_message;

/// Functions that the master calls when something has happened to it or to its
/// workers; all of them do nothing unless implemented, but for
/// [`failed`](Self::failed).
///
/// They run on the master's main thread, one after the other: while one runs, no
/// signal is heeded and no worker replaced. What happens inside a worker belongs
/// into its own function.
///
/// # Examples
///
/// ```no_run
/// use std::process::ExitCode;
/// use maypole_server::StreamServer;
/// use maypole_server::arbiter::{Arbiter, Hooks, Options, WorkerInfo};
///
/// struct Tell;
///
/// impl Hooks for Tell {
///     fn worker_started(&self, worker: &WorkerInfo) {
///         println!("{worker} is ready");
///     }
/// }
///
/// fn main() -> ExitCode {
///     Arbiter::new(|| Ok::<_, std::io::Error>(Options::new())).hooks(Tell).run(|worker| {
///         let listeners = worker.listeners()?;
///         let builder = listeners.into_iter().fold(StreamServer::builder(), |b, l| b.listener(l));
///         let server = builder.serve(|_stream, _peer| Ok(()))?;
///         worker.serve(&server)
///     })
/// }
/// ```
#[allow(
    unused_variables,
    reason = "the names are for those who implement them"
)]
pub trait Hooks: Send + Sync + 'static {
    /// The master begins; nothing is bound yet.
    fn on_starting(&self, options: &Options) {}

    /// The sockets are bound, at these addresses, as `127.0.0.1:8000` and
    /// `unix:/run/x.sock`; the name of a named one follows in parentheses. Again
    /// when a reload has changed them.
    fn listening(&self, addrs: &[String]) {}

    /// The first workers are all ready.
    fn when_ready(&self) {}

    /// A reload begins; the configuration has not been read again yet.
    #[doc(alias = "HUP")]
    fn on_reload(&self) {}

    /// A new master is about to be started beside this one.
    #[doc(alias = "USR2")]
    fn pre_exec(&self) {}

    /// A worker is about to be started in this place.
    #[doc(alias = "pre_fork")]
    fn worker_starting(&self, number: usize) {}

    /// A worker is ready.
    #[doc(alias = "post_worker_init")]
    fn worker_started(&self, worker: &WorkerInfo) {}

    /// A worker has ended.
    #[doc(alias = "child_exit")]
    fn worker_exited(&self, worker: &WorkerInfo, status: ExitStatus) {}

    /// A worker has been silent for too long and is being aborted.
    #[doc(alias = "worker_abort")]
    fn worker_aborted(&self, worker: &WorkerInfo) {}

    /// How many workers there should be has changed.
    #[doc(alias = "nworkers_changed")]
    fn workers_changed(&self, now: usize, before: usize) {}

    /// The logs are to be opened again: USR1 came. Workers are told by
    /// [`Worker::on_reopen`](super::Worker::on_reopen).
    #[doc(alias = "USR1")]
    fn on_reopen(&self) {}

    /// The master ends; all workers have.
    fn on_exit(&self) {}

    /// The program cannot start or go on, for this reason. Called in the master,
    /// before `on_exit`, and in a worker that cannot reach its master. Unless
    /// implemented it writes the reason to standard error: nobody else would say
    /// it to somebody who has just typed a command and set up no log.
    fn failed(&self, reason: &str) {
        let _ = writeln!(io::stderr(), "{reason}");
    }
}

/// Hooks whose panics, reported by then, do not end the master.
#[derive(Clone)]
pub(super) struct Guarded(Arc<dyn Hooks>);

impl Guarded {
    pub(super) fn new(hooks: Arc<dyn Hooks>) -> Self {
        Self(hooks)
    }

    /// Calls one.
    pub(super) fn tell(&self, hook: impl FnOnce(&dyn Hooks)) {
        if let Err(payload) = catch_panic(|| hook(&*self.0)) {
            log::error!("a hook panicked: {}", panic_message(&*payload));
        }
    }
}

/// The hooks of those who want none.
pub(super) struct NoHooks;

impl Hooks for NoHooks {}

/// Which worker.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerInfo {
    /// Its place, from 1 on: that of its predecessor and its successor too.
    pub number: usize,
    /// How many were started before it, and itself: no other has the same.
    pub age: u64,
    /// Its process.
    pub pid: u32,
    /// How long it has run.
    pub uptime: Duration,
}

impl fmt::Display for WorkerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {} (process {})", self.number, self.pid)
    }
}
