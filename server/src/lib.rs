//! Servers whose handlers are plain blocking functions.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::time::Duration;
//! use maypole_server::StreamServer;
//!
//! let server = StreamServer::bind("127.0.0.1:0", |mut stream, _peer| {
//!     let mut name = String::new();
//!     stream.read_to_string(&mut name)?; // waits; other connections are served
//!     write!(stream, "hello {name}")
//! })?;
//! server.start()?;
//!
//! let mut client = std::net::TcpStream::connect(server.local_addr())?;
//! client.write_all(b"you")?;
//! client.shutdown(std::net::Shutdown::Write)?;
//! let mut answer = String::new();
//! client.read_to_string(&mut answer)?;
//! assert_eq!(answer, "hello you");
//! server.stop(Duration::from_secs(1));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Each connection gets a greenlet of its own, which runs the handler; see
//! `maypole_runtime` for what greenlets are. A [`Pool`](maypole_runtime::Pool)
//! limits how many run at once: while it is full the server does not accept,
//! and clients wait in the kernel's backlog.
//!
//! # Features
//!
//! - `tls`: TLS through native-tls, by [`Builder::tls`].
//! - `tls-vendored`: the same, with an OpenSSL built from source.

// Libraries log, they do not print. Examples may.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod arbiter;

mod accept;
mod addr;
mod backdoor;
mod builder;
mod counters;
mod datagram_server;
mod drain;
mod idle;
mod life;
mod listener;
mod network;
mod pause;
mod proxy_protocol;
mod receive;
mod report;
mod serve;
mod signals;
mod socket;
mod spawn;
mod stream;
mod stream_server;
mod unix_path;

#[cfg(feature = "tls")]
mod tls;

pub use addr::{Addr, ListenAddr};
pub use backdoor::{BackdoorBuilder, BackdoorServer};
pub use builder::Builder;
pub use counters::Counters;
pub use datagram_server::{DatagramBuilder, DatagramServer};
pub use listener::{ListenOptions, Listener};
pub use network::{Network, NetworkError};
pub use receive::DatagramSocket;
pub use socket::Socket;
pub use spawn::{Body, WhenFull};
pub use stream::Stream;
pub use stream_server::StreamServer;
#[cfg(feature = "tls")]
pub use tls::{TlsConfig, TlsConfigBuilder, TlsVersion};

/// The README, whose example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
