//! The built-in client: many connections on one epoll loop in one thread.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use native_tls::TlsConnector;
use rustix::event::epoll;

use super::connection::Connection;
use super::histogram::Histogram;
use super::poll::{STALL, wait};
use super::{Dialog, Generator, Latency, Load};
use crate::scenario::{Scenario, Work};
use crate::tls;

/// So many connections are opened at once. Fewer than the shortest backlog of a
/// peer: what does not fit is tried again by the kernel only after a second.
const OPENED_AT_ONCE: usize = 100;

/// Connections that send the same requests over and over.
pub(super) struct Client {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    /// What a connection writes at once is its message, `depth` times.
    dialog: Dialog,
    depth: usize,
    /// Each connection sends once in a run.
    once: bool,
    /// When the last run ended.
    stopped_at: Option<Instant>,
    events: Vec<epoll::Event>,
}

impl Client {
    /// Opens the scenario's connections and has an answer on each: from then on
    /// the server has all of them.
    pub(super) fn connect(addr: SocketAddr, scenario: &Scenario) -> Result<Self> {
        let mut dialog = Dialog::new(addr, scenario.service, scenario.work);
        let depth = match scenario.work {
            Work::Exchanges { depth } => depth,
            _ => 1,
        };
        dialog.message = dialog.message.repeat(depth);
        let mut client = Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            connections: Vec::with_capacity(scenario.connections),
            dialog,
            depth,
            once: scenario.work == Work::Idle,
            stopped_at: None,
            events: Vec::with_capacity(scenario.connections),
        };
        let tls = match scenario.service.is_tls() {
            true => Some(tls::connector()?),
            false => None,
        };
        while client.connections.len() < scenario.connections {
            let first = client.connections.len();
            let end = scenario.connections.min(first + OPENED_AT_ONCE);
            for index in first..end {
                client
                    .open(addr, tls.as_ref())
                    .with_context(|| format!("connection {index}"))?;
            }
            client.greet(first)?;
        }
        Ok(client)
    }

    /// Sends on the connections that wait for nothing.
    fn start(&mut self, now: Instant) -> Result<()> {
        let pause = self.stopped_at.map(|then| now - then).unwrap_or_default();
        for connection in &mut self.connections {
            if connection.is_waiting() {
                connection.forget(pause);
            } else {
                connection.send(&self.dialog.message, self.depth, now)?;
            }
        }
        Ok(())
    }

    fn open(&mut self, addr: SocketAddr, tls: Option<&TlsConnector>) -> Result<()> {
        let connection = Connection::open(addr, tls)?;
        // Edge-triggered and registered once, so the loop makes no other system
        // call than wait, read and write.
        epoll::add(
            &self.epoll,
            connection.socket(),
            epoll::EventData::new_u64(self.connections.len() as u64),
            epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET,
        )?;
        self.connections.push(connection);
        Ok(())
    }

    /// Has an answer on each connection from this one on.
    fn greet(&mut self, first: usize) -> Result<()> {
        let now = Instant::now();
        for connection in &mut self.connections[first..] {
            connection.send(&self.dialog.message, self.depth, now)?;
        }
        let mut left = ((self.connections.len() - first) * self.depth) as u64;
        let mut latency = Histogram::new(); // of no interest
        while left > 0 {
            left -= self.turn(&mut latency, false)?.0;
        }
        Ok(())
    }

    /// Sends once on each connection, and waits for all answers.
    fn send_once(&mut self, latency: &mut Histogram) -> Result<(u64, Instant)> {
        let mut now = Instant::now();
        self.start(now)?;
        let mut left = (self.connections.len() * self.depth) as u64;
        let requests = left;
        while left > 0 {
            let (answered, then) = self.turn(latency, false)?;
            left -= answered;
            now = then;
        }
        Ok((requests, now))
    }

    /// Serves the connections that are ready, and sends `again` on them; returns
    /// how many responses came and the time of the last.
    fn turn(&mut self, latency: &mut Histogram, again: bool) -> Result<(u64, Instant)> {
        wait(&self.epoll, &mut self.events)?;
        let mut answered = 0;
        let mut now = Instant::now();
        for event in &self.events {
            let index = event.data.u64() as usize;
            let connection = &mut self.connections[index];
            now = Instant::now();
            let waited = now.duration_since(connection.sent_at());
            let count = connection
                .advance(&self.dialog.message, &mut self.dialog.checker)
                .with_context(|| format!("connection {index}"))?;
            if again && !connection.is_waiting() {
                connection.send(&self.dialog.message, self.depth, now)?;
            }
            latency.record(waited, count);
            answered += count;
        }
        Ok((answered, now))
    }
}

impl Generator for Client {
    fn run(&mut self, duration: Duration) -> Result<Load> {
        let mut latency = Histogram::new();
        if self.once {
            let start = Instant::now();
            let (requests, end) = self.send_once(&mut latency)?;
            return Ok(Load {
                requests,
                elapsed: end - start,
                latency: Some(Latency::of(&latency)),
            });
        }
        let mut requests = 0;
        let start = Instant::now();
        let deadline = start + duration;
        self.start(start)?;
        let end = loop {
            let (answered, now) = self.turn(&mut latency, true)?;
            requests += answered;
            if now >= deadline {
                break now;
            }
        };
        self.stopped_at = Some(end);
        for (index, connection) in self.connections.iter().enumerate() {
            if !connection.is_waiting() {
                continue;
            }
            let waiting = end.saturating_duration_since(connection.sent_at());
            ensure!(
                waiting < STALL,
                "connection {index} is starved: no answer for {waiting:?}"
            );
        }
        Ok(Load {
            requests,
            elapsed: end - start,
            latency: Some(Latency::of(&latency)),
        })
    }
}
