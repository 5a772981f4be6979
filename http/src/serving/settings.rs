//! What a server's connections have in common, and how much time they have.

use std::io;
use std::time::Duration;

use crate::app::{MAX_STREAM_BUFFER, TrustedProxies};
use crate::observe::Observer;
use crate::proto::{Limits, ServerLine};

/// How many bytes of answers to pipelined requests are gathered before they are
/// sent: many small answers, and no more than a socket's buffer takes at once.
pub(super) const MAX_QUEUED: usize = 64 * 1024;

pub(super) use crate::app::MAX_DISCARD;

/// How long reading and dropping what nobody wants may take: what is under way
/// comes within a round trip or two.
pub(super) const DISCARD_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a connection may wait for its next request: long enough for a
/// browser's next resource, short enough that idle clients do not add up.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a head may take. It is one packet, or two; who sends it byte by byte
/// means harm.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a body may stand still, in either direction. A mobile link that
/// drops out recovers within this, or does not.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// What a server's connections have in common.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) keep_alive_timeout: Duration,
    pub(crate) head_timeout: Duration,
    pub(crate) read_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) discard_timeout: Duration,
    // Zero for none.
    pub(crate) drain_timeout: Duration,
    pub(crate) max_discard: usize,
    pub(crate) max_queued: usize,
    pub(crate) stream_buffer: usize,
    pub(crate) server_line: Option<ServerLine>,
    pub(crate) observer: Observer,
    pub(crate) proxies: Option<TrustedProxies>,
    // The client may send another request.
    pub(crate) keep_alive: bool,
    // Answers go out whole.
    pub(crate) gathers_all: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::DEFAULT,
            keep_alive_timeout: KEEP_ALIVE_TIMEOUT,
            head_timeout: HEAD_TIMEOUT,
            read_timeout: STALL_TIMEOUT,
            write_timeout: STALL_TIMEOUT,
            discard_timeout: DISCARD_TIMEOUT,
            drain_timeout: Duration::ZERO,
            max_discard: MAX_DISCARD,
            max_queued: MAX_QUEUED,
            stream_buffer: MAX_STREAM_BUFFER,
            // Who needs to know can ask; everybody else pays for the bytes.
            server_line: None,
            observer: Observer::default(),
            proxies: None,
            keep_alive: true,
            gathers_all: false,
        }
    }
}

impl Settings {
    pub(crate) fn check(&self) -> io::Result<()> {
        let all = [
            self.keep_alive_timeout,
            self.head_timeout,
            self.read_timeout,
            self.write_timeout,
            self.discard_timeout,
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
