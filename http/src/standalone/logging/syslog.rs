//! The system's log.

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use log::Level;
use syslog::{Facility, Formatter3164, Logger, LoggerBackend};

use crate::standalone::settings::Settings;

/// What a program without a name of its own is called.
const NAMELESS: &str = "maypole";

/// A connection to a syslog, for both logs' lines.
pub(super) struct Syslog {
    logger: Mutex<Logger<LoggerBackend, Formatter3164>>,
}

impl Syslog {
    pub(super) fn open(settings: &Settings) -> io::Result<Self> {
        let facility = Facility::from_str(&settings.syslog_facility)
            .map_err(|()| invalid(format!("{:?} is no facility", settings.syslog_facility)))?;
        let name = settings.syslog_prefix.clone();
        let formatter = Formatter3164 {
            facility,
            hostname: None,
            process: name
                .or_else(file_name)
                .unwrap_or_else(|| NAMELESS.to_owned()),
            pid: std::process::id(),
        };
        let logger = match settings.syslog.split_once(':') {
            Some(("unix", "")) => syslog::unix(formatter),
            Some(("unix", path)) => syslog::unix_custom(formatter, path),
            Some(("udp", addr)) => syslog::udp(formatter, "0.0.0.0:0", host(addr)),
            Some(("tcp", addr)) => syslog::tcp(formatter, host(addr)),
            _ => return Err(invalid(format!("{:?} is no syslog", settings.syslog))),
        };
        let logger = logger.map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self {
            logger: Mutex::new(logger),
        })
    }

    pub(super) fn send(&self, level: Level, text: String) -> io::Result<()> {
        // Held while it is sent, which does not suspend.
        let mut logger = self.logger.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = match level {
            Level::Error => logger.err(text),
            Level::Warn => logger.warning(text),
            Level::Info => logger.info(text),
            Level::Debug | Level::Trace => logger.debug(text),
        };
        sent.map_err(|error| io::Error::other(error.to_string()))
    }
}

impl fmt::Debug for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Syslog").finish_non_exhaustive()
    }
}

/// `//HOST:PORT`, as after a scheme.
fn host(addr: &str) -> &str {
    addr.strip_prefix("//").unwrap_or(addr)
}

fn file_name() -> Option<String> {
    let program = std::env::args_os().next()?;
    let name = Path::new(&program).file_name()?;
    Some(name.to_string_lossy().into_owned())
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
