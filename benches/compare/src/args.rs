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
Builds and compares servers on one machine in one run.

compare [options]
  --quick             short runs: all in a third of the time
  --rounds N          rounds over all peers (5)
  --seconds S         measured time of a run (3; with --quick 0.3)
  --warmup S          unmeasured time before it (1; with --quick 0.2)
  --scenario A,B      only these scenarios (all); `sweep` is all of at-1 to at-10000
  --peer A,B          only these peers (all)
  --venv              install gevent and gunicorn first, with pip, in target/peers/venv
  --out DIR           write RESULTS.md and charts to DIR (results, if all peers
                      run in all scenarios; else nothing is written)
  --server-core N     core of the servers (0)
  --client-core N     core of the load generator (1)
  --wrk               load with wrk instead of the built-in client
  --json FILE         also write every run to FILE
  --list              list peers and scenarios
  --help              print this

compare serve PEER PORT [--service http|https|post|close|stream|echo|tls-echo]
        [--core N] [--with-parent]
  runs one server on 127.0.0.1 until it is killed, or with --with-parent until
  the process that started it has ended
";

/// Where the results of a whole run go.
const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results");
/// With `--quick`: measured time and warm-up. Long enough for a few hundred
/// turns of the slowest peer's loop.
const QUICK: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(200));

/// What the command line asks for.
pub(crate) enum Command {
    Help,
    List,
    Serve {
        peer: &'static Peer,
        port: u16,
        service: Service,
        core: Option<usize>,
        with_parent: bool,
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
    /// The folder for report and charts.
    pub(crate) out: Option<PathBuf>,
    /// Whether to install what Python's peers need.
    pub(crate) venv: bool,
    /// Of `peers`, when they are known to be there.
    pub(crate) versions: Vec<String>,
    /// Peers that are not there, and why.
    pub(crate) absent: Vec<(&'static str, String)>,
}

impl Plan {
    /// Builds peers, and drops those that cannot be used here, with a line for
    /// each on stderr, and scenarios that the generator cannot do.
    pub(crate) fn prepare(&mut self) -> Result<()> {
        if self.venv {
            peers::python::install()?;
        }
        for peer in std::mem::take(&mut self.peers) {
            match (peer.prepare)() {
                Ok(()) => self.peers.push(peer),
                Err(error) => {
                    eprintln!("compare: without {}: {error:#}", peer.name);
                    self.absent.push((peer.name, format!("{error:#}")));
                }
            }
        }
        self.versions = self.peers.iter().map(|peer| (peer.version)()).collect();
        let generator = self.generator;
        self.scenarios.retain(|scenario| generator.takes(scenario));
        Ok(())
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
        out: None,
        venv: false,
        versions: Vec::new(),
        absent: Vec::new(),
    };
    let mut all = true;
    while let Some(flag) = args.next() {
        match flag.as_str() {
            "serve" => return parse_serve(args),
            "--help" | "-h" => return Ok(Command::Help),
            "--list" => return Ok(Command::List),
            "--wrk" => {
                plan.generator = Kind::Wrk;
                all = false;
            }
            "--quick" => (plan.seconds, plan.warmup) = QUICK,
            "--venv" => plan.venv = true,
            "--out" => plan.out = Some(value(&flag, &mut args)?),
            "--rounds" => plan.rounds = value(&flag, &mut args)?,
            "--seconds" => plan.seconds = seconds(&flag, &mut args)?,
            "--warmup" => plan.warmup = seconds(&flag, &mut args)?,
            "--scenario" => {
                plan.scenarios = names(&flag, &mut args, scenario::find)?;
                all = false;
            }
            "--peer" => {
                all = false;
                plan.peers = names(&flag, &mut args, |name| Ok(vec![peers::find(name)?]))?;
            }
            "--server-core" => plan.server_core = value(&flag, &mut args)?,
            "--client-core" => plan.client_core = value(&flag, &mut args)?,
            "--json" => plan.json = Some(value(&flag, &mut args)?),
            _ => bail!("unknown argument {flag:?}; --help lists them"),
        }
    }
    if all && plan.out.is_none() {
        plan.out = Some(RESULTS.into());
    }
    ensure!(plan.rounds > 0, "--rounds must be at least 1");
    ensure!(!plan.seconds.is_zero(), "--seconds must be more than 0");
    Ok(Command::Compare(plan))
}

fn parse_serve(mut args: impl Iterator<Item = String>) -> Result<Command> {
    let peer: String = value("serve PEER", &mut args)?;
    let port = value("serve PEER PORT", &mut args)?;
    let mut core = None;
    let mut with_parent = false;
    let mut service = Service::Http;
    while let Some(flag) = args.next() {
        match flag.as_str() {
            "--with-parent" => with_parent = true,
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
        with_parent,
    })
}

fn names<T>(
    flag: &str,
    args: &mut impl Iterator<Item = String>,
    find: fn(&str) -> Result<Vec<&'static T>>,
) -> Result<Vec<&'static T>> {
    let list: String = value(flag, args)?;
    let found: Vec<_> = list.split(',').map(find).collect::<Result<_>>()?;
    Ok(found.concat())
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
