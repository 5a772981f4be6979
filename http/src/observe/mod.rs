//! What a server tells about itself: an access log, and figures.

use std::cell::Cell;
use std::net::SocketAddr;
#[cfg(feature = "standalone")]
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;

use crate::app::{Environ, Reply, Wire};

mod access_log;
mod clock;
#[cfg(feature = "standalone")]
mod ears;
mod format;
mod json;
mod line;
mod metrics;
mod prometheus;

pub use access_log::AccessLog;
pub use format::FormatError;
pub use metrics::{Histogram, Metrics, Snapshot};

#[cfg(feature = "standalone")]
pub(crate) use access_log::TARGET;
#[cfg(feature = "standalone")]
pub(crate) use clock::LocalTime;
#[cfg(feature = "standalone")]
pub(crate) use ears::{Ears, Ended};
#[cfg(feature = "standalone")]
pub(crate) use json::Text;
#[cfg(feature = "standalone")]
pub(crate) use prometheus::CONTENT_TYPE;

use access_log::{Entry, Request};

/// Is told about every request of a server.
#[derive(Debug)]
pub(crate) struct Observer {
    access_log: Option<AccessLog>,
    metrics: Metrics,
    // Durations are wanted by more than the access log.
    is_timed: bool,
    #[cfg(feature = "standalone")]
    ears: Option<Arc<dyn Ears>>,
}

impl Default for Observer {
    fn default() -> Self {
        Self {
            access_log: Some(AccessLog::default()),
            metrics: Metrics::new(),
            is_timed: false,
            #[cfg(feature = "standalone")]
            ears: None,
        }
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Watch {
    is_logged: bool,
    began: Option<Instant>,
    sent_before: u64,
}

impl Watch {
    fn elapsed(&self) -> Option<Duration> {
        self.began.map(|began| began.elapsed())
    }
}

impl Observer {
    pub(crate) fn set_access_log(&mut self, log: Option<AccessLog>) {
        self.access_log = log;
    }

    pub(crate) fn set_metrics(&mut self, metrics: Metrics) {
        self.metrics = metrics;
        self.is_timed = true;
    }

    /// Has `ears` hear of requests; they are timed then.
    #[cfg(feature = "standalone")]
    pub(crate) fn set_ears(&mut self, ears: Arc<dyn Ears>) {
        self.ears = Some(ears);
        self.is_timed = true;
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Counts a connection until the guard is dropped.
    pub(crate) fn connection<'a>(&'a self, wire: &'a Wire) -> Counted<'a> {
        self.metrics.connection_opened();
        Counted {
            metrics: &self.metrics,
            wire,
            received: Cell::new(0),
            sent: Cell::new(0),
        }
    }

    /// A request's head has come.
    #[inline]
    pub(crate) fn begin(&self, wire: &Wire) -> Watch {
        self.metrics.request_started();
        let wanted = self.access_log.as_ref().filter(|_| AccessLog::is_enabled());
        let is_timed = self.is_timed || wanted.is_some_and(AccessLog::is_timed);
        Watch {
            is_logged: wanted.is_some(),
            began: is_timed.then(Instant::now),
            sent_before: wire.sent(),
        }
    }

    /// The request has got its answer, or its end.
    #[inline]
    pub(crate) fn end(&self, watch: &Watch, wire: &Wire, environ: &Environ<'_>, reply: &Reply) {
        let elapsed = watch.elapsed();
        let measured = elapsed.filter(|_| self.is_timed);
        self.metrics.request_ended(reply.status(), measured);
        #[cfg(feature = "standalone")]
        if let Some(ears) = &self.ears {
            let end = Ended {
                status: reply.status(),
                bytes: wire.sent().saturating_sub(watch.sent_before),
                elapsed: elapsed.unwrap_or_default(),
            };
            ears.request_ended(environ, end);
        }
        if watch.is_logged {
            self.write(&Entry {
                peer: environ.peer_addr(),
                request: Request::Answered(environ, reply),
                status: reply.status(),
                bytes: wire.sent().saturating_sub(watch.sent_before),
                elapsed,
            });
        }
    }

    /// What came was no request; `bytes` begins with it.
    #[cold]
    pub(crate) fn refused(
        &self,
        peer: Option<SocketAddr>,
        bytes: &[u8],
        status: StatusCode,
        sent: u64,
    ) {
        self.metrics.request_started();
        self.metrics.request_ended(Some(status), None);
        self.write(&Entry {
            peer,
            request: Request::Refused(bytes),
            status: Some(status),
            bytes: sent,
            elapsed: None,
        });
    }

    #[cold]
    fn write(&self, entry: &Entry<'_>) {
        if let Some(log) = &self.access_log {
            log.write(entry);
        }
    }
}

/// A connection that is counted as open until this is dropped.
#[derive(Debug)]
pub(crate) struct Counted<'a> {
    metrics: &'a Metrics,
    wire: &'a Wire,
    // What has been counted so far.
    received: Cell<u64>,
    sent: Cell<u64>,
}

impl Counted<'_> {
    /// Counts the bytes that have come and gone since the last time.
    pub(crate) fn publish(&self) {
        let (received, sent) = (self.wire.received(), self.wire.sent());
        let new = |cell: &Cell<u64>, now: u64| now.saturating_sub(cell.replace(now));
        self.metrics
            .bytes(new(&self.received, received), new(&self.sent, sent));
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.publish();
        self.metrics.connection_closed();
    }
}
