//! A server's figures on their way to the master, and back as a sum.

use std::time::Duration;

use maypole_server::arbiter::{FigureKind, Figures};

use crate::observe::{Histogram, Metrics, Snapshot};

/// What the names of ours begin with.
const PREFIX: &str = "maypole_http_";

/// Those of a worker.
pub(super) fn of(snapshot: &Snapshot) -> Figures {
    let mut figures = Figures::new();
    let mut add = |name: &str, value: f64, kind| {
        figures.add(format!("{PREFIX}{name}"), value, kind);
    };
    let mut snapshot = snapshot.clone();
    each(&mut snapshot, |name, value, kind| {
        add(name, *value as f64, kind)
    });
    let seconds = snapshot.durations.sum.as_secs_f64();
    add(SECONDS, seconds, FigureKind::Counter);
    figures
}

/// The text for Prometheus: ours, as one server would have them, and all others.
pub(super) fn text(sum: &Figures) -> String {
    let mut snapshot = Metrics::new().snapshot();
    let get = |name: &str| sum.get(&format!("{PREFIX}{name}")).unwrap_or_default();
    each(&mut snapshot, |name, value, _| *value = get(name) as u64);
    snapshot.durations.sum = Duration::try_from_secs_f64(get(SECONDS)).unwrap_or_default();
    let mut others = Figures::new();
    for (name, value, kind) in sum.iter().filter(|(name, ..)| !name.starts_with(PREFIX)) {
        others.add(name, value, kind);
    }
    format!("{snapshot}{others}")
}

/// All durations together.
const SECONDS: &str = "request_duration_seconds_sum";

/// Goes through all numbers of a snapshot but that one.
fn each(snapshot: &mut Snapshot, mut then: impl FnMut(&str, &mut u64, FigureKind)) {
    use FigureKind::{Counter, Gauge};
    let Snapshot {
        requests,
        active_requests,
        by_class,
        unanswered,
        received_bytes,
        sent_bytes,
        connections,
        open_connections,
        durations: Histogram { buckets, above, .. },
    } = snapshot;
    for (class, n) in (1..).zip(by_class) {
        then(
            &format!("requests_total{{class=\"{class}xx\"}}"),
            n,
            Counter,
        );
    }
    then("requests_total{class=\"none\"}", unanswered, Counter);
    then("requests_started_total", requests, Counter);
    then("requests_active", active_requests, Gauge);
    then("received_bytes_total", received_bytes, Counter);
    then("sent_bytes_total", sent_bytes, Counter);
    then("connections_total", connections, Counter);
    then("connections_open", open_connections, Gauge);
    for (bound, n) in buckets {
        let name = format!("request_duration_seconds{{le=\"{}\"}}", bound.as_secs_f64());
        then(&name, n, Counter);
    }
    then("request_duration_seconds{le=\"+Inf\"}", above, Counter);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_shown_as_one_server_s() {
        let mut snapshot = Metrics::new().snapshot();
        let mut n = 0;
        each(&mut snapshot, |_, value, _| {
            n += 1;
            *value = n;
        });
        snapshot.durations.sum = Duration::from_millis(1_500);
        let sum: Figures = [of(&snapshot), of(&snapshot)].iter().sum();
        let mut twice = snapshot.clone();
        each(&mut twice, |_, value, _| *value *= 2);
        twice.durations.sum = Duration::from_secs(3);
        assert_eq!(text(&sum), twice.to_string());
        let more = sum.gauge("other", 1.0);
        let expected = format!("{twice}# TYPE other gauge\nother 1\n");
        assert_eq!(text(&more), expected);
    }
}
