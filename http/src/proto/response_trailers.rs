//! Trailer fields of a response: lines behind a chunked body, RFC 9110 section 6.5.

use super::chunked::is_forbidden;
use super::error::ResponseError;
use super::response::{check_line, write_line};

/// Collects the trailer lines of a response, in wire form.
#[derive(Debug, Default)]
pub(crate) struct ResponseTrailers(Vec<u8>);

impl ResponseTrailers {
    /// Adds a line.
    ///
    /// # Errors
    ///
    /// An invalid name or value, or [`ResponseError::Trailer`]; then it is not added.
    pub(crate) fn push(&mut self, name: &str, value: &[u8]) -> Result<(), ResponseError> {
        let value = check_line(name, value)?;
        let is = |known: &&str| name.eq_ignore_ascii_case(known);
        if is_forbidden(name.as_bytes()) || FORBIDDEN.iter().any(is) {
            return Err(ResponseError::Trailer);
        }
        write_line(&mut self.0, name, value);
        Ok(())
    }

    /// Forgets all lines.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The lines, each with its end.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a response may not have in its trailers beside what no message may: whoever reads it has
/// decided by then. RFC 7231 section 7.1 calls them control data.
const FORBIDDEN: &[&str] = &[
    "accept-ranges",
    "age",
    "allow",
    "date",
    "expires",
    "location",
    "proxy-authenticate",
    "retry-after",
    "vary",
    "warning",
    "www-authenticate",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_checked() {
        use ResponseError::{HeaderName, HeaderValue, Trailer};
        for (name, value, result) in [
            ("X-Sum", " 1 ", Ok(())),
            ("ETag", "\"a\"", Ok(())),
            ("", "a", Err(HeaderName)),
            ("a b", "a", Err(HeaderName)),
            ("a", "a\r\nb: c", Err(HeaderValue)),
            ("Content-Length", "1", Err(Trailer)),
            ("transfer-encoding", "chunked", Err(Trailer)),
            ("Set-Cookie", "a=b", Err(Trailer)),
            ("LOCATION", "/", Err(Trailer)),
            ("Date", "now", Err(Trailer)),
        ] {
            let mut trailers = ResponseTrailers::default();
            assert_eq!(trailers.push(name, value.as_bytes()), result, "{name}");
            assert_eq!(trailers.as_bytes().is_empty(), result.is_err());
        }
    }

    #[test]
    fn lines_are_sent_as_given() {
        let mut trailers = ResponseTrailers::default();
        trailers.push("X-Sum", b" 1\t").unwrap();
        trailers.push("x-sum", b"").unwrap();
        assert_eq!(trailers.as_bytes(), b"X-Sum: 1\r\nx-sum: \r\n");
        trailers.clear();
        assert!(trailers.as_bytes().is_empty());
    }
}
