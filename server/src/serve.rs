//! What is done with a connection, from its first byte to its end.

use std::io;
use std::sync::Arc;

use maypole_runtime::catch_panic;

use crate::Addr;
#[cfg(feature = "tls")]
use crate::accept::Greet;
use crate::accept::Serve;
use crate::counters::Counts;
use crate::network::Network;
use crate::proxy_protocol;
use crate::report;
use crate::stream::Stream;
#[cfg(feature = "tls")]
use crate::tls::{self, TlsConfig};

/// The whole of it: the handshake if there is TLS, then the handler.
pub(crate) fn serve<F>(
    label: String,
    counts: Arc<Counts>,
    handler: Arc<F>,
    proxies: Arc<[Network]>,
    #[cfg(feature = "tls")] tls: Option<TlsConfig>,
) -> Serve
where
    F: Fn(Stream, Addr) -> io::Result<()> + Send + Sync + 'static,
{
    Arc::new(move |stream, peer| {
        let served = catch_panic(|| {
            let client = begin(&stream, &peer, &proxies)?;
            #[cfg(feature = "tls")]
            if let Some(config) = &tls {
                return match shake_hands(config, stream, &label, &peer, &counts) {
                    Some(stream) => handler(stream, client),
                    None => Ok(()),
                };
            }
            handler(stream, client)
        });
        report::failed(&label, &peer, served, &counts);
    })
}

/// The same in two steps: the handshake, and what it leaves to do.
#[cfg(feature = "tls")]
pub(crate) fn greet<F>(
    label: String,
    counts: Arc<Counts>,
    handler: Arc<F>,
    proxies: Arc<[Network]>,
    config: TlsConfig,
) -> Greet
where
    F: Fn(Stream, Addr) -> io::Result<()> + Send + Sync + 'static,
{
    Arc::new(move |stream, peer| {
        let client = match begin(&stream, &peer, &proxies) {
            Ok(client) => client,
            Err(error) => {
                report::failed(&label, &peer, Ok(Err(error)), &counts);
                return None;
            }
        };
        let stream = shake_hands(&config, stream, &label, &peer, &counts)?;
        let (label, counts, handler) = (label.clone(), counts.clone(), handler.clone());
        Some(Box::new(move || {
            let served = catch_panic(|| handler(stream, client));
            report::failed(&label, &peer, served, &counts);
        }))
    })
}

/// The client's address: by the word of the proxy, where the peer is one.
#[inline(never)] // over before the handler runs
fn begin(stream: &Stream, peer: &Addr, proxies: &[Network]) -> io::Result<Addr> {
    let (Some(tcp), Some(addr)) = (stream.get_ref().as_tcp(), peer.inet()) else {
        return Ok(peer.clone());
    };
    // Answers go out as they are written; see README, "Speed".
    tcp.set_nodelay(true)?;
    proxy_protocol::peer(tcp, addr, proxies).map(Addr::from)
}

#[cfg(feature = "tls")]
#[inline(never)] // not on the stack of who has no TLS
fn shake_hands(
    config: &TlsConfig,
    stream: Stream,
    label: &str,
    peer: &Addr,
    counts: &Counts,
) -> Option<Stream> {
    match stream.secured(|socket| tls::accept(config, socket)) {
        Ok(stream) => Some(stream),
        Err(error) => {
            // A client's mistake, or a stranger's port scan.
            counts.handshake_failure();
            log::debug!("{label}: no TLS connection from {peer}: {error}");
            None
        }
    }
}
