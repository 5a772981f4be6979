//! may_minihttp as it is published, on one worker.

use std::io::{self, Read};
use std::net::SocketAddr;

use anyhow::{Result, anyhow, ensure};
use may_minihttp::{HttpServer, HttpService, Request, Response};

use super::{Peer, built_in, locked_version};
use crate::scenario::{self, Service};

pub(super) const PEER: Peer = Peer {
    name: "may_minihttp",
    version: || {
        format!(
            "{} on may {}",
            locked_version("may_minihttp"),
            locked_version("may")
        )
    },
    services: &[Service::Http, Service::Post],
    prepare: built_in,
    serve,
};

fn serve(_: Service, addr: SocketAddr) -> Result<()> {
    ensure!(addr.port() != 0, "may_minihttp cannot tell a chosen port");
    may::config().set_workers(1).set_worker_pin(false);
    let server = HttpServer(Hello).start(addr)?;
    server
        .join()
        .map_err(|_| anyhow!("the accept loop panicked"))
}

#[derive(Clone)]
struct Hello;

impl HttpService for Hello {
    fn call(
        &mut self,
        request: Request<'_, '_, '_>,
        response: &mut Response<'_>,
    ) -> io::Result<()> {
        response.header("Content-Type: text/html");
        match request.path() {
            scenario::PATH => response.body(scenario::BODY),
            scenario::UPLOAD_PATH => {
                let mut body = Vec::new();
                request.body().read_to_end(&mut body)?;
                assert_eq!(body.len(), scenario::UPLOAD_SIZE);
                response.body(scenario::BODY);
            }
            _ => response
                .status_code(404, "Not Found")
                .body(scenario::NOT_FOUND_BODY),
        }
        Ok(())
    }
}
