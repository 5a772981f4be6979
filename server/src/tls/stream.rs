use std::fmt;
use std::io::{self, Read, Write};

use super::session::{Decrypted, RECORD_MAX, Session};

/// Where received bytes land, on the stack, if the caller has no room for them. Holds a usual first message of a client,
/// or a request, in one read, and costs little to clear.
pub(super) const SMALL_LANDING: usize = 2048;

/// An established TLS connection, as a server, over the transport `S`.
///
/// It holds no buffer while it waits for the peer: encrypted bytes land in the caller's buffer (or, if that is small, on
/// the stack), and are kept only from there until they are decrypted.
///
/// Dropping it performs no I/O: without a [`shutdown`](Self::shutdown) before, the peer sees a truncated stream.
///
/// # Interruptions
///
/// An error of the transport, or a greenlet that is interrupted while it waits in the transport,
/// leaves the connection usable. No byte is lost and none sent twice:
/// - Bytes that were encrypted but not sent stay, and go first at the next call of any method.
/// - A `write` that takes bytes but cannot send them returns `Ok`, as the bytes are taken; the *next* `write`, `flush` or
///   `shutdown` returns the transport's error. So flush where you need to know that everything went out.
/// - A `write` that is unwound may have taken bytes, as with a plain socket.
///
/// Answers that the TLS protocol itself asks for go out before the stream waits for the peer, at the latest at the next call.
pub(crate) struct TlsStream<S> {
    session: Session,
    transport: S,
    /// The error that kept a write from sending what it had taken. Set only while there are outgoing bytes.
    unreported: Option<io::Error>,
}

impl<S> TlsStream<S> {
    pub(super) fn new(session: Session, transport: S) -> Self {
        Self {
            session,
            transport,
            unreported: None,
        }
    }

    /// The transport, for its addresses and time-outs.
    pub(crate) fn get_ref(&self) -> &S {
        &self.transport
    }

    /// The transport, for its addresses and time-outs. Reading from it or writing to it breaks the connection.
    #[cfg(test)]
    pub(crate) fn get_mut(&mut self) -> &mut S {
        &mut self.transport
    }

    /// Whether bytes from the peer wait here, so that a read may succeed although the transport has nothing to read.
    ///
    /// Wait for the transport to become readable only if this is false.
    pub(crate) fn has_input(&self) -> bool {
        self.session.has_input()
    }
}

impl<S: Write> TlsStream<S> {
    /// Tells the peer that no more data follows (close_notify) and flushes the transport. Further writes fail;
    /// reads work until the peer closes too. A second call sends only what the first could not send.
    ///
    /// # Errors
    ///
    /// Any error of the transport, one that an earlier write did not report included.
    pub(crate) fn shutdown(&mut self) -> io::Result<()> {
        self.report()?;
        self.session.close()?;
        self.flush()
    }

    fn report(&mut self) -> io::Result<()> {
        self.unreported.take().map_or(Ok(()), Err)
    }

    fn send(&mut self) -> io::Result<()> {
        if self.session.has_output() {
            self.session.duplex().send(&mut self.transport)?;
            self.unreported = None;
        }
        Ok(())
    }
}

impl<S: Read> TlsStream<S> {
    /// Waits for bytes from the peer. Returns false at the end of the transport.
    fn receive(&mut self, buf: &mut [u8]) -> io::Result<bool> {
        if buf.len() < SMALL_LANDING {
            return self.receive_small();
        }
        let landing = buf.len().min(RECORD_MAX);
        let landing = &mut buf[..landing];
        self.session.duplex().receive(&mut self.transport, landing)
    }

    #[inline(never)] // keeps the array off the stack of those who bring their own
    fn receive_small(&mut self) -> io::Result<bool> {
        let mut landing = [0; SMALL_LANDING];
        self.session
            .duplex()
            .receive(&mut self.transport, &mut landing)
    }
}

/// `Ok(0)` says that the peer closed the connection properly.
///
/// # Errors
///
/// - [`UnexpectedEof`](io::ErrorKind::UnexpectedEof): the transport ended without the peer's close_notify.
///   The data may be truncated, by whoever can cut the connection. Many clients close this way, so between two messages it is no cause for alarm.
/// - [`InvalidData`](io::ErrorKind::InvalidData): what arrived is not proper TLS, or the peer sent a fatal alert.
///   The connection is of no further use.
/// - Any error of the transport. Nothing is lost: read again.
impl<S: Read + Write> Read for TlsStream<S> {
    /// May leave encrypted bytes in the part of `buf` behind those it returns.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        // Before decrypting, not after: data in `buf` would be lost if the transport unwound.
        self.send()?;
        loop {
            match self.session.decrypt(buf) {
                Ok(Decrypted::Data(count)) => return Ok(count),
                Ok(Decrypted::Closed) => return Ok(0),
                Ok(Decrypted::Starved) => {}
                Err(err) => {
                    // The alert, for the peer's information; what counts here is what went wrong.
                    let _ = self.send();
                    return Err(err);
                }
            }
            self.send()?; // the peer may be waiting for it
            if !self.receive(buf)? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// # Errors
///
/// - [`BrokenPipe`](io::ErrorKind::BrokenPipe) after [`shutdown`](TlsStream::shutdown).
/// - Any error of the transport; see [Interruptions](TlsStream#interruptions) for what then became of the bytes.
impl<S: Write> Write for TlsStream<S> {
    /// Encrypts and sends at most one TLS record, so 16 KiB.
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.report()?;
        self.send()?;
        if buf.is_empty() {
            return Ok(0);
        }
        let count = self.session.encrypt(buf)?;
        self.unreported = self.send().err();
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.report()?;
        self.send()?;
        self.transport.flush()
    }
}

impl<S: fmt::Debug> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream")
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}
