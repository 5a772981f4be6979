//! An experiment: how connections get to two hubs of the native engine. One
//! accept loop that hands each to the hub with the fewest greenlets, which is
//! what the servers do, or a listener with `SO_REUSEPORT` for each hub, among
//! which the kernel chooses.
//!
//! Both echo after 20 µs of computing, so that a hub and not the client is the
//! limit, on all cores. Only by name: `--peer hubs-load,hubs-reuseport`.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::Result;
use maypole::net::{TcpListener, TcpStream};
use maypole::{Builder, Greenlet, Hub, spawn_on};
use rustix::net::{AddressFamily, SocketType, bind, listen, socket, sockopt};

use super::{Peer, built_in};
use crate::scenario::{ECHO_BUFFER, Service};
use crate::server;

const HUBS: usize = 2;
const BACKLOG: i32 = 1024;
/// What the handler does for each message.
const WORK: Duration = Duration::from_micros(20);

pub(super) const LOAD: Peer = Peer {
    name: "hubs-load",
    version: || "one listener, handed over by load".to_owned(),
    services: &[Service::Echo],
    prepare: built_in,
    serve: |_, addr| {
        start()?;
        let listener = listener(addr)?;
        // Not on the hub of the accept loop, but on the one with the least to do.
        accept(&listener, || Builder::new().least_loaded())
    },
};

pub(super) const REUSEPORT: Peer = Peer {
    name: "hubs-reuseport",
    version: || "a listener for each hub".to_owned(),
    services: &[Service::Echo],
    prepare: built_in,
    serve: |_, addr| {
        start()?;
        let listeners: Vec<TcpListener> =
            (0..HUBS).map(|_| listener(addr)).collect::<Result<_>>()?;
        let loops: Vec<Greenlet<Result<()>>> = listeners
            .into_iter()
            .enumerate()
            .map(|(hub, listener)| spawn_on(hub, move || accept(&listener, Builder::new)))
            .collect();
        for one in loops {
            one.get()??;
        }
        Ok(())
    },
};

fn start() -> Result<()> {
    let cores = 0..available_parallelism().map_or(1, usize::from).max(HUBS);
    server::pin_to(cores)?;
    Ok(Hub::threads(HUBS)?)
}

fn listener(addr: SocketAddr) -> Result<TcpListener> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    bind(&socket, &addr)?;
    listen(&socket, BACKLOG)?;
    Ok(std::net::TcpListener::from(socket).try_into()?)
}

fn accept(listener: &TcpListener, place: fn() -> Builder) -> Result<()> {
    loop {
        let (stream, _) = listener.accept()?;
        drop(place().spawn(move || echo(stream))?);
    }
}

fn echo(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut buffer = [0; ECHO_BUFFER];
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        let start = Instant::now();
        while start.elapsed() < WORK {
            black_box(&buffer);
        }
        if stream.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
}
