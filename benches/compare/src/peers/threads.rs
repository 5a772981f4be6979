//! An echo server with a thread of std for each connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::Result;

use super::{Peer, announce, built_in};
use crate::scenario::{ECHO_BUFFER, Service};

/// Enough for the buffer.
const STACK_SIZE: usize = 64 * 1024;

pub(super) const PEER: Peer = Peer {
    name: "threads",
    version: || "of std".to_owned(),
    services: &[Service::Echo],
    prepare: built_in,
    serve,
};

fn serve(_: Service, addr: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(addr)?;
    announce(addr, listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        thread::Builder::new()
            .stack_size(STACK_SIZE)
            .spawn(move || echo(stream))?;
    }
    Ok(())
}

fn echo(mut stream: TcpStream) {
    let mut buffer = [0; ECHO_BUFFER];
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
}
