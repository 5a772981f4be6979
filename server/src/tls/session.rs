//! One TLS session, bytes in and bytes out.

use std::error::Error;
use std::fmt;
use std::io::{self, Read, Write};

use super::duplex::Duplex;

/// The most a TLS record carries, and so the most that one [`Session::encrypt`] takes.
pub(super) const PLAINTEXT_MAX: usize = 16 * 1024;

/// An established session. It never waits and does no I/O: see [`duplex`](Session::duplex).
pub(super) struct Session {
    tls: native_tls::TlsStream<Duplex>,
    state: State,
    /// The peer said that it sends no more.
    ended: bool,
}

/// What came of the bytes received so far.
pub(super) enum Decrypted {
    /// So many bytes of data; never none.
    Data(usize),
    /// Nothing yet: it takes more bytes from the peer.
    Starved,
    /// The peer said that it sends no more.
    Closed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// We sent close_notify, so we write no more.
    Closing,
    /// The peer broke the protocol, or told us that we did. Kept here because the TLS library reports such
    /// an error once, and may say "end of stream" when asked again.
    Failed,
}

impl Session {
    pub(super) fn new(mut tls: native_tls::TlsStream<Duplex>) -> Self {
        tls.get_mut().settle();
        Self {
            tls,
            state: State::Open,
            ended: false,
        }
    }

    /// Decrypts into `buf`, which must not be empty. May leave an answer of the protocol's own in the outgoing bytes.
    pub(super) fn decrypt(&mut self, buf: &mut [u8]) -> io::Result<Decrypted> {
        self.check_alive()?;
        match self.tls.read(buf) {
            Ok(0) => {
                self.ended = true;
                Ok(Decrypted::Closed)
            }
            Ok(count) => Ok(Decrypted::Data(count)),
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => Ok(Decrypted::Starved),
            Err(err) => Err(self.fail(&err)),
        }
    }

    /// Encrypts at most [`PLAINTEXT_MAX`] bytes of `data` into the outgoing bytes; returns how many.
    pub(super) fn encrypt(&mut self, data: &[u8]) -> io::Result<usize> {
        self.check_alive()?;
        if self.state == State::Closing {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let piece = &data[..data.len().min(PLAINTEXT_MAX)];
        // "Would block" here means that the peer began a renegotiation. OpenSSL 3 refuses those by itself, and so do we.
        self.tls.write(piece).map_err(|err| self.fail(&err))
    }

    /// Puts close_notify into the outgoing bytes, once.
    pub(super) fn close(&mut self) -> io::Result<()> {
        if self.state != State::Open {
            return Ok(());
        }
        self.state = State::Closing;
        self.tls.shutdown().map_err(|err| self.fail(&err))
    }

    /// The bytes that came from the peer and those that must go there.
    pub(super) fn duplex(&mut self) -> &mut Duplex {
        self.tls.get_mut()
    }

    /// Whether [`decrypt`](Self::decrypt) has something to say without more bytes from the peer.
    pub(super) fn has_input(&self) -> bool {
        self.tls.get_ref().has_incoming()
            || self.ended
            || self.state == State::Failed
            || self.tls.buffered_read_size().is_ok_and(|n| n > 0)
    }

    /// Whether there are bytes that must go to the peer.
    pub(super) fn has_output(&self) -> bool {
        self.tls.get_ref().has_outgoing()
    }

    fn check_alive(&self) -> io::Result<()> {
        if self.state == State::Failed {
            return Err(invalid_data("the session failed before"));
        }
        Ok(())
    }

    fn fail(&mut self, err: &io::Error) -> io::Error {
        self.state = State::Failed;
        invalid_data(&reason(err))
    }
}

/// What is inside an error for bytes that are not proper TLS: the peer's fault, not the handler's.
#[derive(Debug)]
pub(crate) struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS: {}", self.0)
    }
}

impl Error for Broken {}

/// An error for bytes that are not proper TLS.
pub(super) fn invalid_data(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Broken(what.to_owned()))
}

/// The part of the TLS library's error that tells a person something.
///
/// OpenSSL's errors read `error:0A00009C:SSL routines:ssl3_get_record:http request:ssl/record/ssl3_record.c:354:`.
pub(super) fn reason(err: &dyn Error) -> String {
    let text = err.to_string();
    let reason = text
        .strip_prefix("error:")
        .and_then(|rest| rest.split(':').nth(3));
    match reason {
        Some(reason) => reason.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_is_short() {
        for (text, short) in [
            (
                "error:0A00009C:SSL routines:ssl3_get_record:http request:ssl/record/ssl3_record.c:354:",
                "http request",
            ),
            ("expected PKCS#8 PEM", "expected PKCS#8 PEM"),
            ("error:odd", "error:odd"),
        ] {
            assert_eq!(reason(&io::Error::other(text)), short);
        }
    }
}
