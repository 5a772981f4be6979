//! maypole's buffered server, told to keep connections.

use std::net::SocketAddr;

use anyhow::Result;
use maypole::wsgi::WsgiServer;

use super::maypole::answer;
use super::{Peer, built_in};
use crate::scenario::{KEEP_ALIVE, Service};

pub(super) const PEER: Peer = Peer {
    name: "wsgi",
    version: || "maypole's buffered server".to_owned(),
    services: &[Service::Http, Service::Post],
    prepare: built_in,
    serve,
};

fn serve(_: Service, addr: SocketAddr) -> Result<()> {
    WsgiServer::builder()
        .keep_alive(true)
        .keep_alive_timeout(KEEP_ALIVE)
        .bind(addr, answer)?
        .serve_forever()?;
    Ok(())
}
