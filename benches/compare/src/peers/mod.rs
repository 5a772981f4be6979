//! The servers compared, one a file.

use std::net::SocketAddr;

use anyhow::{Result, bail};

mod hyper;
mod may_minihttp;
#[cfg(feature = "maypole")]
mod maypole;

/// All peers, in the order in which they run in a round.
pub(crate) const PEERS: &[Peer] = &[
    #[cfg(feature = "maypole")]
    maypole::PEER,
    may_minihttp::PEER,
    hyper::PEER,
];

/// A server that can be compared with the others.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// Its version, for the report.
    pub(crate) version: fn() -> String,
    /// Serves on this address, in a process of its own that is already pinned.
    ///
    /// Port 0 means "choose one and print it"; a peer that cannot refuses it. A
    /// peer that is another program `exec`s it here, so that the process keeps
    /// its id.
    pub(crate) serve: fn(SocketAddr) -> Result<()>,
}

pub(crate) fn find(name: &str) -> Result<&'static Peer> {
    match PEERS.iter().find(|peer| peer.name == name) {
        Some(peer) => Ok(peer),
        None => bail!("no peer {name:?}; --list lists them"),
    }
}

/// Tells which port was chosen when the caller left it open.
fn announce(asked: SocketAddr, bound: SocketAddr) {
    if asked.port() == 0 {
        eprintln!("listening on {bound}");
    }
}

/// The version of a package this binary was built with.
fn locked_version(package: &str) -> String {
    let lock = include_str!("../../Cargo.lock");
    let entry = format!("name = \"{package}\"\nversion = \"");
    let version = lock
        .split_once(&entry)
        .and_then(|(_, rest)| rest.split_once('"'));
    version.map_or("unknown", |(version, _)| version).to_owned()
}
