use std::fmt;
use std::io;
use std::sync::Arc;

use native_tls::{Identity, Protocol, TlsAcceptor};

use super::session::reason;

/// The identity, a certificate with its private key, that a server shows to its TLS clients.
///
/// Load it once and clone it freely: clones share one identity.
///
/// Clients must speak TLS 1.2; older versions are refused. TLS 1.3 is not offered on OpenSSL, because native-tls 0.2
/// switches it off for servers.
///
/// A key that does not belong to the certificate is not noticed when it is loaded: every handshake then fails, with
/// "no shared cipher".
///
/// # Examples
///
/// ```no_run
/// use maypole_server::TlsConfig;
///
/// let config = TlsConfig::from_pem(&std::fs::read("cert.pem")?, &std::fs::read("key.pem")?)?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "SSLContext")]
#[doc(alias = "ssl_context")]
pub struct TlsConfig {
    acceptor: Arc<TlsAcceptor>,
}

impl TlsConfig {
    /// Reads an identity from a PKCS #12 archive (`.p12`, `.pfx`): certificate, key and the chain up to the authority.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidInput`](io::ErrorKind::InvalidInput) if `der` is no such archive, `password` does not open it,
    /// or the certificate or key is missing or of a kind the TLS library does not accept.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use maypole_server::TlsConfig;
    ///
    /// let config = TlsConfig::from_pkcs12(&std::fs::read("identity.p12")?, "the password")?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn from_pkcs12(der: &[u8], password: &str) -> io::Result<Self> {
        Identity::from_pkcs12(der, password)
            .and_then(Self::new)
            .map_err(|err| invalid("PKCS #12 identity", &err))
    }

    /// Reads an identity from PEM text: the server's certificate followed by those of the authorities
    /// between it and the root, and the private key as PKCS #8 (`-----BEGIN PRIVATE KEY-----`, not encrypted).
    ///
    /// `openssl pkcs8 -topk8 -nocrypt` turns a key of another form into PKCS #8.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidInput`](io::ErrorKind::InvalidInput) if there is no certificate, the key is not PKCS #8,
    /// or the TLS library does not accept either.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use maypole_server::TlsConfig;
    ///
    /// let config = TlsConfig::from_pem(&std::fs::read("cert.pem")?, &std::fs::read("key.pem")?)?;
    /// # std::io::Result::Ok(())
    /// ```
    #[doc(alias = "certfile")]
    #[doc(alias = "keyfile")]
    pub fn from_pem(cert_chain: &[u8], key_pkcs8: &[u8]) -> io::Result<Self> {
        Identity::from_pkcs8(cert_chain, key_pkcs8)
            .and_then(Self::new)
            .map_err(|err| invalid("PEM identity", &err))
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    fn new(identity: Identity) -> native_tls::Result<Self> {
        let acceptor = TlsAcceptor::builder(identity)
            .min_protocol_version(Some(Protocol::Tlsv12))
            .build()?;
        Ok(Self {
            acceptor: Arc::new(acceptor),
        })
    }
}

// Says nothing of what is inside: there is a private key.
impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConfig").finish_non_exhaustive()
    }
}

fn invalid(what: &str, err: &native_tls::Error) -> io::Error {
    let text = format!("cannot use this {what}: {}", reason(err));
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
