//! actix-web with one worker.

use std::net::SocketAddr;

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Result;

use super::{Peer, announce, built_in, locked_version};
use crate::scenario::{self, Service};

pub(super) const PEER: Peer = Peer {
    name: "actix-web",
    version: || locked_version("actix-web"),
    services: &[Service::Http, Service::Close],
    prepare: built_in,
    serve,
};

fn serve(_: Service, addr: SocketAddr) -> Result<()> {
    actix_web::rt::System::new().block_on(async {
        let app = || {
            App::new()
                .route(scenario::PATH, web::get().to(hello))
                .default_service(web::to(not_found))
        };
        let server = HttpServer::new(app)
            .workers(1)
            .keep_alive(scenario::KEEP_ALIVE)
            .bind(addr)?;
        for bound in server.addrs() {
            announce(addr, bound);
        }
        Ok(server.run().await?)
    })
}

async fn hello() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("Content-Type", scenario::CONTENT_TYPE))
        .body(scenario::BODY)
}

async fn not_found() -> HttpResponse {
    HttpResponse::NotFound()
        .insert_header(("Content-Type", scenario::CONTENT_TYPE))
        .body(scenario::NOT_FOUND_BODY)
}
