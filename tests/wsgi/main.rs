//! The streaming HTTP server on the wire: bytes in, bytes out, through real
//! sockets. Behaviours after gevent's `test__pywsgi.py` (MIT licence), and
//! stricter where RFC 9110 and RFC 9112 are.
//!
//! The files beside this one name no server: they take `WsgiServer` and the
//! functions below from the root of their crate. `tests/buffered/`, the root of
//! the buffered server, includes them as well.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests, on plain threads and std's sockets"
)]

#[path = "../support/mod.rs"]
mod support;

mod access_log;
mod common;
mod disconnect;
mod drain;
mod environ;
mod errors;
mod expect;
mod failed_ends;
mod files;
mod full_pool;
mod gevents;
mod input;
mod input_errors;
mod interim;
mod keep_alive;
mod kills;
mod late;
mod lifecycle;
mod limits;
mod listening;
mod malformed;
mod metrics;
mod output;
mod proxies;
mod reports;
mod requests;
mod shapes;
mod slow;
mod smuggling;
mod upgrade;

use std::io;

use maypole::http::{Environ, StartResponse};
use maypole::pywsgi::{Builder, WsgiServer};

use common::{GET, echo, get, hello, post, post_chunked, tell_target};

/// A server that is started, on a port of its own.
fn serve<F>(application: F) -> WsgiServer
where
    F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
{
    serve_with(builder(), application)
}

/// The same with options.
fn serve_with<F>(builder: Builder, application: F) -> WsgiServer
where
    F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
{
    let server = builder.bind("127.0.0.1:0", application).unwrap();
    server.start().unwrap();
    server
}

/// Options of a server.
fn builder() -> Builder {
    WsgiServer::builder()
}

/// Limits that end nothing.
fn patient() -> Builder {
    builder()
        .keep_alive_timeout(support::LONG)
        .head_timeout(support::LONG)
        .stall_timeout(support::LONG)
}

/// Whether this server does by contract something else than what this test, in
/// one of the files that servers share, is about. The streaming one never does.
fn differs(_test: &str) -> bool {
    false
}
