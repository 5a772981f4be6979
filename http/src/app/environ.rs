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
    #[doc(alias = "REQUEST_METHOD")]
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The path, percent-decoded; without the query. What is not UTF-8 shows as
    /// U+FFFD; [`target`](Self::target) has the bytes as sent.
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
    #[doc(alias = "QUERY_STRING")]
    #[must_use]
    pub fn query_string(&self) -> &str {
        self.head.target.query().unwrap_or_default()
    }

    /// The request target, as sent.
    #[doc(alias = "REQUEST_URI")]
    #[doc(alias = "RAW_URI")]
    #[must_use]
    pub fn target(&self) -> &str {
        self.head.target.raw
    }

    /// HTTP/1.0 or HTTP/1.1.
    #[doc(alias = "SERVER_PROTOCOL")]
    #[must_use]
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// Host and port that the request is for: of its target, else of `Host`.
    #[doc(alias = "HTTP_HOST")]
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.head.host()
    }

    /// The address that the server listens on; of several the one that the
    /// request came by.
    #[doc(alias = "SERVER_PORT")]
    #[must_use]
    pub fn local_addr(&self) -> &Addr {
        self.local
    }

    /// Where the request came from. `None` for a Unix socket, whose clients have
    /// no address, unless a [trusted proxy](super::TrustedProxies) says whom it
    /// forwards for.
    #[doc(alias = "REMOTE_ADDR")]
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.origin.peer
    }

    /// `https` on a TLS server, else `http`. A server behind a proxy that speaks
    /// TLS for it can be told so: `Builder::environ("wsgi.url_scheme", "https")`.
    #[doc(alias = "wsgi.url_scheme")]
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.server.scheme(self.origin.is_https)
    }

    /// The value of the first header line with this name, in any case.
    #[must_use]
    pub fn header(&self, name: impl AsRef<str>) -> Option<&[u8]> {
        self.head.header(name.as_ref())
    }

    /// All header lines, in the order in which they came, with the names as they
    /// were sent.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.head.headers.iter().map(|line| (line.name, line.value))
    }

    /// Whether the client would rather speak this protocol on the connection:
    /// it is among those of its `Upgrade` lines, in any case. Never so in
    /// HTTP/1.0. [`StartResponse::upgrade`](super::StartResponse::upgrade) does
    /// as it asks. RFC 9110 section 7.8.
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
    #[doc(alias = "CONTENT_LENGTH")]
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        match self.head.framing {
            BodyFraming::Length(len) => Some(len),
            BodyFraming::None | BodyFraming::Chunked => None,
        }
    }

    /// The body. Reading it suspends until bytes arrive.
    #[doc(alias = "wsgi.input")]
    pub fn input(&mut self) -> &mut Input<'a> {
        &mut self.input
    }

    pub(crate) fn into_input(self) -> Input<'a> {
        self.input
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
