//! Compares servers on one machine in one run: requests per second, server
//! CPU per request and latency. `README.md` tells how to run it and how to read
//! what it prints.
//!
//! One binary plays every part, so all Rust servers share a compiler profile
//! and an allocator: `compare serve <peer> <port>` is a server, anything else is
//! the driver, which starts servers, loads them and prints the report.

mod args;
mod chart;
mod driver;
mod json;
mod load;
mod machine;
mod peers;
mod progress;
mod report;
mod scenario;
mod server;
mod summary;
mod tls;
mod usage;

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

use args::{Command, Plan};
use chart::Chart;
use machine::Machine;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    match args::parse(std::env::args().skip(1))? {
        Command::Help => print!("{}", args::HELP),
        Command::List => list(),
        Command::Serve {
            peer,
            port,
            service,
            core,
            with_parent,
        } => server::serve(peer, service, port, core, with_parent)?,
        Command::Compare(plan) => compare(plan)?,
    }
    Ok(())
}

fn compare(mut plan: Plan) -> Result<()> {
    let machine = Machine::describe();
    plan.prepare()?;
    let outcome = driver::run(&plan)?;
    let tables = summary::tables(&plan, &outcome.samples);
    let mut charts = Vec::new();
    if let Some(folder) = &plan.out {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        for chart in Chart::ALL {
            if let Some(text) = chart.draw(&tables) {
                chart.write(folder, &text)?;
                charts.push(chart);
            }
        }
    }
    let text = report::markdown(&machine, &plan, &outcome, &tables, &charts);
    print!("{text}");
    if let Some(folder) = &plan.out {
        let path = folder.join("RESULTS.md");
        fs::write(&path, text).with_context(|| path.display().to_string())?;
        eprintln!("compare: written to {}", folder.display());
    }
    if let Some(path) = &plan.json {
        json::write(path, &machine, &outcome.samples)?;
    }
    let failed = outcome.failures.len();
    ensure!(failed == 0, "{failed} runs failed; the report names them");
    Ok(())
}

fn list() {
    println!("peers:");
    for peer in peers::PEERS {
        println!("  {:<14} {}", peer.name, (peer.version)());
    }
    println!("scenarios:");
    for scenario in scenario::SCENARIOS {
        println!("  {:<14} {}", scenario.name, scenario.about);
    }
}
