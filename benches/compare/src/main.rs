//! Compares servers on one machine in one run: requests per second, server
//! CPU per request and latency. `README.md` tells how to run it and how to read
//! what it prints.
//!
//! One binary plays every part, so all Rust servers share a compiler profile
//! and an allocator: `compare serve <peer> <port>` is a server, anything else is
//! the driver, which starts servers, loads them and prints the report.

mod args;
mod driver;
mod load;
mod machine;
mod peers;
mod report;
mod scenario;
mod server;
mod tls;

use std::process::ExitCode;

use anyhow::Result;

use args::Command;

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
        } => server::serve(peer, service, port, core)?,
        Command::Compare(mut plan) => {
            plan.leave_out_what_is_not_there();
            let machine = machine::Machine::describe();
            let samples = driver::run(&plan)?;
            print!("{}", report::markdown(&machine, &plan, &samples));
            if let Some(path) = &plan.json {
                report::write_json(path, &machine, &samples)?;
            }
        }
    }
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
