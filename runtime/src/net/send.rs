//! Sending much: within one limit, or from a file.

use std::io::{self, Write};
use std::ops::{Bound, RangeBounds};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use crate::descriptor::Descriptor;
use crate::engine::Interest;
use crate::wait::deadline_after;

/// Bytes of a file that are sent at once: while they are read from a disk, the
/// hub waits.
const PIECE: u64 = 256 << 10;

/// Writes all of `buf` within `limit`.
pub(super) fn write_all_within<T>(
    socket: &Descriptor<T>,
    mut buf: &[u8],
    limit: Duration,
) -> io::Result<()>
where
    T: AsFd,
    for<'a> &'a T: Write,
{
    let deadline = deadline_after(limit);
    while !buf.is_empty() {
        match socket.io_until(Interest::Write, deadline, |mut socket| socket.write(buf))? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n => buf = &buf[n..],
        }
    }
    Ok(())
}

/// Sends a range of a file: how many bytes.
pub(super) fn send_file<T: AsFd>(
    socket: &Descriptor<T>,
    file: BorrowedFd<'_>,
    range: &impl RangeBounds<u64>,
) -> io::Result<u64> {
    let mut at = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    let begin = at;
    while at < end {
        let piece = PIECE.min(end - at) as usize;
        let sent = socket.io(Interest::Write, |socket| {
            Ok(rustix::fs::sendfile(socket, file, Some(&mut at), piece)?)
        })?;
        if sent == 0 {
            break; // the file ends here
        }
    }
    Ok(at.saturating_sub(begin))
}

/// The methods, for types with a field `socket`.
macro_rules! send_methods {
    () => {
        /// Writes all of `buf`, with one limit for the whole call; the write
        /// time-out, which is for each wait, is not looked at.
        ///
        /// A kill or time-out interrupts it. How much was sent then, or before an
        /// error, is not known.
        ///
        /// # Errors
        ///
        /// `TimedOut` after the limit, else as a write.
        ///
        /// # Examples
        ///
        /// ```
        /// use std::io::ErrorKind;
        /// use std::time::Duration;
        /// use maypole_runtime::net::UnixStream; // TcpStream too
        ///
        /// let (near, _reads_nothing) = UnixStream::pair()?;
        /// let late = near.write_all_timeout(&[0; 8 << 20], Duration::from_millis(1));
        /// assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
        /// # Ok::<(), std::io::Error>(())
        /// ```
        #[doc(alias = "sendall")]
        #[doc(alias = "send_all")]
        pub fn write_all_timeout(
            &self,
            buf: &[u8],
            limit: std::time::Duration,
        ) -> std::io::Result<()> {
            crate::net::send::write_all_within(&self.socket, buf, limit)
        }

        /// Sends a range of a file, which ends where the file does at the latest,
        /// without copying it through the program: how many bytes. The file's
        /// position does not matter and stays.
        ///
        /// Suspends only the caller while the connection takes no more; the write
        /// time-out is for each wait. What the kernel has to read from a disk first
        /// it reads meanwhile, and the hub waits for that, 256 KiB at a time: use
        /// it for files that are in memory anyway, or on fast disks.
        ///
        /// # Errors
        ///
        /// As a write; `InvalidInput` for what is no file. How much was sent before
        /// an error is not known.
        ///
        /// # Examples
        ///
        /// ```
        /// use std::io::{Read, Write};
        /// use maypole_runtime::net::UnixStream; // TcpStream too
        ///
        /// let mut file = tempfile::tempfile()?;
        /// file.write_all(b"hello, world")?;
        /// let (near, mut far) = UnixStream::pair()?;
        /// assert_eq!(near.send_file(&file, 7..)?, 5);
        /// let mut buf = [0; 5];
        /// far.read_exact(&mut buf)?;
        /// assert_eq!(&buf, b"world");
        /// # Ok::<(), std::io::Error>(())
        /// ```
        #[doc(alias = "sendfile")]
        pub fn send_file(
            &self,
            file: impl std::os::fd::AsFd,
            range: impl std::ops::RangeBounds<u64>,
        ) -> std::io::Result<u64> {
            crate::net::send::send_file(&self.socket, file.as_fd(), &range)
        }
    };
}

pub(super) use send_methods;
