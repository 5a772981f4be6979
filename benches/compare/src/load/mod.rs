//! Load generators: the built-in client, and wrk to check it against.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;

use crate::scenario::{Scenario, Service, Work};

mod chunks;
mod client;
mod connection;
mod dialog;
mod download;
mod histogram;
mod poll;
mod response;
mod visit;
mod visits;
mod wire;
mod wrk;

use dialog::Checker;
pub(crate) use dialog::Dialog;
use histogram::Histogram;

/// Which generator to use.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    BuiltIn,
    Wrk,
}

/// Puts one scenario's load on one server, from the calling thread's core.
pub(crate) trait Generator {
    /// Loads the server for about this long. Connections may stay open for the
    /// next call.
    fn run(&mut self, duration: Duration) -> Result<Load>;
}

/// What a stretch of load came to. Every response counted was correct.
pub(crate) struct Load {
    /// Of what the scenario counts: requests, messages, connections or MiB.
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
    /// Unless the generator cannot tell.
    pub(crate) latency: Option<Latency>,
}

/// The shares of answers that a latency is told for: so many come within it.
pub(crate) const QUANTILES: [f64; 7] = [0.50, 0.75, 0.90, 0.95, 0.99, 0.995, 0.999];
/// Where two of them stand.
const MEDIAN: usize = 0;
const ONE_IN_A_HUNDRED: usize = 4;

/// From the writing of a request to the arrival of its response; of a visit from
/// connecting to the end.
#[derive(Clone, Copy)]
pub(crate) struct Latency {
    /// For each of [`QUANTILES`].
    pub(crate) quantiles: [Duration; QUANTILES.len()],
    pub(crate) max: Duration,
}

impl Latency {
    fn of(histogram: &Histogram) -> Self {
        Self {
            quantiles: QUANTILES.map(|share| histogram.quantile(share)),
            max: histogram.max(),
        }
    }

    pub(crate) fn p50(&self) -> Duration {
        self.quantiles[MEDIAN]
    }

    pub(crate) fn p99(&self) -> Duration {
        self.quantiles[ONE_IN_A_HUNDRED]
    }
}

impl Kind {
    /// Prepares a generator for a server that answers.
    pub(crate) fn open(self, addr: SocketAddr, scenario: &Scenario) -> Result<Box<dyn Generator>> {
        Ok(match (self, scenario.work) {
            (Self::Wrk, _) => Box::new(wrk::Wrk::new(addr, scenario)?),
            (Self::BuiltIn, Work::Exchanges { .. } | Work::Idle) => {
                Box::new(client::Client::connect(addr, scenario)?)
            }
            (Self::BuiltIn, Work::Visits) => Box::new(visits::Visits::new(addr, scenario)?),
            (Self::BuiltIn, Work::Download) => Box::new(download::Download::new(addr, scenario)?),
        })
    }

    /// Whether it can do that.
    pub(crate) fn takes(self, scenario: &Scenario) -> bool {
        match self {
            Self::BuiltIn => true,
            Self::Wrk => {
                matches!(scenario.work, Work::Exchanges { .. })
                    && matches!(scenario.service, Service::Http | Service::Https)
            }
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in client",
            Self::Wrk => "wrk",
        }
    }
}
