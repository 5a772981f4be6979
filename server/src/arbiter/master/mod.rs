//! The master: it binds, starts workers, and never serves.
//!
//! All that happens goes through one queue, and one thread takes it out: the main
//! one. Greenlets only put things in.

mod commands;
mod control;
mod ending;
mod entry;
mod manage;
mod pidfile;
mod reload;
mod sockets;
mod start;
mod statsd;
mod survey;
mod systemd;
mod upgrade;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use maypole_runtime::AsyncResult;
use maypole_runtime::queue::Queue;
use maypole_runtime::signal::Signal;

use super::hooks::Guarded;
use super::message::{Stop, ToMaster};
use super::privileges::Owner;
use super::role::Inherited;
use super::{EXIT_FAILED, Figures, Hooks, Load, Options};
use commands::Command;
use control::Control;
use ending::Phase;
use entry::Entry;
use manage::BackOff;
use pidfile::Pidfile;
use reload::Reload;
use sockets::Sockets;
use statsd::Statsd;
use survey::Survey;
use systemd::Systemd;
use upgrade::{Old, Upgrade};

pub(super) use control::{FAILED, OK};

/// The longest time between two looks at everything.
const LOOK: Duration = Duration::from_secs(1);

/// Something that has happened.
enum Event {
    Signal(Signal),
    Said(u64, ToMaster),
    Ended(u64, Option<ExitStatus>),
    /// Somebody at the control socket wants something.
    Command(Command, Reply),
    /// The new master says something, or has ended.
    UpgradeSaid(ToMaster),
    UpgradeEnded(Option<ExitStatus>),
    /// The master whose place this one takes has ended.
    OldEnded,
}

/// Where the answer to a command goes.
type Reply = AsyncResult<Result<String, String>>;

struct Master<'a> {
    load: &'a mut Load,
    hooks: Guarded,
    program: PathBuf,
    options: Options,
    owner: Owner,
    sockets: Sockets,
    events: Queue<Event>,
    /// By age.
    workers: BTreeMap<u64, Entry>,
    /// How many there should be.
    wanted: usize,
    /// Which reading of the configuration counts, and the last one.
    generation: u64,
    last_generation: u64,
    last_age: u64,
    /// All first workers have been ready.
    has_started: bool,
    /// Any worker has been.
    has_served: bool,
    back_off: BackOff,
    phase: Phase,
    reload: Option<Reload>,
    /// Who wants another when this reload is over.
    reload_again: Option<Vec<Reply>>,
    upgrade: Option<Upgrade>,
    old: Option<Old>,
    surveys: Vec<Survey>,
    last_survey: u64,
    /// The counters of workers that have ended.
    ended: Figures,
    counts: Counts,
    began: Instant,
    pidfile: Option<Pidfile>,
    control: Option<Control>,
    systemd: Systemd,
    statsd: Option<Statsd>,
}

/// What the master itself has done.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    started: u64,
    ended: u64,
    aborted: u64,
    boot_failures: u64,
    reloads: u64,
}

/// The life of a master.
pub(super) fn run(load: &mut Load, hooks: Arc<dyn Hooks>, old: Option<Inherited>) -> u8 {
    let hooks = Guarded::new(hooks);
    match Master::start(load, hooks.clone(), old) {
        Ok(master) => master.go(),
        Err(error) => {
            log::error!("{error}");
            hooks.tell(|hooks| hooks.failed(&error.to_string()));
            EXIT_FAILED
        }
    }
}

impl Master<'_> {
    fn go(mut self) -> u8 {
        loop {
            self.look();
            if let Some(code) = self.is_over() {
                return self.finish(code);
            }
            let wait = self.due().saturating_duration_since(Instant::now());
            let mut event = self.events.get_timeout(wait.min(LOOK)).ok();
            while let Some(this) = event {
                self.handle(this);
                event = self.events.try_get().ok();
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Signal(signal) => self.signal(signal),
            Event::Said(age, message) => self.said(age, message),
            Event::Ended(age, status) => self.ended(age, status),
            Event::Command(command, reply) => self.command(command, reply),
            Event::UpgradeSaid(message) => self.upgrade_said(message),
            Event::UpgradeEnded(status) => self.upgrade_ended(status),
            Event::OldEnded => self.take_over(),
        }
    }

    fn signal(&mut self, signal: Signal) {
        log::info!("{signal}");
        match signal {
            Signal::TERM => self.end(Stop::Graceful),
            Signal::INT | Signal::QUIT => self.end(Stop::Quick),
            Signal::HUP => self.reload(None),
            Signal::TTIN => self.want(self.wanted + 1),
            // Not below one: WINCH is for none.
            Signal::TTOU => self.want(self.wanted.saturating_sub(1).max(1)),
            Signal::USR1 => self.reopen(),
            Signal::USR2 => drop(self.upgrade()),
            Signal::WINCH if has_terminal() => log::debug!("its window has changed its size"),
            Signal::WINCH => self.want(0),
            _ => {}
        }
    }

    /// All that is due: once after each event, and each second.
    fn look(&mut self) {
        let now = Instant::now();
        self.end_silent(now);
        self.kill_late(now);
        self.end_surveys(now);
        self.reconcile(now);
        self.settle_reload();
        self.systemd.watchdog(now);
        self.send_figures(now);
    }

    /// When the next look is due at the latest.
    fn due(&mut self) -> Instant {
        let now = Instant::now();
        let workers = self.workers.values();
        workers
            .filter_map(Entry::due)
            .chain(self.surveys.iter().map(Survey::deadline))
            .chain(self.back_off.due(now))
            .chain(self.systemd.watchdog(now))
            .chain(self.statsd.as_ref().map(Statsd::next))
            .min()
            .unwrap_or(now + LOOK)
    }
}

/// Whether the process belongs to a terminal, whose window tells of its size by
/// the signal that is an order otherwise.
fn has_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}
