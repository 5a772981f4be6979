//! gevent's servers, where a Python has it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{Peer, become_program, python};
use crate::scenario::Service;
use crate::tls::{CERT_FILE, KEY_FILE};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/peers/gevent/server.py");

pub(super) const PEER: Peer = Peer {
    name: "gevent",
    version: || python().map_or_else(|_| String::new(), |(_, version)| version),
    services: &[
        Service::Http,
        Service::Https,
        Service::Close,
        Service::Stream,
        Service::Echo,
        Service::TlsEcho,
    ],
    prepare: || python().map(drop),
    serve,
};

/// A Python that has gevent, and gevent's version.
fn python() -> Result<(PathBuf, String)> {
    python::find(
        "gevent",
        "import gevent, platform; print(gevent.__version__, 'on Python', platform.python_version())",
    )
}

fn serve(service: Service, addr: SocketAddr) -> Result<()> {
    let (python, _) = python()?;
    become_program(Command::new(python).args([
        SOURCE,
        service.name(),
        &addr.port().to_string(),
        CERT_FILE,
        KEY_FILE,
    ]))
}
