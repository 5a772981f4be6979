//! How much of a head, of chunk framing and of trailers a client may send.

/// The longest request line, without its line end.
///
/// Apache's default and gunicorn's maximum: what passes the usual front ends passes here.
pub(crate) const REQUEST_LINE: usize = 8190;

/// The most header lines of a head.
///
/// Apache's and gunicorn's default. Browsers send about 15, proxies add a few. It also bounds the
/// table of headers that a connection holds while a request is at hand.
pub(crate) const HEADER_LINES: usize = 100;

/// The longest header line, without its line end.
///
/// Apache's and gunicorn's default: room for large cookies and tokens.
pub(crate) const HEADER_LINE: usize = 8190;

/// The longest head, from the first byte to the end of the empty line.
///
/// Eight lines of the largest size. This is what one connection may occupy before its client has
/// said what it wants.
pub(crate) const HEAD: usize = 64 * 1024;

/// The most bytes of extensions of one chunk.
///
/// As much as a line. Extensions are read and dropped, nobody is known to need them.
pub(crate) const CHUNK_EXTENSION: usize = 8190;

/// The longest trailer line, without its line end. As a header line.
pub(crate) const TRAILER_LINE: usize = 8190;

/// The most trailer lines of a body. As for header lines.
pub(crate) const TRAILER_LINES: usize = 100;

/// How many empty lines may precede a request line.
///
/// RFC 9112 section 2.2 asks for at least one, for clients that add a line end after a body. A
/// few more cost nothing; an endless stream of them is no request.
pub(crate) const EMPTY_LINES: usize = 4;

/// Bounds on what a client may send around its content.
///
/// Start from [`Limits::default`] and set what should differ.
///
/// # Examples
///
/// ```
/// use maypole_http::{Limits, StatusCode, pywsgi::WsgiServer};
///
/// let mut limits = Limits::default();
/// limits.header_lines = 20;
/// limits.body = Some(10 << 20);
/// let server = WsgiServer::builder().limits(limits).bind("127.0.0.1:0", |_env, start_response| {
///     start_response.send(StatusCode::OK, "within bounds\n")
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest request line in bytes; beyond it 414. Default: 8190.
    pub request_line: usize,
    /// The most header lines; beyond it 431. Default: 100. A larger number moves the table of
    /// headers from the stack to the heap, at one allocation a request.
    pub header_lines: usize,
    /// The longest header line in bytes; beyond it 431. Default: 8190.
    pub header_line: usize,
    /// The longest head in bytes; beyond it 431. Also bounds all trailers of a body together
    /// (400). Default: 64 KiB.
    pub head: usize,
    /// The most bytes of extensions of one chunk; beyond it 400. Default: 8190.
    pub chunk_extension: usize,
    /// The longest trailer line in bytes; beyond it 400. Default: 8190.
    pub trailer_line: usize,
    /// The most trailer lines; beyond it 400. Default: 100.
    pub trailer_lines: usize,
    /// The longest body in bytes; beyond it 413, before the application is called if the client
    /// announces its length, else as an error of reading. Default: none, the application decides.
    pub body: Option<u64>,
}

impl Limits {
    /// The defaults, as a constant.
    pub const DEFAULT: Self = Self {
        request_line: REQUEST_LINE,
        header_lines: HEADER_LINES,
        header_line: HEADER_LINE,
        head: HEAD,
        chunk_extension: CHUNK_EXTENSION,
        trailer_line: TRAILER_LINE,
        trailer_lines: TRAILER_LINES,
        body: None,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
