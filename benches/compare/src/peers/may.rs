//! An echo server on raw `may`, on one worker.

use std::io::{Read, Write};
use std::net::SocketAddr;

use anyhow::Result;
use may::net::{TcpListener, TcpStream};

use super::{Peer, announce, built_in, locked_version};
use crate::scenario::{ECHO_BUFFER, Service};

pub(super) const PEER: Peer = Peer {
    name: "may",
    version: || locked_version("may"),
    services: &[Service::Echo],
    prepare: built_in,
    serve,
};

fn serve(_: Service, addr: SocketAddr) -> Result<()> {
    may::config().set_workers(1).set_worker_pin(false);
    let listener = TcpListener::bind(addr)?;
    announce(addr, listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        may::go!(move || echo(stream));
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
