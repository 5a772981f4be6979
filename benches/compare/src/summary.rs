//! What the rounds come to: for each scenario and peer, medians and extremes.

use std::array;
use std::time::Duration;

use crate::args::Plan;
use crate::driver::Sample;
use crate::load::QUANTILES;
use crate::peers::Peer;
use crate::scenario::Scenario;

/// All peers in one scenario.
pub(crate) struct Table {
    pub(crate) scenario: &'static Scenario,
    /// In the order in which they ran.
    pub(crate) rows: Vec<Row>,
}

/// One peer in one scenario: medians over the rounds.
pub(crate) struct Row {
    pub(crate) peer: &'static str,
    pub(crate) rate: Spread,
    /// CPU of the server, in microseconds.
    pub(crate) cpu: Spread,
    pub(crate) latency: Option<Latency>,
    pub(crate) server_busy: f64,
    pub(crate) busiest_share: f64,
    pub(crate) client_busy: Option<f64>,
    /// Bytes.
    pub(crate) resident: f64,
    pub(crate) bytes_per_connection: f64,
}

/// Latency in microseconds.
pub(crate) struct Latency {
    /// For each of [`QUANTILES`].
    pub(crate) quantiles: [f64; QUANTILES.len()],
    /// p99 ÷ p50.
    pub(crate) unfairness: f64,
    /// The longest of all rounds.
    pub(crate) max: f64,
}

/// Median and extremes of a few numbers.
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

/// The tables of a plan that was carried out.
pub(crate) fn tables(plan: &Plan, samples: &[Sample]) -> Vec<Table> {
    plan.scenarios
        .iter()
        .map(|scenario| Table {
            scenario,
            rows: plan
                .peers_in(scenario)
                .filter_map(|peer| Row::new(peer, scenario, samples))
                .collect(),
        })
        .collect()
}

/// Whoever has a row in one of them, in order.
pub(crate) fn peers_of(tables: &[&Table]) -> Vec<&'static str> {
    let mut peers = Vec::new();
    for row in tables.iter().flat_map(|table| &table.rows) {
        if !peers.contains(&row.peer) {
            peers.push(row.peer);
        }
    }
    peers
}

impl Table {
    pub(crate) fn row(&self, peer: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.peer == peer)
    }

    /// The server's CPU in proportion to that of another peer.
    pub(crate) fn ratio(&self, row: &Row, baseline: &str) -> Option<f64> {
        Some(row.cpu.median / self.row(baseline)?.cpu.median)
    }
}

impl Row {
    /// `None` if no run of it was good.
    fn new(peer: &Peer, scenario: &Scenario, samples: &[Sample]) -> Option<Self> {
        let mine: Vec<&Sample> = samples
            .iter()
            .filter(|sample| sample.peer.name == peer.name && sample.scenario.name == scenario.name)
            .collect();
        if mine.is_empty() {
            return None;
        }
        let spread = |number: fn(&Sample) -> f64| Spread::of(mine.iter().map(|one| number(one)));
        Some(Self {
            peer: peer.name,
            rate: spread(Sample::requests_per_second),
            cpu: spread(Sample::cpu_per_request),
            latency: Latency::new(&mine),
            server_busy: spread(Sample::server_busy).median,
            busiest_share: spread(Sample::busiest_share).median,
            client_busy: Spread::of_known(mine.iter().map(|one| one.client_busy()))
                .map(|spread| spread.median),
            resident: spread(|one| one.resident as f64).median,
            bytes_per_connection: spread(Sample::bytes_per_connection).median,
        })
    }
}

impl Latency {
    /// `None` unless it is known of all.
    fn new(samples: &[&Sample]) -> Option<Self> {
        let known: Vec<_> = samples
            .iter()
            .map(|sample| sample.load.latency)
            .collect::<Option<_>>()?;
        let quantile = |at: usize| {
            let of_each = known.iter().map(|one| micros(one.quantiles[at]));
            Spread::of(of_each).median
        };
        let unfairness = known
            .iter()
            .map(|one| one.p99().as_secs_f64() / one.p50().as_secs_f64());
        Some(Self {
            quantiles: array::from_fn(quantile),
            unfairness: Spread::of(unfairness).median,
            max: Spread::of(known.iter().map(|one| micros(one.max))).max,
        })
    }
}

impl Spread {
    /// Of at least one number, all of them known.
    fn of_known(numbers: impl Iterator<Item = Option<f64>>) -> Option<Self> {
        Some(Self::of(numbers.collect::<Option<Vec<_>>>()?))
    }

    /// Of at least one number.
    pub(crate) fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = numbers.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len() - 1;
        Self {
            min: sorted[0],
            median: f64::midpoint(sorted[last / 2], sorted[last.div_ceil(2)]),
            max: sorted[last],
        }
    }
}

pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread() {
        let odd = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!((odd.min, odd.median, odd.max), (1.0, 2.0, 3.0));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).median, 2.5);
        assert_eq!(Spread::of([7.0]).median, 7.0);
    }
}
