//! Every run, as JSON.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::driver::Sample;
use crate::load::QUANTILES;
use crate::machine::Machine;
use crate::summary::micros;

/// Writes every run to a file.
pub(crate) fn write(path: &Path, machine: &Machine, samples: &[Sample]) -> Result<()> {
    let document = json!({
        "cpu": machine.cpu,
        "cores": machine.cores,
        "kernel": machine.kernel,
        "rustc": machine.rustc,
        "date": machine.date,
        "load": machine.load,
        "command": machine.command,
        "runs": samples.iter().map(run).collect::<Vec<_>>(),
    });
    fs::write(path, format!("{document:#}\n"))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn run(sample: &Sample) -> Value {
    json!({
        "round": sample.round,
        "scenario": sample.scenario.name,
        "peer": sample.peer.name,
        "requests": sample.load.requests,
        "seconds": sample.load.elapsed.as_secs_f64(),
        "requests_per_second": sample.requests_per_second(),
        "server_cpu_seconds": sample.server_cpu.as_secs_f64(),
        "busiest_thread_seconds": sample.busiest_thread.as_secs_f64(),
        "cpu_us_per_request": sample.cpu_per_request(),
        "client_cpu_seconds": sample.client_cpu.map(|cpu| cpu.as_secs_f64()),
        "latency_us": latency(sample),
        "resident_bytes": sample.resident,
        "bytes_per_connection": sample.bytes_per_connection(),
    })
}

/// By the name of the quantile.
fn latency(sample: &Sample) -> Option<Value> {
    let latency = sample.load.latency?;
    let mut all: Map<String, Value> = QUANTILES
        .iter()
        .zip(latency.quantiles)
        .map(|(share, time)| (format!("p{}", share * 100.0), micros(time).into()))
        .collect();
    all.insert("max".to_owned(), micros(latency.max).into());
    Some(all.into())
}
