//! The input buffer of a connection.

use std::io;
use std::ops::Range;

use crate::app::Wire;
use crate::buffers;

/// Received bytes that no request has used up yet.
#[derive(Default)]
pub(super) struct Received {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Received {
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether there is nothing but line ends: no request has begun.
    pub(super) fn is_blank(&self) -> bool {
        self.bytes()
            .iter()
            .all(|byte| matches!(byte, b'\r' | b'\n'))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub(super) fn consume(&mut self, n: usize) {
        self.start += n;
    }

    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// Reads more, waiting for it; makes room as needed. The parser's limits
    /// bound how much there can be.
    pub(super) fn receive(&mut self, wire: &Wire) -> io::Result<usize> {
        if self.buffer.is_empty() {
            self.buffer = buffers::take();
        }
        if self.is_empty() {
            self.start = 0;
            self.end = 0;
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.end == self.buffer.len() {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
        }
        let n = wire.read(&mut self.buffer[self.end..])?;
        self.end += n;
        Ok(n)
    }
}

/// A buffer, and where in it they lie.
impl From<(Vec<u8>, Range<usize>)> for Received {
    fn from((buffer, bytes): (Vec<u8>, Range<usize>)) -> Self {
        Self {
            buffer,
            start: bytes.start,
            end: bytes.end,
        }
    }
}
