//! As many workers as there should be.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use super::super::message::{Hello, Stop, ToMaster, ToWorker};
use super::ending::Phase;
use super::entry::{Entry, Silence, shown};
use super::reload::Reload;
use super::{Counts, Master};

/// A worker that has lived for so long has not failed by its start.
const STEADY: Duration = Duration::from_secs(10);

/// When the next worker may be started.
#[derive(Debug, Default)]
pub(super) struct BackOff {
    /// Workers that have ended soon after their start, in a row.
    in_a_row: u32,
    /// Those of them that were never ready.
    boots: u32,
    not_before: Option<Instant>,
}

impl BackOff {
    /// A worker has ended without having been told to. The first one is replaced
    /// at once.
    fn ended(&mut self, lived: Duration, (first, longest): (Duration, Duration)) {
        if lived >= STEADY {
            self.in_a_row = 0;
            self.not_before = None;
            return;
        }
        self.in_a_row += 1;
        let Some(doublings) = self.in_a_row.checked_sub(2) else {
            return;
        };
        let pause = first.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX));
        self.not_before = Some(Instant::now() + pause.min(longest));
    }

    /// How many boots have failed in a row, with this one.
    fn boot_failed(&mut self) -> u32 {
        self.boots += 1;
        self.boots
    }

    fn booted(&mut self) {
        self.boots = 0;
    }

    fn holds(&self, now: Instant) -> bool {
        self.not_before.is_some_and(|then| now < then)
    }

    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        self.not_before.filter(|then| *then > now)
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

impl Master<'_> {
    /// Changes how many workers there should be.
    pub(super) fn want(&mut self, workers: usize) {
        let before = std::mem::replace(&mut self.wanted, workers);
        if before != workers {
            log::info!("{workers} workers are wanted, {before} were");
            self.hooks
                .tell(|hooks| hooks.workers_changed(workers, before));
        }
    }

    /// Starts what is missing and ends what is too much. Of those that are to be
    /// replaced, as many serve on as there are successors missing.
    pub(super) fn reconcile(&mut self, now: Instant) {
        while matches!(self.phase, Phase::Running)
            && self.current().count() < self.wanted
            && !self.back_off.holds(now)
        {
            self.start_worker();
        }
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        let mut current: Vec<_> = self.current().map(|w| (w.number, w.age)).collect();
        current.sort_unstable();
        for (_, age) in current.drain(..).skip(self.wanted) {
            self.stop_worker(age, Stop::Graceful);
        }
        let ready = self.current().filter(|worker| worker.is_ready).count();
        let outdated = self
            .workers
            .values()
            .filter(|worker| worker.stops.is_none() && !self.is_current(worker));
        let mut outdated: Vec<_> = outdated.map(|w| (w.is_ready, w.age)).collect();
        outdated.sort_unstable(); // those that do not serve yet, then the oldest
        // A reload for fewer may fail as well: each new one replaces one.
        let before = self.reload.as_ref().map_or(0, Reload::workers_before);
        let stay = match self.wanted.saturating_sub(ready) {
            0 => 0,
            missing => missing.max(before.saturating_sub(ready)),
        };
        let too_many = outdated.len().saturating_sub(stay);
        for (_, age) in outdated.drain(..too_many) {
            self.stop_worker(age, Stop::Graceful);
        }
        self.note_start();
        let workers = &self.workers;
        let wanted = self.wanted;
        self.sockets.trim(|number| {
            number <= wanted.max(1)
                || workers
                    .values()
                    .any(|worker| worker.number == number && worker.stops.is_none())
        });
    }

    /// Those that stay: of the current configuration, and not to be replaced.
    fn current(&self) -> impl Iterator<Item = &Entry> {
        let workers = self.workers.values();
        workers.filter(|worker| worker.stops.is_none() && self.is_current(worker))
    }

    fn is_current(&self, worker: &Entry) -> bool {
        worker.generation == self.generation && !worker.retires
    }

    pub(super) fn ready_of_generation(&self) -> usize {
        self.current().filter(|worker| worker.is_ready).count()
    }

    fn start_worker(&mut self) {
        let is_free = |number: &usize| self.current().all(|worker| worker.number != *number);
        let number = (1..).find(is_free).unwrap_or(1);
        self.last_age += 1;
        self.hooks.tell(|hooks| hooks.worker_starting(number));
        let hello = Hello {
            number,
            age: self.last_age,
            listeners: Vec::new(),
        };
        let started = self.sockets.for_worker(number).and_then(|passed| {
            Entry::start(
                &self.program,
                hello,
                passed,
                self.generation,
                &self.options,
                &self.events,
            )
        });
        match started {
            Ok(entry) => {
                log::info!("starting {}", entry.info());
                self.counts.started += 1;
                self.workers.insert(entry.age, entry);
            }
            Err(error) => {
                let why = format!("worker {number} cannot be started: {error}");
                self.boot_failed(why, Duration::ZERO, self.generation);
            }
        }
    }

    fn stop_worker(&mut self, age: u64, how: Stop) {
        if let Some(worker) = self.workers.get_mut(&age) {
            log::info!("{} is to end: {how:?}", worker.info());
            worker.stop(how, self.options.quick_timeout);
        }
    }

    pub(super) fn stop_workers(&mut self, how: Stop) {
        let ages: Vec<u64> = self.workers.keys().copied().collect();
        for age in ages {
            self.stop_worker(age, how);
        }
    }

    pub(super) fn said(&mut self, age: u64, message: ToMaster) {
        let Some(worker) = self.workers.get_mut(&age) else {
            return; // it has ended
        };
        match message {
            ToMaster::Ready => {
                worker.is_ready = true;
                worker.last_beat = Instant::now();
                let info = worker.info();
                log::info!("{info} is ready after {:.0?}", info.uptime);
                self.has_served = true;
                self.back_off.booted();
                self.hooks.tell(|hooks| hooks.worker_started(&info));
            }
            ToMaster::Failed(reason) => worker.failure = Some(reason),
            ToMaster::Beat(figures) => {
                worker.last_beat = Instant::now();
                worker.figures = figures;
            }
            ToMaster::Blocked(report) => log::error!("{}: {report}", worker.info()),
            ToMaster::Retire => {
                if !std::mem::replace(&mut worker.retires, true) {
                    log::info!("{} is to be replaced", worker.info());
                }
            }
            ToMaster::WantsTotal(token) => self.survey_for_worker(age, token),
            ToMaster::Answer(token, text) => self.answered(age, token, text),
        }
    }

    pub(super) fn ended(&mut self, age: u64, status: Option<ExitStatus>) {
        let Some(worker) = self.workers.remove(&age) else {
            return;
        };
        let info = worker.info();
        self.counts.ended += 1;
        self.ended.add_all(&worker.figures.counters());
        self.forget_in_surveys(age);
        let how = shown(status);
        if let Some(status) = status {
            use std::os::unix::process::ExitStatusExt;
            let by_kernel = status.signal() == Some(9) && !worker.is_killed();
            let by_order = worker.stops.is_some() && !worker.is_ready;
            let hint = match () {
                () if by_kernel => "; out of memory?",
                () if by_order => ", while it booted",
                () => "",
            };
            let level = match (worker.stops, status.success() || by_order) {
                (Some(_), true) => log::Level::Info,
                _ => log::Level::Warn,
            };
            log::log!(level, "{info} has ended: {how}{hint}");
            self.hooks.tell(|hooks| hooks.worker_exited(&info, status));
        }
        if worker.stops.is_some() || !matches!(self.phase, Phase::Running) {
            return;
        }
        if worker.is_ready {
            self.back_off.ended(info.uptime, self.options.back_off);
            return;
        }
        let why = match &worker.failure {
            Some(reason) => format!("{info} could not boot: {reason}"),
            None => format!("{info} ended before it was ready: {how}"),
        };
        self.boot_failed(why, info.uptime, worker.generation);
    }

    /// A worker was not started, or has ended before it was ready.
    fn boot_failed(&mut self, why: String, lived: Duration, generation: u64) {
        self.counts.boot_failures += 1;
        log::error!("{why}");
        if self.reload.is_some() && generation == self.generation {
            self.roll_back(&why);
            return;
        }
        self.back_off.ended(lived, self.options.back_off);
        let failures = self.back_off.boot_failed();
        if !self.has_served || failures >= self.options.max_boot_failures {
            self.fail(&why);
        }
    }

    /// The first workers are ready: the program is.
    fn note_start(&mut self) {
        if self.has_started || self.ready_of_generation() < self.wanted {
            return;
        }
        self.has_started = true;
        let s = if self.wanted == 1 { "" } else { "s" };
        log::info!("ready, with {} worker{s}", self.wanted);
        if let Some(old) = &self.old {
            old.tell_ready();
        } else {
            self.systemd.ready(self.wanted);
        }
        self.hooks.tell(|hooks| hooks.when_ready());
    }

    pub(super) fn end_silent(&mut self, now: Instant) {
        for worker in self.workers.values_mut() {
            match worker.end_silence(now) {
                Silence::None => {}
                Silence::Aborted => {
                    let (info, timeout) = (worker.info(), worker.timeout());
                    log::error!("{info} has been silent for {timeout:?}, it is aborted");
                    self.counts.aborted += 1;
                    self.hooks.tell(|hooks| hooks.worker_aborted(&info));
                }
                Silence::Killed => log::error!("{} is killed", worker.info()),
            }
        }
    }

    /// Kills those that were told to end, and have not.
    pub(super) fn kill_late(&mut self, now: Instant) {
        for worker in self.workers.values_mut() {
            if !worker.is_killed() && worker.stops.is_some_and(|deadline| deadline <= now) {
                log::warn!("{} does not end, it is killed", worker.info());
                worker.kill();
            }
        }
    }

    pub(super) fn reopen(&mut self) {
        self.hooks.tell(|hooks| hooks.on_reopen());
        for worker in self.workers.values() {
            worker.send(&ToWorker::Reopen);
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_forgotten() {
        let limits = (Duration::from_millis(100), Duration::from_secs(10));
        let mut back_off = BackOff::default();
        let pause = |back_off: &mut BackOff, lived| {
            let before = Instant::now();
            back_off.ended(lived, limits);
            let due = back_off.due(before)?;
            // To whole tenths of a second: the clock has gone on a little.
            Some((due - before).as_millis() / 100 * 100)
        };
        let soon = Duration::from_secs(1);
        let pauses: Vec<_> = (0..10).map(|_| pause(&mut back_off, soon)).collect();
        assert_eq!(pauses[..4], [None, Some(100), Some(200), Some(400)]);
        assert_eq!(pauses[9], Some(10_000));
        assert_eq!(pause(&mut back_off, STEADY), None);
        assert_eq!(pause(&mut back_off, soon), None);
        assert_eq!((back_off.boot_failed(), back_off.boot_failed()), (1, 2));
        back_off.booted();
        assert_eq!(back_off.boot_failed(), 1);
    }
}
