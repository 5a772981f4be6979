use std::fmt;
use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use parking_lot::{Mutex, MutexGuard};

use super::duplex::Buffer;
use super::session::{Decrypted, Session};
use super::transport::{Transport, write_some};
use super::turns::{ReadTurn, Turns, WriteTurn};

/// Where received bytes land, on the stack, if the caller has no room for them. Holds a usual first message of a client,
/// or a request, in one read, and costs little to clear.
pub(super) const SMALL_LANDING: usize = 2048;

/// The most that is received at once: four full records, so that a large transfer takes few calls.
/// It bounds what is kept for a reader that takes less than it was sent.
const LANDING_MAX: usize = 64 * 1024;

/// An established TLS connection, as a server, over the transport `S`.
///
/// It holds no buffer while it waits for the peer: encrypted bytes land in the caller's buffer (or, if that is small, on
/// the stack), and are kept only from there until they are decrypted.
///
/// Clones share the connection, so that one greenlet can read while another writes. A lock guards the TLS library's state;
/// it is held while bytes are encrypted or decrypted in memory, never while anybody waits for the peer. Of two that
/// write at once, one waits for its turn; of two that read at once, the second gets an error, as with a plain socket.
///
/// When the last clone is dropped close_notify is sent, if the socket takes it at once. While unwinding none is sent: what
/// the peer got was cut short, and it can tell.
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
pub(crate) struct TlsStream<S: Transport> {
    shared: Arc<Shared<S>>,
}

struct Shared<S: Transport> {
    transport: S,
    core: Mutex<Core>,
    /// Whether the core's session has input or output; changed under its lock, looked at without.
    has_input: AtomicBool,
    has_output: AtomicBool,
    /// Who reads and who writes. Nobody needs to ask before there is a clone.
    turns: OnceLock<Turns>,
}

struct Core {
    session: Session,
    /// The error that kept a write from sending what it had taken. Set only while there are outgoing bytes.
    unreported: Option<io::Error>,
}

impl<S: Transport> TlsStream<S> {
    pub(super) fn new(session: Session, transport: S) -> Self {
        let has_input = AtomicBool::new(session.has_input());
        let has_output = AtomicBool::new(session.has_output());
        Self {
            shared: Arc::new(Shared {
                transport,
                core: Mutex::new(Core {
                    session,
                    unreported: None,
                }),
                has_input,
                has_output,
                turns: OnceLock::new(),
            }),
        }
    }

    /// Another handle to the connection.
    pub(crate) fn clone_handle(&self) -> Self {
        self.shared.turns.get_or_init(Turns::new);
        Self {
            shared: self.shared.clone(),
        }
    }

    /// The transport, for its addresses and time-outs. Reading from it or writing to it breaks the connection.
    pub(crate) fn get_ref(&self) -> &S {
        &self.shared.transport
    }

    /// Whether bytes from the peer wait here, so that a read may succeed although the transport has nothing to read.
    ///
    /// Wait for the transport to become readable only if this is false.
    pub(crate) fn has_input(&self) -> bool {
        self.shared.has_input.load(Ordering::Acquire)
    }

    /// Tells the peer that no more data follows (close_notify). Further writes fail;
    /// reads work until the peer closes too. A second call sends only what the first could not send.
    ///
    /// # Errors
    ///
    /// Any error of the transport, one that an earlier write did not report included.
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        let shared = &*self.shared;
        let turn = shared.write_turn()?;
        let mut core = shared.core.lock();
        core.report()?;
        core.session.close()?;
        shared.send(core)?;
        shared.end_write(turn);
        Ok(())
    }
}

impl<S: Transport> Shared<S> {
    /// Waits for bytes from the peer and decrypts them into `buf`, which is not empty.
    fn receive(&self, buf: &mut [u8]) -> io::Result<Decrypted> {
        if buf.len() < SMALL_LANDING {
            return self.receive_small(buf);
        }
        let room = buf.len().min(LANDING_MAX);
        let count = self.land(&mut buf[..room])?;
        let mut core = self.core.lock();
        core.session.duplex().feed(&buf[..count]);
        self.decrypt(&mut core, buf)
    }

    #[inline(never)] // keeps the array off the stack of those who bring their own
    fn receive_small(&self, buf: &mut [u8]) -> io::Result<Decrypted> {
        let mut landing = [0; SMALL_LANDING];
        let count = self.land(&mut landing)?;
        let mut core = self.core.lock();
        core.session.duplex().feed(&landing[..count]);
        self.decrypt(&mut core, buf)
    }

    /// Nothing is lost if the transport fails or unwinds: until it returns, the session is not touched.
    fn land(&self, landing: &mut [u8]) -> io::Result<usize> {
        match self.transport.read(landing)? {
            0 => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "TLS: the peer closed without close_notify",
            )),
            count => Ok(count),
        }
    }

    fn decrypt(&self, core: &mut Core, buf: &mut [u8]) -> io::Result<Decrypted> {
        let done = core.session.decrypt(buf);
        self.has_input
            .store(core.session.has_input(), Ordering::Release);
        if core.session.has_output() {
            self.has_output.store(true, Ordering::SeqCst);
        }
        done
    }

    /// Sends what is encrypted, without the lock.
    fn send(&self, mut core: MutexGuard<'_, Core>) -> io::Result<()> {
        let buffer = core.session.duplex().take_outgoing();
        self.has_output.store(false, Ordering::SeqCst);
        drop(core);
        let mut unsent = Unsent {
            shared: self,
            buffer,
        };
        while !unsent.buffer.is_empty() {
            let count = write_some(&self.transport, unsent.buffer.bytes())?;
            unsent.buffer.consume(count);
        }
        Ok(())
    }

    /// Sends what an earlier call left, or what the protocol asks for.
    fn send_rest(&self) -> io::Result<()> {
        while self.has_output.load(Ordering::SeqCst) {
            let turn = match self.turns.get() {
                None => None,
                Some(turns) => match turns.try_write() {
                    // Who writes now looks for more when it is done.
                    None => return Ok(()),
                    some => some,
                },
            };
            self.send(self.core.lock())?;
            self.core.lock().unreported = None;
            drop(turn);
        }
        Ok(())
    }

    fn read_turn(&self) -> io::Result<Option<ReadTurn<'_>>> {
        self.turns.get().map(Turns::read).transpose()
    }

    fn write_turn(&self) -> io::Result<Option<WriteTurn>> {
        let Some(turns) = self.turns.get() else {
            return Ok(None);
        };
        turns.write(self.transport.write_timeout()).map(Some)
    }

    /// Ends a turn. A reader may have left something in the meantime.
    fn end_write(&self, turn: Option<WriteTurn>) {
        if turn.is_none() {
            return;
        }
        drop(turn);
        // Only the protocol's own answers: whoever sends next has the same error.
        let _ = self.send_rest();
    }
}

impl Core {
    fn report(&mut self) -> io::Result<()> {
        self.unreported.take().map_or(Ok(()), Err)
    }
}

/// Bytes on their way to the transport. What is left of them when the transport fails or unwinds goes back.
struct Unsent<'a, S: Transport> {
    shared: &'a Shared<S>,
    buffer: Buffer,
}

impl<S: Transport> Drop for Unsent<'_, S> {
    fn drop(&mut self) {
        if !self.buffer.is_empty() {
            let mut core = self.shared.core.lock();
            let unsent = mem::take(&mut self.buffer);
            core.session.duplex().put_back(unsent);
            self.shared.has_output.store(true, Ordering::SeqCst);
        }
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
/// - [`ResourceBusy`](io::ErrorKind::ResourceBusy): another clone is reading.
/// - Any error of the transport. Nothing is lost: read again.
impl<S: Transport> io::Read for TlsStream<S> {
    /// May leave encrypted bytes in the part of `buf` behind those it returns.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let shared = &*self.shared;
        let _turn = shared.read_turn()?;
        // Before decrypting, not after: data in `buf` would be lost if the transport unwound.
        shared.send_rest()?;
        let mut ask = self.has_input();
        loop {
            let decrypted = if mem::take(&mut ask) {
                shared.decrypt(&mut shared.core.lock(), buf)
            } else {
                shared.send_rest()?; // the peer may be waiting for it
                shared.receive(buf)
            };
            match decrypted {
                Ok(Decrypted::Data(count)) => return Ok(count),
                Ok(Decrypted::Closed) => return Ok(0),
                Ok(Decrypted::Starved) => {}
                Err(err) => {
                    // The alert, for the peer's information; what counts here is what went wrong.
                    let _ = shared.send_rest();
                    return Err(err);
                }
            }
        }
    }
}

/// # Errors
///
/// - [`BrokenPipe`](io::ErrorKind::BrokenPipe) after [`shutdown`](TlsStream::shutdown).
/// - Any error of the transport; see [Interruptions](TlsStream#interruptions) for what then became of the bytes.
impl<S: Transport> io::Write for TlsStream<S> {
    /// Encrypts and sends at most one TLS record, so 16 KiB.
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let shared = &*self.shared;
        let turn = shared.write_turn()?;
        let mut core = shared.core.lock();
        core.report()?;
        if core.session.has_output() {
            shared.send(core)?;
            core = shared.core.lock();
        }
        if buf.is_empty() {
            return Ok(0);
        }
        let count = core.session.encrypt(buf)?;
        if let Err(err) = shared.send(core) {
            shared.core.lock().unreported = Some(err);
        } else {
            shared.end_write(turn);
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        let shared = &*self.shared;
        let turn = shared.write_turn()?;
        let mut core = shared.core.lock();
        core.report()?;
        if core.session.has_output() {
            shared.send(core)?;
        }
        shared.end_write(turn);
        Ok(())
    }
}

impl<S: Transport> Drop for Shared<S> {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let session = &mut self.core.get_mut().session;
        if session.close().is_ok() {
            let bytes = session.duplex().take_outgoing();
            if !bytes.is_empty() {
                // A peer that does not read goes without.
                let _ = self.transport.try_write(bytes.bytes());
            }
        }
    }
}

impl<S: Transport + fmt::Debug> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream")
            .field("transport", self.get_ref())
            .finish_non_exhaustive()
    }
}
