//! Sends each line back, to any number of clients at once.
//!
//! Run it: `cargo run --release --example echo_server`
//! Try it: `nc 127.0.0.1 16000`, type lines, end with `quit`.
//!
//! For TLS: `.tls(TlsConfig::from_pem(&cert, &key)?)` on the builder.

use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;

use maypole::server::{Stream, StreamServer};

/// A line longer than this is sent back in pieces, so that no client can make
/// the server hold an endless one.
const MAX_LINE: u64 = 64 * 1024;

fn main() -> io::Result<()> {
    let addr = std::env::args().nth(1);
    let server = StreamServer::bind(addr.as_deref().unwrap_or("127.0.0.1:16000"), echo)?;
    println!("Starting echo server on {}", server.local_addr());
    server.serve_forever()
}

fn echo(mut stream: Stream, peer: SocketAddr) -> io::Result<()> {
    println!("New connection from {peer}");
    stream.write_all(b"Welcome to the echo server! Type quit to exit.\r\n")?;
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        let n = io::Read::take(&mut reader, MAX_LINE).read_until(b'\n', &mut line)?;
        if n == 0 {
            println!("{peer} disconnected");
            return Ok(());
        }
        if line.trim_ascii().eq_ignore_ascii_case(b"quit") {
            println!("{peer} quit");
            return Ok(());
        }
        reader.get_mut().write_all(&line)?;
    }
}
