//! What a connection of the client goes over: TCP, or TLS on it.

use std::io::{ErrorKind, Read, Result as IoResult, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use anyhow::{Context, Result};
use native_tls::{TlsConnector, TlsStream};

/// The name in the servers' certificate.
pub(super) const HOST: &str = "localhost";

/// A non-blocking stream.
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// Connects, and waits for the handshake if there is TLS.
    pub(super) fn open(addr: SocketAddr, tls: Option<&TlsConnector>) -> Result<Self> {
        let stream = connect(addr)?;
        let wire = match tls {
            Some(tls) => Self::Tls(Box::new(tls.connect(HOST, stream).context("handshake")?)),
            None => Self::Plain(stream),
        };
        wire.socket().set_nonblocking(true)?;
        Ok(wire)
    }

    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref(),
        }
    }

    /// Says that nothing more will be written.
    pub(super) fn say_goodbye(&mut self) -> Result<()> {
        let said = match self {
            Self::Plain(stream) => stream.shutdown(Shutdown::Write),
            Self::Tls(stream) => stream.shutdown(),
        };
        match said {
            Err(error) if error.kind() != ErrorKind::WouldBlock => {
                Err(error).context("cannot say goodbye")
            }
            _ => Ok(()),
        }
    }

    /// Whether a read that leaves room in its buffer has taken all that is there.
    /// TLS hands out one record at a time.
    pub(super) fn short_read_drains(&self) -> bool {
        matches!(self, Self::Plain(_))
    }
}

/// A blocking connection without delays.
pub(super) fn connect(addr: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(addr).context("cannot connect")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> IoResult<usize> {
        match self {
            Self::Plain(stream) => stream.read(buf),
            Self::Tls(stream) => stream.read(buf),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> IoResult<usize> {
        match self {
            Self::Plain(stream) => stream.write(buf),
            Self::Tls(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> IoResult<()> {
        Ok(()) // nothing is held back
    }
}
