//! The in-memory transport that the TLS library runs over.

use std::io::{self, Read, Write};
use std::mem;
use std::sync::{Arc, OnceLock};

/// Two byte buffers: what came from the peer and was not decrypted yet, and what was encrypted and not sent yet.
///
/// The TLS library is its owner and uses it as a non-blocking socket that can always be written to. We reach it
/// through the library's `get_mut`, so nothing is shared and no lock is taken.
///
/// A buffer that becomes empty gives its memory back.
pub(super) struct Duplex {
    incoming: Buffer,
    outgoing: Buffer,
    /// Only during the handshake.
    salvage: Option<Salvage>,
}

/// Where a [`Duplex`] leaves its outgoing bytes when it is dropped in the middle of a handshake.
///
/// When a handshake fails, native-tls returns the error and drops the duplex, with the alert that tells the peer why.
#[derive(Clone, Default)]
pub(super) struct Salvage(Arc<OnceLock<Buffer>>);

impl Duplex {
    pub(super) fn new(salvage: &Salvage) -> Self {
        Self {
            incoming: Buffer::default(),
            outgoing: Buffer::default(),
            salvage: Some(salvage.clone()),
        }
    }

    /// Ends the handshake: from now on, dropping the duplex drops its bytes.
    pub(super) fn settle(&mut self) {
        self.salvage = None;
    }

    /// Takes what has come from the peer.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.incoming.push(bytes);
    }

    /// Hands out what must go to the peer.
    pub(super) fn take_outgoing(&mut self) -> Buffer {
        mem::take(&mut self.outgoing)
    }

    /// Takes back what was handed out and not sent: it goes first next time.
    pub(super) fn put_back(&mut self, mut unsent: Buffer) {
        unsent.push(self.outgoing.bytes());
        self.outgoing = unsent;
    }

    pub(super) fn has_incoming(&self) -> bool {
        !self.incoming.is_empty()
    }

    pub(super) fn has_outgoing(&self) -> bool {
        !self.outgoing.is_empty()
    }
}

/// Never returns `Ok(0)`: the end of the transport is reported by whoever reads the transport.
impl Read for Duplex {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.incoming.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = buf.len().min(self.incoming.bytes().len());
        buf[..count].copy_from_slice(&self.incoming.bytes()[..count]);
        self.incoming.consume(count);
        Ok(count)
    }
}

impl Write for Duplex {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.outgoing.push(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Duplex {
    fn drop(&mut self) {
        if let Some(salvage) = self.salvage.take() {
            // Each handshake makes one duplex, so the place is free.
            let _ = salvage.0.set(mem::take(&mut self.outgoing));
        }
    }
}

impl Salvage {
    /// The bytes that were left behind; empty while the duplex lives.
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.get().map_or(&[], Buffer::bytes)
    }
}

/// A queue of bytes.
#[derive(Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    consumed: usize,
}

impl Buffer {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.consumed..]
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.consumed += count;
        if self.is_empty() {
            *self = Self::default();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.consumed >= self.bytes.len()
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn would_block_when_empty() {
        let mut duplex = Duplex::new(&Salvage::default());
        for _ in 0..2 {
            let err = duplex.read(&mut [0; 4]).unwrap_err();
            assert_eq!(err.kind(), io::ErrorKind::WouldBlock);
            duplex.feed(b"");
        }
    }

    #[test]
    fn empty_buffers_hold_no_memory() {
        let mut duplex = Duplex::new(&Salvage::default());
        duplex.write_all(&[7; 5000]).unwrap();
        duplex.feed(&[8; 300]);
        assert_eq!(duplex.incoming.bytes.capacity(), 300);

        duplex.read_exact(&mut [0; 300]).unwrap();
        let mut outgoing = duplex.take_outgoing();
        outgoing.consume(5000);
        assert_eq!(duplex.incoming.bytes.capacity(), 0);
        assert_eq!(duplex.outgoing.bytes.capacity(), 0);
        assert_eq!(outgoing.bytes.capacity(), 0);
    }

    #[test]
    fn what_was_not_sent_goes_first() {
        let mut duplex = Duplex::new(&Salvage::default());
        duplex.write_all(b"abcd").unwrap();
        let mut outgoing = duplex.take_outgoing();
        assert!(!duplex.has_outgoing());
        outgoing.consume(1);
        duplex.write_all(b"ef").unwrap();
        duplex.put_back(outgoing);
        assert_eq!(duplex.take_outgoing().bytes(), b"bcdef");
    }

    #[test]
    fn only_a_duplex_that_is_not_settled_leaves_its_bytes() {
        for settled in [false, true] {
            let salvage = Salvage::default();
            let mut duplex = Duplex::new(&salvage);
            duplex.write_all(b"alert").unwrap();
            if settled {
                duplex.settle();
            }
            assert_eq!(salvage.bytes(), b"");
            drop(duplex);
            assert_eq!(salvage.bytes(), if settled { &b""[..] } else { b"alert" });
        }
    }
}
