//! A client that sends and expects bytes.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::child::one_starts;
use super::{MOMENT, PATIENCE, Response, pause};

/// A connection of std's on a plain thread; every wait of it has a limit.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    // Received and not yet asked for.
    ahead: Vec<u8>,
}

impl Client {
    #[track_caller]
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&addr, PATIENCE).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let ahead = Vec::new();
        Self { stream, ahead }
    }

    /// A client that has sent these bytes.
    #[track_caller]
    pub(crate) fn with(addr: SocketAddr, bytes: impl AsRef<[u8]>) -> Self {
        let mut client = Self::connect(addr);
        client.send(bytes);
        client
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The connection; nothing may have been read ahead.
    pub(crate) fn into_stream(self) -> TcpStream {
        assert!(self.ahead.is_empty());
        self.stream
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends, unless the server does not take it any more.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    pub(crate) fn end_sending(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// What comes next, as much as one read brings; nothing at the end.
    #[track_caller]
    pub(crate) fn read_some(&mut self) -> Vec<u8> {
        if !self.ahead.is_empty() {
            return std::mem::take(&mut self.ahead);
        }
        let mut buffer = vec![0; 64 * 1024];
        let n = self.stream.read(&mut buffer).unwrap();
        buffer.truncate(n);
        buffer
    }

    #[track_caller]
    pub(crate) fn read_exact(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.ahead);
        while bytes.len() < len {
            let some = self.read_some();
            assert!(!some.is_empty(), "the end after {}", Text(&bytes));
            bytes.extend(some);
        }
        self.ahead = bytes.split_off(len);
        bytes
    }

    /// Reads until these bytes have come, them included.
    #[track_caller]
    pub(crate) fn read_until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let found = bytes.windows(end.len()).position(|window| window == end);
            if let Some(at) = found {
                self.ahead = bytes.split_off(at + end.len());
                return bytes;
            }
            let some = self.read_some();
            assert!(!some.is_empty(), "the end after {}", Text(&bytes));
            bytes.extend(some);
        }
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, bytes: &[u8]) {
        let got = self.read_exact(bytes.len());
        assert!(got == bytes, "{} for {}", Text(&got), Text(bytes));
    }

    /// Reads to the end of the stream. A reset is a failure.
    #[track_caller]
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.ahead);
        self.stream.read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// The server has nothing more to say and closes.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        let rest = self.read_to_end();
        assert!(rest.is_empty(), "before the end: {}", Text(&rest));
    }

    /// The server closes; a reset is as good, and what comes before is dropped.
    #[track_caller]
    pub(crate) fn expect_closed(&mut self) {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("not closed: {error}"),
        }
    }

    /// Nothing comes for a moment, and the connection stays.
    #[track_caller]
    pub(crate) fn expect_silence(&mut self) {
        assert!(self.ahead.is_empty(), "not silent: {}", Text(&self.ahead));
        self.stream.set_read_timeout(Some(MOMENT)).unwrap();
        let mut buffer = [0; 1024];
        match self.stream.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(n) => panic!("not silent: {}", Text(&buffer[..n])),
            Err(error) => panic!("not silent: {error}"),
        }
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    }

    /// Exactly one response, to anything but HEAD.
    #[track_caller]
    pub(crate) fn response(&mut self) -> Response {
        Response::read(self, false)
    }

    /// Exactly one response to HEAD.
    #[track_caller]
    pub(crate) fn response_to_head(&mut self) -> Response {
        Response::read(self, true)
    }

    /// Sends a request and reads its response.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Response {
        self.send(request);
        self.response()
    }
}

/// Whether nobody listens there. Who asks while somebody does becomes a client.
pub(crate) fn is_refused(addr: SocketAddr) -> bool {
    let starts = one_starts();
    match TcpStream::connect_timeout(&addr, PATIENCE) {
        // Perhaps only because of that.
        Ok(_) if starts || one_starts() => {
            pause();
            is_refused(addr)
        }
        Ok(_) => false,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => true,
        // It got into the backlog of a listener that was just closing.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => false,
        Err(error) => panic!("neither refused nor accepted: {error}"),
    }
}

/// Shows bytes in messages.
pub(crate) struct Text<'a>(pub(crate) &'a [u8]);

impl std::fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = &self.0[..self.0.len().min(400)];
        write!(
            f,
            "{:?} ({} bytes)",
            shown.escape_ascii().to_string(),
            self.0.len()
        )
    }
}
