//! maypole's streaming server on its one hub.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;
use http::StatusCode;
use maypole::pywsgi::WsgiServer;

use super::{Peer, locked_version};
use crate::scenario;

pub(super) const PEER: Peer = Peer {
    name: "maypole",
    version: || format!("{} {}", locked_version("maypole"), revision()),
    serve,
};

fn serve(addr: SocketAddr) -> Result<()> {
    let server = WsgiServer::bind(addr, |env, start_response| match env.path_info() {
        scenario::PATH => start_response
            .header("Content-Type", scenario::CONTENT_TYPE)
            .send(StatusCode::OK, scenario::BODY.as_bytes()),
        _ => start_response
            .header("Content-Type", scenario::CONTENT_TYPE)
            .send(StatusCode::NOT_FOUND, scenario::NOT_FOUND_BODY.as_bytes()),
    })?;
    server.serve_forever()?;
    Ok(())
}

/// The commit of the tree, which may differ from the one this was built from.
fn revision() -> String {
    let described = Command::new("git")
        .args(["--no-optional-locks", "-C", env!("CARGO_MANIFEST_DIR")])
        .args(["describe", "--always", "--dirty", "--exclude=*"])
        .output();
    match described {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "of unknown revision".to_owned(),
    }
}
