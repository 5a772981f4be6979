//! A request as one value, which whoever has it answers.

use std::fmt;
use std::io::{self, BufRead};
use std::net::SocketAddr;

use http::{Method, StatusCode, Version};

use crate::app::{Environ, LateResponse, StartResponse};

/// A whole request, and the right to answer it; see
/// [`HttpServer`](super::HttpServer).
///
/// It owns all that it consists of, so it can be stored, or answered by another
/// greenlet when its time has come. Dropped without an answer it makes the server
/// answer 500.
///
/// `Debug` shows no header values.
///
/// # Examples
///
/// ```
/// use maypole_http::{HttpServer, StatusCode};
///
/// let server = HttpServer::bind("127.0.0.1:0", |mut request| {
///     // PUT /caf%C3%A9?size=2 HTTP/1.1, with a body of five bytes
///     assert_eq!(request.method(), "PUT");
///     assert_eq!(request.target(), "/caf%C3%A9?size=2");
///     assert_eq!(request.path(), "/café");
///     assert_eq!(request.query(), "size=2");
///     assert_eq!(format!("{:?}", request.version()), "HTTP/1.1");
///     assert_eq!(request.header("host"), Some(&b"example.org"[..]));
///     assert_eq!(request.headers().count(), 2);
///     assert!(request.peer_addr().is_some_and(|peer| peer.ip().is_loopback()));
///     assert_eq!(request.body(), b"hello");
///     let body = request.take_body();
///     request.add_header("Content-Type", "text/plain");
///     request.send_reply(StatusCode::OK, body);
///     Ok(())
/// })?;
/// server.start()?;
/// # use std::io::{Read, Write};
/// # let mut client = std::net::TcpStream::connect(server.local_addr())?;
/// # client.write_all(b"PUT /caf%C3%A9?size=2 HTTP/1.1\r\nHost: example.org\r\n")?;
/// # client.write_all(b"Content-Length: 5\r\n\r\nhello")?;
/// # let mut answer = String::new();
/// # client.read_to_string(&mut answer)?;
/// # assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "dropped without an answer it becomes a 500"]
pub struct HttpRequest {
    method: Method,
    target: String,
    path: String,
    query: String,
    version: Version,
    peer: Option<SocketAddr>,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    response: LateResponse,
}

impl HttpRequest {
    /// Takes a request, whose body has come, out of the hands of its connection.
    pub(super) fn new(
        env: &mut Environ<'_>,
        start_response: StartResponse<'_>,
    ) -> io::Result<Self> {
        // Gathered already: this is the whole of it.
        let body = env.input().fill_buf()?.to_vec();
        env.input().consume(body.len());
        let lines = env.headers();
        let lines = lines.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Self {
            headers: lines.collect(),
            method: env.method().clone(),
            target: env.target().to_owned(),
            path: env.path_info().to_owned(),
            query: env.query_string().to_owned(),
            version: env.version(),
            peer: env.peer_addr(),
            body,
            response: start_response.later(),
        })
    }

    /// The method, as sent.
    ///
    /// See the example of [`HttpRequest`].
    #[doc(alias = "typestr")]
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The request target, as sent.
    ///
    /// See the example of [`HttpRequest`].
    #[doc(alias = "uri")]
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The path, percent-decoded; see [`Environ::path_info`].
    ///
    /// See the example of [`HttpRequest`].
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query, as sent; empty if there is none.
    ///
    /// See the example of [`HttpRequest`].
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// HTTP/1.0 or HTTP/1.1.
    ///
    /// See the example of [`HttpRequest`].
    #[doc(alias = "major")]
    #[doc(alias = "minor")]
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Where the request came from; see [`Environ::peer_addr`].
    ///
    /// See the example of [`HttpRequest`].
    #[doc(alias = "remote")]
    #[doc(alias = "remote_host")]
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The value of the first header line with this name, in any case.
    ///
    /// See the example of [`HttpRequest`].
    #[doc(alias = "find_input_header")]
    #[must_use]
    pub fn header(&self, name: impl AsRef<str>) -> Option<&[u8]> {
        let name = name.as_ref();
        let mut lines = self.headers();
        lines.find_map(|(own, value)| own.eq_ignore_ascii_case(name).then_some(value))
    }

    /// All header lines, in the order in which they came.
    ///
    /// See the example of [`HttpRequest`].
    #[doc(alias = "get_input_headers")]
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let lines = self.headers.iter();
        lines.map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The body; empty if there is none.
    ///
    /// See the example of [`HttpRequest`].
    #[doc(alias = "input_buffer")]
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Takes the body out.
    ///
    /// See the example of [`HttpRequest`].
    #[must_use]
    pub fn take_body(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.body)
    }

    /// Adds a header line to the answer; see [`StartResponse::header`].
    ///
    /// See the example of [`HttpRequest`].
    #[doc(alias = "add_output_header")]
    pub fn add_header(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.response.add_header(name.into(), value.into());
    }

    /// Answers. Never suspends: the greenlet of the connection sends it.
    ///
    /// A header line or a status that cannot be sent becomes a 500, and is
    /// logged. When the client has gone, nothing happens.
    ///
    /// See the example of [`HttpRequest`].
    pub fn send_reply(self, status: StatusCode, body: impl Into<Vec<u8>>) {
        self.response.send(status, body);
    }

    /// Answers with a status and its reason as the text, in place of what was
    /// asked for.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_http::{HttpServer, StatusCode};
    ///
    /// let server = HttpServer::bind("127.0.0.1:0", |request| {
    ///     request.send_error(StatusCode::NOT_FOUND);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_error(mut self, status: StatusCode) {
        self.add_header("Content-Type", "text/plain");
        let reason = status.canonical_reason().unwrap_or("Error");
        self.send_reply(status, reason);
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("version", &self.version)
            .field("peer", &self.peer)
            .field("header_lines", &self.headers.len())
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}
