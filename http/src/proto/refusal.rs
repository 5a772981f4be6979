//! The answers a server gives on its own: to requests it refuses, and for applications that fail.

use http::StatusCode;

use super::date::DateLine;
use super::response::write_status_line;

/// Appends a complete answer that ends the connection: the status, and its reason as the body.
///
/// Nothing in it comes from the peer. The answer to HEAD has the same head and no body.
pub(crate) fn write_refusal(out: &mut Vec<u8>, status: StatusCode, to_head: bool, date: &DateLine) {
    let reason = status.canonical_reason().unwrap_or("Error");
    write_status_line(out, status);
    out.extend_from_slice(b"Connection: close\r\nContent-Type: text/plain\r\n");
    out.extend_from_slice(date.as_bytes());
    out.extend_from_slice(b"Content-Length: ");
    out.extend_from_slice(itoa::Buffer::new().format(reason.len()).as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
    if !to_head {
        out.extend_from_slice(reason.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::proto::date::DateCache;
    use crate::proto::error::ProtoError;

    #[test]
    fn is_a_complete_answer() {
        let date = DateCache::new().at(UNIX_EPOCH);
        for (status, to_head, expected) in [
            (
                ProtoError::BareLf.status(),
                false,
                "HTTP/1.1 400 Bad Request\r\n\
                 Connection: close\r\n\
                 Content-Type: text/plain\r\n\
                 Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
                 Content-Length: 11\r\n\r\nBad Request",
            ),
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                true,
                "HTTP/1.1 500 Internal Server Error\r\n\
                 Connection: close\r\n\
                 Content-Type: text/plain\r\n\
                 Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
                 Content-Length: 21\r\n\r\n",
            ),
        ] {
            let mut out = Vec::new();
            write_refusal(&mut out, status, to_head, &date);
            assert_eq!(str::from_utf8(&out).unwrap(), expected);
        }
    }

    #[test]
    fn statuses() {
        for (error, status) in [
            (ProtoError::RequestLineTooLong, 414),
            (ProtoError::HeaderLineTooLong, 431),
            (ProtoError::TooManyHeaders, 431),
            (ProtoError::HeadTooLarge, 431),
            (ProtoError::BodyTooLarge, 413),
            (ProtoError::Expectation, 417),
            (ProtoError::UnknownCoding, 501),
            (ProtoError::UnsupportedVersion, 505),
            (ProtoError::ChunkSize, 400),
            (ProtoError::TooManyTrailers, 400),
        ] {
            assert_eq!(error.status().as_u16(), status, "{error}");
        }
    }
}
