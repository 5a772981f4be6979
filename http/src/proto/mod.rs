//! HTTP/1.x for a server, without sockets: bytes in, bytes out.
//!
//! The servers read bytes, hand them to this module, run the application, and write the bytes this
//! module produced. Nothing here waits, reads a socket, or panics on what a peer sent.
//!
//! In scope: request heads ([`head`]), the framing of request bodies ([`framing`], [`chunked`]),
//! response heads and the framing of response bodies ([`response`], [`body`]), keep-alive
//! ([`connection`]), limits ([`limits`]) and refusals ([`error`], [`refusal`]).
//!
//! Out of scope: time-outs, draining, decoding of paths, content codings, HTTP/2.
//!
//! The life of an exchange (as a test: `tests/exchange.rs`):
//!
//! 1. Read bytes; [`HeadParser::parse`] answers "not yet", a [`Head`], or a [`ProtoError`].
//! 2. A [`ProtoError`] is answered with [`write_refusal`] of its status, and the connection closes.
//! 3. A [`Head`] says how its body ends. [`BodyDecoder::decode`] walks over the body in the input
//!    buffer: so many bytes of framing to skip, so many bytes of data to lend out. If the client
//!    [waits for it](Head::expect_continue), send [`CONTINUE`] before the first read.
//! 4. The application's header lines go into a [`ResponseHead`]; [`ResponseHead::send`] appends a
//!    whole answer to the output buffer, [`ResponseHead::start`] appends the head and returns the
//!    [`BodyEncoder`] for the rest.
//! 5. The next head begins after the body, if both sides agreed to keep the connection.
//!
//! We are as strict as RFC 9112 allows, because every lenience in framing lets two servers in a
//! row disagree about where a request ends. Where the RFC offers a choice, we refuse.

pub(crate) mod body;
pub(crate) mod chunked;
pub(crate) mod connection;
pub(crate) mod date;
mod diagnose;
pub(crate) mod error;
pub(crate) mod framing;
mod grammar;
pub(crate) mod head;
pub(crate) mod limits;
mod lines;
pub(crate) mod refusal;
pub(crate) mod response;
mod response_trailers;
mod scan;
pub(crate) mod target;

#[cfg(test)]
mod tests;

pub use error::{ProtoError, ResponseError};
pub use limits::Limits;

pub(crate) use body::BodyEncoder;
pub(crate) use framing::{BodyDecoder, BodyFraming};
pub(crate) use head::{Head, HeadParser, HeaderLine, HeaderTable};
pub(crate) use refusal::write_refusal;
pub(crate) use response::{CONTINUE, Content, Exchange, ResponseHead, ServerLine};
pub(crate) use response_trailers::ResponseTrailers;
