//! Telling systemd how the program is.

use std::process;
use std::time::{Duration, Instant};

use sd_notify::{NotifyState, notify, watchdog_enabled};

/// What is told, if anybody wants to know.
#[derive(Debug)]
pub(super) struct Systemd {
    is_on: bool,
    // How often it is told that the program lives, and when next.
    watchdog: Option<(Duration, Instant)>,
}

impl Systemd {
    pub(super) fn new(is_on: bool) -> Self {
        // Twice as often as is asked for, as its manual says.
        let period = watchdog_enabled().filter(|_| is_on).map(|limit| limit / 2);
        Self {
            is_on,
            watchdog: period.map(|period| (period, Instant::now())),
        }
    }

    pub(super) fn ready(&self, workers: usize) {
        let status = format!("{workers} workers");
        self.tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
    }

    pub(super) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(_) => self.tell(&[NotifyState::Reloading]),
        }
    }

    pub(super) fn stopping(&self) {
        self.tell(&[NotifyState::Stopping]);
    }

    /// This process takes the place of the one that systemd knows.
    pub(super) fn main_pid(&self) {
        self.tell(&[NotifyState::MainPid(process::id()), NotifyState::Ready]);
    }

    /// Tells that the program lives, when it is time to. When that is next.
    pub(super) fn watchdog(&mut self, now: Instant) -> Option<Instant> {
        let (period, next) = self.watchdog?;
        if next > now {
            return Some(next);
        }
        self.tell(&[NotifyState::Watchdog]);
        self.watchdog = Some((period, now + period));
        Some(now + period)
    }

    fn tell(&self, what: &[NotifyState<'_>]) {
        if self.is_on
            && let Err(error) = notify(what)
        {
            log::warn!("systemd cannot be told: {error}");
        }
    }
}
