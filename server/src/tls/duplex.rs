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

    /// Reads from `transport` once, by way of `landing`. Returns false at the end of the transport.
    ///
    /// Nothing is lost if the transport fails or unwinds: until it returns, the duplex is not touched.
    pub(super) fn receive(
        &mut self,
        transport: &mut impl Read,
        landing: &mut [u8],
    ) -> io::Result<bool> {
        let count = transport.read(landing)?;
        self.incoming.push(&landing[..count]);
        Ok(count > 0)
    }

    /// Writes all outgoing bytes to `transport`.
    ///
    /// If the transport fails or unwinds, what it did not take stays and goes first next time.
    pub(super) fn send(&mut self, transport: &mut impl Write) -> io::Result<()> {
        while !self.outgoing.is_empty() {
            match transport.write(self.outgoing.bytes()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.outgoing.consume(count),
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
        Ok(())
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
struct Buffer {
    bytes: Vec<u8>,
    consumed: usize,
}

impl Buffer {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn consume(&mut self, count: usize) {
        self.consumed += count;
        if self.is_empty() {
            *self = Self::default();
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[self.consumed..]
    }

    fn is_empty(&self) -> bool {
        self.consumed >= self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn would_block_when_empty_and_never_at_the_end() {
        let mut duplex = Duplex::new(&Salvage::default());
        let err = duplex.read(&mut [0; 4]).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::WouldBlock);

        assert!(!duplex.receive(&mut io::empty(), &mut [0; 4]).unwrap());
        let err = duplex.read(&mut [0; 4]).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn empty_buffers_hold_no_memory() {
        let mut duplex = Duplex::new(&Salvage::default());
        duplex.write_all(&[7; 5000]).unwrap();
        duplex.receive(&mut &[8; 300][..], &mut [0; 400]).unwrap();
        assert_eq!(duplex.incoming.bytes.capacity(), 300);

        duplex.read_exact(&mut [0; 300]).unwrap();
        duplex.send(&mut io::sink()).unwrap();
        assert_eq!(duplex.incoming.bytes.capacity(), 0);
        assert_eq!(duplex.outgoing.bytes.capacity(), 0);
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
