//! The identity of all servers, and how they and the client speak TLS.

use anyhow::Result;
use native_tls::{Certificate, Identity, Protocol, TlsAcceptor, TlsConnector};

/// The folder that has them, for other programs.
macro_rules! identity {
    ($file:literal) => {
        concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../server/src/tls/testdata/",
            $file
        )
    };
}

/// A certificate for `localhost` with an ECDSA P-256 key.
pub(crate) const CERT_FILE: &str = identity!("cert.pem");
pub(crate) const KEY_FILE: &str = identity!("key.pem");
pub(crate) const CERT: &[u8] = include_bytes!(identity!("cert.pem"));
pub(crate) const KEY: &[u8] = include_bytes!(identity!("key.pem"));

/// For peers that use native-tls.
pub(crate) fn acceptor() -> Result<TlsAcceptor> {
    let identity = Identity::from_pkcs8(CERT, KEY)?;
    Ok(TlsAcceptor::builder(identity)
        .min_protocol_version(Some(Protocol::Tlsv12))
        .build()?)
}

/// For the client. TLS 1.2 with every peer: native-tls serves no later one. It
/// resumes no session.
pub(crate) fn connector() -> Result<TlsConnector> {
    Ok(TlsConnector::builder()
        .disable_built_in_roots(true)
        .add_root_certificate(Certificate::from_pem(CERT)?)
        .max_protocol_version(Some(Protocol::Tlsv12))
        .build()?)
}
