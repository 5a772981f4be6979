//! What a server's connections have in common, and how much time they have.

use std::io;
use std::time::Duration;

use crate::observe::Observer;
use crate::proto::{Limits, ServerLine};

/// Answers gathered for pipelined requests before they are sent.
pub(super) const MAX_QUEUED: usize = 64 * 1024;

/// How much of a body that the application did not read is read and dropped to
/// keep the connection, and of what follows a refusal so that it arrives.
pub(super) const MAX_DISCARD: usize = 256 * 1024;

/// How long that may take.
pub(super) const DISCARD_TIMEOUT: Duration = Duration::from_secs(1);

/// What a server's connections have in common.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) limits: Limits,
    pub(super) keep_alive_timeout: Duration,
    pub(super) head_timeout: Duration,
    pub(super) stall_timeout: Duration,
    pub(super) server_line: Option<ServerLine>,
    pub(super) observer: Observer,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::DEFAULT,
            // Long enough for a browser's next resource, short enough that idle
            // clients do not add up.
            keep_alive_timeout: Duration::from_secs(5),
            // A head is one packet, or two; who sends it byte by byte means harm.
            head_timeout: Duration::from_secs(10),
            // A mobile link that drops out recovers within this, or does not.
            stall_timeout: Duration::from_secs(30),
            // Who needs to know can ask; everybody else pays for the bytes.
            server_line: None,
            observer: Observer::default(),
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> io::Result<()> {
        let all = [
            self.keep_alive_timeout,
            self.head_timeout,
            self.stall_timeout,
        ];
        if all.iter().any(Duration::is_zero) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a time-out of zero would end every connection",
            ));
        }
        Ok(())
    }
}
