//! maypole's streaming server, and echo servers, on its one hub.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;
use http::StatusCode;
use maypole::http::{Environ, StartResponse};
use maypole::pywsgi::WsgiServer;
use maypole::server::{Stream, StreamServer, TlsConfig};

use super::{Peer, built_in, locked_version};
use crate::scenario::{self, ECHO_BUFFER, Service};
use crate::tls;

pub(super) const PEER: Peer = Peer {
    name: "maypole",
    version: || format!("{} {}", locked_version("maypole"), revision()),
    services: &[
        Service::Http,
        Service::Https,
        Service::Post,
        Service::Close,
        Service::Stream,
        Service::Echo,
        Service::TlsEcho,
    ],
    prepare: built_in,
    serve,
};

fn serve(service: Service, addr: SocketAddr) -> Result<()> {
    let tls = TlsConfig::from_pem(tls::CERT, tls::KEY)?;
    if service.is_echo() {
        let mut builder = StreamServer::builder();
        if service.is_tls() {
            builder = builder.tls(tls);
        }
        builder
            .bind(addr, |stream, _| echo(stream))?
            .serve_forever()?;
    } else {
        let mut builder = WsgiServer::builder().keep_alive_timeout(scenario::KEEP_ALIVE);
        if service.is_tls() {
            builder = builder.tls(tls);
        }
        builder.bind(addr, answer)?.serve_forever()?;
    }
    Ok(())
}

fn echo(mut stream: Stream) -> io::Result<()> {
    let mut buffer = [0; ECHO_BUFFER];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n])?,
        }
    }
}

/// The application of both servers.
pub(super) fn answer(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    let start_response = start_response.header("Content-Type", scenario::CONTENT_TYPE);
    match env.path_info() {
        scenario::PATH => start_response.send(StatusCode::OK, scenario::BODY.as_bytes()),
        scenario::UPLOAD_PATH => {
            let mut body = Vec::new();
            env.input().read_to_end(&mut body)?;
            assert_eq!(body.len(), scenario::UPLOAD_SIZE);
            start_response.send(StatusCode::OK, scenario::BODY.as_bytes())
        }
        scenario::STREAM_PATH => {
            let mut body = start_response.start(StatusCode::OK)?;
            for _ in 0..scenario::STREAM_SIZE / scenario::PIECE.len() {
                body.write_all(&scenario::PIECE)?;
            }
            Ok(())
        }
        _ => start_response.send(StatusCode::NOT_FOUND, scenario::NOT_FOUND_BODY.as_bytes()),
    }
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
