//! Who wants to hear of requests, beside the log and the figures.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use crate::app::Environ;

/// Hears of the end of every request that an application was called for.
///
/// It is called in the connection's greenlet, which may be unwinding: it must
/// neither block nor panic.
pub(crate) trait Ears: fmt::Debug + Send + Sync {
    fn request_ended(&self, environ: &Environ<'_>, end: Ended);
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// `None` without an answer.
    pub(crate) status: Option<StatusCode>,
    /// Bytes sent, head and framing included.
    pub(crate) bytes: u64,
    pub(crate) elapsed: Duration,
}
