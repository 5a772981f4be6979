//! How handlers end badly: said once, through `log`.

use std::any::Any;
use std::fmt::Display;
use std::io;

use crate::counters::Counts;
#[cfg(feature = "tls")]
use crate::tls::Broken;

/// Says how a handler failed: a panic as an error, its own error as a warning, a
/// client that is gone or too slow for debugging only.
#[inline(never)] // its frame would lie below the handler's for as long as that runs
pub(crate) fn failed(
    label: &str,
    peer: &dyn Display,
    served: std::thread::Result<io::Result<()>>,
    counts: &Counts,
) {
    match served {
        Ok(Ok(())) => {}
        Ok(Err(error)) if is_of_client(&error) => {
            log::debug!("{label}: connection from {peer}: {error}");
        }
        Ok(Err(error)) => {
            counts.error();
            log::warn!("{label}: the handler for {peer} failed: {error}");
        }
        Err(payload) => {
            counts.error();
            let why = panic_message(&*payload);
            log::error!("{label}: the handler for {peer} panicked: {why}");
        }
    }
}

/// What clients do every day: close, reset, vanish, stop to answer.
fn is_of_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::NotConnected
            | io::ErrorKind::TimedOut
            | io::ErrorKind::UnexpectedEof
    ) || is_broken_tls(error)
}

/// Also when it comes after the handshake: an alert, or bytes that are no TLS.
#[cfg(feature = "tls")]
fn is_broken_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Broken>())
}

#[cfg(not(feature = "tls"))]
fn is_broken_tls(_error: &io::Error) -> bool {
    false
}

/// The text of a panic, if it has one.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        return text;
    }
    payload
        .downcast_ref::<String>()
        .map_or("(no text)", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_that_go_are_no_errors() {
        let counts = Counts::default();
        for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof] {
            failed("test", &"peer", Ok(Err(kind.into())), &counts);
        }
        assert_eq!(counts.snapshot().errors, 0);
        failed(
            "test",
            &"peer",
            Ok(Err(io::Error::other("on purpose"))),
            &counts,
        );
        failed("test", &"peer", Err(Box::new("on purpose")), &counts);
        assert_eq!(counts.snapshot().errors, 2);
    }

    #[test]
    fn panics_have_their_texts() {
        assert_eq!(panic_message(&"literal"), "literal");
        assert_eq!(panic_message(&format!("made {}", 1)), "made 1");
        assert_eq!(panic_message(&1), "(no text)");
    }
}
