//! Sockets that the process was started with, by systemd's protocol.

use std::env;
use std::io;
use std::os::fd::{OwnedFd, RawFd};

use rustix::net::sockopt;

use crate::engine;

/// The first descriptor that is handed over; systemd's `SD_LISTEN_FDS_START`.
const FIRST: RawFd = 3;

/// The sockets that systemd, or another supervisor with its protocol, has opened
/// for this process, in the order of the unit's file; none if it was not started
/// so. They are told by the variables `LISTEN_FDS` and `LISTEN_PID`; those meant
/// for another process are none of ours.
///
/// Each call gives duplicates of its own. The originals stay open, as they do in
/// the supervisor: while nobody accepts, clients wait in the kernel's backlog.
/// They are kept from programs that this one starts.
///
/// # Errors
///
/// `InvalidInput` when `LISTEN_FDS` is no number; the kernel's, for a descriptor
/// that is not there.
///
/// # Examples
///
/// ```
/// use maypole_runtime::net::{TcpListener, listen_fds};
///
/// for socket in listen_fds()? {
///     let listener = std::net::TcpListener::from(socket);
///     let _ours: TcpListener = listener.try_into()?;
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "sd_listen_fds")]
pub fn listen_fds() -> io::Result<Vec<OwnedFd>> {
    let told = |name| env::var(name).ok();
    let own = std::process::id();
    let count = count_for(
        own,
        told("LISTEN_PID").as_deref(),
        told("LISTEN_FDS").as_deref(),
    )?;
    (FIRST..FIRST.saturating_add(count))
        .map(|fd| {
            engine::duplicate_inherited(fd).map_err(|error| {
                io::Error::new(error.kind(), format!("inherited descriptor {fd}: {error}"))
            })
        })
        .collect()
}

/// A listening socket that the process was started with, by its number: what
/// `fd://3` means in the settings of servers.
///
/// Each call gives a duplicate of its own; see [`listen_fds`].
///
/// # Errors
///
/// `InvalidInput` when the descriptor is not a socket that listens, and for those
/// of the standard streams; the kernel's, when there is none.
///
/// # Examples
///
/// ```no_run
/// use maypole_runtime::net::{TcpListener, listen_fd};
///
/// let listener = std::net::TcpListener::from(listen_fd(3)?);
/// let _ours: TcpListener = listener.try_into()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn listen_fd(number: RawFd) -> io::Result<OwnedFd> {
    let named = |error: io::Error| {
        io::Error::new(
            error.kind(),
            format!("inherited descriptor {number}: {error}"),
        )
    };
    let socket = engine::duplicate_inherited(number).map_err(named)?;
    match sockopt::socket_acceptconn(&socket) {
        Ok(true) => Ok(socket),
        _ => Err(named(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a socket that listens",
        ))),
    }
}

/// How many descriptors are meant for the process `own`.
fn count_for(own: u32, pid: Option<&str>, fds: Option<&str>) -> io::Result<RawFd> {
    let (Some(pid), Some(fds)) = (pid, fds) else {
        return Ok(0);
    };
    if pid.parse() != Ok(own) {
        return Ok(0);
    }
    match fds.parse() {
        Ok(count) if count >= 0 => Ok(count),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("LISTEN_FDS is {fds:?}, not a number of descriptors"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_meant_for_us_counts() {
        assert_eq!(count_for(7, Some("7"), Some("2")).unwrap(), 2);
        for (pid, fds) in [
            (None, None),
            (None, Some("2")),
            (Some("7"), None),
            (Some("8"), Some("2")),
            (Some("8"), Some("many")),
            (Some("seven"), Some("2")),
        ] {
            assert_eq!(count_for(7, pid, fds).unwrap(), 0, "{pid:?} {fds:?}");
        }
        for fds in ["", "many", "-1", "99999999999"] {
            let error = count_for(7, Some("7"), Some(fds)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{fds:?}");
        }
    }
}
