//! Its settings.

use std::time::Duration;
use std::{env, fs};

use maypole::server::arbiter::Options;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The words and values of the file.
fn lines() -> Result<Vec<(String, String)>> {
    let path = env::args().nth(1).ok_or("no file of settings")?;
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let pairs = lines.map(|line| line.split_once(' ').unwrap_or((line, "")));
    Ok(pairs
        .map(|(word, value)| (word.to_owned(), value.to_owned()))
        .collect())
}

/// The value of a word that is not for the arbiter.
pub(crate) fn value(wanted: &str) -> Option<String> {
    let lines = lines().unwrap();
    lines
        .into_iter()
        .find(|(word, _)| word == wanted)
        .map(|(_, value)| value)
}

pub(crate) fn load() -> Result<Options> {
    let mut options = Options::new()
        .bind_tries(1)
        .back_off(Duration::from_millis(20), Duration::from_millis(500));
    for (word, value) in lines()? {
        let number = || {
            value
                .parse::<u32>()
                .map_err(|_| format!("{word}: {value:?} is no number"))
        };
        let millis = || number().map(|number| Duration::from_millis(number.into()));
        options = match &*word {
            "bind" => options.bind(value.parse()?),
            "metrics" => options.listener("metrics", value.parse()?),
            "workers" => options.workers(number()? as usize),
            "timeout" => options.timeout(millis()?),
            "graceful" => options.graceful_timeout(millis()?),
            "quick" => options.quick_timeout(millis()?),
            "reuse_port" => options.reuse_port(true),
            "mode" => options.unix_mode(u32::from_str_radix(&value, 8)?),
            "user" => options.user(value),
            "group" => options.group(value),
            "umask" => options.umask(u32::from_str_radix(&value, 8)?),
            "pidfile" => options.pidfile(value),
            "control" => options.control(value),
            "failures" => options.max_boot_failures(number()?),
            "statsd" => options
                .statsd(value, "test")
                .statsd_period(Duration::from_millis(20)),
            "panic" if value == "load" => panic!("a bug in load"),
            "boot" | "started" | "panic" => options,
            _ => return Err(format!("{word:?} is no setting").into()),
        };
    }
    Ok(options)
}
