//! A new master beside the old one, from what the program's file holds now.

use std::io;
use std::process::ExitStatus;

use maypole_runtime::process::Child;
use maypole_runtime::queue::Queue;
use maypole_runtime::{Builder, Greenlet};

use super::super::link::Link;
use super::super::message::{Hello, Message, ToMaster, ToWorker};
use super::super::role::{self, Inherited};
use super::ending::Phase;
use super::entry::{Heard, listen, shown};
use super::sockets::Sockets;
use super::{Event, Master};

/// The new master, as the old one knows it.
pub(super) struct Upgrade {
    child: Child,
    // The new one sees the end of the old one by the end of this.
    _link: Link,
}

/// The old master, as the new one knows it.
pub(super) struct Old {
    link: Link,
    // Waits for its end.
    _hears: Greenlet<()>,
}

impl Upgrade {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Old {
    /// The old master, and its sockets.
    pub(super) fn new(
        inherited: Inherited,
        backlog: u32,
        events: &Queue<Event>,
    ) -> io::Result<(Self, Sockets)> {
        let Inherited {
            link,
            mut reader,
            hello,
            sockets,
        } = inherited;
        let events = events.clone();
        let hears = Builder::new().name("maypole-hears").spawn(move || {
            while let Ok(Some(_)) = ToWorker::read(&mut reader) {}
            let _ = events.try_put(Event::OldEnded);
        })?;
        let passed = hello.listeners.into_iter().zip(sockets);
        let passed = passed.map(|((name, place), socket)| (name, place, socket));
        let sockets = Sockets::from_master(passed.collect(), backlog)?;
        Ok((
            Self {
                link,
                _hears: hears,
            },
            sockets,
        ))
    }

    pub(super) fn tell_ready(&self) {
        let _ = self.link.send(&ToMaster::Ready); // else it has ended meanwhile
    }
}

impl Master<'_> {
    /// Starts a new master, which gets the sockets. Both serve until one of them is
    /// told to end.
    pub(super) fn upgrade(&mut self) -> Result<String, String> {
        if !matches!(self.phase, Phase::Running) {
            return Err("the program ends".to_owned());
        }
        if let Some(upgrade) = &self.upgrade {
            let why = format!("no new master: process {} is one already", upgrade.pid());
            log::warn!("{why}");
            return Err(why);
        }
        if self.old.is_some() {
            let why = "no new master: the one before this still runs".to_owned();
            log::warn!("{why}");
            return Err(why);
        }
        self.hooks.tell(|hooks| hooks.pre_exec());
        match self.start_master() {
            Ok(upgrade) => {
                let text = format!("process {} is the new master", upgrade.pid());
                log::info!("{text}");
                self.upgrade = Some(upgrade);
                Ok(text + "\n")
            }
            Err(error) => {
                log::error!("no new master: {error}");
                Err(error.to_string())
            }
        }
    }

    fn start_master(&self) -> io::Result<Upgrade> {
        let (link, reader, far) = Link::new()?;
        let mut hello = Hello::default();
        let mut fds = vec![far];
        for (name, place, socket) in self.sockets.for_master()? {
            hello.listeners.push((name, place));
            fds.push(socket);
        }
        let mut command = role::again(&self.program);
        role::as_upgrade(&mut command);
        command.pass_fds(fds)?;
        let child = command.spawn()?;
        drop(command);
        link.send(&ToWorker::Hello(hello))?;
        listen(&child, reader, &self.events, |heard| match heard {
            Heard::Said(message) => Event::UpgradeSaid(message),
            Heard::Ended(status) => Event::UpgradeEnded(status),
        });
        Ok(Upgrade { child, _link: link })
    }

    pub(super) fn upgrade_said(&self, message: ToMaster) {
        let Some(upgrade) = &self.upgrade else { return };
        match message {
            ToMaster::Ready => log::info!("the new master, process {}, is ready", upgrade.pid()),
            ToMaster::Failed(why) => log::error!("the new master cannot start: {why}"),
            _ => {}
        }
    }

    pub(super) fn upgrade_ended(&mut self, status: Option<ExitStatus>) {
        let how = shown(status);
        log::warn!("the new master has ended ({how}), this one goes on");
        self.upgrade = None;
    }

    /// The old master has ended: its names are free.
    pub(super) fn take_over(&mut self) {
        if self.old.take().is_none() {
            return;
        }
        log::info!("the old master has ended, this one takes its place");
        self.sockets.adopt_files();
        if let (Some(pidfile), Some(path)) = (&mut self.pidfile, &self.options.pidfile)
            && let Err(error) = pidfile.rename(path)
        {
            log::error!("pid file {}: {error}", path.display());
        }
        if let (Some(control), Some(path)) = (&mut self.control, &self.options.control)
            && let Err(error) = control.rename(path)
        {
            log::error!("control socket {}: {error}", path.display());
        }
        self.systemd.main_pid();
    }
}
