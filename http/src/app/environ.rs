//! The request as the application sees it.

use std::cell::OnceCell;
use std::fmt;
use std::net::SocketAddr;

use http::{Method, Version};
use maypole_server::Addr;

use crate::proto::{BodyFraming, Head};

use super::forwarded::Origin;
use super::input::Input;
use super::server::Server;
use super::vars::percent_decode;

/// A request: its head, where it came from, and its body.
///
/// Typed accessors for what is used most, and [`var`](Self::var) for every name
/// that CGI and WSGI know. `Debug` shows no header values, so that cookies and
/// credentials stay out of reports.
///
/// # Examples
///
/// ```
/// use maypole_http::{StatusCode, pywsgi::WsgiServer};
///
/// let server = WsgiServer::bind("127.0.0.1:0", |env, start_response| {
///     // PUT /caf%C3%A9?size=2 HTTP/1.1, with a body of five bytes
///     assert_eq!(env.method(), "PUT");
///     assert_eq!(env.target(), "/caf%C3%A9?size=2");
///     assert_eq!(env.path_info(), "/café");
///     assert_eq!(env.query_string(), "size=2");
///     assert_eq!(format!("{:?}", env.version()), "HTTP/1.1");
///     assert_eq!(env.host(), Some("example.org"));
///     assert_eq!(env.scheme(), "http");
///     assert_eq!(env.header("host"), Some(&b"example.org"[..]));
///     assert!(env.headers().any(|(name, _)| name == "Content-Length"));
///     assert!(env.peer_addr().is_some_and(|peer| peer.ip().is_loopback()));
///     assert!(env.local_addr().inet().is_some());
///     assert!(!env.asks_for_upgrade("websocket"));
///     assert_eq!(env.content_length(), Some(5));
///     let body = std::io::read_to_string(env.input())?;
///     start_response.send(StatusCode::OK, body)
/// })?;
/// server.start()?;
/// # use std::io::{Read, Write};
/// # let mut client = std::net::TcpStream::connect(server.local_addr())?;
/// # client.write_all(b"PUT /caf%C3%A9?size=2 HTTP/1.1\r\nHost: example.org\r\n")?;
/// # client.write_all(b"Connection: close\r\nContent-Length: 5\r\n\r\nhello")?;
/// # let mut answer = String::new();
/// # client.read_to_string(&mut answer)?;
/// # assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "SecureEnviron")]
#[doc(alias = "environ")]
pub struct Environ<'a> {
    pub(super) head: &'a Head<'a>,
    pub(super) server: &'a Server,
    pub(super) local: &'a Addr,
    pub(super) origin: Origin,
    pub(super) input: Input<'a>,
    path: OnceCell<String>,
}

impl<'a> Environ<'a> {
    pub(crate) fn new(
        head: &'a Head<'a>,
        server: &'a Server,
        local: &'a Addr,
        origin: Origin,
        input: Input<'a>,
    ) -> Self {
        Self {
            head,
            server,
            local,
            origin,
            input,
            path: OnceCell::new(),
        }
    }

    /// The method, as sent.
    ///
    /// See the example of [`Environ`].
    #[doc(alias = "REQUEST_METHOD")]
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The path, percent-decoded; without the query. What is not UTF-8 shows as
    /// U+FFFD; [`target`](Self::target) has the bytes as sent.
    ///
    /// See the example of [`Environ`].
    #[doc(alias = "PATH_INFO")]
    #[must_use]
    pub fn path_info(&self) -> &str {
        let raw = self.head.target.path();
        if !self.head.target.is_encoded() {
            return raw;
        }
        self.path
            .get_or_init(|| String::from_utf8_lossy(&percent_decode(raw)).into_owned())
    }

    /// The query, as sent: what follows the first `?`; empty if there is none.
    ///
    /// See the example of [`Environ`].
    #[doc(alias = "QUERY_STRING")]
    #[must_use]
    pub fn query_string(&self) -> &str {
        self.head.target.query().unwrap_or_default()
    }

    /// The request target, as sent.
    ///
    /// See the example of [`Environ`].
    #[doc(alias = "REQUEST_URI")]
    #[doc(alias = "RAW_URI")]
    #[must_use]
    pub fn target(&self) -> &str {
        self.head.target.raw
    }

    /// HTTP/1.0 or HTTP/1.1.
    ///
    /// See the example of [`Environ`].
    #[doc(alias = "SERVER_PROTOCOL")]
    #[must_use]
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// Host and port that the request is for: of its target, else of `Host`.
    ///
    /// See the example of [`Environ`].
    #[doc(alias = "HTTP_HOST")]
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.head.host()
    }

    /// The address that the server listens on; of several the one that the
    /// request came by.
    ///
    /// See the example of [`Environ`].
    #[doc(alias = "SERVER_PORT")]
    #[must_use]
    pub fn local_addr(&self) -> &Addr {
        self.local
    }

    /// Where the request came from. `None` for a Unix socket, whose clients have
    /// no address, unless a [trusted proxy](super::TrustedProxies) says whom it
    /// forwards for.
    ///
    /// See the example of [`Environ`].
    #[doc(alias = "REMOTE_ADDR")]
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.origin.peer
    }

    /// `https` on a TLS server, else `http`. A server behind a proxy that speaks
    /// TLS for it can be told so: `Builder::environ("wsgi.url_scheme", "https")`.
    ///
    /// See the example of [`Environ`].
    #[doc(alias = "wsgi.url_scheme")]
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.server.scheme(self.origin.is_https)
    }

    /// The value of the first header line with this name, in any case.
    ///
    /// See the example of [`Environ`].
    #[must_use]
    pub fn header(&self, name: impl AsRef<str>) -> Option<&[u8]> {
        self.head.header(name.as_ref())
    }

    /// All header lines, in the order in which they came, with the names as they
    /// were sent.
    ///
    /// See the example of [`Environ`].
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.head.headers.iter().map(|line| (line.name, line.value))
    }

    /// Whether the client would rather speak this protocol on the connection:
    /// it is among those of its `Upgrade` lines, in any case. Never so in
    /// HTTP/1.0. [`StartResponse::upgrade`](super::StartResponse::upgrade) does
    /// as it asks. RFC 9110 section 7.8.
    ///
    /// See the example of [`Environ`].
    #[doc(alias = "HTTP_UPGRADE")]
    #[must_use]
    pub fn asks_for_upgrade(&self, protocol: &str) -> bool {
        let lines = self.head.headers.iter();
        let mut protocols = lines
            .filter(|line| line.name.eq_ignore_ascii_case("upgrade"))
            .flat_map(|line| line.value.split(|&byte| byte == b','));
        self.head.upgrade
            && protocols.any(|one| one.trim_ascii().eq_ignore_ascii_case(protocol.as_bytes()))
    }

    /// How long the body is, if the client said so in advance: none for a body
    /// in chunks, and for none.
    ///
    /// See the example of [`Environ`].
    #[doc(alias = "CONTENT_LENGTH")]
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        match self.head.framing {
            BodyFraming::Length(len) => Some(len),
            BodyFraming::None | BodyFraming::Chunked => None,
        }
    }

    /// The body. Reading it suspends until bytes arrive.
    ///
    /// See the example of [`Environ`].
    #[doc(alias = "wsgi.input")]
    pub fn input(&mut self) -> &mut Input<'a> {
        &mut self.input
    }
}

impl fmt::Debug for Environ<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environ")
            .field("method", self.method())
            .field("path", &self.head.target.path())
            .field("version", &self.version())
            .field("peer", &self.origin.peer)
            .field("header_lines", &self.head.headers.len())
            .finish_non_exhaustive()
    }
}
