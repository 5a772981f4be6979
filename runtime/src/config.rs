//! Settings from the program and from the environment, in one place.

use std::env::{self, VarError};
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use parking_lot::Mutex;

use crate::inspect::{Monitor, start_tracking};
use crate::{Hub, threadpool};

/// Settings of the runtime, to be made before the first greenlet is spawned.
///
/// What is not set stays as it is by default. [`from_env`](Self::from_env) reads
/// them from the environment:
///
/// | variable | sets | default |
/// |---|---|---|
/// | `MAYPOLE_HUBS` | [`hubs`](Self::hubs) | 1 |
/// | `MAYPOLE_STACK_SIZE` | [`stack_size`](Self::stack_size); `K` and `M` may follow | `256K` |
/// | `MAYPOLE_TIME_SLICE` | [`time_slice`](Self::time_slice); with `us`, `ms` or `s` | `1ms` |
/// | `MAYPOLE_THREADPOOL_SIZE` | [`thread_pool_size`](Self::thread_pool_size) | 10 |
/// | `MAYPOLE_TRACK` | [`track_greenlets`](Self::track_greenlets); `1` or `0` | `0` |
/// | `MAYPOLE_MONITOR` | [`monitor`](Self::monitor): how long a greenlet may block its hub; `0` for off | `0` |
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::Config;
///
/// // The environment is stronger than the program here; the other way round is
/// // to call the setters after `from_env`.
/// let config = Config::new().stack_size(128 * 1024).time_slice(Duration::from_millis(2));
/// config.overridden_by_env()?.install()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "settings do nothing until `install`"]
pub struct Config {
    hubs: Option<usize>,
    stack_size: Option<usize>,
    time_slice: Option<Duration>,
    thread_pool_size: Option<usize>,
    track: Option<bool>,
    monitor: Option<Duration>,
}

impl Config {
    /// All as it is by default.
    ///
    /// See the example of [`Config`].
    pub fn new() -> Self {
        Self::default()
    }

    /// What the environment says.
    ///
    /// # Errors
    ///
    /// If a variable has a value that makes no sense; the error names it.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::Config;
    ///
    /// match Config::from_env() {
    ///     Ok(config) => config.install()?,
    ///     Err(error) => eprintln!("{error}"), // MAYPOLE_HUBS is "many", which is not …
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "gevent.config")]
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::new().overridden_by_env()
    }

    /// These settings, but for those that the environment sets.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    ///
    /// See the example of [`Config`].
    pub fn overridden_by_env(mut self) -> Result<Self, ConfigError> {
        read("MAYPOLE_HUBS", "a number of hubs", count, &mut self.hubs)?;
        let size = "a number of bytes, as in 262144 or 256K";
        read("MAYPOLE_STACK_SIZE", size, bytes, &mut self.stack_size)?;
        let time = "a time, as in 500us, 2ms or 1s";
        read("MAYPOLE_TIME_SLICE", time, duration, &mut self.time_slice)?;
        read(
            "MAYPOLE_THREADPOOL_SIZE",
            "a number of threads",
            count,
            &mut self.thread_pool_size,
        )?;
        read("MAYPOLE_TRACK", "0 or 1", switch, &mut self.track)?;
        read(
            "MAYPOLE_MONITOR",
            "a time, as in 100ms, or 0",
            duration,
            &mut self.monitor,
        )?;
        Ok(self)
    }

    /// How many hubs run greenlets; see [`Hub::threads`].
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Config, Hub};
    ///
    /// Config::new().hubs(1).install()?;
    /// assert_eq!(Hub::count(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn hubs(mut self, hubs: usize) -> Self {
        self.hubs = Some(hubs);
        self
    }

    /// The stack size of greenlets, in bytes; see [`Hub::set_stack_size`].
    ///
    /// See the example of [`Config`].
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// How long greenlets that are always ready run between two looks at I/O and
    /// timers; see [`Hub::set_time_slice`].
    ///
    /// See the example of [`Config`].
    pub fn time_slice(mut self, slice: Duration) -> Self {
        self.time_slice = Some(slice);
        self
    }

    /// How many threads the default thread pool has at most; see
    /// [`threadpool::set_default_size`].
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Config, threadpool::default_pool};
    ///
    /// Config::new().thread_pool_size(2).install()?;
    /// assert_eq!(default_pool().size(), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn thread_pool_size(mut self, threads: usize) -> Self {
        self.thread_pool_size = Some(threads);
        self
    }

    /// Tracks all greenlets; see [`inspect::start_tracking`](start_tracking).
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Config, inspect::run_info, spawn, yield_now};
    ///
    /// Config::new().track_greenlets().install()?;
    /// let _runs = spawn(|| loop { yield_now() });
    /// assert_eq!(run_info().greenlets().len(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn track_greenlets(mut self) -> Self {
        self.track = Some(true);
        self
    }

    /// Starts a [`Monitor`] that reports greenlets which block their hub for
    /// longer than `limit` and lives as long as the process; zero starts none.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::Config;
    ///
    /// Config::new().monitor(Duration::from_millis(200)).install()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "max_blocking_time")]
    pub fn monitor(mut self, limit: Duration) -> Self {
        self.monitor = Some(limit);
        self
    }

    /// Makes the settings.
    ///
    /// # Errors
    ///
    /// If one is refused, for its value or because greenlets run already; those
    /// before it in the table above are made then.
    ///
    /// See the example of [`Config`].
    pub fn install(self) -> io::Result<()> {
        if let Some(hubs) = self.hubs {
            Hub::threads(hubs)?;
        }
        if let Some(bytes) = self.stack_size {
            Hub::set_stack_size(bytes)?;
        }
        if let Some(slice) = self.time_slice {
            Hub::set_time_slice(slice)?;
        }
        if let Some(threads) = self.thread_pool_size {
            threadpool::set_default_size(threads)?;
        }
        if self.track == Some(true) {
            start_tracking();
        }
        if let Some(limit) = self.monitor.filter(|limit| !limit.is_zero()) {
            let monitor = Monitor::builder().max_blocking_time(limit).start()?;
            // The one before it, if there was one, ends.
            let before = MONITOR.lock().replace(monitor);
            drop(before);
        }
        Ok(())
    }
}

/// The monitor that lives as long as the process.
static MONITOR: Mutex<Option<Monitor>> = Mutex::new(None);

/// A variable of the environment that makes no sense.
///
/// See the example of [`ConfigError::variable`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    variable: &'static str,
    value: String,
    expected: &'static str,
}

impl ConfigError {
    /// The name of the variable.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[allow(unused_unsafe)]
    /// # unsafe { std::env::set_var("MAYPOLE_HUBS", "many") };
    /// // With MAYPOLE_HUBS=many in the environment:
    /// let error = maypole_runtime::Config::from_env().unwrap_err();
    /// assert_eq!(error.variable(), "MAYPOLE_HUBS");
    /// ```
    #[must_use]
    pub fn variable(&self) -> &'static str {
        self.variable
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            variable,
            value,
            expected,
        } = self;
        write!(f, "{variable} is {value:?}, which is not {expected}")
    }
}

impl Error for ConfigError {}

impl From<ConfigError> for io::Error {
    fn from(error: ConfigError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}

/// Reads one variable, if it is set.
fn read<T>(
    variable: &'static str,
    expected: &'static str,
    parse: fn(&str) -> Option<T>,
    setting: &mut Option<T>,
) -> Result<(), ConfigError> {
    let value = match env::var(variable) {
        Ok(value) => value,
        Err(VarError::NotPresent) => return Ok(()),
        Err(VarError::NotUnicode(value)) => value.to_string_lossy().into_owned(),
    };
    match parse(value.trim()) {
        Some(parsed) => *setting = Some(parsed),
        None => {
            return Err(ConfigError {
                variable,
                value,
                expected,
            });
        }
    }
    Ok(())
}

fn count(text: &str) -> Option<usize> {
    text.parse().ok().filter(|count| *count > 0)
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

fn bytes(text: &str) -> Option<usize> {
    let units = [("K", 1 << 10), ("M", 1 << 20)];
    let (digits, unit) = split_unit(text, &units).unwrap_or((text, 1));
    digits.parse::<usize>().ok()?.checked_mul(unit)
}

fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    // The longest first: "ms" ends in "s" too.
    let units = [("us", 1), ("ms", 1_000), ("s", 1_000_000)];
    let (digits, unit) = split_unit(text, &units)?;
    let micros = digits.parse::<u64>().ok()?.checked_mul(unit)?;
    Some(Duration::from_micros(micros))
}

fn split_unit<'a, N: Copy>(text: &'a str, units: &[(&str, N)]) -> Option<(&'a str, N)> {
    units.iter().find_map(|(unit, factor)| {
        let digits = text.strip_suffix(unit)?;
        Some((digits.trim_end(), *factor))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!(bytes("4096"), Some(4096));
        assert_eq!(bytes("256K"), Some(256 * 1024));
        assert_eq!(bytes("2 M"), Some(2 * 1024 * 1024));
        assert_eq!(bytes("99999999999999999M"), None);
        assert_eq!(bytes("K"), None);
        assert_eq!(duration("500us"), Some(Duration::from_micros(500)));
        assert_eq!(duration("2ms"), Some(Duration::from_millis(2)));
        assert_eq!(duration("1 s"), Some(Duration::from_secs(1)));
        assert_eq!(duration("0"), Some(Duration::ZERO));
        assert_eq!(duration("5"), None);
        assert_eq!(duration("-1s"), None);
        assert_eq!(count("0"), None);
        assert_eq!(switch("yes"), None);
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        let mut setting = None;
        // Cargo sets it, and it is no number.
        let variable = "CARGO_PKG_NAME";
        let error = read(variable, "a number", count, &mut setting).unwrap_err();
        assert_eq!(error.variable(), variable);
        let text = error.to_string();
        assert_eq!(
            text,
            "CARGO_PKG_NAME is \"maypole-runtime\", which is not a number"
        );
        assert_eq!(setting, None);
    }
}
