//! What a client has sent and nobody reads: dropped, within bounds.

use std::io;
use std::net::Shutdown;
use std::time::Duration;

use crate::app::{Input, Wire};
use crate::buffers;

use super::settings::Settings;

/// Reads and drops the rest of a body to keep the connection, within bounds.
pub(super) fn discard(wire: &Wire, body: &mut Input<'_>, settings: &Settings) -> io::Result<bool> {
    // Not invited now: the client would take it for its next answer.
    wire.set_owes_continue(false);
    let limit = settings.discard_timeout;
    set_read_timeout(wire, limit)?;
    // Whatever goes wrong here: the answer is complete, and the last.
    let within = maypole_runtime::with_timeout(limit, || body.discard(settings.max_discard));
    Ok(matches!(within, Ok(Ok(true))))
}

/// Tells the client that nothing more comes, and reads on for a while.
pub(super) fn linger(wire: &Wire, settings: &Settings) -> io::Result<()> {
    let mut buffer = buffers::take();
    // An error, or no time left, is as good an end as any.
    let _ = maypole_runtime::with_timeout(settings.discard_timeout, || {
        wire.with_stream(|stream| stream.shutdown(Shutdown::Write))?;
        let mut left = settings.max_discard;
        while left > 0 {
            let n = wire.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            left = left.saturating_sub(n);
        }
        Ok::<(), io::Error>(())
    });
    buffers::give(buffer);
    Ok(())
}

pub(super) fn set_read_timeout(wire: &Wire, limit: Duration) -> io::Result<()> {
    wire.with_stream(|stream| stream.set_read_timeout(Some(limit)))
}
