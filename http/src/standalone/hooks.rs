//! What a program can have called when something happens.

use std::fmt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use maypole_server::arbiter::{self, Options, Worker, WorkerInfo};

use crate::app::Environ;
use crate::observe::{Ears, Ended};

/// Functions that are called in the life of a stand-alone server; all of them do
/// nothing unless implemented.
///
/// Those of the master run on its main thread: while one runs, no signal is
/// heeded and no worker replaced. Those of a worker run in its greenlets.
///
/// # Examples
///
/// ```no_run
/// use maypole_http::standalone::{Hooks, RequestEnd, Standalone};
/// use maypole_http::{Environ, StatusCode};
///
/// struct Slow;
///
/// impl Hooks for Slow {
///     fn request_end(&self, environ: &Environ<'_>, end: &RequestEnd) {
///         if end.elapsed.as_secs() > 1 {
///             log::warn!("{} took {:?}", environ.path_info(), end.elapsed);
///         }
///     }
/// }
///
/// fn main() -> std::process::ExitCode {
///     Standalone::new(|_env, start_response| start_response.send(StatusCode::OK, "hello\n"))
///         .hooks(Slow)
///         .run()
/// }
/// ```
#[allow(unused_variables, reason = "names for who implements them")]
pub trait Hooks: Send + Sync + 'static {
    /// The master begins; nothing is bound yet.
    fn on_starting(&self) {}

    /// The master listens, at its start and when a reload has changed where; what
    /// listens for figures is followed by ` (metrics)`.
    fn listening(&self, addrs: &[String]) {}

    /// The first workers are all ready.
    fn when_ready(&self) {}

    /// A reload begins; the configuration has not been read again yet.
    fn on_reload(&self) {}

    /// A new master is about to be started beside this one.
    fn pre_exec(&self) {}

    /// In the master: a worker is about to be started in this place.
    #[doc(alias = "pre_fork")]
    fn worker_starting(&self, number: usize) {}

    /// In the worker: it begins; its rights are dropped, the application is not
    /// made yet.
    #[doc(alias = "post_fork")]
    fn worker_init(&self, worker: &Worker) {}

    /// In the master: a worker serves.
    #[doc(alias = "post_worker_init")]
    fn worker_started(&self, worker: &WorkerInfo) {}

    /// In the worker: it has stopped, and ends.
    #[doc(alias = "worker_int")]
    fn worker_exit(&self, worker: &Worker) {}

    /// In the master: a worker has ended.
    #[doc(alias = "child_exit")]
    fn worker_exited(&self, worker: &WorkerInfo, status: ExitStatus) {}

    /// In the master: a worker has been silent for too long and is being aborted.
    #[doc(alias = "worker_abort")]
    fn worker_aborted(&self, worker: &WorkerInfo) {}

    /// In the master: how many workers there should be has changed.
    #[doc(alias = "nworkers_changed")]
    fn workers_changed(&self, now: usize, before: usize) {}

    /// In a worker, before each call of the application, in the greenlet that
    /// calls it. It may block; a panic is answered 500.
    #[doc(alias = "pre_request")]
    fn request_start(&self, environ: &Environ<'_>) {}

    /// In a worker, when a request that the application was called for has ended,
    /// however it did. It must not block: the greenlet may be unwinding. A panic
    /// is logged.
    #[doc(alias = "post_request")]
    fn request_end(&self, environ: &Environ<'_>, end: &RequestEnd) {}

    /// The master ends; all workers have.
    fn on_exit(&self) {}
}

/// How a request ended.
///
/// # Examples
///
/// ```
/// use maypole_http::standalone::RequestEnd;
///
/// fn is_worth_a_line(end: &RequestEnd) -> bool {
///     end.status.is_none_or(|status| status.is_server_error()) || end.elapsed.as_secs() > 1
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestEnd {
    /// The status of its answer; `None` if it got none.
    pub status: Option<StatusCode>,
    /// Bytes sent, head and framing included.
    pub bytes: u64,
    /// From the head of the request to the end of the answer.
    pub elapsed: Duration,
}

/// The hooks of those who want none.
struct NoHooks;

impl Hooks for NoHooks {}

/// Hooks that are handed around.
#[derive(Clone)]
pub(super) struct Shared(pub(super) Arc<dyn Hooks>);

impl Default for Shared {
    fn default() -> Self {
        Self(Arc::new(NoHooks))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hooks").finish_non_exhaustive()
    }
}

impl arbiter::Hooks for Shared {
    fn on_starting(&self, _options: &Options) {
        self.0.on_starting();
    }

    fn listening(&self, addrs: &[String]) {
        self.0.listening(addrs);
    }

    fn when_ready(&self) {
        self.0.when_ready();
    }

    fn on_reload(&self) {
        self.0.on_reload();
    }

    fn pre_exec(&self) {
        self.0.pre_exec();
    }

    fn worker_starting(&self, number: usize) {
        self.0.worker_starting(number);
    }

    fn worker_started(&self, worker: &WorkerInfo) {
        self.0.worker_started(worker);
    }

    fn worker_exited(&self, worker: &WorkerInfo, status: ExitStatus) {
        self.0.worker_exited(worker, status);
    }

    fn worker_aborted(&self, worker: &WorkerInfo) {
        self.0.worker_aborted(worker);
    }

    fn workers_changed(&self, now: usize, before: usize) {
        self.0.workers_changed(now, before);
    }

    fn on_reopen(&self) {
        super::logging::reopen();
    }

    fn on_exit(&self) {
        self.0.on_exit();
    }

    fn failed(&self, reason: &str) {
        super::logging::fatal(reason);
    }
}

impl Ears for Shared {
    fn request_ended(&self, environ: &Environ<'_>, end: Ended) {
        let Ended {
            status,
            bytes,
            elapsed,
        } = end;
        let end = RequestEnd {
            status,
            bytes,
            elapsed,
        };
        // A second panic while the first unwinds would end the process.
        let heard = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.0.request_end(environ, &end);
        }));
        if heard.is_err() {
            log::error!("the hook request_end panicked");
        }
    }
}
