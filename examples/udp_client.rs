//! Sends a datagram and prints the answer; asks again when none comes.
//!
//! Run it: `cargo run --release --example udp_client -- 127.0.0.1:9000 hello` while
//! `udp_server` runs.
//! Try it: end the server and run it again, to see it give up.

use std::io;
use std::time::Duration;

use maypole::net::UdpSocket;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Datagrams get lost: this often it tries.
const TRIES: u32 = 3;

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let addr = args.next().unwrap_or_else(|| "127.0.0.1:9000".to_owned());
    let message = args.next().unwrap_or_else(|| "hello".to_owned());
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(&*addr)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut answer = [0; 8192];
    for _ in 0..TRIES {
        let sent = socket.send(message.as_bytes());
        match sent.and_then(|_| socket.recv(&mut answer)) {
            Ok(len) => {
                let text = String::from_utf8_lossy(&answer[..len]);
                println!("{addr} answered: {text}");
                return Ok(());
            }
            Err(error) => println!("no answer from {addr}: {error}"),
        }
    }
    std::process::exit(1);
}
