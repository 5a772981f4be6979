//! TLS on the wire, with the commands `openssl` and `curl` as clients. (The
//! handshake and the stream are also tested against native-tls's own client, in
//! `server/src/tls/tests/`; here it would make every `cargo test` need OpenSSL's
//! headers.)
#![cfg(feature = "tls")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests, on plain threads and std's sockets"
)]

#[path = "../support/mod.rs"]
mod support;

mod echo;
mod ends;
mod handshake;
mod https;
mod identity;
mod relay;
mod resets;

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use maypole::server::{Builder, Stream, StreamServer};

use support::{TlsClient, tls_config};

/// A server with this handler, started.
fn serve<F>(builder: Builder, handler: F) -> StreamServer
where
    F: Fn(Stream) -> io::Result<()> + Send + Sync + 'static,
{
    let handler = move |stream: Stream, _peer| {
        assert!(stream.is_tls());
        handler(stream)
    };
    let server = builder.bind("127.0.0.1:0", handler).unwrap();
    server.start().unwrap();
    server
}

fn echo(mut stream: Stream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n])?;
    }
}

fn echo_server() -> StreamServer {
    serve(StreamServer::builder().tls(tls_config()), echo)
}

/// An echo server is well. Needs the `openssl` command.
#[track_caller]
fn assert_echoes(addr: SocketAddr) {
    let mut client = TlsClient::connect(addr);
    client.send("well?\n");
    client.expect(b"well?\n");
}
