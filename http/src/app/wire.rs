//! The connection as request and response share it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use maypole_server::Stream;

use crate::proto::CONTINUE;

/// How much of a file is read in one go to be encrypted. The read may have to wait for a disk,
/// and then the whole hub does: that is less than a millisecond for this much,
/// and nothing when the file is in the page cache. A real thread would cost
/// every file more than that.
const FILE_SLICE: usize = 64 * 1024;

/// A connection that one greenlet reads requests from and writes answers to.
/// Input and body writer both hold it, so it is borrowed for each call only.
pub(crate) struct Wire {
    // None once it was handed over to another protocol.
    stream: RefCell<Option<Stream>>,
    out: RefCell<Vec<u8>>,
    // The client waits for an interim answer before it sends its body.
    owes_continue: Cell<bool>,
    // Reading came to the end of the stream or failed, or writing did.
    ended: Cell<bool>,
    // Bytes that came, and bytes that went; interim answers are not counted.
    received: Cell<u64>,
    sent: Cell<u64>,
    // There is no connection: what is sent stays queued.
    in_memory: bool,
}

impl Wire {
    pub(crate) fn new(stream: Stream) -> Self {
        Self::with(Some(stream), false)
    }

    /// A wire without a connection, of which the answer is taken with
    /// [`take_out`](Self::take_out). The body must be there.
    #[cfg(feature = "minihttp")]
    pub(crate) fn in_memory() -> Self {
        Self::with(None, true)
    }

    fn with(stream: Option<Stream>, in_memory: bool) -> Self {
        Self {
            stream: RefCell::new(stream),
            out: RefCell::default(),
            owes_continue: Cell::new(false),
            ended: Cell::new(false),
            received: Cell::new(0),
            sent: Cell::new(0),
            in_memory,
        }
    }

    /// Whether there is no connection behind it.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.in_memory
    }

    /// Calls `f` with the stream, which must not be held across calls of `self`.
    pub(crate) fn with_stream<R>(
        &self,
        f: impl FnOnce(&mut Stream) -> io::Result<R>,
    ) -> io::Result<R> {
        match self.stream.borrow_mut().as_mut() {
            Some(stream) => f(stream),
            None if self.in_memory => Err(in_memory()),
            None => Err(handed_over()),
        }
    }

    /// Takes the stream out, for another protocol. Nothing can be read or sent
    /// from here on.
    pub(super) fn take_stream(&self) -> io::Result<Stream> {
        self.stream.take().ok_or_else(handed_over)
    }

    /// Calls `f` with the bytes that are to be sent.
    pub(crate) fn with_out<R>(&self, f: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        f(&mut self.out.borrow_mut())
    }

    /// The same for bytes of interim answers, which belong to no response.
    pub(crate) fn uncounted<R>(&self, f: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let before = self.queued();
        let result = self.with_out(f);
        let more = self.queued() - before;
        self.sent.set(self.sent.get().wrapping_sub(more as u64));
        result
    }

    /// How many bytes wait to be sent.
    pub(crate) fn queued(&self) -> usize {
        self.out.borrow().len()
    }

    /// Sends all that was queued.
    pub(crate) fn flush(&self) -> io::Result<()> {
        let mut out = self.out.borrow_mut();
        if out.is_empty() || self.in_memory {
            return Ok(());
        }
        let sent = self.with_stream(|stream| {
            stream.write_all(&out)?;
            stream.flush()
        });
        self.sent
            .set(self.sent.get().wrapping_add(out.len() as u64));
        // On an error too: half of it may be out, it must not be sent again.
        out.clear();
        if sent.is_err() {
            self.ended.set(true);
        }
        sent
    }

    /// Reads what has arrived, waiting for it. Answers that are queued go out
    /// first: the client may be waiting for them.
    pub(crate) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.flush()?;
        let read = self.with_stream(|stream| stream.read(buf));
        match read {
            Ok(n @ 1..) => self.received.set(self.received.get() + n as u64),
            _ => self.ended.set(true),
        }
        read
    }

    /// Sends `len` bytes of a file behind what was queued.
    pub(crate) fn send_file(&self, file: &File, offset: u64, len: u64) -> io::Result<()> {
        self.flush()?;
        let end = offset + len;
        if self.in_memory {
            return self.copy_file(file, offset, end);
        }
        let sent = self.with_stream(|stream| {
            if stream.is_tls() {
                return Ok(None);
            }
            stream.get_ref().send_file(file, offset..end).map(Some)
        });
        match sent {
            Ok(Some(sent)) => {
                self.sent.set(self.sent.get().wrapping_add(sent));
                if sent == len { Ok(()) } else { Err(shrunk()) }
            }
            Ok(None) => self.copy_file(file, offset, end),
            Err(error) => {
                self.ended.set(true);
                Err(error)
            }
        }
    }

    /// The same where the kernel cannot do it.
    fn copy_file(&self, file: &File, mut offset: u64, end: u64) -> io::Result<()> {
        let mut slice = Vec::new();
        while offset < end {
            let most = usize::try_from(end - offset).unwrap_or(usize::MAX);
            slice.resize(most.min(FILE_SLICE), 0);
            let n = file.read_at(&mut slice, offset)?;
            if n == 0 {
                return Err(shrunk());
            }
            self.with_out(|out| out.extend_from_slice(&slice[..n]));
            self.flush()?;
            offset += n as u64;
        }
        Ok(())
    }

    /// Makes sure that no proper end of TLS is sent: what was cut short must not
    /// look complete.
    pub(crate) fn cut(&self) -> io::Result<()> {
        self.with_stream(|stream| {
            if stream.is_tls() {
                stream.get_ref().shutdown(Shutdown::Both)?;
            }
            Ok(())
        })
    }

    /// Makes a connection that is closed from now on look broken, or whole.
    pub(crate) fn reset_on_close(&self, reset: bool) -> io::Result<()> {
        let linger = reset.then_some(Duration::ZERO);
        self.with_stream(|stream| stream.get_ref().set_linger(linger))
    }

    /// How many bytes have come so far.
    pub(crate) fn received(&self) -> u64 {
        self.received.get()
    }

    /// How many bytes were sent or queued so far; interim answers excepted.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.get().wrapping_add(self.queued() as u64)
    }

    /// Whether the client has closed, failed, or kept us waiting for too long.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Whether the server has begun to stop.
    pub(crate) fn is_draining(&self) -> bool {
        let stream = self.stream.borrow();
        stream.as_ref().is_some_and(Stream::is_draining)
    }

    /// The request at hand asks for an interim answer, or does not.
    pub(crate) fn set_owes_continue(&self, owes: bool) {
        self.owes_continue.set(owes);
    }

    /// Whether the client may still be waiting with its body.
    pub(crate) fn owes_continue(&self) -> bool {
        self.owes_continue.get()
    }

    /// Tells the client to send its body, if it waits for that.
    pub(crate) fn invite_body(&self) {
        if self.owes_continue.take() {
            self.uncounted(|out| out.extend_from_slice(CONTINUE));
        }
    }

    /// Hands out the buffer of queued bytes, for reuse elsewhere.
    pub(crate) fn take_out(&self) -> Vec<u8> {
        self.out.take()
    }

    /// Puts a buffer in place for bytes to be queued.
    pub(crate) fn put_out(&self, out: Vec<u8>) {
        self.out.replace(out);
    }
}

#[cold]
fn shrunk() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the file has become shorter while it was sent",
    )
}

#[cold]
fn in_memory() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "this server does not show its connections; pywsgi does",
    )
}

#[cold]
fn handed_over() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotConnected,
        "the connection was handed over to another protocol",
    )
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}
