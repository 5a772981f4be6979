//! A worker: a process that serves.

mod beat;
mod handle;
mod hear;
mod serving;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use maypole_runtime::catch_panic;
use rustix::fs::Mode;

use crate::Listener;
use crate::report::panic_message;

use super::message::ToMaster;
use super::privileges::Owner;
use super::role::Inherited;
use super::{EXIT_BOOT_FAILED, EXIT_FAILED, Figures, Load, Options, Serve, read};
use handle::Shared;

pub use handle::WorkerHandle;

/// This process, which a master has started to serve.
///
/// It is given to the function of [`Arbiter::run`](super::Arbiter::run): there
/// the program makes its server of the [listeners](Self::listeners) and hands it
/// to [`serve`](Self::serve). An error that the function returns before it serves
/// is the reason why the worker has not booted.
///
/// No greenlet runs yet when the function is called, so it can still set
/// [`Hub::threads`](maypole_runtime::Hub::threads).
///
/// # Examples
///
/// A worker with a listener of its own for figures:
///
/// ```no_run
/// use std::io::{self, Write};
/// use maypole_server::StreamServer;
/// use maypole_server::arbiter::{Figures, Worker};
///
/// fn work(worker: &mut Worker) -> io::Result<()> {
///     let listeners = worker.listeners()?.into_iter();
///     let builder = listeners.fold(StreamServer::builder(), |all, one| all.listener(one));
///     let server = builder.serve(|mut stream, _peer| stream.write_all(b"hello\n"))?;
///
///     let (counted, asks) = (server.clone(), worker.handle());
///     worker.figures(move || {
///         let accepted = counted.counters().accepted;
///         Figures::new().counter("clients_total", accepted as f64)
///     });
///     let figures = StreamServer::builder()
///         .listener(worker.listener("figures")?) // of `Options::listener`
///         .serve(move |mut stream, _peer| write!(stream, "{}", asks.total_figures()?))?;
///     worker.serve(&[&server, &figures][..])
/// }
/// ```
pub struct Worker {
    shared: Arc<Shared>,
    options: Options,
    // Those that nobody has taken.
    listeners: Vec<(String, Listener)>,
}

impl Worker {
    /// Takes the sockets to listen on: those of [`Options::bind`], in its order,
    /// or those that systemd passed.
    ///
    /// # Errors
    ///
    /// When they were taken already.
    pub fn listeners(&mut self) -> io::Result<Vec<Listener>> {
        self.take("")
    }

    /// Takes the socket of [`Options::listener`] with this name.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is none, or it was taken already.
    pub fn listener(&mut self, name: &str) -> io::Result<Listener> {
        self.take(name).map(|mut found| found.remove(0))
    }

    fn take(&mut self, wanted: &str) -> io::Result<Vec<Listener>> {
        let all = std::mem::take(&mut self.listeners);
        let (found, rest) = all.into_iter().partition(|(name, _)| name == wanted);
        self.listeners = rest;
        let found: Vec<(String, Listener)> = found;
        if found.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("there is no listener {wanted:?}, or it was taken already"),
            ));
        }
        Ok(found.into_iter().map(|(_, listener)| listener).collect())
    }

    /// Its place, from 1 on: that of its predecessor and its successor too.
    #[must_use]
    pub fn number(&self) -> usize {
        self.shared.number
    }

    /// How many workers the master has started, this one included.
    #[must_use]
    pub fn age(&self) -> u64 {
        self.shared.age
    }

    /// How long it has run.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.shared.started.elapsed()
    }

    /// The worker for those who run inside it: to retire it, to ask for the sum of
    /// figures.
    #[must_use]
    pub fn handle(&self) -> WorkerHandle {
        WorkerHandle(self.shared.clone())
    }

    /// Has `tell` asked for this worker's figures with each beat, when somebody
    /// wants to know, and at the end. It is called in a greenlet or on a thread,
    /// and must not block.
    pub fn figures(&mut self, tell: impl Fn() -> Figures + Send + Sync + 'static) {
        self.shared.set_figures(tell);
    }

    /// Has `then` called when logs are to be opened again: when SIGUSR1 comes, to
    /// the master or to this worker. One at a time, on the thread that serves.
    #[doc(alias = "SIGUSR1")]
    pub fn on_reopen(&mut self, then: impl Fn() + Send + Sync + 'static) {
        self.shared.add_reopen(then);
    }

    /// As [`WorkerHandle::retire`].
    ///
    /// # Errors
    ///
    /// As [`WorkerHandle::retire`].
    pub fn retire(&self) -> io::Result<()> {
        self.handle().retire()
    }

    /// As [`WorkerHandle::total_figures`].
    ///
    /// # Errors
    ///
    /// As [`WorkerHandle::total_figures`].
    pub fn total_figures(&self) -> io::Result<Figures> {
        self.handle().total_figures()
    }

    /// Starts a server, tells the master that the worker is ready, and serves
    /// until the worker is to end; then stops the server.
    ///
    /// Gracefully, within [`Options::graceful_timeout`], when the master says so,
    /// when it is gone, or on SIGTERM. At once on the master's word, SIGINT and
    /// SIGQUIT. A second signal of the same kind ends the process. Listeners that
    /// nobody has taken are closed first. Suspends only the caller.
    ///
    /// # Errors
    ///
    /// When the server does not start, which is a failed boot, or closes by
    /// itself later.
    pub fn serve<S: Serve + ?Sized>(&mut self, server: &S) -> io::Result<()> {
        self.listeners.clear();
        serving::serve(&self.shared, &self.options, server)
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("number", &self.number())
            .field("age", &self.age())
            .field("listeners", &self.listeners)
            .finish_non_exhaustive()
    }
}

/// The life of a worker.
pub(super) fn run(
    inherited: Inherited,
    load: &mut Load,
    work: impl FnOnce(&mut Worker) -> io::Result<()>,
) -> u8 {
    let Inherited {
        link,
        reader,
        hello,
        sockets,
    } = inherited;
    let shared = Arc::new(Shared::new(link, &hello, Options::new().graceful_timeout));
    let names = hello.listeners.into_iter().map(|(name, _)| name);
    let sockets = names.zip(sockets).collect();
    let outcome = catch_panic(|| {
        hear::start(shared.clone(), reader)?;
        let mut worker = boot(shared.clone(), sockets, load)?;
        work(&mut worker)
    });
    let reason = match outcome {
        Ok(Ok(())) if shared.ready.load(Ordering::SeqCst) => return 0,
        Ok(Ok(())) => "its function returned without having served".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(payload) => format!("it panicked: {}", panic_message(&*payload)),
    };
    if shared.ready.load(Ordering::SeqCst) {
        log::error!("worker {} ends: {reason}", shared.number);
        return EXIT_FAILED;
    }
    if let Err(error) = shared.link.send(&ToMaster::Failed(reason.clone())) {
        log::error!(
            "worker {} has not booted: {reason} ({error})",
            shared.number
        );
    }
    EXIT_BOOT_FAILED
}

fn boot(
    shared: Arc<Shared>,
    sockets: Vec<(String, std::os::fd::OwnedFd)>,
    load: &mut Load,
) -> io::Result<Worker> {
    let options = read(load)?;
    shared.set_grace(options.graceful_timeout);
    if let Some(mask) = options.umask {
        rustix::process::umask(Mode::from_raw_mode(mask));
    }
    Owner::of(&options)?.assume()?;
    let listeners = sockets
        .into_iter()
        .map(|(name, socket)| Ok((name, Listener::try_from(socket)?)));
    let listeners = listeners.collect::<io::Result<_>>()?;
    Ok(Worker {
        shared,
        options,
        listeners,
    })
}
