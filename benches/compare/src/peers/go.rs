//! Go's net/http, and echo servers in Go, if there is a compiler.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{Peer, become_program, folder, output};
use crate::scenario::Service;
use crate::tls::{CERT_FILE, KEY_FILE};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/peers/go/main.go");

pub(super) const PEER: Peer = Peer {
    name: "go",
    version: || version().unwrap_or_default(),
    services: &[
        Service::Http,
        Service::Https,
        Service::Close,
        Service::Stream,
        Service::Echo,
        Service::TlsEcho,
    ],
    prepare: || {
        let mut build = Command::new("go");
        build.args(["build", "-o"]).arg(program()?).arg(SOURCE);
        output(&mut build).map(drop)
    },
    serve,
};

fn version() -> Result<String> {
    let text = output(Command::new("go").arg("version"))?;
    Ok(text.replace("go version go", ""))
}

fn program() -> Result<PathBuf> {
    Ok(folder()?.join("go-server"))
}

fn serve(service: Service, addr: SocketAddr) -> Result<()> {
    become_program(
        Command::new(program()?)
            .args([service.name(), &addr.to_string(), CERT_FILE, KEY_FILE])
            .env("GOMAXPROCS", "1"),
    )
}
