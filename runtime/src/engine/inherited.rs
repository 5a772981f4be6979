//! Descriptors that the process was started with.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};

/// The lowest number of a duplicate: not one of stdin, stdout and stderr.
const ABOVE_STDIO: RawFd = 3;

/// A duplicate of the descriptor `fd`, which whoever started the process has said
/// it left open for this. The original stays open and is kept from programs that
/// are started later.
///
/// # Errors
///
/// The kernel's: EBADF when there is no such descriptor.
pub(crate) fn duplicate_inherited(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < ABOVE_STDIO {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: not -1. It is borrowed for two calls that neither close it nor
    // touch memory through it. It was open when the process began, for this use,
    // so nobody in the process has a reason to close it; if somebody does all the
    // same, the calls fail, or duplicate what has its number now: the duplicate
    // is a descriptor of its own, and what becomes of it changes nothing for the
    // owner of the other.
    let original = unsafe { BorrowedFd::borrow_raw(fd) };
    fcntl_setfd(original, FdFlags::CLOEXEC)?;
    Ok(fcntl_dupfd_cloexec(original, ABOVE_STDIO)?)
}
