//! Sockets under std's names: `TcpStream` and `TcpListener`.
//!
//! Each call blocks only the greenlet that makes it, or the plain thread. A
//! kill or time-out interrupts a call that waits; what was not read stays in
//! the socket.

mod addr;
mod common;
mod linger;
mod listener;
mod stream;

pub use addr::{Target, ToSocketAddrs};
pub use listener::{Incoming, TcpListener};
pub use stream::TcpStream;
