//! What greenlets and their primitives cost, beside raw `may`, tokio, Go and
//! gevent, in one run. `README.md` tells how to run it.
//!
//! Subjects take turns, each measurement in a process of its own on core 0; the
//! table shows medians over the rounds.

mod figures;
mod measures;
mod on_may;
mod on_maypole;
mod on_tokio;
mod subjects;

use std::process::ExitCode;

use figures::median;
use measures::{MEASURES, Measure};
use subjects::{SUBJECTS, Subject};

const ROUNDS: usize = 5;

const HELP: &str = "\
micro [--rounds N] [--measure A,B] [--subject A,B]
  measures and prints a table
micro SUBJECT MEASURE
  one measurement, its figures in a line
micro COUNT
  parks that many greenlets of maypole and says what they take
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [count] if count.parse::<usize>().is_ok() => {
            let each = on_maypole::parked(count.parse().unwrap_or(0));
            println!("{each:.0} bytes each, {} mappings", figures::mappings());
            ExitCode::SUCCESS
        }
        [subject, measure] if !subject.starts_with('-') => one(subject, measure),
        _ => match Plan::parse(&args) {
            Some(plan) => {
                table(&plan);
                ExitCode::SUCCESS
            }
            None => {
                eprint!("{HELP}");
                ExitCode::FAILURE
            }
        },
    }
}

struct Plan {
    rounds: usize,
    measures: Vec<&'static Measure>,
    subjects: Vec<&'static Subject>,
}

impl Plan {
    fn parse(args: &[&str]) -> Option<Self> {
        let mut plan = Self {
            rounds: ROUNDS,
            measures: MEASURES.iter().collect(),
            subjects: SUBJECTS.iter().collect(),
        };
        let mut args = args.iter();
        while let Some(flag) = args.next() {
            let value = args.next()?;
            let wanted = |name: &str| value.split(',').any(|one| one == name);
            match *flag {
                "--rounds" => plan.rounds = value.parse().ok().filter(|n| *n > 0)?,
                "--measure" => plan.measures.retain(|measure| wanted(measure.name)),
                "--subject" => plan.subjects.retain(|subject| wanted(subject.name)),
                _ => return None,
            }
        }
        Some(plan)
    }
}

/// One measurement in this process.
fn one(subject: &str, measure: &str) -> ExitCode {
    figures::pin(0);
    let found = subjects::find(subject).and_then(|subject| subject.here);
    match found.and_then(|here| here(measure)) {
        Some(figures) => {
            let figures: Vec<String> = figures.iter().map(f64::to_string).collect();
            println!("{}", figures.join(" "));
            ExitCode::SUCCESS
        }
        None => ExitCode::FAILURE,
    }
}

fn table(plan: &Plan) {
    let mut subjects = plan.subjects.clone();
    subjects.retain(|subject| match (subject.prepare)() {
        Ok(()) => true,
        Err(reason) => {
            eprintln!("micro: without {}: {reason}", subject.name);
            false
        }
    });
    let names: Vec<&str> = subjects.iter().map(|subject| subject.name).collect();
    println!("Medians; in brackets the ratio to the first column.\n");
    println!("| | {} |", names.join(" | "));
    println!("|---|{}", "--:|".repeat(names.len()));
    for measure in &plan.measures {
        let mut results = vec![Vec::new(); subjects.len()];
        for _ in 0..plan.rounds.min(measure.rounds) {
            for (subject, results) in subjects.iter().zip(&mut results) {
                results.extend(subject.measure(measure));
            }
        }
        for (row, what) in measure.rows.iter().enumerate() {
            let medians: Vec<Option<f64>> = results
                .iter()
                .map(|results| median(results.iter().filter_map(|one| one.get(row).copied())))
                .collect();
            println!("| {what} | {} |", cells(&medians).join(" | "));
        }
    }
}

fn cells(medians: &[Option<f64>]) -> Vec<String> {
    let first = medians.first().copied().flatten();
    let cell = |(column, value): (usize, &Option<f64>)| match (value, first) {
        (None, _) => "–".to_owned(),
        (Some(value), Some(first)) if column > 0 => {
            format!("{value:.1} ({:.2})", value / first)
        }
        (Some(value), _) => format!("{value:.1}"),
    };
    medians.iter().enumerate().map(cell).collect()
}
