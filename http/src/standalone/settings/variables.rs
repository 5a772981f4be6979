//! Variables of the environment.

use std::env;

use super::load::{Gathered, give};
use super::{Setting, Settings, Source};

/// What all of ours begin with.
const PREFIX: &str = "MAYPOLE_";

/// Names the file.
pub(super) const CONFIG: &str = "MAYPOLE_CONFIG";

/// What a setting's text is, in place of theirs.
type Rewrite = fn(&str) -> String;

/// Those that others set, and what becomes of their texts.
const COMMON: [(&str, &str, Rewrite); 3] = [
    ("PORT", "bind", |port| format!("0.0.0.0:{port}")),
    ("WEB_CONCURRENCY", "workers", str::to_owned),
    ("FORWARDED_ALLOW_IPS", "forwarded_allow_ips", str::to_owned),
];

/// Those that the arbiter and tests set for processes of theirs.
const OTHERS: [&str; 4] = [
    "MAYPOLE_ARBITER",
    "MAYPOLE_FDS",
    "MAYPOLE_STANDALONE",
    "MAYPOLE_TEST",
];

/// The whole environment; what is no UTF-8 is of no use here.
pub(super) fn all() -> Vec<(String, String)> {
    let texts = env::vars_os()
        .map(|(name, text)| (name.into_string(), text.to_string_lossy().into_owned()));
    texts
        .filter_map(|(name, text)| Some((name.ok()?, text)))
        .collect()
}

/// Takes those that gunicorn knows; weaker than the file.
pub(super) fn common(environment: &[(String, String)], gathered: &mut Gathered) {
    for (variable, name, text) in COMMON {
        let found = environment.iter().find(|(name, _)| name == variable);
        let (Some((_, value)), Some(setting)) = (found, Setting::named(name)) else {
            continue;
        };
        if !value.is_empty() {
            let source = Source::Common(variable);
            give(gathered, setting, vec![text(value)], source);
        }
    }
}

/// Takes ours; returns those that look like it and are none.
pub(super) fn read(environment: &[(String, String)], gathered: &mut Gathered) -> Vec<String> {
    for setting in Settings::TABLE {
        let variable = setting.variable();
        if let Some((_, text)) = environment.iter().find(|(name, _)| *name == variable) {
            let source = Source::Variable(variable);
            give(gathered, setting, vec![text.clone()], source);
        }
    }
    let is_stranger = |name: &&String| {
        let is_known = |setting: &Setting| setting.variable() == **name;
        name.starts_with(PREFIX)
            && *name != CONFIG
            && !OTHERS.iter().any(|other| name.starts_with(other))
            && !Settings::TABLE.iter().any(is_known)
    };
    let names = environment.iter().map(|(name, _)| name);
    names.filter(is_stranger).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_told() {
        let environment = ["MAYPOLE_WORKRS", "MAYPOLE_BIND", "MAYPOLE_CONFIG", "HOME"]
            .map(|name| (name.to_owned(), "1".to_owned()));
        let mut gathered = Gathered::new();
        let strangers = read(&environment, &mut gathered);
        assert_eq!(strangers, ["MAYPOLE_WORKRS"]);
        assert_eq!(gathered["bind"].texts, ["1"]);
        assert_eq!(gathered.len(), 1);
    }
}
