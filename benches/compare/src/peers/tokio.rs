//! Echo servers on tokio's one-threaded runtime, TLS by tokio-native-tls.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_native_tls::TlsAcceptor;

use super::{Peer, announce, built_in, locked_version};
use crate::scenario::{ECHO_BUFFER, Service};
use crate::tls;

pub(super) const PEER: Peer = Peer {
    name: "tokio",
    version: || locked_version("tokio"),
    services: &[Service::Echo, Service::TlsEcho],
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
                Some(tls) => drop(tokio::spawn(secret(tls, stream))),
                None => drop(tokio::spawn(echo(stream))),
            }
        }
    })
}

async fn secret(tls: TlsAcceptor, stream: TcpStream) {
    if let Ok(stream) = tls.accept(stream).await {
        echo(stream).await;
    }
}

async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut buffer = [0; ECHO_BUFFER];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
    // With TLS, the farewell.
    let _ = stream.shutdown().await;
}
