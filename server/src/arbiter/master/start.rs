//! How a master begins.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::time::Instant;

use maypole_runtime::Builder;
use maypole_runtime::queue::Queue;
use maypole_runtime::signal::{Signal, Signals};
use rustix::fs::Mode;

use super::super::hooks::Guarded;
use super::super::privileges::Owner;
use super::super::role::Inherited;
use super::super::{Figures, Load, read};
use super::control::Control;
use super::ending::Phase;
use super::manage::BackOff;
use super::pidfile::Pidfile;
use super::sockets::{Sockets, second};
use super::statsd::Statsd;
use super::systemd::Systemd;
use super::upgrade::Old;
use super::{Counts, Event, Master};

/// What a master heeds.
const HEEDED: &[Signal] = &[
    Signal::TERM,
    Signal::INT,
    Signal::QUIT,
    Signal::HUP,
    Signal::TTIN,
    Signal::TTOU,
    Signal::USR1,
    Signal::USR2,
    Signal::WINCH,
];

impl<'a> Master<'a> {
    /// Reads the configuration, binds, and gets ready to start workers.
    pub(super) fn start(
        load: &'a mut Load,
        hooks: Guarded,
        inherited: Option<Inherited>,
    ) -> io::Result<Self> {
        // The file as it is called now: a newer one may have its name later.
        let program = env::current_exe()?;
        let events = Queue::unbounded();
        let options = read(load)?;
        heed_signals(&events)?;
        hooks.tell(|hooks| hooks.on_starting(&options));
        if let Some(mask) = options.umask {
            rustix::process::umask(Mode::from_raw_mode(mask));
        }
        let owner = Owner::of(&options)?;
        let (old, before) = match inherited {
            Some(inherited) => {
                let (old, sockets) = Old::new(inherited, options.backlog, &events)?;
                (Some(old), sockets)
            }
            None => (None, Sockets::from_systemd()?),
        };
        // Of two masters the newer one has the second names.
        let path = |path: &std::path::PathBuf| match &old {
            Some(_) => second(path),
            None => path.clone(),
        };
        let pidfile = options.pidfile.as_ref().map(&path);
        let pidfile = pidfile.map(|path| Pidfile::create(&path)).transpose()?;
        let sockets = Sockets::bind(&options, &owner, &before)?;
        let control = options.control.as_ref().map(&path);
        let control = control
            .map(|path| Control::open(&path, &events))
            .transpose()?;
        let addrs = sockets.addrs();
        log::info!("listening on {}", addrs.join(", "));
        hooks.tell(|hooks| hooks.listening(&addrs));
        Ok(Self {
            load,
            hooks,
            program,
            owner,
            sockets,
            events,
            workers: BTreeMap::new(),
            wanted: options.workers,
            generation: 1,
            last_generation: 1,
            last_age: 0,
            has_started: false,
            has_served: false,
            back_off: BackOff::default(),
            phase: Phase::Running,
            reload: None,
            reload_again: None,
            upgrade: None,
            old,
            surveys: Vec::new(),
            last_survey: 0,
            ended: Figures::new(),
            counts: Counts::default(),
            began: Instant::now(),
            pidfile,
            control,
            systemd: Systemd::new(options.notify),
            statsd: options.statsd.as_ref().map(Statsd::start).transpose()?,
            options,
        })
    }
}

/// Has signals become events, for good.
fn heed_signals(events: &Queue<Event>) -> io::Result<()> {
    let signals = Signals::new(HEEDED)?;
    let events = events.clone();
    let greenlet = Builder::new().name("maypole-heeds").spawn(move || {
        for signal in signals {
            let _ = events.try_put(Event::Signal(signal)); // it has room and stays open
        }
    })?;
    drop(greenlet); // runs by itself
    Ok(())
}
