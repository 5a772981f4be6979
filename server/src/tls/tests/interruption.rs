//! What is left of a connection when the transport fails or unwinds in the middle of a call.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::super::session::PLAINTEXT_MAX;
use super::{MIB, Transport, noise, serve_over};

#[test]
fn nothing_lost_or_doubled_by_time_outs() {
    survive_hiccups(|_| Err(io::ErrorKind::TimedOut.into()), false);
}

#[test]
fn nothing_lost_or_doubled_by_interrupts_and_partial_writes() {
    let hiccup = |n| match n % 3 {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ => Err(io::ErrorKind::Interrupted.into()),
    };
    survive_hiccups(hiccup, false);
}

/// As the interruption of a greenlet unwinds out of a blocking call.
#[test]
fn nothing_lost_or_doubled_by_unwinding() {
    survive_hiccups(|_| panic::resume_unwind(Box::new("interrupted")), true);
}

#[test]
fn flush_reports_what_write_could_not_send() {
    let mut server = serve_over(Hiccups::new, |mut stream| {
        let hiccup = |_| Err(io::ErrorKind::TimedOut.into());
        stream.get_ref().begin(hiccup, false);
        assert_eq!(stream.write(b"taken").unwrap(), 5);
        assert_eq!(stream.flush().unwrap_err().kind(), io::ErrorKind::TimedOut);
        stream.flush().unwrap();

        // Taken and not sent, but a read sends it; then there is nothing to report.
        assert_eq!(stream.write(b"again").unwrap(), 5);
        assert_eq!(stream.get_ref().calls(), 3);
        stream.read_exact(&mut [0]).unwrap();
        stream.flush().unwrap();
    });
    let mut client = server.connect();
    let mut text = [0; 10];
    client.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"takenagain");
    client.write_all(b".").unwrap();
    server.join();
}

/// Sends and receives a mebibyte over a transport that has a hiccup at every second call. Calls are simply repeated.
fn survive_hiccups(hiccup: fn(usize) -> io::Result<usize>, unwinds: bool) {
    let data = noise(MIB);
    let expected = data.clone();
    let mut server = serve_over(Hiccups::new, move |mut stream| {
        stream.get_ref().begin(hiccup, true);

        let mut received = Vec::new();
        let mut buf = vec![0; 40_000];
        while received.len() < MIB {
            // Of every size, so that both ways to land bytes are used.
            let room = 1 + received.len() % buf.len();
            if let Some(count) = attempt(|| stream.read(&mut buf[..room])) {
                assert!(count > 0);
                received.extend_from_slice(&buf[..count]);
            }
        }
        assert!(received == expected);

        let mut sent = 0;
        while sent < MIB {
            let piece = &expected[sent..];
            match attempt(|| stream.write(piece)) {
                Some(count) => sent += count,
                // Nothing was left to send before, so it was unwound while it sent what it had taken.
                None if unwinds => sent += piece.len().min(PLAINTEXT_MAX),
                None => {}
            }
            while unwinds && attempt(|| stream.flush()).is_none() {}
        }
        while attempt(|| stream.shutdown()).is_none() {}
    });
    let mut client = server.connect();
    let mut writer = io::Cursor::new(&data);
    io::copy(&mut writer, &mut client).unwrap();
    let mut echo = Vec::new();
    client.read_to_end(&mut echo).unwrap();
    assert!(echo == data);
    server.join();
}

/// Runs `call`; `None` if it failed or unwound with a hiccup.
fn attempt<T>(call: impl FnOnce() -> io::Result<T>) -> Option<T> {
    match panic::catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Some(value),
        Ok(Err(err)) => {
            let passing = [
                io::ErrorKind::TimedOut,
                io::ErrorKind::WouldBlock,
                io::ErrorKind::Interrupted,
            ];
            assert!(passing.contains(&err.kind()), "{err}");
            None
        }
        Err(payload) => {
            assert_eq!(payload.downcast_ref(), Some(&"interrupted"));
            None
        }
    }
}

/// A transport that does every second call only, and writes 1000 bytes at most.
struct Hiccups {
    socket: TcpStream,
    hiccup: Mutex<fn(usize) -> io::Result<usize>>,
    in_reads: AtomicBool,
    in_writes: AtomicBool,
    calls: AtomicUsize,
}

impl Hiccups {
    fn new(socket: TcpStream) -> Self {
        Self {
            socket,
            hiccup: Mutex::new(|_| Ok(0)),
            in_reads: AtomicBool::new(false),
            in_writes: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
        }
    }

    fn begin(&self, hiccup: fn(usize) -> io::Result<usize>, in_reads: bool) {
        *self.hiccup.lock() = hiccup;
        self.in_reads.store(in_reads, Ordering::SeqCst);
        self.in_writes.store(true, Ordering::SeqCst);
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// The hiccup, if it is time for one.
    fn due(&self, here: &AtomicBool) -> Option<io::Result<usize>> {
        if !here.load(Ordering::SeqCst) {
            return None;
        }
        let calls = self.calls.fetch_add(1, Ordering::SeqCst);
        let hiccup = *self.hiccup.lock();
        calls.is_multiple_of(2).then(|| hiccup(calls / 2))
    }
}

impl Transport for Hiccups {
    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.due(&self.in_reads)
            .unwrap_or_else(|| Transport::read(&self.socket, buf))
    }

    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        let some = &buf[..buf.len().min(1000)];
        self.due(&self.in_writes)
            .unwrap_or_else(|| Transport::write(&self.socket, some))
    }

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.try_write(buf)
    }

    fn write_timeout(&self) -> Option<Duration> {
        None
    }
}
