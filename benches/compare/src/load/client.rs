//! The built-in client: many connections on one epoll loop in one thread.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use super::connection::Connection;
use super::histogram::Histogram;
use super::response::Checker;
use super::{Generator, Latency, Load, request};
use crate::scenario::Scenario;

/// How long a request may stay unanswered before the run is given up.
const STALL: Duration = Duration::from_secs(2);

/// Connections that send the same requests over and over.
pub(super) struct Client {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    /// What a connection writes at once: `depth` requests.
    batch: Vec<u8>,
    depth: usize,
    checker: Checker,
    events: Vec<epoll::Event>,
}

impl Client {
    /// Opens the scenario's connections and sends the first requests.
    pub(super) fn connect(addr: SocketAddr, scenario: &Scenario) -> Result<Self> {
        let mut client = Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            connections: Vec::with_capacity(scenario.connections),
            batch: request(addr).repeat(scenario.depth),
            depth: scenario.depth,
            checker: Checker::new(),
            events: vec![no_event(); scenario.connections],
        };
        for index in 0..scenario.connections {
            let mut connection =
                Connection::open(addr).with_context(|| format!("connection {index}"))?;
            // Edge-triggered and registered once, so the loop makes no other
            // system call than wait, read and write.
            epoll::add(
                &client.epoll,
                connection.socket(),
                epoll::EventData::new_u64(index as u64),
                epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET,
            )?;
            connection.send(&client.batch, client.depth, Instant::now())?;
            client.connections.push(connection);
        }
        Ok(client)
    }

    /// Serves the connections that are ready; returns how many responses came
    /// and the time of the last.
    fn turn(&mut self, latency: &mut Histogram) -> Result<(u64, Instant)> {
        let ready = self.wait()?;
        let mut answered = 0;
        let mut now = Instant::now();
        for event in &self.events[..ready] {
            let index = event.data.u64() as usize;
            let connection = &mut self.connections[index];
            now = Instant::now();
            let waited = now.duration_since(connection.sent_at());
            let count = connection
                .advance(&self.batch, self.depth, now, &mut self.checker)
                .with_context(|| format!("connection {index}"))?;
            latency.record(waited, count);
            answered += count;
        }
        Ok((answered, now))
    }

    fn wait(&mut self) -> Result<usize> {
        let timeout = Timespec::try_from(STALL)?;
        loop {
            match epoll::wait(&self.epoll, &mut self.events[..], Some(&timeout)) {
                Ok(0) => bail!("the server has answered nobody for {STALL:?}"),
                Ok(ready) => return Ok(ready),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Generator for Client {
    fn run(&mut self, duration: Duration) -> Result<Load> {
        let mut latency = Histogram::new();
        let mut requests = 0;
        let start = Instant::now();
        let deadline = start + duration;
        for connection in &mut self.connections {
            connection.restart_clock(start); // the pause between runs is no latency
        }
        let end = loop {
            let (answered, now) = self.turn(&mut latency)?;
            requests += answered;
            if now >= deadline {
                break now;
            }
        };
        for (index, connection) in self.connections.iter().enumerate() {
            let waiting = end.saturating_duration_since(connection.sent_at());
            ensure!(
                waiting < STALL,
                "connection {index} is starved: no answer for {waiting:?}"
            );
        }
        Ok(Load {
            requests,
            elapsed: end - start,
            latency: Some(Latency {
                p50: latency.quantile(0.50),
                p99: latency.quantile(0.99),
                max: latency.max(),
            }),
        })
    }
}

fn no_event() -> epoll::Event {
    epoll::Event {
        flags: epoll::EventFlags::empty(),
        data: epoll::EventData::new_u64(0),
    }
}
