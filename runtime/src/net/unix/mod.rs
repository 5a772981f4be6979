//! Sockets within the machine, with the methods of [`std::os::unix::net`]'s.

mod datagram;
mod listener;
mod stream;

pub use datagram::UnixDatagram;
pub use listener::{UnixIncoming, UnixListener};
pub use stream::UnixStream;

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::time::Duration;

/// The first and the longest pause while a peer has no room and nothing tells
/// when it has: short beside what makes room, long beside a try, which takes a
/// microsecond.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(32));

/// The pauses between tries, doubling.
fn pauses() -> impl Iterator<Item = Duration> {
    let (first, longest) = PAUSES;
    std::iter::successors(Some(first), move |last| Some((*last * 2).min(longest)))
}

/// std's address in the form that system calls take.
fn for_kernel(addr: &SocketAddr) -> io::Result<rustix::net::SocketAddrUnix> {
    use rustix::net::SocketAddrUnix;
    Ok(if let Some(path) = addr.as_pathname() {
        SocketAddrUnix::new(path)?
    } else if let Some(name) = addr.as_abstract_name() {
        SocketAddrUnix::new_abstract_name(name)?
    } else {
        SocketAddrUnix::new_unnamed()
    })
}

/// An address for messages.
fn shown(addr: &SocketAddr) -> String {
    if let Some(path) = addr.as_pathname() {
        path.display().to_string()
    } else if let Some(name) = addr.as_abstract_name() {
        format!("@{}", name.escape_ascii())
    } else {
        "unnamed".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        let first: Vec<_> = pauses().take(7).map(|pause| pause.as_millis()).collect();
        assert_eq!(first, [1, 2, 4, 8, 16, 32, 32]);
    }
}
