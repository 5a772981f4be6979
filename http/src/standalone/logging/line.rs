//! The lines of the error log.

use std::env;
use std::fmt::{self, Display};
use std::io::{self, IsTerminal};

use log::{Level, Record};

use crate::observe::{LocalTime, Text};
use crate::standalone::settings::{LogFormat, Settings};

/// What ends a colour.
const PLAIN: &str = "\x1b[0m";

/// The form of the lines.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(Default))]
pub(super) struct Line {
    is_json: bool,
    is_coloured: bool,
}

impl Line {
    /// Colours are for people: for a terminal, unless `NO_COLOR` is set.
    pub(super) fn of(settings: &Settings) -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let is_terminal = settings.errorlog == "-" && io::stderr().is_terminal();
        let is_dumb = set("TERM").is_none_or(|term| term == "dumb");
        Self {
            is_json: settings.log_format == LogFormat::Json,
            is_coloured: is_terminal && !is_dumb && set("NO_COLOR").is_none(),
        }
    }

    /// A whole line, without its end.
    pub(super) fn whole<'a>(self, record: &'a Record<'a>) -> impl Display + 'a {
        Whole { line: self, record }
    }

    /// What is said, for a place that knows time and level itself.
    pub(super) fn message<'a>(self, record: &'a Record<'a>) -> impl Display + 'a {
        Message(record)
    }
}

/// What a record says; and who says it, if it is not the server in plain words.
struct Message<'a>(&'a Record<'a>);

impl Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.0.target();
        if !target.starts_with("maypole") || self.0.level() > Level::Info {
            write!(f, "{target}: ")?;
        }
        write!(f, "{}", self.0.args())
    }
}

struct Whole<'a> {
    line: Line,
    record: &'a Record<'a>,
}

impl Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (now, pid) = (LocalTime::now(), std::process::id());
        let level = self.record.level();
        if self.line.is_json {
            return write!(
                f,
                "{{\"time\":\"{}\",\"level\":\"{}\",\"pid\":{pid},\"target\":{},\"message\":{}}}",
                now.iso(),
                name(level).to_ascii_lowercase(),
                Text(self.record.target().as_bytes()),
                Text(self.record.args().to_string().as_bytes()),
            );
        }
        write!(f, "[{} {}] [{pid}] ", now.plain(), now.zone())?;
        if self.line.is_coloured {
            write!(f, "{}[{}]{PLAIN} ", colour(level), name(level))?;
        } else {
            write!(f, "[{}] ", name(level))?;
        }
        write!(f, "{}", Message(self.record))
    }
}

/// Python's name of it, which log readers know.
fn name(level: Level) -> &'static str {
    match level {
        Level::Error => "ERROR",
        Level::Warn => "WARNING",
        Level::Info => "INFO",
        Level::Debug => "DEBUG",
        Level::Trace => "TRACE",
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::Error => "\x1b[31m",
        Level::Warn => "\x1b[33m",
        Level::Info => "\x1b[32m",
        Level::Debug | Level::Trace => "\x1b[2m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: Line, target: &str, level: Level) -> String {
        let args = format_args!("one \"{}\"", 1);
        let record = Record::builder()
            .target(target)
            .level(level)
            .args(args)
            .build();
        line.whole(&record).to_string()
    }

    #[test]
    fn lines() {
        let pid = std::process::id();
        let plain = Line::default();
        let line = shown(plain, "maypole_server::arbiter", Level::Info);
        assert!(
            line.ends_with(&format!("] [{pid}] [INFO] one \"1\"")),
            "{line}"
        );
        let line = shown(plain, "app::db", Level::Warn);
        assert!(line.ends_with(" [WARNING] app::db: one \"1\""), "{line}");
        let coloured = Line {
            is_coloured: true,
            ..plain
        };
        let line = shown(coloured, "maypole", Level::Error);
        assert!(
            line.ends_with(" \x1b[31m[ERROR]\x1b[0m one \"1\""),
            "{line}"
        );
        let json = Line {
            is_json: true,
            ..plain
        };
        let line = shown(json, "app", Level::Warn);
        assert!(line.starts_with("{\"time\":\"2"), "{line}");
        assert!(
            line.ends_with(r#""target":"app","message":"one \"1\""}"#),
            "{line}"
        );
        assert!(line.contains("\"level\":\"warning\""), "{line}");
    }
}
