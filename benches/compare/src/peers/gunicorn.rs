//! gunicorn with one gevent worker, where a Python has both: two processes, a
//! master that waits and the worker.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{Peer, become_program, python};
use crate::scenario::{KEEP_ALIVE, Service};
use crate::tls::{CERT_FILE, KEY_FILE};

/// The folder of the application.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/peers/gunicorn");
/// More than any scenario opens; the default is 1000.
const CONNECTIONS: &str = "15000";

pub(super) const PEER: Peer = Peer {
    name: "gunicorn",
    version: || python().map_or_else(|_| String::new(), |(_, version)| version),
    services: &[
        Service::Http,
        Service::Https,
        Service::Close,
        Service::Stream,
    ],
    prepare: || python().map(drop),
    serve,
};

/// A Python that has gunicorn and gevent, and their versions.
fn python() -> Result<(PathBuf, String)> {
    python::find(
        "gunicorn and gevent",
        "import gunicorn.workers.ggevent, gevent; print(gunicorn.__version__, 'on gevent', gevent.__version__)",
    )
}

fn serve(service: Service, addr: SocketAddr) -> Result<()> {
    let (python, _) = python()?;
    let mut command = Command::new(python);
    command
        .args(["-m", "gunicorn", "app:answer", "--chdir", FOLDER])
        .args(["--worker-class", "gevent", "--workers", "1"])
        .args(["--worker-connections", CONNECTIONS])
        .args(["--keep-alive", &KEEP_ALIVE.as_secs().to_string()])
        .args(["--backlog", "1024", "--bind", &addr.to_string()])
        .arg("--no-control-socket") // it would be in the home folder
        .env("PYTHONDONTWRITEBYTECODE", "1");
    if service.is_tls() {
        command.args(["--certfile", CERT_FILE, "--keyfile", KEY_FILE]);
    }
    become_program(&mut command)
}
