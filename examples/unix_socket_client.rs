//! Sends its arguments through a Unix socket, a line each, and prints the answers.
//!
//! Run it: `cargo run --release --example unix_socket_client -- /tmp/maypole.sock hello`
//! while `unix_socket_server` runs.
//! Try it: several arguments; several clients at once.

use std::io::{self, Write};
use std::net::Shutdown;

use maypole::net::UnixStream;

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let path = args.next();
    let path = path.as_deref().unwrap_or("/tmp/maypole.sock");
    let lines: Vec<String> = args.collect();
    let mut stream = UnixStream::connect(path).unwrap_or_else(|error| {
        eprintln!("{path}: {error}; does unix_socket_server run?");
        std::process::exit(1)
    });
    // One greenlet sends, this thread reads what comes back meanwhile.
    let mut output = stream.try_clone()?;
    let sending = maypole::spawn(move || -> io::Result<()> {
        for line in lines {
            writeln!(output, "{line}")?;
        }
        output.shutdown(Shutdown::Write)
    });
    io::copy(&mut stream, &mut io::stdout())?;
    sending.get().map_err(io::Error::other)?
}
