//! The streaming HTTP server with clients that people use: curl, Python's
//! `http.client`, ureq, wrk, and Chromium with a page of thirty parts. Where a
//! command is missing the test says so and passes.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests, on plain threads and std's sockets"
)]

#[path = "../support/mod.rs"]
mod support;

mod chromium;
mod curl;
mod python;
mod ureq;
mod wrk;

use std::io::{self, Read, Write};
use std::process::{Command, Output};

use maypole::http::{Environ, StartResponse, StatusCode};
use maypole::pywsgi::WsgiServer;

/// How much `/stream` answers.
const STREAMED: usize = 3 << 20;

/// An application with one of each: an answer of known length, one that is
/// streamed, one of what was sent, one without a body.
fn application(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    match env.path_info() {
        "/" => start_response.send(StatusCode::OK, b"<b>hello world</b>"),
        "/stream" => {
            let mut body = start_response.start(StatusCode::OK)?;
            for _ in 0..STREAMED / 1024 {
                body.write_all(&[b's'; 1024])?;
            }
            Ok(())
        }
        "/flushed" => {
            let mut body = start_response.start(StatusCode::OK)?;
            for word in ["one ", "two ", "three"] {
                body.write_all(word.as_bytes())?;
                body.flush()?;
            }
            Ok(())
        }
        "/echo" => {
            let mut whole = Vec::new();
            env.input().read_to_end(&mut whole)?;
            start_response.send(StatusCode::OK, whole)
        }
        // The answer comes while the request is still on its way.
        "/mirror" => {
            let mut reply = start_response.start(StatusCode::OK)?;
            io::copy(env.input(), &mut reply).map(drop)
        }
        "/unread" => start_response.send(StatusCode::FORBIDDEN, b"not wanted"),
        "/unchanged" => start_response.send(StatusCode::NOT_MODIFIED, b""),
        "/failed" => Err(io::Error::other("as it should")),
        _ => start_response.send(StatusCode::NOT_FOUND, b"<h1>Not Found</h1>"),
    }
}

/// A server with this application, started, and its address as a URL.
fn serve<F>(application: F) -> (WsgiServer, String)
where
    F: Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static,
{
    let server = WsgiServer::bind("127.0.0.1:0", application).unwrap();
    server.start().unwrap();
    let url = format!("http://{}", server.local_addr());
    (server, url)
}

/// Runs a client to its end, which must be a good one.
#[track_caller]
fn run(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let (told, complaint) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    assert!(status.success(), "{status}: {told}{complaint}");
    told.into_owned()
}
