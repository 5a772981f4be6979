//! The streaming HTTP server on the wire: bytes in, bytes out, through real
//! sockets. Behaviours after gevent's `test__pywsgi.py` (MIT licence), and
//! stricter where RFC 9110 and RFC 9112 are.
//!
//! The files beside this one name no server: they take `WsgiServer`, `Builder`
//! and the functions below from the root of their crate. So a second server's
//! root can include them.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests, on plain threads and std's sockets"
)]

#[path = "../support/mod.rs"]
mod support;

mod access_log;
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
mod lifecycle;
mod limits;
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

use std::io::{self, Read};

use maypole::http::{Environ, StartResponse, StatusCode};
use maypole::pywsgi::{Builder, WsgiServer};

/// The smallest request that HTTP/1.1 allows, but for its target.
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// A server that is started, on a port of its own.
fn serve<F>(application: F) -> WsgiServer
where
    F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
{
    serve_with(WsgiServer::builder(), application)
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

/// Limits that end nothing.
fn patient() -> Builder {
    WsgiServer::builder()
        .keep_alive_timeout(support::LONG)
        .head_timeout(support::LONG)
        .stall_timeout(support::LONG)
}

/// gevent's hello world.
fn hello(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    let start_response = start_response.header("Content-Type", "text/html");
    match env.path_info() {
        "/" => start_response.send(StatusCode::OK, b"<b>hello world</b>"),
        _ => start_response.send(StatusCode::NOT_FOUND, b"<h1>Not Found</h1>"),
    }
}

/// Answers with the target and does not look at the body.
fn tell_target(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    let target = env.target().to_owned();
    start_response.send(StatusCode::OK, target)
}

/// Answers with the body of the request.
fn echo(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    let mut body = Vec::new();
    env.input().read_to_end(&mut body)?;
    start_response.send(StatusCode::OK, body)
}

/// A GET for this target.
fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// A POST with a body of known length.
fn post(target: &str, body: &[u8]) -> Vec<u8> {
    let len = body.len();
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A POST whose body comes in chunks of this size.
fn post_chunked(target: &str, body: &[u8], size: usize) -> Vec<u8> {
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut request = head.into_bytes();
    for chunk in body.chunks(size) {
        request.extend(format!("{:x}\r\n", chunk.len()).bytes());
        request.extend_from_slice(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}
