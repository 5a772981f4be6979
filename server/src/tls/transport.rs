//! What TLS runs over.

use std::io::{self, Read, Write};
use std::time::Duration;

use rustix::net::{SendFlags, send};

use crate::socket::Socket;

/// A connected socket. One greenlet may read while another writes.
pub(crate) trait Transport {
    /// As [`Read::read`]; may suspend.
    fn read(&self, buf: &mut [u8]) -> io::Result<usize>;

    /// As [`Write::write`]; may suspend.
    fn write(&self, buf: &[u8]) -> io::Result<usize>;

    /// Writes what can be written at once. Never suspends: for destructors.
    fn try_write(&self, buf: &[u8]) -> io::Result<usize>;

    /// How long a write may wait.
    fn write_timeout(&self) -> Option<Duration>;
}

impl Transport for Socket {
    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut stream = self;
        Read::read(&mut stream, buf)
    }

    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        let mut stream = self;
        Write::write(&mut stream, buf)
    }

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        Ok(send(self, buf, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
    }

    fn write_timeout(&self) -> Option<Duration> {
        self.write_timeout().ok().flatten()
    }
}

/// Writes all of `bytes`.
pub(super) fn write_all(transport: &impl Transport, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = write_some(transport, bytes)?;
        bytes = &bytes[count..];
    }
    Ok(())
}

/// Writes at least one byte.
pub(super) fn write_some(transport: &impl Transport, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match transport.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
