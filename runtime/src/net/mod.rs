//! Sockets under std's names: `TcpStream` and `TcpListener`, `UdpSocket`, and the
//! Unix ones.
//!
//! Each call blocks only the greenlet that makes it, or the plain thread. A
//! kill or time-out interrupts a call that waits; what was not read stays in
//! the socket.

mod addr;
mod builder;
mod common;
mod hangup;
mod inherited;
mod linger;
mod listener;
mod send;
mod stream;
mod udp;
mod unix;

pub use addr::{Target, ToSocketAddrs, lookup_host};
pub use builder::TcpListenerBuilder;
pub use inherited::{listen_fd, listen_fds};
pub use listener::{Incoming, TcpListener};
pub use stream::TcpStream;
pub use udp::UdpSocket;
pub use unix::{UnixDatagram, UnixIncoming, UnixListener, UnixStream};
