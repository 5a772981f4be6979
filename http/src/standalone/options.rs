//! From settings to what the processes need.

use maypole_server::arbiter::{BindSpecError, Options};

use super::settings::Settings;

/// The name of the listener for figures.
pub(super) const METRICS: &str = "metrics";

/// Carries the master's settings to its workers, as a file would have them: what
/// somebody writes into the file meanwhile is not theirs before a reload.
pub(super) const SETTINGS: &str = "MAYPOLE_STANDALONE_SETTINGS";

/// The options of the arbiter; `shown` are the settings for its workers.
///
/// # Errors
///
/// For an address that is none.
pub(super) fn of(settings: &Settings, shown: &str) -> Result<Options, BindSpecError> {
    let mut options = Options::new()
        .workers(settings.workers.get())
        .timeout(settings.timeout)
        .graceful_timeout(settings.graceful_timeout)
        .quick_timeout(settings.quick_timeout)
        .backlog(u32::try_from(settings.backlog.get()).unwrap_or(u32::MAX))
        .bind_tries(u32::try_from(settings.bind_tries.get()).unwrap_or(u32::MAX))
        .reuse_port(settings.reuse_port)
        .max_boot_failures(u32::try_from(settings.max_boot_failures.get()).unwrap_or(u32::MAX))
        .back_off(settings.back_off, settings.max_back_off)
        .env(SETTINGS, shown);
    for bind in &settings.bind {
        options = options.bind(bind.parse()?);
    }
    if let Some(metrics) = &settings.metrics_bind {
        options = options.listener(METRICS, metrics.parse()?);
    }
    for (name, value) in &settings.raw_env.0 {
        options = options.env(name, value);
    }
    if let Some(mode) = settings.unix_mode {
        options = options.unix_mode(mode.0);
    }
    if let Some(mask) = settings.umask {
        options = options.umask(mask.0);
    }
    if let Some(user) = &settings.user {
        options = options.user(user);
    }
    if let Some(group) = &settings.group {
        options = options.group(group);
    }
    if let Some(path) = &settings.pidfile {
        options = options.pidfile(path);
    }
    if let Some(path) = &settings.control_socket {
        options = options.control(path);
    }
    if let Some(host) = &settings.statsd_host {
        options = options
            .statsd(host, &settings.statsd_prefix)
            .statsd_period(settings.statsd_period)
            .statsd_tags(settings.statsd_tags);
    }
    Ok(options)
}
