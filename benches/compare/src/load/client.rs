//! The built-in client: many connections on one epoll loop in one thread.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::event::epoll;

use super::connection::Connection;
use super::histogram::Histogram;
use super::poll::{STALL, wait};
use super::{Dialog, Generator, Latency, Load};
use crate::scenario::{Scenario, Work};
use crate::tls;

/// Connections that send the same requests over and over.
pub(super) struct Client {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    /// What a connection writes at once is its message, `depth` times.
    dialog: Dialog,
    depth: usize,
    /// Each connection sends once in a run.
    once: bool,
    events: Vec<epoll::Event>,
}

impl Client {
    /// Opens the scenario's connections and sends the first requests.
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
            events: Vec::with_capacity(scenario.connections),
        };
        let tls = match scenario.service.is_tls() {
            true => Some(tls::connector()?),
            false => None,
        };
        for index in 0..scenario.connections {
            let connection = Connection::open(addr, tls.as_ref())
                .with_context(|| format!("connection {index}"))?;
            // Edge-triggered and registered once, so the loop makes no other
            // system call than wait, read and write.
            epoll::add(
                &client.epoll,
                connection.socket(),
                epoll::EventData::new_u64(index as u64),
                epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET,
            )?;
            client.connections.push(connection);
        }
        Ok(client)
    }

    /// Sends on the connections that wait for nothing.
    fn start(&mut self, now: Instant) -> Result<()> {
        for connection in &mut self.connections {
            if connection.is_waiting() {
                connection.restart_clock(now); // the pause between runs is no latency
            } else {
                connection.send(&self.dialog.message, self.depth, now)?;
            }
        }
        Ok(())
    }

    /// Serves the connections that are ready; returns how many responses came
    /// and the time of the last.
    fn turn(&mut self, latency: &mut Histogram) -> Result<(u64, Instant)> {
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
            if !connection.is_waiting() && !self.once {
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
        let mut requests = 0;
        let start = Instant::now();
        let deadline = start + duration;
        self.start(start)?;
        let end = loop {
            let (answered, now) = self.turn(&mut latency)?;
            requests += answered;
            let done = match self.once {
                true => requests as usize == self.connections.len(),
                false => now >= deadline,
            };
            if done {
                break now;
            }
        };
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
