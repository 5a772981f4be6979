//! What was wrong with a request, and the status it earns; what was wrong with an answer.

use std::{error, fmt, io};

use http::StatusCode;

/// Why a request was refused.
///
/// Each refusal ends the connection: after it, nobody can say where the next request begins.
/// Section numbers are those of RFC 9112 unless another RFC is named.
///
/// # Examples
///
/// ```
/// use maypole_http::{ProtoError, StatusCode};
///
/// // What a read of the body may end with:
/// let error = std::io::Error::from(ProtoError::ChunkSize);
/// assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
/// assert_eq!(ProtoError::ChunkSize.status(), StatusCode::BAD_REQUEST);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ProtoError {
    /// A line feed without a carriage return before it. Section 2.2 allows to accept it in heads;
    /// we refuse it everywhere. 400.
    BareLf,
    /// A carriage return without a line feed after it. Section 2.2. 400.
    BareCr,
    /// More than a few empty lines before the request line. Section 2.2. 400.
    EmptyLines,
    /// A request line that is not method, target and version with one space between each, an
    /// HTTP/0.9 request among them. Section 3. 400.
    RequestLine,
    /// The third word of the request line is no HTTP version. Section 2.3. 400.
    Version,
    /// A well-formed version other than 1.0 and 1.1. Section 2.3, RFC 9110 section 15.6.6. 505.
    UnsupportedVersion,
    /// A target in none of the forms that its method allows, or with control characters, bytes
    /// beyond ASCII, a fragment or user information. Section 3.2. 400.
    Target,
    /// The request line is longer than its limit. Section 3. 414.
    RequestLineTooLong,
    /// A header or trailer line begins with white space: a continued line, or white space after
    /// the request line. Sections 2.2 and 5.2. 400.
    Folded,
    /// White space in or after the name of a field. Section 5.1. 400.
    SpaceInName,
    /// A header or trailer line without a colon. Section 5. 400.
    MissingColon,
    /// The name of a field is empty or not a token. RFC 9110 section 5.1. 400.
    FieldName,
    /// A control character in the value of a field. RFC 9110 section 5.5. 400.
    FieldValue,
    /// A header line is longer than its limit. RFC 6585 section 5. 431.
    HeaderLineTooLong,
    /// More header lines than the limit. RFC 6585 section 5. 431.
    TooManyHeaders,
    /// The head is longer than its limit. RFC 6585 section 5. 431.
    HeadTooLarge,
    /// HTTP/1.1 without `Host`. Section 3.2. 400.
    MissingHost,
    /// More than one `Host` line. Section 3.2. 400.
    DuplicateHost,
    /// A `Host` that is not a host with an optional port. Section 3.2. 400.
    Host,
    /// A `Content-Length` that is not a plain number, lists of equal numbers included, or is
    /// beyond 64 bits. Section 6.3 item 5. 400.
    ContentLength,
    /// More than one `Content-Length` line, equal ones included. Section 6.3 item 5. 400.
    DuplicateContentLength,
    /// `Transfer-Encoding` and `Content-Length` together. Section 6.1. 400.
    LengthAndEncoding,
    /// `Transfer-Encoding` in an HTTP/1.0 request. Section 6.1. 400.
    EncodingInHttp10,
    /// A `Transfer-Encoding` that is no list of transfer codings, or `chunked` with parameters.
    /// Sections 6.1 and 7. 400.
    TransferEncoding,
    /// `chunked` twice, or followed by another coding. Section 6.3 item 4. 400.
    ChunkedNotFinal,
    /// A transfer coding other than `chunked`. Section 6.1. 501.
    UnknownCoding,
    /// A body that is, or says it is, longer than its limit. RFC 9110 section 15.5.14. 413.
    BodyTooLarge,
    /// An expectation other than `100-continue`. RFC 9110 section 10.1.1. 417.
    Expectation,
    /// A chunk size that is not 1 to 16 hexadecimal digits. Section 7.1. 400.
    ChunkSize,
    /// A control character in a chunk extension. Section 7.1.1. 400.
    ChunkExtension,
    /// The extensions of a chunk are longer than their limit. Section 7.1.1. 400.
    ChunkExtensionTooLong,
    /// Something else than a line end after the data of a chunk. Section 7.1. 400.
    ChunkEnd,
    /// A trailer line is longer than its limit. Section 7.1.2. 400.
    TrailerLineTooLong,
    /// More trailer lines, or more bytes of them, than the limit. Section 7.1.2. 400.
    TooManyTrailers,
}

impl ProtoError {
    /// Returns the status that answers the request.
    ///
    /// See the example of [`ProtoError`].
    pub fn status(self) -> StatusCode {
        match self {
            Self::RequestLineTooLong => StatusCode::URI_TOO_LONG,
            Self::HeaderLineTooLong | Self::TooManyHeaders | Self::HeadTooLarge => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::UnknownCoding => StatusCode::NOT_IMPLEMENTED,
            Self::UnsupportedVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::BareLf => "line feed without carriage return",
            Self::BareCr => "carriage return without line feed",
            Self::EmptyLines => "too many empty lines before the request",
            Self::RequestLine => "malformed request line",
            Self::Version => "malformed HTTP version",
            Self::UnsupportedVersion => "unsupported HTTP version",
            Self::Target => "invalid request target",
            Self::RequestLineTooLong => "request line too long",
            Self::Folded => "line begins with white space",
            Self::SpaceInName => "white space in field name",
            Self::MissingColon => "field line without colon",
            Self::FieldName => "invalid field name",
            Self::FieldValue => "invalid field value",
            Self::HeaderLineTooLong => "header line too long",
            Self::TooManyHeaders => "too many header lines",
            Self::HeadTooLarge => "request head too large",
            Self::MissingHost => "missing Host",
            Self::DuplicateHost => "more than one Host",
            Self::Host => "invalid Host",
            Self::ContentLength => "invalid Content-Length",
            Self::DuplicateContentLength => "more than one Content-Length",
            Self::LengthAndEncoding => "both Content-Length and Transfer-Encoding",
            Self::EncodingInHttp10 => "Transfer-Encoding in HTTP/1.0",
            Self::TransferEncoding => "invalid Transfer-Encoding",
            Self::ChunkedNotFinal => "chunked is not the final transfer coding",
            Self::UnknownCoding => "unknown transfer coding",
            Self::BodyTooLarge => "body too large",
            Self::Expectation => "unknown expectation",
            Self::ChunkSize => "invalid chunk size",
            Self::ChunkExtension => "invalid chunk extension",
            Self::ChunkExtensionTooLong => "chunk extension too long",
            Self::ChunkEnd => "chunk data not followed by a line end",
            Self::TrailerLineTooLong => "trailer line too long",
            Self::TooManyTrailers => "too many trailers",
        }
    }
}

impl fmt::Display for ProtoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl error::Error for ProtoError {}

/// What an application sees when it reads a body whose framing is broken.
impl ProtoError {
    /// Finds the refusal in an error that it was converted to.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl From<ProtoError> for io::Error {
    fn from(error: ProtoError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// Why an answer cannot be sent as the application asked.
///
/// Errors of the head are found before a byte of it is written, so a 500 can be sent instead.
///
/// # Examples
///
/// ```
/// use maypole_http::{ResponseError, StatusCode, pywsgi::WsgiServer};
///
/// let server = WsgiServer::bind("127.0.0.1:0", |_env, start_response| {
///     let sent = start_response.header("X-Bad", "a\r\nb").send(StatusCode::OK, "hello");
///     let reason = sent.as_ref().unwrap_err().get_ref().unwrap();
///     assert_eq!(reason.downcast_ref(), Some(&ResponseError::HeaderValue));
///     sent // becomes a 500
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ResponseError {
    /// The name of a header is empty or not a token. RFC 9110 section 5.1.
    HeaderName,
    /// A control character, such as CR, LF or NUL, in the value of a header. RFC 9110 section 5.5.
    HeaderValue,
    /// The application set `Transfer-Encoding`. Framing is the server's.
    TransferEncoding,
    /// A `Content-Length` that is no number, or a second one that differs.
    ContentLength,
    /// A status from 100 to 199 as the answer; 101 without an upgrade asked for and named.
    Status,
    /// A trailer field that RFC 9110 section 6.5.1 forbids, or trailers behind a body whose
    /// `Content-Length` was set: they need chunks.
    Trailer,
    /// A complete body that is not as long as the `Content-Length` that was set.
    LengthMismatch,
    /// More body bytes than the `Content-Length` promised. None of the excess was sent.
    BodyTooLong,
    /// The body ended before its `Content-Length`. The connection must close.
    BodyTooShort,
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HeaderName => "invalid header name",
            Self::HeaderValue => "invalid header value",
            Self::TransferEncoding => "Transfer-Encoding is set by the server",
            Self::ContentLength => "invalid or contradictory Content-Length",
            Self::Status => "not a status for a final answer",
            Self::Trailer => "a trailer that cannot be sent",
            Self::LengthMismatch => "body length differs from Content-Length",
            Self::BodyTooLong => "body longer than Content-Length",
            Self::BodyTooShort => "body shorter than Content-Length",
        })
    }
}

impl error::Error for ResponseError {}

impl From<ResponseError> for io::Error {
    fn from(error: ResponseError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}
