//! Sends a file to everyone who connects. The kernel copies it from its cache to
//! the connection; it never passes through the program.
//!
//! Run it: `cargo run --release --example sendfile -- 127.0.0.1:16002 Cargo.lock`
//! Try it: `nc 127.0.0.1 16002 | cmp - Cargo.lock`
//!
//! Over HTTP it is `start_response.send_file(StatusCode::OK, &file, ..)`.

use std::io;

use maypole::fs::File;
use maypole::server::StreamServer;

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let addr = args.next();
    let path = args.next().unwrap_or_else(|| "Cargo.lock".to_owned());
    if let Err(error) = File::open(&path) {
        eprintln!("{path}: {error}"); // now, not to the first client
        std::process::exit(1);
    }
    let name = path.clone();
    let server = StreamServer::bind(
        addr.as_deref().unwrap_or("127.0.0.1:16002"),
        move |stream, peer| {
            let file = File::open(&path)?; // on a thread of the pool
            let socket = stream.get_ref().as_tcp();
            let socket = socket.ok_or(io::ErrorKind::Unsupported)?;
            // Waits while the client is slower; others are served.
            let sent = socket.send_file(&file, ..)?;
            println!("{sent} bytes to {peer}");
            Ok(())
        },
    )?;
    println!("Sending {name} on {}", server.local_addr());
    server.serve_forever()
}
