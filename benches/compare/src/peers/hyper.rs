//! hyper on tokio's one-threaded runtime, TLS by tokio-native-tls.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::Result;
use http_body_util::{Either, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_native_tls::TlsAcceptor;

use super::{Peer, announce, built_in, locked_version};
use crate::scenario::{self, Service};
use crate::tls;

pub(super) const PEER: Peer = Peer {
    name: "hyper",
    version: || {
        format!(
            "{} on tokio {}",
            locked_version("hyper"),
            locked_version("tokio")
        )
    },
    services: &[
        Service::Http,
        Service::Https,
        Service::Close,
        Service::Stream,
    ],
    prepare: built_in,
    serve,
};

fn serve(service: Service, addr: SocketAddr) -> Result<()> {
    let tls = match service.is_tls() {
        true => Some(TlsAcceptor::from(tls::acceptor()?)),
        false => None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(addr).await?;
        announce(addr, listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            match tls.clone() {
                Some(tls) => drop(tokio::spawn(secret(tls, stream, service))),
                None => drop(tokio::spawn(connection(stream, service))),
            }
        }
    })
}

async fn secret(tls: TlsAcceptor, stream: TcpStream, service: Service) {
    if let Ok(stream) = tls.accept(stream).await {
        connection(stream, service).await;
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, service: Service) {
    // The error is of no interest: the client going away at the end of a run is one.
    let _ = http1::Builder::new()
        // With it hyper puts a whole body into memory.
        .pipeline_flush(service != Service::Stream)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
}

type Answer = Either<Full<Bytes>, Endless>;

async fn answer(request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
    let full = |body: &'static str| Either::Left(Full::new(Bytes::from_static(body.as_bytes())));
    let (status, body) = match request.uri().path() {
        scenario::PATH => (StatusCode::OK, full(scenario::BODY)),
        scenario::STREAM_PATH => (StatusCode::OK, Either::Right(Endless::new())),
        _ => (StatusCode::NOT_FOUND, full(scenario::NOT_FOUND_BODY)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static(scenario::CONTENT_TYPE),
    );
    Ok(response)
}

/// The streamed body, whose size hyper is not told.
struct Endless {
    left: usize,
}

impl Endless {
    fn new() -> Self {
        Self {
            left: scenario::STREAM_SIZE,
        }
    }
}

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= scenario::PIECE.len();
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&scenario::PIECE)))))
    }
}
