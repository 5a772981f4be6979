//! maypole on its native engine, beside maypole on `may`: this program built a
//! second time, since an engine is chosen for a whole program.

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::{Peer, become_program};
use crate::scenario::Service;

/// Arguments of cargo, in this package's folder.
const BUILD: [&str; 7] = [
    "build",
    "--release",
    "--locked",
    "--features",
    "native",
    "--target-dir",
    "target/native",
];

pub(super) const PEER: Peer = Peer {
    name: "native",
    version: || "maypole on its own engine".to_owned(),
    services: super::maypole::PEER.services,
    prepare: build,
    serve,
};

fn build() -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(BUILD)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .status()
        .context("cargo")?;
    ensure!(status.success(), "cargo {}: {status}", BUILD.join(" "));
    Ok(())
}

fn serve(service: Service, addr: SocketAddr) -> Result<()> {
    become_program(Command::new(program()).args([
        "serve",
        super::maypole::PEER.name,
        &addr.port().to_string(),
        "--service",
        service.name(),
    ]))
}

fn program() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/target/native/release/compare").into()
}
