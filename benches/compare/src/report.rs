//! The report: a Markdown table per scenario, and JSON with every run.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::args::Plan;
use crate::driver::Sample;
use crate::load::Latency;
use crate::machine::Machine;
use crate::peers::Peer;
use crate::scenario::Scenario;

/// Formats medians over the rounds, with the machine before them.
pub(crate) fn markdown(machine: &Machine, plan: &Plan, samples: &[Sample]) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_header(&mut text, machine, plan);
    for scenario in &plan.scenarios {
        let _ = write_scenario(&mut text, plan, scenario, samples);
    }
    text
}

/// Writes every run to a file.
pub(crate) fn write_json(path: &Path, machine: &Machine, samples: &[Sample]) -> Result<()> {
    let document = json!({
        "cpu": machine.cpu,
        "cores": machine.cores,
        "kernel": machine.kernel,
        "rustc": machine.rustc,
        "date": machine.date,
        "load": machine.load,
        "command_line": machine.command_line,
        "runs": samples.iter().map(run_json).collect::<Vec<_>>(),
    });
    fs::write(path, format!("{document:#}\n"))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn write_header(text: &mut String, machine: &Machine, plan: &Plan) -> std::fmt::Result {
    writeln!(
        text,
        "Machine: {}, {} cores, Linux {}, {}; load before: {}",
        machine.cpu, machine.cores, machine.kernel, machine.rustc, machine.load
    )?;
    let versions: Vec<_> = plan
        .peers
        .iter()
        .map(|peer| format!("{} {}", peer.name, (peer.version)()))
        .collect();
    writeln!(text, "Peers: {}", versions.join("; "))?;
    writeln!(text, "Date: {}", machine.date)?;
    writeln!(
        text,
        "Command: `{}`: {} rounds of {:?} after {:?} of warm-up, {} on core {}, servers on core {}",
        machine.command_line,
        plan.rounds,
        plan.seconds,
        plan.warmup,
        plan.generator.name(),
        plan.client_core,
        plan.server_core
    )
}

fn write_scenario(
    text: &mut String,
    plan: &Plan,
    scenario: &Scenario,
    samples: &[Sample],
) -> std::fmt::Result {
    let rows: Vec<_> = plan
        .peers_in(scenario)
        .map(|peer| Row::new(peer, scenario, samples))
        .collect();
    writeln!(text, "\n### {}: {}\n", scenario.name, scenario.about)?;
    let unit = scenario.unit();
    let baselines = scenario.service.baselines();
    write!(text, "| peer | {unit}/s | CPU µs/{unit} |")?;
    for baseline in baselines {
        write!(text, " ÷ {baseline} |")?;
    }
    writeln!(
        text,
        " p50 µs | p99 µs | p99 ÷ p50 | max µs | {unit}/s min–max | CPU µs min–max | server busy | busiest thread | client busy | MiB | bytes/connection |"
    )?;
    writeln!(text, "|---|{}", "--:|".repeat(13 + baselines.len()))?;
    for row in &rows {
        write!(text, "| {} | {:.0} |", row.peer, row.rate.median)?;
        write!(text, " {:.3} |", row.cpu.median)?;
        for baseline in baselines {
            match rows.iter().find(|other| other.peer == baseline) {
                Some(other) => write!(text, " {:.2} |", row.cpu.median / other.cpu.median)?,
                None => write!(text, " – |")?,
            }
        }
        write_or_dash(text, row.p50, "")?;
        write_or_dash(text, row.p99, "")?;
        match row.unfairness {
            Some(ratio) => write!(text, " {ratio:.2} |")?,
            None => write!(text, " – |")?,
        }
        write_or_dash(text, row.max, "")?;
        write!(text, " {:.0}–{:.0} |", row.rate.min, row.rate.max)?;
        write!(text, " {:.3}–{:.3} |", row.cpu.min, row.cpu.max)?;
        write!(text, " {:.0} % |", row.server_busy * 100.0)?;
        write!(text, " {:.0} % |", row.busiest_share * 100.0)?;
        let client_busy = row.client_busy.map(|busy| busy * 100.0);
        write_or_dash(text, client_busy, " %")?;
        write!(text, " {:.1} |", row.resident / f64::from(1 << 20))?;
        writeln!(text, " {:.0} |", row.bytes_per_connection)?;
    }
    Ok(())
}

fn write_or_dash(text: &mut String, number: Option<f64>, unit: &str) -> std::fmt::Result {
    match number {
        Some(number) => write!(text, " {number:.0}{unit} |"),
        None => write!(text, " – |"),
    }
}

/// One peer in one scenario: medians over the rounds.
struct Row {
    peer: &'static str,
    rate: Spread,
    cpu: Spread,
    p50: Option<f64>,
    p99: Option<f64>,
    /// p99 ÷ p50.
    unfairness: Option<f64>,
    /// The longest of all rounds.
    max: Option<f64>,
    server_busy: f64,
    busiest_share: f64,
    client_busy: Option<f64>,
    resident: f64,
    bytes_per_connection: f64,
}

impl Row {
    fn new(peer: &Peer, scenario: &Scenario, samples: &[Sample]) -> Self {
        let mine = || {
            samples.iter().filter(|sample| {
                sample.peer.name == peer.name && sample.scenario.name == scenario.name
            })
        };
        let latency = |part: fn(Latency) -> Duration| {
            Spread::of_known(mine().map(|sample| Some(micros(part(sample.load.latency?)))))
        };
        Self {
            peer: peer.name,
            rate: Spread::of(mine().map(Sample::requests_per_second)),
            cpu: Spread::of(mine().map(Sample::cpu_per_request)),
            p50: latency(|latency| latency.p50).map(|spread| spread.median),
            p99: latency(|latency| latency.p99).map(|spread| spread.median),
            unfairness: Spread::of_known(mine().map(|sample| {
                let latency = sample.load.latency?;
                Some(latency.p99.as_secs_f64() / latency.p50.as_secs_f64())
            }))
            .map(|spread| spread.median),
            max: latency(|latency| latency.max).map(|spread| spread.max),
            server_busy: Spread::of(mine().map(Sample::server_busy)).median,
            busiest_share: Spread::of(mine().map(Sample::busiest_share)).median,
            client_busy: Spread::of_known(mine().map(Sample::client_busy))
                .map(|spread| spread.median),
            resident: Spread::of(mine().map(|sample| sample.resident as f64)).median,
            bytes_per_connection: Spread::of(mine().map(Sample::bytes_per_connection)).median,
        }
    }
}

/// Median and extremes of a few numbers.
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    /// Of at least one number, all of them known.
    fn of_known(numbers: impl Iterator<Item = Option<f64>>) -> Option<Self> {
        Some(Self::of(numbers.collect::<Option<Vec<_>>>()?))
    }

    /// Of at least one number.
    fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
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

fn run_json(sample: &Sample) -> Value {
    let latency = sample.load.latency;
    json!({
        "round": sample.round,
        "scenario": sample.scenario.name,
        "peer": sample.peer.name,
        "version": (sample.peer.version)(),
        "requests": sample.load.requests,
        "seconds": sample.load.elapsed.as_secs_f64(),
        "requests_per_second": sample.requests_per_second(),
        "server_cpu_seconds": sample.server_cpu.as_secs_f64(),
        "busiest_thread_seconds": sample.busiest_thread.as_secs_f64(),
        "cpu_us_per_request": sample.cpu_per_request(),
        "client_cpu_seconds": sample.client_cpu.map(|cpu| cpu.as_secs_f64()),
        "p50_us": latency.map(|latency| micros(latency.p50)),
        "p99_us": latency.map(|latency| micros(latency.p99)),
        "max_us": latency.map(|latency| micros(latency.max)),
        "resident_bytes": sample.resident,
        "bytes_per_connection": sample.bytes_per_connection(),
    })
}

fn micros(duration: Duration) -> f64 {
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
