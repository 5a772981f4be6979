//! A master that keeps workers running around your server: gunicorn's place.
//!
//! The program's own binary is started several times. The first process becomes
//! the *master*: it binds, never serves, and starts *workers*, which get the
//! listening sockets and run the program's server. Clients notice nothing of
//! what happens to workers: those that wait are in the sockets, which the master
//! keeps.
//!
//! ```no_run
//! use std::io::{self, copy};
//! use std::process::ExitCode;
//! use maypole_server::StreamServer;
//! use maypole_server::arbiter::{Arbiter, Options, Worker};
//!
//! /// What to listen on, how many workers: read again at each SIGHUP.
//! fn load() -> Result<Options, Box<dyn std::error::Error + Send + Sync>> {
//!     Ok(Options::new().bind("127.0.0.1:7000".parse()?).workers(2))
//! }
//!
//! /// What each worker does.
//! fn work(worker: &mut Worker) -> io::Result<()> {
//!     let mut builder = StreamServer::builder();
//!     for listener in worker.listeners()? {
//!         builder = builder.listener(listener);
//!     }
//!     let server = builder.serve(|mut stream, _peer| {
//!         let mut reader = stream.try_clone()?;
//!         copy(&mut reader, &mut stream).map(drop)
//!     })?;
//!     worker.serve(&server) // until the master says that it is over
//! }
//!
//! fn main() -> ExitCode {
//!     Arbiter::new(load).run(work)
//! }
//! ```
//!
//! # Signals
//!
//! | signal | to the master | to a worker |
//! |---|---|---|
//! | TERM | closes the sockets, lets workers finish what runs within `graceful_timeout`, ends; a second one ends at once | finishes what runs, ends, and is replaced; a second one ends it at once |
//! | INT, QUIT | ends quickly: within `quick_timeout`; a second one ends at once | ends at once, and is replaced |
//! | HUP | reads the configuration again, binds what is new, starts new workers, then ends the old ones | – |
//! | TTIN, TTOU | a worker more; one less, not below one | – |
//! | USR1 | opens logs again, in workers too | opens logs again |
//! | USR2 | starts a new master from the program's file, with the same sockets; it takes over when this one is told to end | – |
//! | WINCH | no workers, until TTIN or HUP; in a terminal nothing | – |
//! | ABRT | – | ends at once: how the master ends one whose hub is blocked |
//!
//! A reload whose configuration is wrong, or whose workers do not boot, changes
//! nothing: the old workers stay.
//!
//! # Ends
//!
//! [`run`](Arbiter::run) returns 0 after an end that was asked for, 3 when workers
//! do not boot, 1 for other failures to start. Workers end when their master does,
//! whatever its end was.
//!
//! # What workers are
//!
//! Processes that begin at `main`, with the same arguments: nothing is shared with
//! the master but the sockets. [`Hub::threads`](maypole_runtime::Hub::threads)
//! gives one several threads; more workers than one give a program that survives
//! the crash of one, and rolling reloads. As gunicorn's, a reload takes a new
//! binary up too, for the workers; for the master SIGUSR2 does.

mod bind_spec;
mod ctl;
mod figures;
mod hooks;
mod link;
mod master;
mod message;
mod options;
mod privileges;
mod role;
mod serve;
mod worker;

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use maypole_runtime::catch_panic;

use crate::report::panic_message;
use hooks::NoHooks;
use role::Role;

pub use bind_spec::{BindSpec, BindSpecError};
pub use ctl::ctl;
pub use figures::{FigureKind, Figures};
pub use hooks::{Hooks, WorkerInfo};
pub use options::Options;
pub use serve::Serve;
pub use worker::{Worker, WorkerHandle};

/// The exit code of a master whose workers do not boot, and of such a worker;
/// gunicorn's.
pub const EXIT_BOOT_FAILED: u8 = 3;

/// The exit code of a master that cannot start for another reason.
const EXIT_FAILED: u8 = 1;

/// Whether this process was started by a master, to be a worker.
///
/// # Examples
///
/// ```
/// assert!(!maypole_server::arbiter::is_worker());
/// ```
#[must_use]
pub fn is_worker() -> bool {
    role::is_worker()
}

/// Reads the configuration.
type Load = dyn FnMut() -> Result<Options, Box<dyn Error + Send + Sync>>;

/// Reads the configuration once; a panic is an error too.
fn read(load: &mut Load) -> io::Result<Options> {
    let read = catch_panic(load)
        .unwrap_or_else(|payload| Err(format!("it panicked: {}", panic_message(&*payload)).into()));
    read.map_err(|error| io::Error::other(error.to_string()))
}

/// A program as a master with workers; see the [module](self).
#[must_use = "it does nothing until `run`"]
pub struct Arbiter {
    load: Box<Load>,
    hooks: Arc<dyn Hooks>,
}

impl Arbiter {
    /// An arbiter with these options. `load` is called in each process: in the
    /// master when it starts and at each reload, in a worker before its function,
    /// as the user that started the program. It may block.
    pub fn new<E>(mut load: impl FnMut() -> Result<Options, E> + 'static) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self {
            load: Box::new(move || load().map_err(Into::into)),
            hooks: Arc::new(NoHooks),
        }
    }

    /// Has these functions called when something happens to the master or its
    /// workers.
    pub fn hooks(mut self, hooks: impl Hooks) -> Self {
        self.hooks = Arc::new(hooks);
        self
    }

    /// Runs the program: as the master, or, in the processes that it starts, `work`.
    ///
    /// To be called from `main`, before any greenlet runs, and to be returned from
    /// it. In the master it blocks until all workers have ended.
    ///
    /// # Examples
    ///
    /// See the [module](self).
    pub fn run(self, work: impl FnOnce(&mut Worker) -> io::Result<()>) -> ExitCode {
        ExitCode::from(self.run_to_code(work))
    }

    /// As [`run`](Self::run), for a program that ends by
    /// [`process::exit`](std::process::exit).
    pub fn run_to_code(mut self, work: impl FnOnce(&mut Worker) -> io::Result<()>) -> u8 {
        match Role::find() {
            Ok(Role::First) => master::run(&mut *self.load, self.hooks, None),
            Ok(Role::Upgrade(old)) => master::run(&mut *self.load, self.hooks, Some(old)),
            Ok(Role::Worker(inherited)) => worker::run(inherited, &mut *self.load, work),
            Err(error) => {
                self.hooks.failed(&error.to_string());
                EXIT_FAILED
            }
        }
    }
}

impl fmt::Debug for Arbiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arbiter").finish_non_exhaustive()
    }
}
