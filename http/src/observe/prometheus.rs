//! Figures in Prometheus' text format, version 0.0.4.

use std::fmt::{self, Display};

use super::metrics::{Histogram, Snapshot};

pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = "maypole_http_requests_total";
        describe(
            f,
            name,
            "counter",
            "Requests that have ended, by class of status.",
        )?;
        for (class, n) in CLASSES.iter().zip(self.by_class) {
            writeln!(f, "{name}{{class=\"{class}\"}} {n}")?;
        }
        writeln!(f, "{name}{{class=\"none\"}} {}", self.unanswered)?;
        for (name, kind, help, n) in [
            (
                "maypole_http_requests_active",
                "gauge",
                "Requests that are being answered.",
                self.active_requests,
            ),
            (
                "maypole_http_received_bytes_total",
                "counter",
                "Bytes received.",
                self.received_bytes,
            ),
            (
                "maypole_http_sent_bytes_total",
                "counter",
                "Bytes of answers.",
                self.sent_bytes,
            ),
            (
                "maypole_http_connections_total",
                "counter",
                "Connections served.",
                self.connections,
            ),
            (
                "maypole_http_connections_open",
                "gauge",
                "Connections that are open.",
                self.open_connections,
            ),
        ] {
            describe(f, name, kind, help)?;
            writeln!(f, "{name} {n}")?;
        }
        histogram(f, &self.durations)
    }
}

fn describe(f: &mut fmt::Formatter<'_>, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(f, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

fn histogram(f: &mut fmt::Formatter<'_>, durations: &Histogram) -> fmt::Result {
    let name = "maypole_http_request_duration_seconds";
    describe(
        f,
        name,
        "histogram",
        "From the head of a request to the end of its answer.",
    )?;
    let mut below = 0;
    for (bound, n) in &durations.buckets {
        below += n;
        writeln!(f, "{name}_bucket{{le=\"{}\"}} {below}", bound.as_secs_f64())?;
    }
    let count = durations.count();
    writeln!(f, "{name}_bucket{{le=\"+Inf\"}} {count}")?;
    writeln!(f, "{name}_sum {}", durations.sum.as_secs_f64())?;
    writeln!(f, "{name}_count {count}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use crate::observe::Metrics;

    #[test]
    fn text() {
        let metrics = Metrics::new();
        metrics.request_started();
        metrics.request_ended(Some(StatusCode::OK), Some(Duration::from_micros(1_500)));
        metrics.request_started();
        metrics.bytes(30, 40);
        let text = metrics.snapshot().to_string();
        for line in [
            "# TYPE maypole_http_requests_total counter",
            "maypole_http_requests_total{class=\"2xx\"} 1",
            "maypole_http_requests_total{class=\"none\"} 0",
            "maypole_http_requests_active 1",
            "maypole_http_received_bytes_total 30",
            "maypole_http_sent_bytes_total 40",
            "maypole_http_request_duration_seconds_bucket{le=\"0.0001\"} 0",
            "maypole_http_request_duration_seconds_bucket{le=\"0.001\"} 0",
            "maypole_http_request_duration_seconds_bucket{le=\"0.0025\"} 1",
            "maypole_http_request_duration_seconds_bucket{le=\"10\"} 1",
            "maypole_http_request_duration_seconds_bucket{le=\"+Inf\"} 1",
            "maypole_http_request_duration_seconds_sum 0.0015",
            "maypole_http_request_duration_seconds_count 1",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}\n{text}");
        }
    }
}
