//! Listening for connections within the machine.

use std::io;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use crate::descriptor::Descriptor;

use super::super::builder::naming;
use super::super::common::handle_traits;
use super::{UnixStream, shown};

/// A socket that accepts connections within the machine, with the methods of
/// [`std::os::unix::net::UnixListener`].
///
/// The file that binding makes stays when the listener is dropped, and keeps the
/// next one from binding; whoever made it removes it.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::os::linux::net::SocketAddrExt;
/// use std::os::unix::net::SocketAddr;
/// use maypole_runtime::{net::{UnixListener, UnixStream}, spawn};
///
/// let name = format!("maypole-example-{}", std::process::id());
/// let addr = SocketAddr::from_abstract_name(name)?; // leaves no file
/// let listener = UnixListener::bind_addr(&addr)?;
/// let server = spawn(move || listener.accept()?.0.write_all(b"hello"));
/// let mut text = String::new();
/// UnixStream::connect_addr(&addr)?.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// server.get().unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixListener {
    socket: Descriptor<std::os::unix::net::UnixListener>,
}

impl UnixListener {
    /// Makes a socket at `path` and listens.
    ///
    /// # Errors
    ///
    /// `AddrInUse` when there is such a file, whoever has made it; else the
    /// kernel's. The text names the path.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::{UnixListener, UnixStream};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("socket");
    /// let listener = UnixListener::bind(&path)?;
    /// let client = UnixStream::connect(&path)?;
    /// assert!(listener.accept().is_ok());
    /// std::fs::remove_file(&path)?; // whoever made it removes it
    /// # drop(client);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::bind_addr(&SocketAddr::from_pathname(path)?)
    }

    /// Binds to an address, which may be an abstract one, and listens.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    ///
    /// See the example of [`UnixListener`].
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<Self> {
        std::os::unix::net::UnixListener::bind_addr(addr)
            .map_err(|error| naming(&error, &shown(addr)))?
            .try_into()
    }

    fn from_nonblocking(listener: std::os::unix::net::UnixListener) -> Self {
        Self {
            socket: Descriptor::new(listener),
        }
    }

    /// Waits for a connection. Suspends only the caller; a kill or time-out
    /// interrupts it, and the connection stays in the kernel for the next call.
    ///
    /// # Errors
    ///
    /// The kernel's, as std's. They may come again and again; a loop should
    /// pause before it goes on.
    ///
    /// See the example of [`UnixListener`].
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.socket.receive(accept_now)
    }

    /// Waits until an accept may find a connection, and leaves it there. May
    /// return early.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept) when it waits.
    ///
    /// See the example of [`TcpListener::wait_accept`](crate::net::TcpListener::wait_accept).
    #[doc(alias = "wait_read")]
    pub fn wait_accept(&self) -> io::Result<()> {
        self.socket.wait_read()
    }

    /// Accepts a connection if one is there now, and never suspends.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when none is there; else as [`accept`](Self::accept).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use maypole_runtime::net::UnixListener;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("socket");
    /// let listener = UnixListener::bind(path)?;
    /// assert_eq!(listener.try_accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.socket.try_read(accept_now)
    }

    /// An iterator over accepted connections; it never ends.
    ///
    /// See the example of [`TcpListener::incoming`](crate::net::TcpListener::incoming).
    pub fn incoming(&self) -> UnixIncoming<'_> {
        UnixIncoming { listener: self }
    }

    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::UnixListener;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("socket");
    /// let listener = UnixListener::bind(&path)?;
    /// assert_eq!(listener.local_addr()?.as_pathname(), Some(path.as_path()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    /// Stops listening, in all handles to the socket: greenlets and threads that
    /// wait in [`accept`](Self::accept) wake with an error of kind
    /// `ConnectionAborted`, and so do later ones. Connections that were not
    /// accepted are closed.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use maypole_runtime::{net::UnixListener, spawn};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("socket");
    /// let listener = UnixListener::bind(path)?;
    /// let other = listener.try_clone()?;
    /// let waits = spawn(move || other.accept().unwrap_err().kind());
    /// listener.shutdown()?;
    /// assert_eq!(waits.get().unwrap(), ErrorKind::ConnectionAborted);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "close")]
    #[doc(alias = "cancel_wait")]
    pub fn shutdown(&self) -> io::Result<()> {
        Ok(rustix::net::shutdown(self, rustix::net::Shutdown::Both)?)
    }

    /// Another handle to the socket, with a descriptor of its own.
    ///
    /// # Errors
    ///
    /// The kernel's, when there are no more descriptors.
    ///
    /// See the example of [`shutdown`](Self::shutdown).
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self::from_nonblocking(self.socket.get_ref().try_clone()?))
    }

    /// Takes the error that is pending on the socket. Never suspends.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::UnixListener;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("socket");
    /// assert!(UnixListener::bind(path)?.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.get_ref().take_error()
    }
}

handle_traits!(UnixListener, std::os::unix::net::UnixListener);

/// The iterator of [`UnixListener::incoming`].
///
/// See the example of [`TcpListener::incoming`](crate::net::TcpListener::incoming).
#[derive(Debug)]
pub struct UnixIncoming<'a> {
    listener: &'a UnixListener,
}

impl Iterator for UnixIncoming<'_> {
    type Item = io::Result<UnixStream>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

fn accept_now(listener: &std::os::unix::net::UnixListener) -> io::Result<(UnixStream, SocketAddr)> {
    // std knows all forms of addresses; it costs a call to make it non-blocking.
    let (stream, peer) = listener.accept()?;
    Ok((stream.try_into()?, peer))
}
