//! `StreamServer` through real sockets, with gevent's `test__server.py` as the
//! model.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests, on plain threads and std's sockets"
)]

#[path = "../support/mod.rs"]
mod support;

mod backdoor;
mod datagrams;
mod drain;
mod exhaustion;
mod handlers;
mod lifecycle;
mod listening;
mod load;
mod many;
mod pause;
mod pool;
mod restart;
mod signals;
mod spawning;
mod stop;

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use maypole::server::{Stream, StreamServer};

use support::Client;

/// Sends back what it reads, until the client ends.
fn echo(mut stream: Stream, _peer: SocketAddr) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n])?;
    }
}

/// A server that is started, on a port of its own.
fn serve<F>(handler: F) -> StreamServer
where
    F: Fn(Stream, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
{
    let server = StreamServer::bind("127.0.0.1:0", handler).unwrap();
    server.start().unwrap();
    server
}

/// The client is being served by [`echo`].
#[track_caller]
fn check_echo(client: &mut Client) {
    client.send("ping");
    client.expect(b"ping");
}
