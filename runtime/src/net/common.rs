//! Methods and traits that every socket type has.

/// The limits on waiting, with std's names; for types with a field `socket`.
macro_rules! time_limits {
    () => {
        /// Limits how long one read may wait; `None` is for ever, the default.
        ///
        /// # Errors
        ///
        /// `InvalidInput` for a limit of zero.
        ///
        /// # Examples
        ///
        /// ```
        /// use std::io::{ErrorKind, Read};
        /// use std::time::Duration;
        /// use maypole_runtime::net::UnixStream; // every other socket too
        ///
        /// let (mut near, _silent) = UnixStream::pair()?;
        /// near.set_read_timeout(Some(Duration::from_millis(1)))?;
        /// let late = near.read(&mut [0]).unwrap_err();
        /// assert_eq!(late.kind(), ErrorKind::TimedOut);
        /// # Ok::<(), std::io::Error>(())
        /// ```
        #[doc(alias = "settimeout")]
        pub fn set_read_timeout(&self, limit: Option<std::time::Duration>) -> std::io::Result<()> {
            self.socket.read_limit().try_set(limit)
        }

        /// Limits how long one write may wait; `None` is for ever, the default.
        ///
        /// # Errors
        ///
        /// `InvalidInput` for a limit of zero.
        ///
        /// # Examples
        ///
        /// ```
        /// use std::io::{ErrorKind, Write};
        /// use std::time::Duration;
        /// use maypole_runtime::net::UnixStream; // every other socket too
        ///
        /// let (mut near, _reads_nothing) = UnixStream::pair()?;
        /// near.set_write_timeout(Some(Duration::from_millis(1)))?;
        /// let late = near.write_all(&[0; 8 << 20]).unwrap_err();
        /// assert_eq!(late.kind(), ErrorKind::TimedOut);
        /// # Ok::<(), std::io::Error>(())
        /// ```
        #[doc(alias = "settimeout")]
        pub fn set_write_timeout(&self, limit: Option<std::time::Duration>) -> std::io::Result<()> {
            self.socket.write_limit().try_set(limit)
        }

        /// The limit on reads.
        ///
        /// # Errors
        ///
        /// None; std's signature.
        ///
        /// # Examples
        ///
        /// ```
        /// use std::time::Duration;
        /// use maypole_runtime::net::UnixStream; // every other socket too
        ///
        /// let (near, _far) = UnixStream::pair()?;
        /// assert_eq!(near.read_timeout()?, None);
        /// near.set_read_timeout(Some(Duration::from_secs(5)))?;
        /// assert_eq!(near.read_timeout()?, Some(Duration::from_secs(5)));
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn read_timeout(&self) -> std::io::Result<Option<std::time::Duration>> {
            Ok(self.socket.read_limit().get())
        }

        /// The limit on writes.
        ///
        /// # Errors
        ///
        /// None; std's signature.
        ///
        /// See the example of [`read_timeout`](Self::read_timeout).
        pub fn write_timeout(&self) -> std::io::Result<Option<std::time::Duration>> {
            Ok(self.socket.write_limit().get())
        }

        /// Waits until a read may find something, without holding a buffer
        /// meanwhile; the read time-out applies. It may return early. Suspends only
        /// the caller; a kill or time-out interrupts it.
        ///
        /// # Errors
        ///
        /// As a read that waits.
        ///
        /// # Examples
        ///
        /// ```
        /// use std::io::{Read, Write};
        /// use maypole_runtime::net::UnixStream; // every other socket too
        ///
        /// let (mut near, mut far) = UnixStream::pair()?;
        /// far.write_all(b"at last")?;
        /// near.wait_read()?; // an idle connection has no buffer meanwhile
        /// let mut buf = [0; 16];
        /// assert_eq!(near.read(&mut buf)?, 7);
        /// # Ok::<(), std::io::Error>(())
        /// ```
        #[doc(alias = "wait_readable")]
        pub fn wait_read(&self) -> std::io::Result<()> {
            self.socket.wait_read()
        }
    };
}

/// The handles of std's that a socket stands for.
macro_rules! handle_traits {
    ($name:ident, $std:ty) => {
        impl std::os::fd::AsFd for $name {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                std::os::fd::AsFd::as_fd(&self.socket)
            }
        }

        impl std::os::fd::AsRawFd for $name {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                std::os::fd::AsRawFd::as_raw_fd(self.socket.get_ref())
            }
        }

        impl TryFrom<$std> for $name {
            type Error = std::io::Error;

            /// Takes over a socket of std's and makes it non-blocking.
            fn try_from(socket: $std) -> std::io::Result<Self> {
                socket.set_nonblocking(true)?;
                Ok(Self::from_nonblocking(socket))
            }
        }

        impl From<$name> for std::os::fd::OwnedFd {
            /// The descriptor, which stays non-blocking: clones share the flag.
            fn from(socket: $name) -> Self {
                socket.socket.into_inner().into()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(self.socket.get_ref(), f)
            }
        }
    };
}

/// `Read` and `Write` of a stream, which has `receive` and `receive_vectored`.
macro_rules! stream_traits {
    ($name:ident) => {
        impl std::io::Read for $name {
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                self.receive(buf)
            }

            fn read_vectored(
                &mut self,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::io::Result<usize> {
                self.receive_vectored(bufs)
            }
        }

        impl std::io::Read for &$name {
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                self.receive(buf)
            }

            fn read_vectored(
                &mut self,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::io::Result<usize> {
                self.receive_vectored(bufs)
            }
        }

        impl std::io::Write for $name {
            fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                std::io::Write::write(&mut &*self, buf)
            }

            fn write_vectored(&mut self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                std::io::Write::write_vectored(&mut &*self, bufs)
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }

        impl std::io::Write for &$name {
            fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                let write = crate::engine::Interest::Write;
                self.socket
                    .io(write, |mut socket| std::io::Write::write(&mut socket, buf))
            }

            fn write_vectored(&mut self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                let write = crate::engine::Interest::Write;
                self.socket.io(write, |mut socket| {
                    std::io::Write::write_vectored(&mut socket, bufs)
                })
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
    };
}

pub(super) use {handle_traits, stream_traits, time_limits};
