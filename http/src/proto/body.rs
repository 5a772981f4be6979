//! The body of a response: framed, and held to the length that was promised.

use super::chunked;
use super::error::ResponseError;

/// Frames the body of one response and counts its bytes, RFC 9112 section 6.
#[derive(Debug, Eq, PartialEq)]
#[must_use = "a body that is not finished leaves the client waiting"]
pub(crate) enum BodyEncoder {
    /// The response has no body: HEAD, 204, 205, 304. What is written is dropped, so that an
    /// application may answer HEAD like GET.
    None,
    /// So many bytes of the promised length are left.
    Length(u64),
    /// In chunks.
    Chunked,
    /// Everything up to the end of the connection: HTTP/1.0, or another protocol after 101.
    CloseDelimited,
}

impl BodyEncoder {
    /// Appends data with its framing. No data is no chunk.
    ///
    /// # Errors
    ///
    /// [`ResponseError::BodyTooLong`] if it is more than was promised; then nothing was appended
    /// and nothing counted.
    pub(crate) fn write(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), ResponseError> {
        if self.open(data.len(), out)? {
            out.extend_from_slice(data);
            self.close(out);
        }
        Ok(())
    }

    /// Counts `len` bytes of data and appends what precedes them. For data that is not to be
    /// copied: if this returns `true`, send `out`, then the data, then what [`close`](Self::close)
    /// appends. If it returns `false`, there is nothing to send.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub(crate) fn open(&mut self, len: usize, out: &mut Vec<u8>) -> Result<bool, ResponseError> {
        match self {
            Self::None => return Ok(false),
            Self::Length(left) => {
                *left = left
                    .checked_sub(len as u64)
                    .ok_or(ResponseError::BodyTooLong)?;
            }
            Self::Chunked if len > 0 => chunked::write_chunk_head(out, len),
            Self::Chunked | Self::CloseDelimited => {}
        }
        Ok(len > 0)
    }

    /// Appends what follows data announced by [`open`](Self::open).
    pub(crate) fn close(&self, out: &mut Vec<u8>) {
        if *self == Self::Chunked {
            out.extend_from_slice(chunked::CHUNK_END);
        }
    }

    /// Appends what ends the body.
    ///
    /// # Errors
    ///
    /// [`ResponseError::BodyTooShort`] if less than was promised was written. Then the connection
    /// must close: that is how the client learns.
    pub(crate) fn finish(self, out: &mut Vec<u8>) -> Result<(), ResponseError> {
        self.finish_with(&[], out)
    }

    /// The same with complete trailer lines, which are dropped where there are no chunks.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub(crate) fn finish_with(
        self,
        trailers: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), ResponseError> {
        match self {
            Self::Length(1..) => return Err(ResponseError::BodyTooShort),
            Self::Chunked => chunked::write_last_chunk(trailers, out),
            Self::Length(0) | Self::None | Self::CloseDelimited => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(mut body: BodyEncoder, pieces: &[&str]) -> (Result<(), ResponseError>, String) {
        let mut out = Vec::new();
        let written = pieces
            .iter()
            .try_for_each(|piece| body.write(piece.as_bytes(), &mut out));
        let result = written.and_then(|()| body.finish(&mut out));
        (result, String::from_utf8(out).unwrap())
    }

    #[test]
    fn framings() {
        use ResponseError::{BodyTooLong, BodyTooShort};
        for (body, pieces, result, text) in [
            (BodyEncoder::None, &["ab"][..], Ok(()), ""),
            (BodyEncoder::Length(0), &[], Ok(()), ""),
            (BodyEncoder::Length(0), &["", ""], Ok(()), ""),
            (BodyEncoder::Length(3), &["ab", "", "c"], Ok(()), "abc"),
            (BodyEncoder::Length(3), &["ab"], Err(BodyTooShort), "ab"),
            (
                BodyEncoder::Length(3),
                &["ab", "cd"],
                Err(BodyTooLong),
                "ab",
            ),
            (BodyEncoder::Chunked, &[], Ok(()), "0\r\n\r\n"),
            (
                BodyEncoder::Chunked,
                &["", "a", ""],
                Ok(()),
                "1\r\na\r\n0\r\n\r\n",
            ),
            (
                BodyEncoder::Chunked,
                &["0123456789abcdef", "g"],
                Ok(()),
                "10\r\n0123456789abcdef\r\n1\r\ng\r\n0\r\n\r\n",
            ),
            (BodyEncoder::CloseDelimited, &["a", "b"], Ok(()), "ab"),
        ] {
            assert_eq!(frame(body, pieces), (result, text.to_owned()), "{pieces:?}");
        }
    }

    #[test]
    fn trailers_come_with_chunks_only() {
        for (body, text) in [
            (BodyEncoder::None, ""),
            (BodyEncoder::Length(0), ""),
            (BodyEncoder::CloseDelimited, ""),
            (BodyEncoder::Chunked, "0\r\nX: y\r\n\r\n"),
        ] {
            let mut out = Vec::new();
            assert_eq!(body.finish_with(b"X: y\r\n", &mut out), Ok(()));
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn excess_is_not_counted() {
        let mut out = Vec::new();
        let mut body = BodyEncoder::Length(2);
        assert_eq!(
            body.write(b"abc", &mut out),
            Err(ResponseError::BodyTooLong)
        );
        assert_eq!(body, BodyEncoder::Length(2));
    }

    #[test]
    fn frames_data_that_is_not_copied() {
        let mut out = Vec::new();
        let mut body = BodyEncoder::Chunked;
        assert_eq!(body.open(0, &mut out), Ok(false));
        assert_eq!(body.open(300, &mut out), Ok(true));
        assert_eq!(out, b"12c\r\n");
        out.clear();
        body.close(&mut out);
        assert_eq!(out, b"\r\n");
    }
}
