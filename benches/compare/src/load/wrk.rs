//! wrk as the load generator, to check the built-in client against.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::{Generator, Latency, Load, QUANTILES};
use crate::scenario::{PATH, Scenario, Work};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/load/wrk.lua");
/// What the script's line begins with.
const MARK: &str = "compare:";

/// Runs wrk anew for each stretch of load.
pub(super) struct Wrk {
    url: String,
    connections: usize,
    depth: usize,
}

impl Wrk {
    pub(super) fn new(addr: SocketAddr, scenario: &Scenario) -> Result<Self> {
        let Work::Exchanges { depth } = scenario.work else {
            bail!("wrk cannot do that");
        };
        let scheme = if scenario.service.is_tls() {
            "https"
        } else {
            "http"
        };
        Ok(Self {
            url: format!("{scheme}://{addr}{PATH}"),
            connections: scenario.connections,
            depth,
        })
    }
}

impl Generator for Wrk {
    fn run(&mut self, duration: Duration) -> Result<Load> {
        let seconds = duration.as_secs_f64().ceil().max(1.0); // wrk takes whole ones
        let output = Command::new("wrk")
            .args(["-t1", &format!("-c{}", self.connections)])
            .arg(format!("-d{seconds}s"))
            .args(["-s", SCRIPT, &self.url, "--", &self.depth.to_string()])
            .args(QUANTILES.map(|share| (share * 100.0).to_string()))
            .output()
            .context("cannot run wrk; is it installed?")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let summary = || {
            format!(
                "wrk said:\n{text}{}",
                String::from_utf8_lossy(&output.stderr)
            )
        };
        let mut load = read(&text).with_context(summary)?;
        if self.depth > 1 {
            load.latency = None; // 4.1.0 prints 0 for the upper quantiles then
        }
        Ok(load)
    }
}

fn read(text: &str) -> Result<Load> {
    let line = text.lines().find_map(|line| line.strip_prefix(MARK));
    let numbers: Vec<u64> = line
        .context("no line from the script")?
        .split_ascii_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let [requests, elapsed, errors, max, ref quantiles @ ..] = numbers[..] else {
        bail!("a strange line from the script");
    };
    ensure!(errors == 0, "{errors} errors");
    ensure!(quantiles.len() == QUANTILES.len(), "quantiles are missing");
    Ok(Load {
        requests,
        elapsed: Duration::from_micros(elapsed),
        latency: Some(Latency {
            quantiles: std::array::from_fn(|at| Duration::from_micros(quantiles[at])),
            max: Duration::from_micros(max),
        }),
    })
}
