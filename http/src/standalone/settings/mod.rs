//! The settings: one table, four sources.
//!
//! A setting has one name. As a flag it is `--limit-request-line`, as a variable
//! `MAYPOLE_LIMIT_REQUEST_LINE`, in the file `limit_request_line`. Where gunicorn
//! has the setting, the name is gunicorn's.

mod check;
mod file;
mod flags;
mod load;
mod show;
mod source;
mod table;
mod value;
mod variables;

pub(crate) use flags::{Call, Flags, call};
pub(crate) use load::{Loaded, Sources};
pub(crate) use source::{Fault, SettingsError, Source};
pub(crate) use table::Settings;
#[cfg(feature = "tls")]
pub(crate) use value::Tls;
pub(crate) use value::{ForwardedHeader, LogFormat, Server, WhenFull};

use source::Given;

/// A line of the table.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) group: &'static str,
    pub(crate) help: &'static str,
    pub(crate) default: &'static str,
    pub(crate) change: Change,
    pub(crate) meta: &'static str,
    pub(crate) is_list: bool,
    pub(crate) is_switch: bool,
}

/// When a new value of a setting takes effect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    /// With the workers that a reload starts.
    Reload,
    /// When the master starts anew, by an upgrade or a restart.
    Restart,
}

impl Setting {
    /// The setting of this name.
    fn named(name: &str) -> Option<&'static Self> {
        Settings::TABLE.iter().find(|setting| setting.name == name)
    }

    /// The name most like this one, for who has mistyped it.
    fn similar(name: &str) -> Option<&'static str> {
        // Two slips of the finger; more is another word.
        const MOST: usize = 2;
        let distances = Settings::TABLE
            .iter()
            .map(|setting| (distance(name, setting.name), setting.name));
        distances
            .filter(|(distance, _)| *distance <= MOST)
            .min()
            .map(|(_, name)| name)
    }

    /// Its name as a flag.
    fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Its name as a variable.
    fn variable(&self) -> String {
        format!("MAYPOLE_{}", self.name.to_ascii_uppercase())
    }
}

/// How many letters must be put in, left out or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    use std::fmt::Write as _;
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let setting = Setting::named("limit_request_line").unwrap();
        assert_eq!(setting.flag(), "limit-request-line");
        assert_eq!(setting.variable(), "MAYPOLE_LIMIT_REQUEST_LINE");
        assert!(Setting::named("nope").is_none());
        assert_eq!(Setting::similar("workrs"), Some("workers"));
        assert_eq!(Setting::similar("wibble"), None);
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("bind", "bind"), 0);
        assert_eq!(distance("bnid", "bind"), 2);
    }

    #[test]
    fn quotes() {
        assert_eq!(quoted("a\"b\\c\n"), r#""a\"b\\c\u000a""#);
    }
}
