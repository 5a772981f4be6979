//! Answers each datagram with its length.
//!
//! Run it: `cargo run --release --example udp_server`
//! Try it: `cargo run --release --example udp_client -- 127.0.0.1:9000 hello`, or
//! `nc -u 127.0.0.1 9000`, type lines, end with Ctrl-C.

use std::io;

use maypole::server::DatagramServer;

fn main() -> io::Result<()> {
    let addr = std::env::args().nth(1);
    let addr = addr.as_deref().unwrap_or("127.0.0.1:9000");
    // The function runs in a new greenlet for each datagram, so it may block.
    let server = DatagramServer::bind(addr, |socket, data, peer| {
        println!("{} bytes from {peer}", data.len());
        let answer = format!("Received {} bytes", data.len());
        socket.send_to(answer.as_bytes(), peer).map(drop)
    })?;
    println!("Receiving datagrams on {}", server.local_addr());
    server.serve_forever()
}
