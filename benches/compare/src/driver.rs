//! Runs every peer in every scenario, round by round.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::args::Plan;
use crate::load::{Kind, Load};
use crate::peers::Peer;
use crate::progress::Progress;
use crate::scenario::Scenario;
use crate::server::{self, Server};
use crate::usage;

/// Time for the server to answer what is in flight and go to sleep; the kernel
/// brings a thread's CPU time up to date when it does.
const SETTLE: Duration = Duration::from_millis(3);

/// One run of one peer in one scenario.
pub(crate) struct Sample {
    pub(crate) round: usize,
    pub(crate) scenario: &'static Scenario,
    pub(crate) peer: &'static Peer,
    pub(crate) load: Load,
    /// CPU time that the server's processes used meanwhile.
    pub(crate) server_cpu: Duration,
    /// The most that one of its threads used of that.
    pub(crate) busiest_thread: Duration,
    /// The same of the built-in client's thread.
    pub(crate) client_cpu: Option<Duration>,
    /// The server's resident memory at the end, in bytes, and before there were
    /// connections.
    pub(crate) resident: u64,
    pub(crate) resident_before: u64,
}

impl Sample {
    /// Memory of the server for each connection, in bytes.
    pub(crate) fn bytes_per_connection(&self) -> f64 {
        let more = self.resident.saturating_sub(self.resident_before);
        more as f64 / self.scenario.connections as f64
    }

    pub(crate) fn requests_per_second(&self) -> f64 {
        self.load.requests as f64 / self.load.elapsed.as_secs_f64()
    }

    /// Server CPU per request, in microseconds.
    pub(crate) fn cpu_per_request(&self) -> f64 {
        self.server_cpu.as_secs_f64() * 1e6 / self.load.requests as f64
    }

    /// The share of the time that the server was on its core.
    pub(crate) fn server_busy(&self) -> f64 {
        self.server_cpu.as_secs_f64() / self.load.elapsed.as_secs_f64()
    }

    /// The share of the server's CPU time that its busiest thread used.
    pub(crate) fn busiest_share(&self) -> f64 {
        self.busiest_thread.as_secs_f64() / self.server_cpu.as_secs_f64()
    }

    /// The same as `server_busy` for the built-in client.
    pub(crate) fn client_busy(&self) -> Option<f64> {
        let cpu = self.client_cpu?;
        Some(cpu.as_secs_f64() / self.load.elapsed.as_secs_f64())
    }
}

/// What became of a plan.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) samples: Vec<Sample>,
    pub(crate) failures: Vec<Failure>,
}

/// A run that went wrong. The peer is left out of that scenario from then on.
pub(crate) struct Failure {
    pub(crate) round: usize,
    pub(crate) scenario: &'static Scenario,
    pub(crate) peer: &'static Peer,
    pub(crate) error: anyhow::Error,
}

impl Outcome {
    fn has_failed(&self, scenario: &Scenario, peer: &Peer) -> bool {
        let mut failures = self.failures.iter();
        failures.any(|one| one.scenario.name == scenario.name && one.peer.name == peer.name)
    }
}

/// Carries out the plan, and shows how far it is on stderr.
///
/// Peers take turns within a round (A B C A B C …), so that a machine that
/// slows down slows all of them.
pub(crate) fn run(plan: &Plan) -> Result<Outcome> {
    if cfg!(debug_assertions) {
        eprintln!("compare: not a release build; the numbers mean nothing");
    }
    ensure!(
        plan.server_core != plan.client_core,
        "server and client need a core each"
    );
    server::pin(plan.client_core)?;
    server::raise_descriptor_limit()?;
    let mut turns = Vec::new();
    for round in 1..=plan.rounds {
        for scenario in plan.scenarios.iter().copied() {
            turns.extend(plan.peers_in(scenario).map(|peer| (round, scenario, peer)));
        }
    }
    let mut progress = Progress::new(turns.len());
    let mut outcome = Outcome::default();
    for (round, scenario, peer) in turns {
        let what = format!("{round}/{} {} {}", plan.rounds, scenario.name, peer.name);
        if outcome.has_failed(scenario, peer) {
            progress.end(format_args!("{what}: left out"));
            continue;
        }
        progress.begin(&what);
        match measure(plan, round, scenario, peer) {
            Ok(sample) => {
                progress.end(line(plan, &sample));
                outcome.samples.push(sample);
            }
            Err(error) => {
                progress.say(format_args!("compare: {what}: {error:#}"));
                progress.end(format_args!("{what}: failed"));
                outcome.failures.push(Failure {
                    round,
                    scenario,
                    peer,
                    error,
                });
            }
        }
    }
    Ok(outcome)
}

fn measure(
    plan: &Plan,
    round: usize,
    scenario: &'static Scenario,
    peer: &'static Peer,
) -> Result<Sample> {
    let server = Server::start(peer, scenario.service, plan.server_core)?;
    let resident_before = server.usage()?.resident;
    let mut generator = plan.generator.open(server.addr(), scenario)?;
    if !plan.warmup.is_zero() {
        generator.run(plan.warmup).context("warm-up")?;
    }

    // What is in flight at the start is answered on the time before, and counted
    // after; at the end it is the other way round.
    thread::sleep(SETTLE);
    let (server_before, client_before) = (server.usage()?, usage::of_this_thread()?);
    let load = generator.run(plan.seconds)?;
    let client_after = usage::of_this_thread()?;
    thread::sleep(SETTLE);
    let server_after = server.usage()?;

    ensure!(load.requests > 0, "no request was answered");
    Ok(Sample {
        round,
        scenario,
        peer,
        load,
        server_cpu: server_after.cpu_since(&server_before),
        busiest_thread: server_after.busiest_thread_since(&server_before),
        client_cpu: match plan.generator {
            Kind::BuiltIn => Some(client_after.saturating_sub(client_before)),
            Kind::Wrk => None,
        },
        resident: server_after.resident,
        resident_before,
    })
}

/// What a run came to, in short.
fn line(plan: &Plan, sample: &Sample) -> String {
    let latency = sample.load.latency.map_or_else(String::new, |latency| {
        let (p50, p99) = (latency.p50().as_micros(), latency.p99().as_micros());
        format!(", p50 {p50} µs, p99 {p99} µs")
    });
    let unit = sample.scenario.unit();
    format!(
        "{}/{} {:<11} {:<13} {:>9.0} {unit}/s {:>8.3} µs CPU/{unit}, server {:.0} % busy, {:.0} bytes/connection{}",
        sample.round,
        plan.rounds,
        sample.scenario.name,
        sample.peer.name,
        sample.requests_per_second(),
        sample.cpu_per_request(),
        sample.server_busy() * 100.0,
        sample.bytes_per_connection(),
        latency,
    )
}
