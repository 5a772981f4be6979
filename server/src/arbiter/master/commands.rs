//! What can be said at the control socket.

use std::fmt::Write;

use super::super::message::{Question, Stop};
use super::reload::answer;
use super::{Master, Reply};

/// A line that was understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Command {
    Stats,
    Workers,
    /// Those of one worker, by its number or process, or of all.
    Greenlets(Option<u32>),
    Reload,
    Add,
    Remove,
    Reopen,
    Upgrade,
    Stop,
    Quit,
    Help,
}

/// Their names, and what they do.
const COMMANDS: &[(&str, Command, &str)] = &[
    (
        "stats",
        Command::Stats,
        "the figures of all workers, summed, as Prometheus' text",
    ),
    ("workers", Command::Workers, "a line for each worker"),
    (
        "greenlets",
        Command::Greenlets(None),
        "the greenlets of all workers, or of one by its number or process, while they are tracked",
    ),
    (
        "reload",
        Command::Reload,
        "reads the configuration again and replaces all workers (SIGHUP)",
    ),
    ("add", Command::Add, "one worker more (SIGTTIN)"),
    ("remove", Command::Remove, "one worker less (SIGTTOU)"),
    ("reopen", Command::Reopen, "opens logs again (SIGUSR1)"),
    (
        "upgrade",
        Command::Upgrade,
        "starts a new master beside this one (SIGUSR2)",
    ),
    (
        "stop",
        Command::Stop,
        "finishes what runs and ends (SIGTERM)",
    ),
    ("quit", Command::Quit, "ends at once (SIGQUIT)"),
    ("help", Command::Help, "this list"),
];

impl Command {
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or("help");
        let argument = words.next();
        let found = COMMANDS.iter().find(|(known, ..)| *known == name);
        match (found, argument) {
            (None, _) => Err(format!(
                "there is no command {name:?}; help shows what there is"
            )),
            (Some((_, Self::Greenlets(_), _)), Some(which)) => match which.parse() {
                Ok(number) => Ok(Self::Greenlets(Some(number))),
                Err(_) => Err(format!("{which:?} is no number of a worker or process")),
            },
            (Some(_), Some(more)) => Err(format!("{name} does not take {more:?}")),
            (Some((_, command, _)), None) => Ok(command.clone()),
        }
    }
}

impl Master<'_> {
    pub(super) fn command(&mut self, command: Command, reply: Reply) {
        let said = |text: &str| Ok(format!("{text}\n"));
        let result = match command {
            Command::Stats => return self.survey_for_control(Question::Figures, reply, |_| true),
            Command::Greenlets(which) => {
                return self.survey_for_control(Question::Greenlets, reply, |worker| {
                    which.is_none_or(|which| {
                        let info = worker.info();
                        info.pid == which || info.number == which as usize
                    })
                });
            }
            Command::Reload => return self.reload(Some(reply)),
            Command::Workers => Ok(self.table()),
            Command::Add => {
                self.want(self.wanted + 1);
                Ok(format!("{} workers are wanted\n", self.wanted))
            }
            Command::Remove => {
                self.want(self.wanted.saturating_sub(1).max(1));
                Ok(format!("{} workers are wanted\n", self.wanted))
            }
            Command::Reopen => {
                self.reopen();
                said("logs are opened again")
            }
            Command::Upgrade => self.upgrade(),
            Command::Stop => {
                self.end(Stop::Graceful);
                said("finishing what runs")
            }
            Command::Quit => {
                self.end(Stop::Quick);
                said("ending")
            }
            Command::Help => Ok(help()),
        };
        answer(Some(reply), result);
    }

    fn table(&self) -> String {
        let mut text = format!(
            "{:>6} {:>6} {:>9} {:<9} {:>9}\n",
            "number", "age", "process", "state", "uptime"
        );
        for worker in self.workers.values() {
            let info = worker.info();
            let _ = writeln!(
                text,
                "{:>6} {:>6} {:>9} {:<9} {:>7.1} s",
                info.number,
                info.age,
                info.pid,
                worker.state(),
                info.uptime.as_secs_f64()
            );
        }
        text
    }
}

fn help() -> String {
    let lines = COMMANDS
        .iter()
        .map(|(name, _, help)| format!("{name:<10} {help}\n"));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood_or_refused_with_a_reason() {
        assert_eq!(Command::parse(" stats\r\n"), Ok(Command::Stats));
        assert_eq!(Command::parse(""), Ok(Command::Help));
        assert_eq!(Command::parse("greenlets"), Ok(Command::Greenlets(None)));
        assert_eq!(
            Command::parse("greenlets 2"),
            Ok(Command::Greenlets(Some(2)))
        );
        assert!(Command::parse("greenlets x").unwrap_err().contains("\"x\""));
        assert!(Command::parse("stop now").unwrap_err().contains("\"now\""));
        assert!(Command::parse("dance").unwrap_err().contains("\"dance\""));
        for (name, ..) in COMMANDS {
            assert!(Command::parse(name).is_ok() && help().contains(name));
        }
    }
}
