//! Forwards connections from one address to another.
//!
//! Run it: `cargo run --release --example port_forwarder -- 127.0.0.1:8080 127.0.0.1:8088`
//! while `wsgi_server` runs.
//! Try it: `curl -i http://127.0.0.1:8080/`. Ctrl-C closes the listener only: what
//! is connected goes on, and when the last has left the program ends. A second
//! one ends it at once.

use std::io;
use std::net::Shutdown;
use std::time::Duration;

use maypole::net::TcpStream;
use maypole::server::{Stream, StreamServer};

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(source), Some(dest)) = (args.next(), args.next()) else {
        eprintln!("usage: port_forwarder SOURCE DEST, as in 127.0.0.1:8080 127.0.0.1:8088");
        std::process::exit(2);
    };
    let to = dest.clone();
    let server = StreamServer::builder()
        .stop_timeout(Duration::MAX) // as long as anybody is connected
        .bind(&*source, move |stream, _peer| forward(stream, &to))?;
    println!("Forwarding to {dest} from {}", server.local_addr());
    server.serve_forever()
}

/// Copies in both directions, until both have ended.
fn forward(mut client: Stream, dest: &str) -> io::Result<()> {
    let upstream = TcpStream::connect(dest);
    let mut upstream = upstream.inspect_err(|error| println!("{dest}: {error}"))?;
    let (mut answers, mut to_client) = (upstream.try_clone()?, client.try_clone()?);
    let back = maypole::spawn(move || {
        let copied = io::copy(&mut answers, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write); // it may be gone
        copied
    });
    let copied = io::copy(&mut client, &mut upstream);
    let _ = upstream.shutdown(Shutdown::Write);
    let back = back.get().map_err(io::Error::other)?;
    copied.and(back).map(drop)
}
