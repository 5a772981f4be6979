//! The request as the application sees it.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::net::SocketAddr;

use http::{Method, Version};

use crate::proto::{Head, HeaderLine};

use super::input::Input;

/// A request: its head, where it came from, and its body.
///
/// Typed accessors for what is used most, and [`var`](Self::var) for every name
/// that CGI and WSGI know. `Debug` shows no header values, so that cookies and
/// credentials stay out of reports.
#[doc(alias = "environ")]
pub struct Environ<'a> {
    head: &'a Head<'a>,
    server: &'a Server,
    peer: SocketAddr,
    input: Input<'a>,
    path: OnceCell<String>,
}

/// What is the same for all requests of a server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) local_addr: SocketAddr,
    pub(crate) tls: bool,
}

impl<'a> Environ<'a> {
    pub(crate) fn new(
        head: &'a Head<'a>,
        server: &'a Server,
        peer: SocketAddr,
        input: Input<'a>,
    ) -> Self {
        Self {
            head,
            server,
            peer,
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
        if memchr::memchr(b'%', raw.as_bytes()).is_none() {
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

    /// Where the request came from.
    #[doc(alias = "REMOTE_ADDR")]
    #[must_use]
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    /// `https` on a TLS server, else `http`.
    #[doc(alias = "wsgi.url_scheme")]
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.server.tls { "https" } else { "http" }
    }

    /// The value of the first header line with this name, in any case.
    #[must_use]
    pub fn header(&self, name: impl AsRef<str>) -> Option<&[u8]> {
        self.head.header(name.as_ref())
    }

    /// All header lines, in the order in which they came.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.head.headers.iter().map(|line| (line.name, line.value))
    }

    /// The body. Reading it suspends until bytes arrive.
    #[doc(alias = "wsgi.input")]
    pub fn input(&mut self) -> &mut Input<'a> {
        &mut self.input
    }

    /// The value that a CGI or WSGI program finds under `name`.
    ///
    /// Header lines are found as `HTTP_` and the name in capitals with `_` for
    /// `-`; several of one name are joined, by `; ` for cookies and `,` else.
    /// Lines whose name has a `_` are not found: they could pass for another.
    /// Neither is `HTTP_PROXY`, which programs take for their own setting.
    /// Bytes beyond ASCII read as Latin-1, as in WSGI.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<Cow<'_, str>> {
        let local = self.server.local_addr;
        Some(match name {
            "REQUEST_METHOD" => self.method().as_str().into(),
            "SCRIPT_NAME" => "".into(),
            "PATH_INFO" => latin1(&percent_decode(self.head.target.path()))
                .into_owned()
                .into(),
            "QUERY_STRING" => self.query_string().into(),
            "REQUEST_URI" => self.target().into(),
            "SERVER_PROTOCOL" => version_name(self.version()).into(),
            "SERVER_NAME" => local.ip().to_string().into(),
            "SERVER_PORT" => local.port().to_string().into(),
            "REMOTE_ADDR" => self.peer.ip().to_string().into(),
            "REMOTE_PORT" => self.peer.port().to_string().into(),
            "GATEWAY_INTERFACE" => "CGI/1.1".into(),
            "SERVER_SOFTWARE" => concat!("maypole/", env!("CARGO_PKG_VERSION")).into(),
            "wsgi.url_scheme" => self.scheme().into(),
            "CONTENT_TYPE" => return self.joined("Content-Type"),
            "CONTENT_LENGTH" => return self.joined("Content-Length"),
            // The first two are found without the prefix; the third is httpoxy.
            "HTTP_CONTENT_TYPE" | "HTTP_CONTENT_LENGTH" | "HTTP_PROXY" => return None,
            _ => return self.joined(&name.strip_prefix("HTTP_")?.replace('_', "-")),
        })
    }

    fn joined(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut values = self
            .head
            .headers
            .iter()
            .filter(|line| line.name.eq_ignore_ascii_case(name))
            .map(|line: &HeaderLine<'_>| latin1(line.value));
        let first = values.next()?;
        let separator = if name.eq_ignore_ascii_case("cookie") {
            "; "
        } else {
            ","
        };
        Some(values.fold(first, |all, value| all + separator + value))
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
            .field("peer", &self.peer)
            .field("header_lines", &self.head.headers.len())
            .finish_non_exhaustive()
    }
}

fn version_name(version: Version) -> &'static str {
    if version == Version::HTTP_10 {
        "HTTP/1.0"
    } else {
        "HTTP/1.1"
    }
}

fn latin1(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => text.into(),
        _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Decodes `%` and two hex digits; anything else stays as it is.
fn percent_decode(text: &str) -> Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    if memchr::memchr(b'%', bytes).is_none() {
        return bytes.into();
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (b'%', [high, low, after @ ..]) if let Some(value) = hex(*high, *low) => {
                decoded.push(value);
                after
            }
            _ => {
                decoded.push(byte);
                after
            }
        };
    }
    decoded.into()
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_codes() {
        for (text, decoded) in [
            ("", &b""[..]),
            ("/plain", b"/plain"),
            ("/a%20b", b"/a b"),
            ("%2F%2f", b"//"),
            ("%00", b"\0"),
            ("%C3%A9", "é".as_bytes()),
            ("100%", b"100%"),
            ("%4", b"%4"),
            ("%zz%41", b"%zzA"),
            ("%%41", b"%A"),
        ] {
            assert_eq!(&*percent_decode(text), decoded, "{text}");
        }
    }

    #[test]
    fn latin1_bytes() {
        assert_eq!(latin1(b"plain"), "plain");
        assert_eq!(latin1("é".as_bytes()), "Ã©");
        assert_eq!(latin1(b"\xff"), "ÿ");
    }
}
