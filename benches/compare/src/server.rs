//! A server's processes: starting, pinning and ending them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{
    Pid, Resource, Signal, getrlimit, kill_process_group, set_parent_process_death_signal,
    setrlimit,
};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::load::Dialog;
use crate::peers::Peer;
use crate::scenario::{Service, Work};
use crate::tls;
use crate::usage::Usage;

/// How long a server may take from its start to its first answer.
const START_DEADLINE: Duration = Duration::from_secs(10);
/// How long one connection may take to be answered meanwhile.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
const PROBE_PAUSE: Duration = Duration::from_millis(10);

/// Runs a peer in this process: the part of `compare serve`.
pub(crate) fn serve(
    peer: &Peer,
    service: Service,
    port: u16,
    core: Option<usize>,
    with_parent: bool,
) -> Result<()> {
    if let Some(core) = core {
        pin(core)?; // before any thread starts: threads inherit it
    }
    if with_parent {
        // A server in a group of its own hears no Ctrl-C.
        set_parent_process_death_signal(Some(Signal::KILL))?;
    }
    raise_descriptor_limit()?; // what is served may have 10,000 connections
    (peer.serve)(service, local(port)).with_context(|| format!("{} cannot serve", peer.name))
}

/// Binds the calling thread, and what it starts, to one core.
pub(crate) fn pin(core: usize) -> Result<()> {
    pin_to(core..core + 1)
}

/// Binds the calling thread, and what it starts, to some cores.
pub(crate) fn pin_to(numbers: Range<usize>) -> Result<()> {
    if numbers.end > CpuSet::MAX_CPU {
        bail!("no cores {numbers:?} on this machine");
    }
    let mut cores = CpuSet::new();
    for core in numbers.clone() {
        cores.set(core);
    }
    sched_setaffinity(None, &cores).with_context(|| format!("cannot run on cores {numbers:?}"))
}

/// A server that runs in a process group of its own, killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    addr: SocketAddr,
}

impl Server {
    /// Starts a peer on a free port and waits for its first correct answer.
    pub(crate) fn start(peer: &Peer, service: Service, core: usize) -> Result<Self> {
        let addr = free_address()?;
        let child = Command::new(std::env::current_exe()?)
            .args(["serve", peer.name, &addr.port().to_string()])
            .args(["--service", service.name()])
            .args(["--core", &core.to_string(), "--with-parent"])
            .process_group(0) // what it starts belongs to it
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start a server process")?;
        let mut server = Self { child, addr };
        server.wait_until_answering(service)?;
        Ok(server)
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What its processes have used so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of_group(self.child.id())
    }

    fn wait_until_answering(&mut self, service: Service) -> Result<()> {
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended before it answered: {status}");
            }
            let failure = match TcpStream::connect(self.addr) {
                Ok(stream) => return probe(stream, self.addr, service).context("first request"),
                Err(error) => error,
            };
            if Instant::now() >= deadline {
                return Err(anyhow!(failure).context(format!(
                    "no answer on {} within {START_DEADLINE:?}",
                    self.addr
                )));
            }
            thread::sleep(PROBE_PAUSE);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        if let Ok(Some(group)) = i32::try_from(self.child.id()).map(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// Allows as many descriptors as may be had.
pub(crate) fn raise_descriptor_limit() -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

/// Sends one request and checks its answer.
fn probe(stream: TcpStream, addr: SocketAddr, service: Service) -> Result<()> {
    stream.set_read_timeout(Some(PROBE_TIMEOUT))?;
    if service.is_tls() {
        exchange(
            tls::connector()?.connect("localhost", stream)?,
            addr,
            service,
        )
    } else {
        exchange(stream, addr, service)
    }
}

fn exchange(mut stream: impl Read + Write, addr: SocketAddr, service: Service) -> Result<()> {
    let mut dialog = Dialog::new(addr, service, Work::Exchanges { depth: 1 });
    stream.write_all(&dialog.message)?;
    let mut input = Vec::new();
    let mut chunk = [0; 4096];
    while dialog.checker.front(&input)?.is_none() {
        match stream.read(&mut chunk)? {
            0 => bail!("connection closed without a full response"),
            n => input.extend_from_slice(&chunk[..n]),
        }
    }
    Ok(())
}

/// An address nobody listens on: not every peer can choose one and tell it.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind(local(0)).context("no free port")?;
    Ok(listener.local_addr()?)
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
