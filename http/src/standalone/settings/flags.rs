//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::error::Error;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::{Given, Setting, Settings, Source};

/// gunicorn's letters.
const LETTERS: [(&str, char); 10] = [
    ("bind", 'b'),
    ("workers", 'w'),
    ("worker_connections", 'W'),
    ("server", 'k'),
    ("timeout", 't'),
    ("pidfile", 'p'),
    ("user", 'u'),
    ("group", 'g'),
    ("umask", 'm'),
    ("raw_env", 'e'),
];

/// gunicorn's spellings of flags that do not bear the setting's name there.
const ALIASES: [(&str, &str); 9] = [
    ("accesslog", "access-logfile"),
    ("access_log_format", "access-logformat"),
    ("errorlog", "error-logfile"),
    ("loglevel", "log-level"),
    ("keepalive", "keep-alive"),
    ("pidfile", "pid"),
    ("raw_env", "env"),
    ("server", "worker-class"),
    ("syslog", "log-syslog-to"),
];

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Call {
    /// To serve.
    Serve(Flags),
    /// To say whether the configuration is good.
    CheckConfig(Flags),
    /// To show it.
    PrintConfig(Flags),
    /// To send a command to the master that runs.
    Ctl(Flags, String),
}

/// The flags that set something, and the file that one names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) flags: Vec<(&'static str, Given)>,
    pub(crate) file: Option<PathBuf>,
}

/// Reads a command line, the program's name first.
///
/// # Errors
///
/// clap's, which is also how `--help` and `--version` end.
pub(crate) fn call(args: impl IntoIterator<Item = OsString>) -> Result<Call, Error> {
    let matches = command().try_get_matches_from(args)?;
    if let Some(("ctl", ctl)) = matches.subcommand() {
        let words = ctl.get_many::<String>("COMMAND").into_iter().flatten();
        let words: Vec<_> = words.map(String::as_str).collect();
        return Ok(Call::Ctl(given(&matches), words.join(" ")));
    }
    let given = given(&matches);
    Ok(if matches.get_flag("check-config") {
        Call::CheckConfig(given)
    } else if matches.get_flag("print-config") {
        Call::PrintConfig(given)
    } else {
        Call::Serve(given)
    })
}

fn given(matches: &ArgMatches) -> Flags {
    let mut flags = Vec::new();
    for setting in Settings::TABLE {
        if let Some(texts) = matches.get_many::<String>(setting.name) {
            let source = Source::Flag(format!("--{}", setting.flag()));
            let texts = texts.cloned().collect();
            flags.push((setting.name, Given { texts, source }));
        }
    }
    let file = matches.get_one::<PathBuf>("config").cloned();
    Flags { flags, file }
}

fn command() -> Command {
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .help(help)
            .action(ArgAction::SetTrue)
    };
    let config = Arg::new("config")
        .short('c')
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .global(true)
        .help("TOML file with settings [default: maypole.toml, if it is there]");
    let words = Arg::new("COMMAND")
        .num_args(1..)
        .required(true)
        .help("stats, workers, greenlets, reload, stop and others; `help` lists them");
    let ctl = Command::new("ctl")
        .about("Sends a command to the master that runs, over its control socket")
        .arg(words);
    let own = [
        config,
        switch(
            "check-config",
            "Say whether the configuration is good, and end",
        ),
        switch(
            "print-config",
            "Show all settings and where they come from, and end",
        ),
    ];
    let program = Command::new(program_name())
        .version(concat!("maypole ", env!("CARGO_PKG_VERSION")))
        .about("A stand-alone server around its application.")
        .after_help(
            "Each flag is also a variable (--limit-request-line: MAYPOLE_LIMIT_REQUEST_LINE) and a \
             key of the file (limit_request_line). Flags win over variables, variables over the \
             file, the file over defaults.",
        )
        .args_override_self(true)
        .args(own)
        .subcommand(ctl);
    // A flag that comes before `ctl` counts there, too.
    Settings::TABLE.iter().map(arg).fold(program, Command::arg)
}

fn arg(setting: &'static Setting) -> Arg {
    let help = if setting.default.is_empty() {
        setting.help.trim().to_owned()
    } else {
        format!("{} [default: {}]", setting.help.trim(), setting.default)
    };
    let mut arg = Arg::new(setting.name)
        .long(setting.flag())
        .value_name(setting.meta)
        .help_heading(setting.group)
        .value_parser(ValueParser::string())
        .help(help)
        .global(setting.name == "control_socket")
        .allow_hyphen_values(true)
        .action(if setting.is_list {
            ArgAction::Append
        } else {
            ArgAction::Set
        });
    if setting.is_switch {
        arg = arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true");
    }
    if let Some((_, letter)) = LETTERS.iter().find(|(name, _)| *name == setting.name) {
        arg = arg.short(*letter);
    }
    let aliases = ALIASES.iter().filter(|(name, _)| *name == setting.name);
    aliases.fold(arg, |arg, (_, alias)| arg.visible_alias(*alias))
}

/// What the program is called, for `--help`.
fn program_name() -> String {
    let path = std::env::args_os().next().map(PathBuf::from);
    let name = path.as_deref().and_then(|path| path.file_name());
    name.map_or_else(
        || "server".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(args: &[&str]) -> Vec<(&'static str, Vec<String>)> {
        let args = ["x"].iter().chain(args).map(OsString::from);
        let Call::Serve(given) = call(args).unwrap() else {
            panic!("not to serve");
        };
        let flags = given.flags.into_iter();
        flags.map(|(name, given)| (name, given.texts)).collect()
    }

    #[test]
    fn the_command_is_one() {
        command().debug_assert();
        for (name, _) in LETTERS {
            assert!(Setting::named(name).is_some(), "{name}");
        }
        for (name, _) in ALIASES {
            assert!(Setting::named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn flags() {
        let texts = |texts: &[&str]| {
            texts
                .iter()
                .map(|&text| text.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(serve(&[]), []);
        assert_eq!(
            serve(&[
                "-b",
                ":1",
                "--bind=:2",
                "-w4",
                "--workers",
                "5",
                "--reuse-port"
            ]),
            [
                ("bind", texts(&[":1", ":2"])),
                ("reuse_port", texts(&["true"])),
                ("workers", texts(&["5"])),
            ]
        );
        assert_eq!(
            serve(&["--access-logfile", "-", "--reuse-port=off"]),
            [
                ("reuse_port", texts(&["off"])),
                ("accesslog", texts(&["-"])),
            ]
        );
    }

    #[test]
    fn commands() {
        let args = ["x", "ctl", "stats", "--control-socket", "/a"].map(OsString::from);
        let Call::Ctl(given, command) = call(args).unwrap() else {
            panic!("no ctl");
        };
        assert_eq!(command, "stats");
        assert_eq!(given.flags[0].0, "control_socket");
        let error = call(["x", "--workrs", "1"].map(OsString::from)).unwrap_err();
        assert!(error.to_string().contains("--workers"), "{error}");
    }
}
