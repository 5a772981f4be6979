//! The command line.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::load::Kind;
use crate::peers::{self, Peer};
use crate::scenario::{self, Scenario, Service};

pub(crate) const HELP: &str = "\
Compares servers on one machine in one run.

compare [options]
  --rounds N          rounds over all peers (5)
  --seconds S         measured time of a run (3)
  --warmup S          unmeasured time before it (1)
  --scenario A,B      only these scenarios (all)
  --peer A,B          only these peers (all)
  --server-core N     core of the servers (0)
  --client-core N     core of the load generator (1)
  --wrk               load with wrk instead of the built-in client
  --json FILE         also write every run to FILE
  --list              list peers and scenarios
  --help              print this

compare serve PEER PORT [--service http|https|close|stream|echo|tls-echo] [--core N]
  runs one server on 127.0.0.1 until it is killed
";

/// What the command line asks for.
pub(crate) enum Command {
    Help,
    List,
    Serve {
        peer: &'static Peer,
        port: u16,
        service: Service,
        core: Option<usize>,
    },
    Compare(Plan),
}

/// What to compare and how.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) seconds: Duration,
    pub(crate) warmup: Duration,
    pub(crate) scenarios: Vec<&'static Scenario>,
    pub(crate) peers: Vec<&'static Peer>,
    pub(crate) server_core: usize,
    pub(crate) client_core: usize,
    pub(crate) generator: Kind,
    pub(crate) json: Option<PathBuf>,
}

impl Plan {
    /// Drops peers that cannot be used here, with a line for each on stderr, and
    /// scenarios that the generator cannot do.
    pub(crate) fn leave_out_what_is_not_there(&mut self) {
        self.peers.retain(|peer| match (peer.prepare)() {
            Ok(()) => true,
            Err(error) => {
                eprintln!("compare: without {}: {error:#}", peer.name);
                false
            }
        });
        let generator = self.generator;
        self.scenarios.retain(|scenario| generator.takes(scenario));
    }

    /// The peers that can do what the scenario needs.
    pub(crate) fn peers_in(&self, scenario: &Scenario) -> impl Iterator<Item = &'static Peer> {
        let service = scenario.service;
        let can = move |peer: &&'static Peer| peer.services.contains(&service);
        self.peers.iter().copied().filter(can)
    }
}

/// Reads the arguments after the program's name.
pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Command> {
    let mut plan = Plan {
        rounds: 5,
        seconds: Duration::from_secs(3),
        warmup: Duration::from_secs(1),
        scenarios: scenario::SCENARIOS.iter().collect(),
        peers: peers::PEERS.iter().collect(),
        server_core: 0,
        client_core: 1,
        generator: Kind::BuiltIn,
        json: None,
    };
    while let Some(flag) = args.next() {
        match flag.as_str() {
            "serve" => return parse_serve(args),
            "--help" | "-h" => return Ok(Command::Help),
            "--list" => return Ok(Command::List),
            "--wrk" => plan.generator = Kind::Wrk,
            "--rounds" => plan.rounds = value(&flag, &mut args)?,
            "--seconds" => plan.seconds = seconds(&flag, &mut args)?,
            "--warmup" => plan.warmup = seconds(&flag, &mut args)?,
            "--scenario" => plan.scenarios = names(&flag, &mut args, scenario::find)?,
            "--peer" => plan.peers = names(&flag, &mut args, peers::find)?,
            "--server-core" => plan.server_core = value(&flag, &mut args)?,
            "--client-core" => plan.client_core = value(&flag, &mut args)?,
            "--json" => plan.json = Some(value(&flag, &mut args)?),
            _ => bail!("unknown argument {flag:?}; --help lists them"),
        }
    }
    ensure!(plan.rounds > 0, "--rounds must be at least 1");
    ensure!(!plan.seconds.is_zero(), "--seconds must be more than 0");
    Ok(Command::Compare(plan))
}

fn parse_serve(mut args: impl Iterator<Item = String>) -> Result<Command> {
    let peer: String = value("serve PEER", &mut args)?;
    let port = value("serve PEER PORT", &mut args)?;
    let mut core = None;
    let mut service = Service::Http;
    while let Some(flag) = args.next() {
        match flag.as_str() {
            "--core" => core = Some(value(&flag, &mut args)?),
            "--service" => {
                let name: String = value(&flag, &mut args)?;
                service = Service::find(&name)?;
            }
            _ => bail!("unknown argument {flag:?} after serve"),
        }
    }
    Ok(Command::Serve {
        peer: peers::find(&peer)?,
        port,
        service,
        core,
    })
}

fn names<T>(
    flag: &str,
    args: &mut impl Iterator<Item = String>,
    find: fn(&str) -> Result<&'static T>,
) -> Result<Vec<&'static T>> {
    let list: String = value(flag, args)?;
    list.split(',').map(find).collect()
}

fn seconds(flag: &str, args: &mut impl Iterator<Item = String>) -> Result<Duration> {
    Duration::try_from_secs_f64(value(flag, args)?).with_context(|| flag.to_owned())
}

fn value<T>(flag: &str, args: &mut impl Iterator<Item = String>) -> Result<T>
where
    T: FromStr<Err: Display>,
{
    let Some(text) = args.next() else {
        bail!("{flag}: a value is missing");
    };
    match text.parse() {
        Ok(value) => Ok(value),
        Err(error) => bail!("{flag} {text:?}: {error}"),
    }
}
