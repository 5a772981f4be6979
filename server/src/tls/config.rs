use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use native_tls::{Identity, Protocol, TlsAcceptor};
use parking_lot::RwLock;

use super::hello::try_with_a_client;
use super::session::reason;

/// The longest TLS handshake. Enough for a slow mobile link; a client that says
/// nothing must not hold a greenlet for longer.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How the one kind of private key that native-tls reads begins.
const PKCS8: &[u8] = b"-----BEGIN PRIVATE KEY-----";

const NO_PKCS8: &str =
    "the private key is not PKCS #8 PEM; `openssl pkcs8 -topk8 -nocrypt` makes it so";

/// The identity, a certificate with its private key, that a server shows to its TLS clients, and how it does so.
///
/// Load it once and clone it freely. Clones share it: [`reload`](Self::reload) through one of them, for a certificate
/// that has been renewed, holds for all servers that were given another.
///
/// # What native-tls does not offer
///
/// - **TLS 1.3.** Servers on OpenSSL, which is the backend on Linux, speak TLS 1.2: native-tls 0.2 sets them up by
///   `SslAcceptor::mozilla_intermediate`, which switches 1.3 off, and has nothing to switch it on.
/// - **Client certificates.** Its servers ask for none, on any backend. Put a proxy in front that does.
/// - **Several identities by the client's server name (SNI).** One certificate may name many hosts.
///
/// # Examples
///
/// ```no_run
/// use maypole_server::{StreamServer, TlsConfig};
///
/// let config = TlsConfig::from_pem(&std::fs::read("cert.pem")?, &std::fs::read("key.pem")?)?;
/// let server = StreamServer::builder()
///     .tls(config)
///     .bind("127.0.0.1:4433", |stream, _peer| {
///         assert!(stream.is_tls());
///         Ok(())
///     })?;
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "ssl_args")]
#[doc(alias = "ssl")]
#[derive(Clone)]
#[doc(alias = "SSLContext")]
#[doc(alias = "ssl_context")]
pub struct TlsConfig {
    settings: Arc<RwLock<Settings>>,
}

/// What a handshake needs to know.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) acceptor: TlsAcceptor,
    pub(super) handshake_timeout: Duration,
}

impl TlsConfig {
    /// Reads an identity from a PKCS #12 archive (`.p12`, `.pfx`): certificate, key and the chain up to the authority.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidInput`](io::ErrorKind::InvalidInput) if `der` is no such archive, `password` does not open it,
    /// the certificate or key is missing or of a kind the TLS library does not accept, or they do not belong together.
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
        Self::builder().pkcs12(der, password)
    }

    /// Reads an identity from PEM text: the server's certificate followed by those of the authorities
    /// between it and the root, and the private key as PKCS #8 (`-----BEGIN PRIVATE KEY-----`, not encrypted).
    ///
    /// Other text around them is ignored, so both may be one file.
    /// `openssl pkcs8 -topk8 -nocrypt` turns a key of another form into PKCS #8.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidInput`](io::ErrorKind::InvalidInput) if there is no certificate, the key is not PKCS #8,
    /// the TLS library does not accept either, or they do not belong together.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use maypole_server::TlsConfig;
    ///
    /// let both = std::fs::read("server.pem")?;
    /// let config = TlsConfig::from_pem(&both, &both)?;
    /// # std::io::Result::Ok(())
    /// ```
    #[doc(alias = "certfile")]
    #[doc(alias = "keyfile")]
    pub fn from_pem(cert_chain: &[u8], key_pkcs8: &[u8]) -> io::Result<Self> {
        Self::builder().pem(cert_chain, key_pkcs8)
    }

    /// Options, before an identity is loaded.
    ///
    /// See the example of [`TlsConfigBuilder`].
    pub fn builder() -> TlsConfigBuilder {
        TlsConfigBuilder {
            min_version: TlsVersion::Tls12,
            handshake_timeout: HANDSHAKE_TIMEOUT,
        }
    }

    /// Takes over identity and options of `new`, for all clones of this configuration.
    ///
    /// Handshakes that begin later use it. Connections go on as they are; no listener is closed, no client turned away.
    /// Never blocks.
    ///
    /// An identity that cannot be loaded never gets here, so the old one stays in use.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::{fs, io};
    /// use maypole_server::TlsConfig;
    ///
    /// fn load() -> io::Result<TlsConfig> {
    ///     TlsConfig::from_pem(&fs::read("cert.pem")?, &fs::read("key.pem")?)
    /// }
    ///
    /// let config = load()?;
    /// let in_use = config.clone(); // for the server's builder
    /// // Later, say on SIGHUP:
    /// match load() {
    ///     Ok(new) => config.reload(new),
    ///     Err(error) => eprintln!("the old certificate stays: {error}"),
    /// }
    /// # io::Result::Ok(())
    /// ```
    pub fn reload(&self, new: Self) {
        // Not both locks at once: it may be the same.
        let new = new.settings();
        *self.settings.write() = new;
    }

    pub(super) fn settings(&self) -> Settings {
        self.settings.read().clone()
    }
}

// Says nothing of what is inside: there is a private key.
impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConfig").finish_non_exhaustive()
    }
}

/// Options of a [`TlsConfig`]; [`pem`](Self::pem) or [`pkcs12`](Self::pkcs12) makes it.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use maypole_server::TlsConfig;
///
/// let config = TlsConfig::builder()
///     .handshake_timeout(Duration::from_secs(3))
///     .pem(&std::fs::read("cert.pem")?, &std::fs::read("key.pem")?)?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until an identity is loaded"]
pub struct TlsConfigBuilder {
    min_version: TlsVersion,
    handshake_timeout: Duration,
}

impl TlsConfigBuilder {
    /// The oldest version that clients may speak: TLS 1.2 by default, which RFC 9325 asks for.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use maypole_server::{TlsConfig, TlsVersion};
    ///
    /// let config = TlsConfig::builder()
    ///     .min_version(TlsVersion::Tls12)
    ///     .pkcs12(&std::fs::read("identity.p12")?, "the password")?;
    /// # std::io::Result::Ok(())
    /// ```
    #[doc(alias = "ssl_version")]
    #[doc(alias = "minimum_version")]
    pub fn min_version(mut self, version: TlsVersion) -> Self {
        self.min_version = version;
        self
    }

    /// How long a handshake may take, from the connection on: ten seconds by default.
    ///
    /// A client that takes longer is disconnected, which frees what it held.
    ///
    /// See the example of [`TlsConfigBuilder`].
    pub fn handshake_timeout(mut self, limit: Duration) -> Self {
        self.handshake_timeout = limit;
        self
    }

    /// Loads an identity as [`TlsConfig::from_pem`] does.
    ///
    /// # Errors
    ///
    /// Those of [`TlsConfig::from_pem`], and [`Unsupported`](io::ErrorKind::Unsupported) for a
    /// [`min_version`](Self::min_version) that the TLS library cannot serve.
    ///
    /// See the example of [`TlsConfigBuilder`].
    pub fn pem(&self, cert_chain: &[u8], key_pkcs8: &[u8]) -> io::Result<TlsConfig> {
        // native-tls wants the key to begin with its first byte.
        let start = key_pkcs8.windows(PKCS8.len()).position(|at| at == PKCS8);
        let start = start.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, NO_PKCS8))?;
        self.build(
            "PEM identity",
            Identity::from_pkcs8(cert_chain, &key_pkcs8[start..]),
        )
    }

    /// Loads an identity as [`TlsConfig::from_pkcs12`] does.
    ///
    /// # Errors
    ///
    /// Those of [`TlsConfig::from_pkcs12`], and [`Unsupported`](io::ErrorKind::Unsupported) for a
    /// [`min_version`](Self::min_version) that the TLS library cannot serve.
    ///
    /// See the example of [`min_version`](Self::min_version).
    pub fn pkcs12(&self, der: &[u8], password: &str) -> io::Result<TlsConfig> {
        self.build("PKCS #12 identity", Identity::from_pkcs12(der, password))
    }

    fn build(&self, what: &str, identity: native_tls::Result<Identity>) -> io::Result<TlsConfig> {
        let min_version = self.min_version.protocol()?;
        let acceptor = identity
            .and_then(|identity| {
                TlsAcceptor::builder(identity)
                    .min_protocol_version(Some(min_version))
                    .build()
            })
            .map_err(|err| {
                let text = format!("cannot use this {what}: {}", reason(&err));
                io::Error::new(io::ErrorKind::InvalidInput, text)
            })?;
        try_with_a_client(&acceptor)?;
        Ok(TlsConfig {
            settings: Arc::new(RwLock::new(Settings {
                acceptor,
                handshake_timeout: self.handshake_timeout,
            })),
        })
    }
}

/// A version of TLS.
///
/// See the example of [`TlsConfigBuilder::min_version`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.0, which RFC 8996 forbids. OpenSSL 3 refuses it too, unless the system's configuration lowers its security level.
    Tls10,
    /// TLS 1.1, of which the same is true.
    Tls11,
    /// TLS 1.2, the default.
    Tls12,
    /// TLS 1.3, which native-tls does not offer to servers on OpenSSL: as the oldest version it is an error.
    Tls13,
}

impl TlsVersion {
    fn protocol(self) -> io::Result<Protocol> {
        match self {
            Self::Tls10 => Ok(Protocol::Tlsv10),
            Self::Tls11 => Ok(Protocol::Tlsv11),
            Self::Tls12 => Ok(Protocol::Tlsv12),
            Self::Tls13 => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "native-tls offers servers no TLS 1.3 on OpenSSL",
            )),
        }
    }
}
