//! Descriptors that the process was started with, and those that it hands to the
//! programs which it starts.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_getfd, fcntl_setfd};

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

/// Has the programs that `command` starts find `fds` open, in this order and from
/// the number 3 on. They stay open here for as long as the command lives.
///
/// # Errors
///
/// The kernel's, when there are no more descriptors.
pub(crate) fn pass(command: &mut Command, fds: &[OwnedFd]) -> io::Result<()> {
    let Some(some) = fds.first() else {
        return Ok(());
    };
    let count = RawFd::try_from(fds.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let end = ABOVE_STDIO + count;
    // Above the numbers that they have in the child, so none is overwritten
    // there before it has been duplicated.
    let duplicates = fds.iter().map(|fd| fcntl_dupfd_cloexec(fd, end));
    let fds: Vec<OwnedFd> = duplicates.collect::<Result<_, _>>()?;
    // The numbers are in use here too: the pipe through which std tells why a
    // program did not start gets none of them.
    let mut placeholders = Vec::new();
    loop {
        let placeholder = fcntl_dupfd_cloexec(some, ABOVE_STDIO)?;
        if placeholder.as_raw_fd() >= end {
            break;
        }
        placeholders.push(placeholder);
    }
    let place = move || {
        let _held = &placeholders;
        for (number, fd) in (ABOVE_STDIO..).zip(&fds) {
            // SAFETY: the call touches no memory. It closes what has the number
            // in the child: a descriptor whose owner is never run there, because
            // the program is replaced, or ends, right after this.
            if unsafe { libc::dup2(fd.as_raw_fd(), number) } == -1 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: it runs between fork and exec, where other threads do not exist and
    // may have held any lock: it makes system calls and nothing else. It neither
    // allocates nor frees, and an error of the kernel's is a number.
    unsafe { command.pre_exec(place) };
    Ok(())
}

/// Takes the descriptor `fd`, which the program that started this one has passed
/// to it. It can be taken once.
///
/// # Errors
///
/// `NotFound` for one that was not passed or was taken; the kernel's: EBADF when
/// there is no such descriptor.
pub(crate) fn take_passed(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < ABOVE_STDIO {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: not -1, and borrowed for two calls that neither close it nor touch
    // memory through it; see `duplicate_inherited`.
    let passed = unsafe { BorrowedFd::borrow_raw(fd) };
    // What programs open for themselves is closed when they start others; what
    // is passed is not, until it is taken here.
    if fcntl_getfd(passed)?.contains(FdFlags::CLOEXEC) {
        return Err(io::ErrorKind::NotFound.into());
    }
    fcntl_setfd(passed, FdFlags::CLOEXEC)?;
    // SAFETY: it is open, and was when the process began: the caller has the word
    // of the program that started this one that it passed the number. So nobody
    // here has made it and owns it but the caller, which takes it once.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
