//! How a master ends.

use std::time::Instant;

use super::super::EXIT_BOOT_FAILED;
use super::super::message::Stop;
use super::Master;
use super::sockets::Sockets;

/// Whether the master ends, and how.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    Running,
    Ending { how: Stop, code: u8 },
}

impl Master<'_> {
    /// Ends as a signal says: the second one like the first ends it at once.
    pub(super) fn end(&mut self, how: Stop) {
        match self.phase {
            Phase::Running => self.begin_to_end(how, 0),
            Phase::Ending { how: before, code } if how > before => {
                self.phase = Phase::Ending { how, code };
                self.stop_workers(how);
            }
            Phase::Ending { .. } => {
                log::warn!("ending at once");
                for worker in self.workers.values_mut() {
                    worker.kill();
                }
            }
        }
    }

    /// Ends because it cannot go on.
    pub(super) fn fail(&mut self, why: &str) {
        if matches!(self.phase, Phase::Running) {
            self.hooks.tell(|hooks| hooks.failed(why));
            self.begin_to_end(Stop::Quick, EXIT_BOOT_FAILED);
        }
    }

    fn begin_to_end(&mut self, how: Stop, code: u8) {
        self.phase = Phase::Ending { how, code };
        if self.upgrade.is_none() {
            // Else there is another one, which systemd will be told of.
            self.systemd.stopping();
        }
        self.give_up_reload("the program ends");
        self.stop_workers(how);
        // Workers close theirs; from then on clients are refused.
        self.let_files_go();
        self.sockets = Sockets::default();
    }

    /// With a new master beside this one, the files are that one's.
    fn let_files_go(&self) {
        let Some(upgrade) = &self.upgrade else { return };
        log::info!("process {} takes over", upgrade.pid());
        self.sockets.leave_files();
    }

    /// The exit code, when all workers have ended.
    pub(super) fn is_over(&self) -> Option<u8> {
        match self.phase {
            Phase::Ending { code, .. } if self.workers.is_empty() => Some(code),
            _ => None,
        }
    }

    pub(super) fn finish(mut self, code: u8) -> u8 {
        self.end_surveys(Instant::now() + super::LOOK);
        self.hooks.tell(|hooks| hooks.on_exit());
        if let Some(control) = self.control.take() {
            control.close();
        }
        log::info!("ended, after {:.0?}", self.began.elapsed());
        code
    }
}
