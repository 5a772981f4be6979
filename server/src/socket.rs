//! A connected socket of any kind, and its addresses.

use std::fmt;
use std::net::SocketAddr;

use maypole_runtime::net::TcpStream;

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
}

/// Where a socket is, or its peer.
#[derive(Clone, Debug)]
pub(crate) enum Addr {
    Inet(SocketAddr),
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(addr) => addr.fmt(f),
        }
    }
}
