//! The charts of a report, as SVG files.
//!
//! Our own writing of SVG: the charts are few and plain, and one file must be
//! readable on light and dark pages, which crates that draw charts do not offer.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::load::QUANTILES;
use crate::summary::{self, Row, Table};

mod axis;
mod bars;
mod lines;
mod style;
mod svg;

use axis::{Axis, Scale};

/// The scenarios of the first chart.
const RATIOS: &[&str] = &[
    "keep-alive",
    "pipelined",
    "close",
    "tls",
    "echo-64",
    "echo-1000",
];
/// The scenarios whose latency is drawn.
const LATENCIES: &[&str] = &["keep-alive", "at-1000", "echo-1000"];

/// A chart that was written.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Chart {
    Cpu,
    Throughput,
    Memory,
    Latency,
}

impl Chart {
    pub(crate) const ALL: [Self; 4] = [Self::Cpu, Self::Throughput, Self::Memory, Self::Latency];

    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Cpu => "cpu.svg",
            Self::Throughput => "throughput.svg",
            Self::Memory => "memory.svg",
            Self::Latency => "latency.svg",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Cpu => "CPU of the server, in proportion",
            Self::Throughput => "Throughput against connections",
            Self::Memory => "Memory against connections",
            Self::Latency => "Latency",
        }
    }

    /// The file's text, if there is something to draw.
    pub(crate) fn draw(self, tables: &[Table]) -> Option<String> {
        match self {
            Self::Cpu => draw_ratios(tables),
            Self::Latency => draw_latency(tables),
            Self::Throughput => draw_sweep(
                tables,
                "GET on keep-alive connections: requests per second",
                "one request in flight on each; the server has one core, the client another; more is better",
                Scale::Linear,
                axis::count,
                |row| row.rate.median,
            ),
            Self::Memory => draw_sweep(
                tables,
                "Resident memory of the server with so many connections open",
                "all its processes, after the load above; less is better; both axes are logarithmic",
                Scale::Log,
                axis::mebibytes,
                |row| row.resident / f64::from(1 << 20),
            ),
        }
    }

    pub(crate) fn write(self, folder: &Path, text: &str) -> Result<()> {
        let path = folder.join(self.file());
        fs::write(&path, text).with_context(|| path.display().to_string())
    }
}

/// Without Markdown.
fn about(table: &Table) -> String {
    table.scenario.about.replace('`', "")
}

fn find<'a>(tables: &'a [Table], name: &str) -> Option<&'a Table> {
    tables.iter().find(|table| table.scenario.name == name)
}

fn draw_ratios(tables: &[Table]) -> Option<String> {
    let panels: Vec<_> = RATIOS
        .iter()
        .filter_map(|name| {
            let table = find(tables, name)?;
            let [baseline, _] = table.scenario.service.baselines();
            let bars: Vec<_> = table
                .rows
                .iter()
                .filter_map(|row| Some((row.peer, table.ratio(row, baseline)?)))
                .collect();
            let unit = table.scenario.unit();
            (!bars.is_empty()).then(|| bars::Panel {
                title: format!("{name}: server CPU per {unit} ÷ {baseline}"),
                about: about(table),
                bars,
            })
        })
        .collect();
    (!panels.is_empty()).then(|| {
        bars::draw(
            panels,
            "CPU time of the server per request or message, in proportion to a raw peer; shorter is better",
        )
    })
}

fn draw_latency(tables: &[Table]) -> Option<String> {
    let panels: Vec<_> = LATENCIES
        .iter()
        .filter_map(|name| {
            let table = find(tables, name)?;
            let lines: Vec<_> = table
                .rows
                .iter()
                .filter_map(|row| {
                    let latency = row.latency.as_ref()?;
                    Some(lines::Line {
                        peer: row.peer,
                        numbers: latency.quantiles.iter().copied().map(Some).collect(),
                    })
                })
                .collect();
            panel(
                format!("{name}: latency within which so many answers come"),
                format!("{}; less is better, and flat is fair", about(table)),
                (
                    "share of the answers",
                    QUANTILES
                        .map(|share| format!("{} %", share * 100.0))
                        .to_vec(),
                ),
                (Scale::Log, axis::time),
                lines,
            )
        })
        .collect();
    (!panels.is_empty()).then(|| lines::draw(&panels, "Quantiles of latency; less is better"))
}

fn draw_sweep(
    tables: &[Table],
    title: &str,
    about: &str,
    scale: Scale,
    number: fn(f64) -> String,
    value: fn(&Row) -> f64,
) -> Option<String> {
    let sweep: Vec<_> = tables
        .iter()
        .filter(|table| table.scenario.is_of_sweep())
        .collect();
    let lines = summary::peers_of(&sweep)
        .into_iter()
        .map(|peer| lines::Line {
            peer,
            numbers: sweep
                .iter()
                .map(|table| Some(value(table.row(peer)?)))
                .collect(),
        })
        .collect();
    let places = sweep
        .iter()
        .map(|table| grouped(table.scenario.connections))
        .collect();
    let panel = panel(
        title.to_owned(),
        about.to_owned(),
        ("connections", places),
        (scale, number),
        lines,
    )?;
    Some(lines::draw(&[panel], title))
}

/// `None` without lines.
fn panel(
    title: String,
    about: String,
    (places_are, places): (&'static str, Vec<String>),
    (scale, number): (Scale, fn(f64) -> String),
    lines: Vec<lines::Line>,
) -> Option<lines::Panel> {
    if lines.is_empty() {
        return None;
    }
    let numbers = lines
        .iter()
        .flat_map(|line| line.numbers.iter().flatten().copied());
    Some(lines::Panel {
        axis: Axis::around(scale, numbers),
        title,
        about,
        places,
        places_are,
        number,
        lines,
    })
}

/// With commas between thousands.
fn grouped(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1000), number % 1000),
    }
}
