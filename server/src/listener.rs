//! A listening socket of any kind.

use std::io;

use maypole_runtime::net::TcpListener;

use crate::socket::{Addr, Socket};

/// A socket that accepts connections.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
}

impl Listener {
    pub(crate) fn try_accept(&self) -> io::Result<(Socket, Addr)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.try_accept()?;
                Ok((Socket::Tcp(stream), Addr::Inet(peer)))
            }
        }
    }

    pub(crate) fn wait_accept(&self) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => listener.wait_accept(),
        }
    }

    pub(crate) fn local_addr(&self) -> io::Result<Addr> {
        match self {
            Self::Tcp(listener) => Ok(Addr::Inet(listener.local_addr()?)),
        }
    }
}
