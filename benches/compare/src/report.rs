//! The report, in Markdown.

use std::fmt::{Result, Write};

use crate::args::Plan;
use crate::chart::Chart;
use crate::driver::Outcome;
use crate::load::QUANTILES;
use crate::machine::Machine;
use crate::summary::{Row, Table, peers_of};

/// Formats medians over the rounds, with the machine before them, and these
/// charts among them.
pub(crate) fn markdown(
    machine: &Machine,
    plan: &Plan,
    outcome: &Outcome,
    tables: &[Table],
    charts: &[Chart],
) -> String {
    let mut report = Report {
        text: String::new(),
        charts,
    };
    // Writing to a string does not fail.
    let _ = report.write(machine, plan, outcome, tables);
    report.text
}

struct Report<'a> {
    text: String,
    charts: &'a [Chart],
}

impl Report<'_> {
    fn write(
        &mut self,
        machine: &Machine,
        plan: &Plan,
        outcome: &Outcome,
        tables: &[Table],
    ) -> Result {
        self.head(machine, plan)?;
        self.peers(plan, outcome)?;
        self.ratios(tables)?;
        let sweep: Vec<_> = tables
            .iter()
            .filter(|table| table.scenario.is_of_sweep())
            .collect();
        self.sweep(&sweep, Chart::Throughput, "Requests per second", |row| {
            format!("{:.0}", row.rate.median)
        })?;
        self.sweep(&sweep, Chart::Memory, "MiB", |row| {
            format!("{:.1}", row.resident / f64::from(1 << 20))
        })?;
        self.latency(tables)?;
        writeln!(self.text, "\n## Every scenario")?;
        for table in tables {
            self.scenario(table)?;
        }
        Ok(())
    }

    fn head(&mut self, machine: &Machine, plan: &Plan) -> Result {
        let text = &mut self.text;
        writeln!(text, "# Results\n")?;
        writeln!(
            text,
            "Written by `{}` in `benches/compare`, whose README says what is measured, how, and how to read it.\n",
            machine.command
        )?;
        writeln!(text, "| | |\n|---|---|")?;
        writeln!(
            text,
            "| machine | {}, {} cores, Linux {} |",
            machine.cpu, machine.cores, machine.kernel
        )?;
        writeln!(text, "| compiler | {} |", machine.rustc)?;
        writeln!(text, "| date | {} |", machine.date)?;
        writeln!(text, "| load average before | {} |", machine.load)?;
        writeln!(
            text,
            "| method | {} rounds in which the peers take turns, each run in a process of its own: {:?} after {:?} of warm-up; servers on core {}, the load ({}) on core {}; medians |",
            plan.rounds,
            plan.seconds,
            plan.warmup,
            plan.server_core,
            plan.generator.name(),
            plan.client_core
        )
    }

    fn peers(&mut self, plan: &Plan, outcome: &Outcome) -> Result {
        let text = &mut self.text;
        writeln!(text, "\n## Peers\n\n| peer | version |\n|---|---|")?;
        for (peer, version) in plan.peers.iter().zip(&plan.versions) {
            writeln!(text, "| {} | {version} |", peer.name)?;
        }
        for (name, reason) in &plan.absent {
            writeln!(text, "| {name} | not there: {reason} |")?;
        }
        for failure in &outcome.failures {
            writeln!(
                text,
                "\nFailed: {} in {}, round {}: {:#}.",
                failure.peer.name, failure.scenario.name, failure.round, failure.error
            )?;
        }
        Ok(())
    }

    /// The server's CPU in proportion to that of one peer, for all scenarios
    /// that have one.
    fn ratios(&mut self, tables: &[Table]) -> Result {
        let tables: Vec<&Table> = tables
            .iter()
            .filter(|table| !table.scenario.is_of_sweep())
            .filter(|table| table.row(baseline_of(table)).is_some())
            .collect();
        if tables.is_empty() {
            return Ok(());
        }
        self.section(Chart::Cpu)?;
        let text = &mut self.text;
        write!(text, "| CPU per request, message or MiB |")?;
        for table in &tables {
            write!(text, " {}, ÷ {} |", table.scenario.name, baseline_of(table))?;
        }
        writeln!(text, "\n|---|{}", "--:|".repeat(tables.len()))?;
        for peer in peers_of(&tables) {
            write!(text, "| {peer} |")?;
            for table in &tables {
                let row = table.row(peer);
                let ratio = row.and_then(|row| table.ratio(row, baseline_of(table)));
                match ratio {
                    Some(ratio) => write!(text, " {ratio:.2} |")?,
                    None => write!(text, " – |")?,
                }
            }
            writeln!(text)?;
        }
        Ok(())
    }

    /// One number of each peer, against connections.
    fn sweep(
        &mut self,
        tables: &[&Table],
        chart: Chart,
        what: &str,
        number: fn(&Row) -> String,
    ) -> Result {
        if tables.is_empty() {
            return Ok(());
        }
        self.section(chart)?;
        let text = &mut self.text;
        write!(text, "| {what}, with connections: |")?;
        for table in tables {
            write!(text, " {} |", table.scenario.connections)?;
        }
        writeln!(text, "\n|---|{}", "--:|".repeat(tables.len()))?;
        for peer in peers_of(tables) {
            write!(text, "| {peer} |")?;
            for table in tables {
                let number = table.row(peer).map_or_else(|| "–".to_owned(), number);
                write!(text, " {number} |")?;
            }
            writeln!(text)?;
        }
        Ok(())
    }

    fn latency(&mut self, tables: &[Table]) -> Result {
        self.section(Chart::Latency)?;
        let text = &mut self.text;
        writeln!(
            text,
            "Microseconds: medians over the rounds, and the longest of all. The load is a closed loop, so the median is about\nthe number in flight over the rate: compare a peer's upper quantiles with its median first."
        )?;
        for table in tables {
            if table.rows.iter().all(|row| row.latency.is_none()) {
                continue;
            }
            write!(text, "\n| {} |", table.scenario.name)?;
            for share in QUANTILES {
                write!(text, " p{} |", share * 100.0)?;
            }
            writeln!(text, " max | p99 ÷ p50 |")?;
            writeln!(text, "|---|{}", "--:|".repeat(QUANTILES.len() + 2))?;
            for row in &table.rows {
                let Some(latency) = &row.latency else {
                    continue;
                };
                write!(text, "| {} |", row.peer)?;
                for quantile in latency.quantiles {
                    write!(text, " {quantile:.0} |")?;
                }
                writeln!(text, " {:.0} | {:.2} |", latency.max, latency.unfairness)?;
            }
        }
        Ok(())
    }

    fn scenario(&mut self, table: &Table) -> Result {
        let text = &mut self.text;
        let scenario = table.scenario;
        writeln!(text, "\n### {}: {}\n", scenario.name, scenario.about)?;
        let unit = scenario.unit();
        let baselines = scenario.service.baselines();
        write!(
            text,
            "| peer | {unit}/s | min–max | CPU µs/{unit} | min–max |"
        )?;
        for baseline in baselines {
            write!(text, " ÷ {baseline} |")?;
        }
        writeln!(
            text,
            " server busy | busiest thread | client busy | MiB | bytes/connection |"
        )?;
        writeln!(text, "|---|{}", "--:|".repeat(9 + baselines.len()))?;
        for row in &table.rows {
            let (rate, cpu) = (&row.rate, &row.cpu);
            write!(text, "| {} |", row.peer)?;
            write!(
                text,
                " {:.0} | {:.0}–{:.0} |",
                rate.median, rate.min, rate.max
            )?;
            write!(text, " {:.3} | {:.3}–{:.3} |", cpu.median, cpu.min, cpu.max)?;
            for baseline in baselines {
                match table.ratio(row, baseline) {
                    Some(ratio) => write!(text, " {ratio:.2} |")?,
                    None => write!(text, " – |")?,
                }
            }
            write!(text, " {:.0} % |", row.server_busy * 100.0)?;
            write!(text, " {:.0} % |", row.busiest_share * 100.0)?;
            match row.client_busy {
                Some(busy) => write!(text, " {:.0} % |", busy * 100.0)?,
                None => write!(text, " – |")?,
            }
            write!(text, " {:.1} |", row.resident / f64::from(1 << 20))?;
            writeln!(text, " {:.0} |", row.bytes_per_connection)?;
        }
        Ok(())
    }

    /// A heading, and the chart if there is one.
    fn section(&mut self, chart: Chart) -> Result {
        writeln!(self.text, "\n## {}\n", chart.title())?;
        if self.charts.contains(&chart) {
            writeln!(self.text, "![{}]({})\n", chart.title(), chart.file())?;
        }
        Ok(())
    }
}

/// The peer that all others are put in proportion to.
fn baseline_of(table: &Table) -> &'static str {
    table.scenario.service.baselines()[0]
}
