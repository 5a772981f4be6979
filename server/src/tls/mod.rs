//! TLS over any blocking transport, without ever waiting inside the TLS library.
//!
//! A transport read or write may suspend its greenlet, and that must not happen while a C frame of OpenSSL is on the
//! stack. So the TLS library never sees the transport. It runs over a duplex, two byte buffers in memory, and the code
//! here carries bytes between those buffers and the transport, before and after each TLS call:
//!
//! ```text
//!  TlsStream<S>   read, write: the only place that calls the transport S
//!    ├ S          socket, a `Transport`
//!    └ Session    encrypt, decrypt; does not know S
//!        └ native_tls over Duplex { incoming, outgoing }
//! ```
//!
//! The types enforce it: neither `Session` nor `Duplex` has a parameter or a field through which a TLS call could reach
//! a transport.
//!
//! So a lock around the session is never held while a greenlet is suspended, and two greenlets can share a connection.

mod config;
mod duplex;
mod handshake;
mod hello;
mod session;
mod stream;
mod transport;
mod turns;

#[cfg(test)]
mod tests;

pub use config::{TlsConfig, TlsConfigBuilder, TlsVersion};
pub(crate) use handshake::accept;
pub(crate) use session::Broken;
pub(crate) use stream::TlsStream;
