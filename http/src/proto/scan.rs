//! The search for the end of a head that arrives in pieces.

use super::error::ProtoError;
use super::limits::{EMPTY_LINES, Limits};

/// How far the search got: it never looks at a byte twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Scan {
    /// No line end before this offset is unknown.
    scanned: usize,
    /// Where the line begins that is not complete yet.
    line: usize,
    /// Complete lines that are not empty, the request line among them.
    lines: usize,
    /// Empty lines before the request line.
    empty_lines: usize,
}

impl Scan {
    /// Says whether bytes have been looked at.
    pub(super) fn is_started(&self) -> bool {
        self.scanned > 0
    }

    /// Says whether the empty line that ends the head is in `buf`.
    ///
    /// # Errors
    ///
    /// A line that ends in LF alone, and every limit that the bytes exceed already.
    pub(super) fn find_end(&mut self, buf: &[u8], limits: &Limits) -> Result<bool, ProtoError> {
        while let Some(length) = memchr::memchr(b'\n', buf.get(self.scanned..).unwrap_or_default())
        {
            let Some([line @ .., b'\r']) = buf.get(self.line..self.scanned + length) else {
                return Err(ProtoError::BareLf);
            };
            self.scanned += length + 1;
            self.line = self.scanned;
            if !line.is_empty() {
                self.check_line(line.len(), limits)?;
                self.lines += 1;
                if self.lines > limits.header_lines.saturating_add(1) {
                    return Err(ProtoError::TooManyHeaders);
                }
            } else if self.lines > 0 {
                if self.scanned > limits.head {
                    return Err(ProtoError::HeadTooLarge);
                }
                return Ok(true);
            } else if self.empty_lines == EMPTY_LINES {
                return Err(ProtoError::EmptyLines);
            } else {
                self.empty_lines += 1;
            }
        }
        self.scanned = buf.len();
        let open = buf.get(self.line..).unwrap_or_default();
        self.check_line(open.strip_suffix(b"\r").unwrap_or(open).len(), limits)?;
        // What is incomplete at the limit will be beyond it.
        if buf.len() >= limits.head {
            return Err(ProtoError::HeadTooLarge);
        }
        Ok(false)
    }

    fn check_line(&self, len: usize, limits: &Limits) -> Result<(), ProtoError> {
        if self.lines == 0 && len > limits.request_line {
            Err(ProtoError::RequestLineTooLong)
        } else if self.lines > 0 && len > limits.header_line {
            Err(ProtoError::HeaderLineTooLong)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_in_any_pieces() {
        let head = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
        for first in 0..head.len() {
            for second in first..head.len() {
                let mut scan = Scan::default();
                for end in [first, second] {
                    assert_eq!(scan.find_end(&head[..end], &Limits::DEFAULT), Ok(false));
                }
                assert_eq!(scan.find_end(head, &Limits::DEFAULT), Ok(true));
            }
        }
    }

    #[test]
    fn survives_a_shorter_buffer() {
        let mut scan = Scan::default();
        assert_eq!(
            scan.find_end(b"GET / HTTP/1.1\r\nHo", &Limits::DEFAULT),
            Ok(false)
        );
        assert_eq!(scan.find_end(b"GET", &Limits::DEFAULT), Ok(false));
    }

    #[test]
    fn refuses_early() {
        let find = |bytes: &[u8]| Scan::default().find_end(bytes, &Limits::DEFAULT);
        assert_eq!(find(b"GET / HTTP/1.1\n"), Err(ProtoError::BareLf));
        assert_eq!(find(b"\n"), Err(ProtoError::BareLf));
        assert_eq!(
            find(b"GET / HTTP/1.1\r\nHost: a\n"),
            Err(ProtoError::BareLf)
        );
        assert_eq!(find(&b"\r\n".repeat(5)), Err(ProtoError::EmptyLines));
        // The request line and a hundred header lines, then one more.
        assert_eq!(find(&b"X: a\r\n".repeat(101)), Ok(false));
        assert_eq!(
            find(&b"X: a\r\n".repeat(102)),
            Err(ProtoError::TooManyHeaders)
        );
    }
}
