//! Reading the configuration again, and new workers for it.

use std::io;

use super::super::privileges::Owner;
use super::super::{Options, read};
use super::ending::Phase;
use super::sockets::Sockets;
use super::statsd::Statsd;
use super::{Master, Reply};

/// A reload under way, and what was before it.
pub(super) struct Reload {
    options: Options,
    owner: Owner,
    sockets: Sockets,
    wanted: usize,
    generation: u64,
    replies: Vec<Reply>,
}

impl Reload {
    /// How many workers there should have been before it.
    pub(super) fn workers_before(&self) -> usize {
        self.wanted
    }
}

impl Master<'_> {
    /// Reads the configuration and replaces all workers: the new ones first. Another
    /// one that comes meanwhile is done afterwards.
    pub(super) fn reload(&mut self, reply: Option<Reply>) {
        if !matches!(self.phase, Phase::Running) {
            answer(reply, Err("the program ends".to_owned()));
            return;
        }
        if self.reload.is_some() {
            self.reload_again.get_or_insert_default().extend(reply);
            return;
        }
        self.begin_reload(reply.into_iter().collect());
    }

    fn begin_reload(&mut self, replies: Vec<Reply>) {
        self.hooks.tell(|hooks| hooks.on_reload());
        self.systemd.reloading();
        self.counts.reloads += 1;
        let read = self.read_again();
        let (options, owner, sockets) = match read {
            Ok(read) => read,
            Err(error) => {
                log::error!("not reloaded, the old configuration stays: {error}");
                self.systemd.ready(self.wanted);
                let why = error.to_string();
                for reply in replies {
                    answer(Some(reply), Err(why.clone()));
                }
                return;
            }
        };
        let addrs = sockets.addrs();
        if addrs != self.sockets.addrs() {
            log::info!("listening on {}", addrs.join(", "));
            self.hooks.tell(|hooks| hooks.listening(&addrs));
        }
        self.last_generation += 1;
        let wanted = self.wanted;
        self.reload = Some(Reload {
            owner: std::mem::replace(&mut self.owner, owner),
            sockets: std::mem::replace(&mut self.sockets, sockets),
            wanted,
            generation: std::mem::replace(&mut self.generation, self.last_generation),
            replies,
            options: std::mem::replace(&mut self.options, options),
        });
        self.back_off.forget();
        self.set_statsd();
        self.want(self.options.workers);
    }

    fn read_again(&mut self) -> io::Result<(Options, Owner, Sockets)> {
        let options = read(self.load)?;
        let owner = Owner::of(&options)?;
        let sockets = Sockets::bind(&options, &owner, &self.sockets)?;
        Ok((options, owner, sockets))
    }

    /// The reload is over when the new workers are ready; the old ones were told to
    /// end then.
    pub(super) fn settle_reload(&mut self) {
        if self.reload.is_none() || self.ready_of_generation() < self.wanted {
            return;
        }
        let Some(reload) = self.reload.take() else {
            return;
        };
        log::info!("reloaded, with {} workers", self.wanted);
        self.systemd.ready(self.wanted);
        for reply in reload.replies {
            let text = format!("reloaded, with {} workers\n", self.wanted);
            answer(Some(reply), Ok(text));
        }
        self.next_reload();
    }

    /// A new worker could not boot: the old ones, and their configuration, stay.
    pub(super) fn roll_back(&mut self, why: &str) {
        let Some(reload) = self.reload.take() else {
            return;
        };
        log::error!("not reloaded, the old workers stay: {why}");
        self.options = reload.options;
        self.owner = reload.owner;
        self.sockets = reload.sockets;
        self.generation = reload.generation;
        self.set_statsd();
        self.want(reload.wanted);
        self.systemd.ready(self.wanted);
        for reply in reload.replies {
            answer(Some(reply), Err(why.to_owned()));
        }
        self.next_reload();
    }

    fn next_reload(&mut self) {
        if let Some(replies) = self.reload_again.take() {
            self.begin_reload(replies);
        }
    }

    /// Nobody waits for it any more.
    pub(super) fn give_up_reload(&mut self, why: &str) {
        let replies = self.reload.take().map(|reload| reload.replies);
        let later = self.reload_again.take();
        for reply in replies.into_iter().chain(later).flatten() {
            answer(Some(reply), Err(why.to_owned()));
        }
    }

    fn set_statsd(&mut self) {
        let wanted = self.options.statsd.as_ref();
        if self.statsd.as_ref().map(Statsd::settings) == wanted {
            return;
        }
        self.statsd = wanted.and_then(|settings| match Statsd::start(settings) {
            Ok(statsd) => Some(statsd),
            Err(error) => {
                log::error!("no figures are sent: {error}");
                None
            }
        });
    }
}

/// Answers whoever waits at the control socket.
pub(super) fn answer(reply: Option<Reply>, with: Result<String, String>) {
    if let Some(reply) = reply {
        let _ = reply.set(with); // answered once
    }
}
