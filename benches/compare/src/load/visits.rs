//! A connection for each request or message.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use native_tls::TlsConnector;
use rustix::event::epoll;

use super::histogram::Histogram;
use super::poll::wait;
use super::visit::Visit;
use super::{Dialog, Generator, Latency, Load};
use crate::scenario::Scenario;
use crate::tls;

/// So many visits at a time, each followed by the next.
pub(super) struct Visits {
    addr: SocketAddr,
    epoll: OwnedFd,
    visits: Vec<Option<Visit>>,
    dialog: Dialog,
    tls: Option<TlsConnector>,
    events: Vec<epoll::Event>,
}

impl Visits {
    pub(super) fn new(addr: SocketAddr, scenario: &Scenario) -> Result<Self> {
        Ok(Self {
            addr,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            visits: (0..scenario.connections).map(|_| None).collect(),
            dialog: Dialog::new(addr, scenario.service, scenario.work),
            tls: match scenario.service.is_tls() {
                true => Some(tls::connector()?),
                false => None,
            },
            events: Vec::with_capacity(scenario.connections),
        })
    }

    fn begin(&mut self, index: usize) -> Result<()> {
        let visit = Visit::begin(self.addr, self.tls.as_ref(), &mut self.dialog)?;
        epoll::add(
            &self.epoll,
            visit.socket(),
            epoll::EventData::new_u64(index as u64),
            epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET,
        )?;
        self.visits[index] = Some(visit); // the one before is closed
        Ok(())
    }
}

impl Generator for Visits {
    /// Ends when the visits begun before the time was over have ended too.
    fn run(&mut self, duration: Duration) -> Result<Load> {
        let mut latency = Histogram::new();
        let mut count = 0;
        let start = Instant::now();
        let deadline = start + duration;
        for index in 0..self.visits.len() {
            self.begin(index)?;
        }
        let mut open = self.visits.len();
        let mut now = start;
        while open > 0 {
            wait(&self.epoll, &mut self.events)?;
            for ready in 0..self.events.len() {
                let index = self.events[ready].data.u64() as usize;
                let Some(visit) = &mut self.visits[index] else {
                    continue;
                };
                let ended = visit.advance(&mut self.dialog);
                if !ended.with_context(|| format!("visit {count}"))? {
                    continue;
                }
                now = Instant::now();
                latency.record(now.duration_since(visit.begun_at()), 1);
                count += 1;
                if now < deadline {
                    self.begin(index)?;
                } else {
                    self.visits[index] = None;
                    open -= 1;
                }
            }
        }
        Ok(Load {
            requests: count,
            elapsed: now - start,
            latency: Some(Latency::of(&latency)),
        })
    }
}
