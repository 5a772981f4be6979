//! The servers compared, one a file.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::scenario::Service;

mod actix;
mod gevent;
mod go;
mod gunicorn;
#[cfg(feature = "native")]
mod hubs;
mod hyper;
mod may;
mod may_minihttp;
#[cfg(feature = "maypole")]
mod maypole;
#[cfg(all(feature = "maypole", not(feature = "native")))]
mod native;
mod nginx;
pub(crate) mod python;
mod threads;
mod tokio;
#[cfg(feature = "maypole")]
mod wsgi;

/// All peers, in the order in which they run in a round.
pub(crate) const PEERS: &[Peer] = &[
    #[cfg(feature = "maypole")]
    maypole::PEER,
    #[cfg(all(feature = "maypole", not(feature = "native")))]
    native::PEER,
    #[cfg(feature = "maypole")]
    wsgi::PEER,
    may_minihttp::PEER,
    may::PEER,
    hyper::PEER,
    tokio::PEER,
    actix::PEER,
    nginx::PEER,
    go::PEER,
    threads::PEER,
    gevent::PEER,
    gunicorn::PEER,
];

/// Peers that run only when they are named.
const EXPERIMENTS: &[Peer] = &[
    #[cfg(feature = "native")]
    hubs::LOAD,
    #[cfg(feature = "native")]
    hubs::REUSEPORT,
];

/// A server that can be compared with the others.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// Its version, for the report.
    pub(crate) version: fn() -> String,
    /// What it can do.
    pub(crate) services: &'static [Service],
    /// Called once before it is used; an error says why it is not there.
    pub(crate) prepare: fn() -> Result<()>,
    /// Serves on this address, in a process of its own that is already pinned.
    ///
    /// Port 0 means "choose one and print it"; a peer that cannot refuses it. A
    /// peer that is another program `exec`s it here, so that the process keeps
    /// its id.
    pub(crate) serve: fn(Service, SocketAddr) -> Result<()>,
}

pub(crate) fn find(name: &str) -> Result<&'static Peer> {
    let mut all = PEERS.iter().chain(EXPERIMENTS);
    match all.find(|peer| peer.name == name) {
        Some(peer) => Ok(peer),
        None => bail!("no peer {name:?}; --list lists them"),
    }
}

/// Of a peer that is in this program.
fn built_in() -> Result<()> {
    Ok(())
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

/// Becomes another program.
fn become_program(command: &mut Command) -> Result<()> {
    let error = command.exec();
    Err(error).with_context(|| format!("cannot run {}", command.get_program().display()))
}

/// What a command prints, or why there is nothing.
fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().display().to_string();
    let output = command.output().with_context(|| name.clone())?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        bail!("{name}: {}", text.trim());
    }
    Ok(text.trim().to_owned())
}

/// A folder for what peers need: `peers` in the package's `target`.
fn folder() -> Result<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/peers"));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
