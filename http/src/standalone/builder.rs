//! How a program becomes a server.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::process::{self, ExitCode};
use std::sync::Arc;

use crate::app::{Application, Environ, StartResponse};

use super::command;
use super::hooks::{Hooks, Shared};

/// Makes the application, in a worker.
pub(super) type Make = Box<dyn FnOnce() -> io::Result<Application>>;

/// Runs a program as the stand-alone server of its application, and ends the
/// process when that ends: [`Standalone::run`] with nothing changed.
///
/// # Examples
///
/// ```no_run
/// use maypole_http::{StatusCode, standalone};
///
/// fn main() {
///     standalone::run(|_env, start_response| {
///         start_response.send(StatusCode::OK, "Hello, World!\n")
///     })
/// }
/// ```
#[doc(alias = "gunicorn")]
pub fn run<F>(application: F) -> !
where
    F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
{
    process::exit(Standalone::new(application).run_to_code().into())
}

/// A program that is the stand-alone server of its application.
///
/// # Examples
///
/// ```no_run
/// use maypole_http::standalone::Standalone;
/// use maypole_http::StatusCode;
///
/// fn main() -> std::process::ExitCode {
///     Standalone::load(|| {
///         let greeting = std::fs::read_to_string("greeting.txt")?; // in each worker
///         Ok(move |_env: &mut maypole_http::Environ<'_>, start_response: maypole_http::StartResponse<'_>| {
///             start_response.send(StatusCode::OK, greeting.as_bytes())
///         })
///     })
///     .default("bind", "0.0.0.0:8000")
///     .default("workers", "2")
///     .run()
/// }
/// ```
#[must_use = "nothing happens until `run`"]
pub struct Standalone {
    pub(super) make: Make,
    pub(super) hooks: Option<Shared>,
    pub(super) program: Vec<(String, String)>,
    pub(super) args: Option<Vec<OsString>>,
}

impl Standalone {
    /// Serves this application.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use maypole_http::StatusCode;
    /// use maypole_http::standalone::Standalone;
    ///
    /// fn main() -> std::process::ExitCode {
    ///     Standalone::new(|_env, start_response| start_response.send(StatusCode::OK, "hello\n")).run()
    /// }
    /// ```
    pub fn new<F>(application: F) -> Self
    where
        F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        Self::load(|| Ok(application))
    }

    /// Serves the application that `make` makes: once in each worker, before it
    /// accepts, with its rights dropped and its environment set. An error, or a
    /// panic, is a failed boot: if it is the first, the program ends with it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::io;
    /// use maypole_http::{Environ, StartResponse, StatusCode};
    /// use maypole_http::standalone::Standalone;
    ///
    /// fn main() -> std::process::ExitCode {
    ///     Standalone::load(|| {
    ///         let stage = std::env::var("STAGE").map_err(io::Error::other)?;
    ///         Ok(move |_env: &mut Environ<'_>, start_response: StartResponse<'_>| {
    ///             start_response.send(StatusCode::OK, stage.as_str())
    ///         })
    ///     })
    ///     .run()
    /// }
    /// ```
    #[doc(alias = "post_fork")]
    #[doc(alias = "preload_app")]
    pub fn load<M, F>(make: M) -> Self
    where
        M: FnOnce() -> io::Result<F> + 'static,
        F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
    {
        Self {
            make: Box::new(|| Ok(Arc::new(make()?))),
            hooks: None,
            program: Vec::new(),
            args: None,
        }
    }

    /// Has functions of `hooks` called when something happens.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use maypole_http::StatusCode;
    /// use maypole_http::standalone::{Hooks, Standalone};
    ///
    /// struct Tell;
    ///
    /// impl Hooks for Tell {
    ///     fn when_ready(&self) {
    ///         log::info!("at your service");
    ///     }
    /// }
    ///
    /// fn main() -> std::process::ExitCode {
    ///     Standalone::new(|_env, start_response| start_response.send(StatusCode::OK, "hello\n"))
    ///         .hooks(Tell)
    ///         .run()
    /// }
    /// ```
    pub fn hooks(mut self, hooks: impl Hooks) -> Self {
        self.hooks = Some(Shared(Arc::new(hooks)));
        self
    }

    /// Gives a setting another default, as text: what a variable of it would
    /// have. A name that is none of a setting, or a value that it cannot have, is
    /// an error of [`run`](Self::run).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use maypole_http::StatusCode;
    /// use maypole_http::standalone::Standalone;
    ///
    /// fn main() -> std::process::ExitCode {
    ///     let cores = std::thread::available_parallelism().map_or(1, usize::from);
    ///     Standalone::new(|_env, start_response| start_response.send(StatusCode::OK, "hello\n"))
    ///         .default("workers", cores.to_string())
    ///         .default("bind", "0.0.0.0:8000,unix:/run/shop.sock")
    ///         .run()
    /// }
    /// ```
    pub fn default(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.program.push((name.into(), value.into()));
        self
    }

    /// Reads these arguments instead of those of the process, the program's name
    /// first; for a program with flags of its own. Workers are started with all
    /// arguments of the process, so it takes out the same there.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use maypole_http::StatusCode;
    /// use maypole_http::standalone::Standalone;
    ///
    /// fn main() -> std::process::ExitCode {
    ///     // shop --quiet --workers 2
    ///     let (own, others): (Vec<_>, Vec<_>) =
    ///         std::env::args().partition(|arg| arg == "--quiet");
    ///     let text = if own.is_empty() { "hello\n" } else { "" };
    ///     Standalone::new(move |_env, start_response| start_response.send(StatusCode::OK, text))
    ///         .args(others)
    ///         .run()
    /// }
    /// ```
    pub fn args<I>(mut self, args: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        self.args = Some(args.into_iter().map(Into::into).collect());
        self
    }

    /// Does what the command line says: serves until a signal ends it, or answers
    /// and returns. To be called from `main`, once, before any greenlet runs.
    ///
    /// Blocks the calling thread.
    ///
    /// # Errors
    ///
    /// The code is 0 for a clean end; 1 if it cannot start, for a bad
    /// configuration or an address in use; 2 for a command line that is none; 3
    /// if a worker fails to boot. The reason is written to standard error.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::process::ExitCode;
    /// use maypole_http::StatusCode;
    /// use maypole_http::standalone::Standalone;
    ///
    /// let shop = Standalone::new(|_env, start_response| {
    ///     start_response.send(StatusCode::OK, "hello\n")
    /// });
    /// // Says "The configuration is good." and returns.
    /// let code = shop.args(["shop", "--check-config"]).run();
    /// assert_eq!(code, ExitCode::SUCCESS);
    /// ```
    #[must_use = "it is the end of the program"]
    pub fn run(self) -> ExitCode {
        ExitCode::from(self.run_to_code())
    }

    fn run_to_code(self) -> u8 {
        command::run(self)
    }
}

impl fmt::Debug for Standalone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standalone")
            .field("hooks", &self.hooks)
            .field("program", &self.program)
            .field("args", &self.args)
            .finish_non_exhaustive()
    }
}
