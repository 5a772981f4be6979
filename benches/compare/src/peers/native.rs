//! maypole on its native engine, beside maypole on `may`: this program built a
//! second time, since an engine is chosen for a whole program.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use super::{Peer, become_program};
use crate::scenario::Service;

const BUILD: &str = "cargo build --release --features native --target-dir target/native";

pub(super) const PEER: Peer = Peer {
    name: "native",
    version: || "maypole on its own engine".to_owned(),
    services: super::maypole::PEER.services,
    prepare: || {
        let program = program();
        ensure!(program.exists(), "built by: {BUILD}");
        Ok(())
    },
    serve,
};

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
