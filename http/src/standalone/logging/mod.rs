//! Where `log`'s records go: the access log and the error log.

use std::io::{self, Write as _};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use log::{LevelFilter, Log, Metadata, Record};

use super::settings::Settings;
use crate::AccessLog;
use crate::observe::TARGET;

mod line;
mod sink;
mod syslog;

use line::Line;
use sink::{Sink, Standard};

/// Of whom only warnings are wanted: the engine crate tells every descriptor.
const TALKATIVE: [&str; 2] = ["may", "generator"];

/// The one access log format that is no format.
const JSON: &str = "json";

/// Whether an access log of this format has lines of JSON.
pub(super) fn is_json(format: &str) -> bool {
    format == JSON
}

/// Whether a log's target is a file.
pub(super) fn is_path(target: &str) -> bool {
    !matches!(target, "" | "-" | "syslog" | "journald")
}

/// The access log that the settings ask for.
pub(super) fn access_log(settings: &Settings) -> Option<AccessLog> {
    settings.accesslog.as_ref()?;
    let format = &settings.access_log_format;
    if is_json(format) {
        return Some(AccessLog::json());
    }
    // It has been checked.
    AccessLog::new(format).ok()
}

/// The process's logger. Its outlets change with the configuration.
#[derive(Debug)]
struct Logger {
    outlets: RwLock<Arc<Outlets>>,
}

/// Where lines go, and which.
#[derive(Debug)]
struct Outlets {
    access: Sink,
    error: Sink,
    level: LevelFilter,
    line: Line,
    // To open them again.
    settings: Settings,
    owner: Owner,
}

static LOGGER: OnceLock<Logger> = OnceLock::new();

/// The user and the group, by number, that a file is given to.
pub(super) type Owner = (Option<u32>, Option<u32>);

/// Sends all records where the settings say, from now on; a second call replaces
/// the first. A program that has installed a logger of its own keeps it.
///
/// Files are given to `owner`, if this process may: workers open them again when
/// they are no longer who started them.
///
/// # Errors
///
/// For a file that cannot be opened, a syslog that is not there; names it. What
/// was in use before stays then.
pub(super) fn install(settings: &Settings, owner: Owner) -> io::Result<()> {
    let outlets = Arc::new(Outlets::open(settings, owner)?);
    let most = outlets.most();
    let mut is_first = false;
    let logger = LOGGER.get_or_init(|| {
        is_first = true;
        Logger {
            outlets: RwLock::new(Arc::clone(&outlets)),
        }
    });
    if is_first {
        if log::set_logger(logger).is_err() {
            log::info!("the program has a logger of its own: accesslog and errorlog do nothing");
            return Ok(());
        }
    } else {
        logger.replace(outlets);
    }
    log::set_max_level(most);
    Ok(())
}

/// Says why the program ends to whoever has started it, unless the error log does.
pub(super) fn fatal(reason: &str) {
    let is_said = LOGGER.get().is_some_and(|logger| {
        let outlets = logger.outlets();
        outlets.level >= LevelFilter::Error
            && matches!(outlets.error, Sink::Standard(Standard::Err))
    });
    if !is_said {
        let _ = writeln!(io::stderr(), "{reason}");
    }
}

/// Opens the files of both logs anew, for who has moved them away. If one cannot
/// be opened, both stay as they are, and the error log is told.
pub(super) fn reopen() {
    let Some(logger) = LOGGER.get() else { return };
    let old = logger.outlets();
    match Outlets::open(&old.settings, old.owner) {
        Ok(outlets) => {
            logger.replace(Arc::new(outlets));
            log::info!("Logs are open anew");
        }
        Err(error) => log::error!("the old logs stay in use: {error}"),
    }
}

impl Outlets {
    fn open(settings: &Settings, owner: Owner) -> io::Result<Self> {
        let error = &settings.errorlog;
        let open = |name, target, standard| Sink::open(name, target, standard, settings, owner);
        Ok(Self {
            access: match &settings.accesslog {
                Some(target) => open("accesslog", target, Standard::Out)?,
                None => Sink::Nowhere,
            },
            error: open("errorlog", error, Standard::Err)?,
            level: settings.loglevel.filter(),
            line: Line::of(settings),
            settings: settings.clone(),
            owner,
        })
    }

    /// The most that any of them takes.
    fn most(&self) -> LevelFilter {
        if matches!(self.access, Sink::Nowhere) {
            self.level
        } else {
            self.level.max(LevelFilter::Info)
        }
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        if target == TARGET {
            return !matches!(self.access, Sink::Nowhere);
        }
        let name = target.split("::").next().unwrap_or(target);
        let level = if TALKATIVE.contains(&name) {
            self.level.min(LevelFilter::Warn)
        } else {
            self.level
        };
        metadata.level() <= level
    }
}

impl Logger {
    /// Not borrowed: what is shown in a record may log itself.
    fn outlets(&self) -> Arc<Outlets> {
        let outlets = self.outlets.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&outlets)
    }

    fn replace(&self, new: Arc<Outlets>) {
        let mut outlets = self.outlets.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *outlets, new);
        drop(outlets);
        drop(old);
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.outlets().wants(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        let outlets = self.outlets();
        let Outlets {
            access,
            error,
            line,
            ..
        } = &*outlets;
        if !outlets.wants(record.metadata()) {
            return;
        }
        if record.target() == TARGET {
            access.write(record, record.args());
        } else if error.has_own_form() {
            error.write(record, &format_args!("{}", line.message(record)));
        } else {
            error.write(record, &format_args!("{}", line.whole(record)));
        }
    }

    fn flush(&self) {}
}
