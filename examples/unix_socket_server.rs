//! Serves programs on the same machine, through a Unix socket: a file.
//!
//! Run it: `cargo run --release --example unix_socket_server -- /tmp/maypole.sock`
//! Try it: `cargo run --release --example unix_socket_client -- /tmp/maypole.sock hello`,
//! or `socat - UNIX-CONNECT:/tmp/maypole.sock`, type lines, end with Ctrl-D.

use std::io::{self, BufRead, BufReader, Read, Write};

use maypole::server::StreamServer;

/// Longer lines are answered in pieces.
const MAX_LINE: u64 = 4096;

fn main() -> io::Result<()> {
    let path = std::env::args().nth(1);
    let path = path.as_deref().unwrap_or("/tmp/maypole.sock");
    // Only this user may connect. A file that an ended server has left behind is
    // replaced; that of one that runs is not.
    let server = StreamServer::builder()
        .unix_mode(0o600)
        .bind_unix(path, |stream, _peer| {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while reader
                .by_ref()
                .take(MAX_LINE)
                .read_until(b'\n', &mut line)?
                > 0
            {
                line.make_ascii_uppercase();
                reader.get_mut().write_all(&line)?;
                line.clear();
            }
            Ok(())
        })?;
    println!("Serving on {path}");
    server.serve_forever() // removes the file when it ends
}
