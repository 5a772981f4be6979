//! Figures of a server: counted as requests go by, shown on demand.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;

use crate::app::StartResponse;

use super::prometheus;

/// Upper bounds of the histogram's buckets but the last, in microseconds: the
/// usual ones of Prometheus, and three below for what never leaves memory.
const BOUNDS: [u64; 14] = [
    100, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];

/// Counts what a server does. Clones share the counts; one may be given to
/// several servers, which then count together.
///
/// A server counts always. Given a `Metrics` by
/// [`Builder::metrics`](crate::pywsgi::Builder::metrics), it measures durations
/// too, which costs two looks at the clock a request. Counting never suspends
/// and takes no lock.
///
/// # Examples
///
/// ```
/// use maypole_http::{Metrics, StatusCode, pywsgi::WsgiServer};
///
/// let metrics = Metrics::new();
/// let shown = metrics.clone();
/// let server = WsgiServer::builder()
///     .metrics(metrics)
///     .bind("127.0.0.1:0", move |env, start_response| match env.path_info() {
///         "/metrics" => shown.answer(start_response),
///         _ => start_response.send(StatusCode::OK, "hello\n"),
///     })?;
/// assert_eq!(server.metrics().requests, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Metrics {
    counters: Arc<Counters>,
}

/// Each by itself is exact; two of them, read one after the other, may be off by
/// what happened in between.
#[derive(Default)]
struct Counters {
    started: AtomicU64,
    // By class; the first for those that ended without an answer.
    ended: [AtomicU64; 6],
    received: AtomicU64,
    sent: AtomicU64,
    connections: AtomicU64,
    closed: AtomicU64,
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

impl Metrics {
    /// All counts at zero.
    ///
    /// See the example of [`Metrics`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The counts as they are now.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_http::Metrics;
    ///
    /// let snapshot = Metrics::new().snapshot();
    /// assert_eq!((snapshot.requests, snapshot.durations.count()), (0, 0));
    /// println!("{snapshot}"); // in Prometheus' text format
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let counters = &*self.counters;
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // Ends first: what is active is never less than nothing.
        let ended = counters.ended.each_ref().map(get);
        let requests = get(&counters.started);
        let closed = get(&counters.closed);
        let connections = get(&counters.connections);
        let buckets = counters.buckets.each_ref().map(get);
        let bounds = BOUNDS.iter().map(|&bound| Duration::from_micros(bound));
        let [unanswered, by_class @ ..] = ended;
        Snapshot {
            requests,
            active_requests: requests.saturating_sub(ended.iter().sum()),
            by_class,
            unanswered,
            received_bytes: get(&counters.received),
            sent_bytes: get(&counters.sent),
            connections,
            open_connections: connections.saturating_sub(closed),
            durations: Histogram {
                buckets: bounds.zip(buckets).collect(),
                above: buckets[BOUNDS.len()],
                sum: Duration::from_nanos(get(&counters.nanos)),
            },
        }
    }

    /// Answers a request with the counts, in Prometheus' text format.
    ///
    /// # Errors
    ///
    /// As [`StartResponse::send`].
    ///
    /// See the example of [`Metrics`].
    pub fn answer(&self, start_response: StartResponse<'_>) -> io::Result<()> {
        start_response
            .header("Content-Type", prometheus::CONTENT_TYPE)
            .send(StatusCode::OK, self.snapshot().to_string())
    }

    pub(super) fn request_started(&self) {
        add(&self.counters.started, 1);
    }

    pub(super) fn request_ended(&self, status: Option<StatusCode>, elapsed: Option<Duration>) {
        let class = status.map_or(0, |status| usize::from(status.as_u16() / 100));
        // The http crate lets applications answer 999.
        add(
            self.counters
                .ended
                .get(class)
                .unwrap_or(&self.counters.ended[0]),
            1,
        );
        if let Some(elapsed) = elapsed {
            let micros = elapsed.as_micros();
            let fits = |&bound: &u64| micros <= u128::from(bound);
            let bucket = BOUNDS.iter().position(fits).unwrap_or(BOUNDS.len());
            add(&self.counters.buckets[bucket], 1);
            add(
                &self.counters.nanos,
                u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX),
            );
        }
    }

    pub(super) fn bytes(&self, received: u64, sent: u64) {
        add(&self.counters.received, received);
        add(&self.counters.sent, sent);
    }

    pub(super) fn connection_opened(&self) {
        add(&self.counters.connections, 1);
    }

    pub(super) fn connection_closed(&self) {
        add(&self.counters.closed, 1);
    }
}

fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.snapshot().fmt(f)
    }
}

/// The counts of a [`Metrics`] at one time. `Display` shows them in Prometheus'
/// text format.
///
/// See the example of [`Metrics::snapshot`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Requests so far, refused ones included.
    pub requests: u64,
    /// Those of them that are being answered.
    pub active_requests: u64,
    /// Answers with status 1xx (that is 101), 2xx, 3xx, 4xx and 5xx.
    pub by_class: [u64; 5],
    /// Requests that ended without an answer.
    pub unanswered: u64,
    /// Bytes received, counted with the request that they came with. With TLS,
    /// what was inside.
    pub received_bytes: u64,
    /// Bytes of answers, head and framing included; interim answers are not.
    pub sent_bytes: u64,
    /// Connections so far.
    pub connections: u64,
    /// Those of them that are open.
    pub open_connections: u64,
    /// How long answers took, from the head of the request to the end of the
    /// answer.
    pub durations: Histogram,
}

/// Durations, counted by size.
///
/// See the example of [`Metrics::snapshot`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Histogram {
    /// Upper bounds, rising, and how many durations lie between each and the one
    /// before it.
    pub buckets: Vec<(Duration, u64)>,
    /// How many are longer than the last bound.
    pub above: u64,
    /// All durations together.
    pub sum: Duration,
}

impl Histogram {
    /// How many durations there are.
    ///
    /// See the example of [`Metrics::snapshot`].
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, n)| n).sum::<u64>() + self.above
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let metrics = Metrics::new();
        assert_eq!(metrics.snapshot().requests, 0);
        for _ in 0..3 {
            metrics.request_started();
        }
        metrics.request_ended(Some(StatusCode::OK), None);
        metrics.request_ended(Some(StatusCode::NOT_FOUND), None);
        let snapshot = metrics.snapshot();
        assert_eq!(snapshot.requests, 3);
        assert_eq!(snapshot.active_requests, 1);
        assert_eq!(snapshot.by_class, [0, 1, 0, 1, 0]);
        metrics.request_ended(StatusCode::from_u16(999).ok(), None);
        assert_eq!(metrics.snapshot().unanswered, 1);
        assert_eq!(metrics.snapshot().active_requests, 0);
        assert_eq!(metrics.snapshot().durations.count(), 0);
    }

    #[test]
    fn durations_find_their_bucket() {
        let metrics = Metrics::new();
        for (micros, bucket) in [
            (0, 0),
            (100, 0),
            (101, 1),
            (10_000_000, 13),
            (10_000_001, 14),
        ] {
            let before = metrics.snapshot().durations;
            metrics.request_ended(None, Some(Duration::from_micros(micros)));
            let after = metrics.snapshot().durations;
            let count = |durations: &Histogram| match durations.buckets.get(bucket) {
                Some((_, n)) => *n,
                None => durations.above,
            };
            assert_eq!(count(&after), count(&before) + 1, "{micros}");
            assert_eq!(after.count(), before.count() + 1);
        }
        assert_eq!(
            metrics.snapshot().durations.sum,
            Duration::from_micros(20_000_202)
        );
    }
}
