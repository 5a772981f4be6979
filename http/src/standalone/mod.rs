//! A stand-alone server around the application, in gunicorn's place.
//!
//! The application's own program becomes the server: it has flags, a file and
//! variables for its settings, a master process that starts workers and replaces
//! them, signals, logs and figures.
//!
//! ```no_run
//! use std::io;
//! use maypole_http::{Environ, StartResponse, StatusCode, standalone};
//!
//! fn application(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
//!     match env.path_info() {
//!         "/" => start_response.send(StatusCode::OK, "Hello, World!\n"),
//!         _ => start_response.send(StatusCode::NOT_FOUND, "Not Found\n"),
//!     }
//! }
//!
//! fn main() {
//!     standalone::run(application)
//! }
//! ```
//!
//! ```text
//! yourapp --bind 127.0.0.1:8000 --workers 2     serve
//! yourapp --help                                all settings
//! yourapp --check-config                        whether they are good
//! yourapp --print-config                        and where each comes from
//! yourapp ctl stats                             ask the master that runs
//! ```
//!
//! # Settings
//!
//! A setting has one name and four sources, here from the strongest to the
//! weakest:
//!
//! | source | `workers` there |
//! |---|---|
//! | flags | `--workers 2` |
//! | variables | `MAYPOLE_WORKERS=2` |
//! | a TOML file, `--config` or `./maypole.toml` | `workers = 2` |
//! | the program, [`Standalone::default`] | `.default("workers", "2")` |
//!
//! `PORT`, `WEB_CONCURRENCY` and `FORWARDED_ALLOW_IPS` count as gunicorn has
//! them, between file and program. What is wrong is told with its place, all of
//! it at once, and nothing starts.
//!
//! # Processes
//!
//! Each worker is this program, executed again: **whatever `main` does before
//! [`run`] happens in the master and in every worker**. What only workers need,
//! such as a connection to a database, belongs into [`Standalone::load`]. Do not
//! spawn greenlets before. See [`arbiter`](maypole_server::arbiter) for
//! processes and signals.

mod builder;
#[cfg(feature = "tls")]
mod certificate;
mod command;
mod figures;
mod hooks;
mod logging;
mod master;
mod options;
mod recycle;
mod serve;
mod settings;
mod trust;
mod worker;

pub use builder::{Standalone, run};
pub use hooks::{Hooks, RequestEnd};
