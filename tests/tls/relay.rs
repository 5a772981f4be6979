//! A way to the server that can break.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

/// Passes one connection on, and resets it when the client has sent so many
/// bytes. Returns its own address.
pub(crate) fn relay(server: SocketAddr, limit: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        pass_on(client, TcpStream::connect(server).unwrap(), limit);
    });
    addr
}

fn pass_on(client: TcpStream, server: TcpStream, limit: usize) {
    let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    // Ends when this side has reset both.
    let back = thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let mut left = limit;
    let mut buffer = [0; 4096];
    while left > 0 {
        let room = left.min(buffer.len());
        match (&client).read(&mut buffer[..room]) {
            Ok(0) | Err(_) => break,
            Ok(n) => {
                left -= n;
                if (&server).write_all(&buffer[..n]).is_err() {
                    break;
                }
            }
        }
    }
    // The descriptors of both threads must be gone for a reset.
    for socket in [&client, &server] {
        let _ = set_socket_linger(socket, Some(Duration::ZERO));
    }
    let _ = client.shutdown(Shutdown::Read);
    let _ = server.shutdown(Shutdown::Read);
    back.join().unwrap();
}
