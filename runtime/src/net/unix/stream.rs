//! Connections within the machine.

use std::io::{self, IoSliceMut, Read};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::descriptor::Descriptor;
use crate::engine::Interest;
use crate::greenlet::sleep;
use crate::wait;

use super::super::common::{handle_traits, stream_traits, time_limits};
use super::super::send::send_methods;
use super::{for_kernel, pauses};

/// A connection within the machine, with the methods of
/// [`std::os::unix::net::UnixStream`].
///
/// Reading and writing suspend only the calling greenlet, or block the calling
/// thread; a kill or time-out interrupts them. One greenlet may read while
/// another writes, through `&UnixStream` too; when two wait to read (or two to
/// write), the second gets an error of kind `ResourceBusy`.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use maypole_runtime::{net::UnixStream, spawn};
///
/// let (mut near, mut far) = UnixStream::pair()?;
/// let greeter = spawn(move || far.write_all(b"hello"));
/// let mut text = String::new();
/// near.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// greeter.get().unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixStream {
    socket: Descriptor<std::os::unix::net::UnixStream>,
}

impl UnixStream {
    /// Connects to the socket at `path`.
    ///
    /// Suspends the caller while the listener's backlog is full; a kill or
    /// time-out interrupts it. The kernel does not tell when there is room, so
    /// it is asked again and again, with pauses of up to 32 ms.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such file, `ConnectionRefused` when nobody
    /// listens, else the kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use maypole_runtime::net::UnixStream;
    ///
    /// let nobody = UnixStream::connect("/nowhere/socket").unwrap_err();
    /// assert_eq!(nobody.kind(), ErrorKind::NotFound);
    /// ```
    pub fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::connect_addr(&SocketAddr::from_pathname(path)?)
    }

    /// Connects to an address, which may be an abstract one.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// See the example of [`UnixListener`](super::UnixListener).
    pub fn connect_addr(addr: &SocketAddr) -> io::Result<Self> {
        let kernel_addr = for_kernel(addr)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket: OwnedFd = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        wait::checkpoint();
        let mut pauses = pauses();
        loop {
            match rustix::net::connect(&socket, &kernel_addr) {
                Ok(()) => return Ok(Self::from_nonblocking(socket.into())),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    wait::refuse_to_wait()?;
                    sleep(pauses.next().unwrap_or_default());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// The kernel's, when there are no more descriptors.
    ///
    /// See the example of [`UnixStream`].
    #[doc(alias = "socketpair")]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = std::os::unix::net::UnixStream::pair()?;
        Ok((one.try_into()?, other.try_into()?))
    }

    pub(super) fn from_nonblocking(stream: std::os::unix::net::UnixStream) -> Self {
        Self {
            socket: Descriptor::new(stream),
        }
    }

    /// The peer's address; unnamed for one that has not bound its socket.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::UnixStream;
    ///
    /// let (near, far) = UnixStream::pair()?;
    /// assert!(near.peer_addr()?.is_unnamed() && far.local_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.std().peer_addr()
    }

    /// This side's address.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// See the example of [`peer_addr`](Self::peer_addr).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.std().local_addr()
    }

    /// As [`TcpStream::wait_read_unless`](crate::net::TcpStream::wait_read_unless).
    ///
    /// # Errors
    ///
    /// As a read that waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::UnixStream;
    ///
    /// let (near, _silent) = UnixStream::pair()?;
    /// assert!(!near.wait_read_unless(|| true)?); // it was to stop, and nothing came
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait_read_unless(&self, stop: impl FnMut() -> bool) -> io::Result<bool> {
        self.socket.wait_read_unless(stop)
    }

    /// Suspends until there may be news for a reader; may return early.
    pub(in super::super) fn input_event(&self, deadline: Option<Instant>) -> io::Result<()> {
        self.socket.ready(Interest::Read, deadline)
    }

    /// Shuts down one or both directions. A greenlet that waits in it wakes, on
    /// both sides.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Read;
    /// use std::net::Shutdown;
    /// use maypole_runtime::net::UnixStream;
    ///
    /// let (near, mut far) = UnixStream::pair()?;
    /// near.shutdown(Shutdown::Write)?;
    /// assert_eq!(far.read(&mut [0])?, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.std().shutdown(how)
    }

    /// Another handle to the connection, with a descriptor of its own.
    ///
    /// # Errors
    ///
    /// The kernel's, when there are no more descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use maypole_runtime::net::UnixStream;
    ///
    /// let (near, mut far) = UnixStream::pair()?;
    /// near.try_clone()?.write_all(b"x")?;
    /// assert_eq!(far.read(&mut [0; 8])?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        let clone = self.std().try_clone()?;
        Ok(Self {
            socket: self.socket.clone_as(clone),
        })
    }

    time_limits!();

    send_methods!();

    /// Takes the error that is pending on the socket. Never suspends.
    ///
    /// # Errors
    ///
    /// The kernel's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::net::UnixStream;
    ///
    /// assert!(UnixStream::pair()?.0.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.std().take_error()
    }

    fn std(&self) -> &std::os::unix::net::UnixStream {
        self.socket.get_ref()
    }

    // A short read does not say that the socket is empty: one ends at a
    // descriptor that the peer has sent along, too.
    fn receive(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket
            .io(Interest::Read, |mut stream| stream.read(buf))
    }

    fn receive_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.socket
            .io(Interest::Read, |mut stream| stream.read_vectored(bufs))
    }
}

stream_traits!(UnixStream);
handle_traits!(UnixStream, std::os::unix::net::UnixStream);
