//! hyper on tokio's one-threaded runtime.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::Result;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::{Peer, announce, locked_version};
use crate::scenario;

pub(super) const PEER: Peer = Peer {
    name: "hyper",
    version: || {
        format!(
            "{} on tokio {}",
            locked_version("hyper"),
            locked_version("tokio")
        )
    },
    serve,
};

fn serve(addr: SocketAddr) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(addr).await?;
        announce(addr, listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(connection(stream));
        }
    })
}

async fn connection(stream: TcpStream) {
    // The error is of no interest: the client going away at the end of a run is one.
    let _ = http1::Builder::new()
        .pipeline_flush(true)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = match request.uri().path() {
        scenario::PATH => (StatusCode::OK, scenario::BODY),
        _ => (StatusCode::NOT_FOUND, scenario::NOT_FOUND_BODY),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static(scenario::CONTENT_TYPE),
    );
    Ok(response)
}
