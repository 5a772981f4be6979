//! Reads the chunked coding, and looks at a byte of each piece.

use anyhow::{Context, Result, ensure};

use crate::scenario::FILL;

/// Where in a chunked body the reader is.
#[derive(Default)]
pub(super) struct Chunks {
    /// Data bytes seen.
    size: u64,
    /// Data bytes of the current chunk to come.
    left: u64,
    /// A size line, or the end of the data before it, as far as it has come.
    line: Vec<u8>,
    complete: bool,
}

impl Chunks {
    /// Takes the next bytes of the body.
    pub(super) fn take(&mut self, mut input: &[u8]) -> Result<()> {
        while !input.is_empty() {
            ensure!(!self.complete, "more than the body");
            if self.left > 0 {
                let here = input.len().min(usize::try_from(self.left)?);
                ensure!(input[0] == FILL && input[here - 1] == FILL, "wrong data");
                self.left -= here as u64;
                self.size += here as u64;
                input = &input[here..];
                continue;
            }
            self.line.push(input[0]);
            input = &input[1..];
            self.end_line()?;
        }
        Ok(())
    }

    /// Ends the line if it is whole: CRLF of the chunk before, but for the
    /// first, then the size, CRLF; after the last chunk one CRLF more.
    fn end_line(&mut self) -> Result<()> {
        let before: &[u8] = if self.size > 0 { b"\r\n" } else { b"" };
        let line = &self.line[..];
        ensure!(line.len() < 40, "a strange chunk: {line:?}");
        let Some(rest) = line.strip_prefix(before) else {
            return Ok(());
        };
        if rest.ends_with(b"0\r\n\r\n") {
            self.complete = true;
        } else if let Some(digits) = rest.strip_suffix(b"\r\n")
            && digits != b"0"
        {
            let digits = std::str::from_utf8(digits)?;
            self.left = u64::from_str_radix(digits, 16).context("no chunk size")?;
            self.line.clear();
        }
        Ok(())
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_anywhere() {
        let body = b"3\r\nxxx\r\nA\r\nxxxxxxxxxx\r\n0\r\n\r\n";
        for split in 0..body.len() {
            let mut chunks = Chunks::default();
            chunks.take(&body[..split]).unwrap();
            assert!(!chunks.is_complete());
            chunks.take(&body[split..]).unwrap();
            assert!(chunks.is_complete(), "{split}");
            assert_eq!(chunks.size(), 13);
        }
        assert!(Chunks::default().take(b"3\r\nxyz").is_err());
        assert!(Chunks::default().take(b"zz\r\n").is_err());
    }
}
