//! What of an arbiter can be chosen.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::BindSpec;
use super::privileges::Owner;

/// Silence after which a worker is aborted; gunicorn's. A hub that is blocked
/// for so long will not go on by itself.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a worker may finish what runs when it is to end; gunicorn's.
const GRACEFUL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the rest may take when workers are to end quickly; gunicorn's.
const QUICK_TIMEOUT: Duration = Duration::from_secs(2);

/// Connections that the kernel holds until they are accepted; gunicorn's. They
/// wait there while workers change.
const BACKLOG: u32 = 2048;

/// How often an address in use is tried, a second apart; gunicorn's. The process
/// that had it may be ending.
const BIND_TRIES: u32 = 5;

/// Boots that may fail in a row, once one has gone well, until the master gives
/// up: with the pauses between them, after some ten seconds.
const MAX_BOOT_FAILURES: u32 = 8;

/// The first and the longest pause before a worker that keeps ending is started
/// again. They double: soon enough to be of use, too seldom to keep a machine
/// busy.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// How often figures are sent to statsd, which sums what comes within ten
/// seconds.
const STATSD_PERIOD: Duration = Duration::from_secs(1);

/// Settings of an [`Arbiter`](super::Arbiter), for its master and its workers.
///
/// What is not set has the default that is told at each.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_server::arbiter::Options;
///
/// let options = Options::new()
///     .bind("127.0.0.1:8000".parse()?)
///     .bind("unix:/run/shop.sock".parse()?)
///     .workers(4)
///     .graceful_timeout(Duration::from_secs(10))
///     .pidfile("/run/shop.pid")
///     .control("/run/shop.ctl");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "they do nothing until they are given to an arbiter"]
pub struct Options {
    // The name of the listener, empty for the ordinary ones.
    pub(super) binds: Vec<(String, BindSpec)>,
    pub(super) workers: usize,
    pub(super) timeout: Duration,
    pub(super) graceful_timeout: Duration,
    pub(super) quick_timeout: Duration,
    pub(super) backlog: u32,
    pub(super) bind_tries: u32,
    pub(super) reuse_port: bool,
    pub(super) unix_mode: Option<u32>,
    pub(super) user: Option<String>,
    pub(super) group: Option<String>,
    pub(super) umask: Option<u32>,
    pub(super) pidfile: Option<PathBuf>,
    pub(super) control: Option<PathBuf>,
    pub(super) max_boot_failures: u32,
    pub(super) back_off: (Duration, Duration),
    pub(super) notify: bool,
    pub(super) statsd: Option<Statsd>,
    // Variables of workers.
    pub(super) env: Vec<(String, String)>,
}

/// Where figures are sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Statsd {
    pub(super) target: String,
    pub(super) prefix: String,
    pub(super) period: Duration,
    pub(super) tags: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            binds: Vec::new(),
            workers: 1,
            timeout: TIMEOUT,
            graceful_timeout: GRACEFUL_TIMEOUT,
            quick_timeout: QUICK_TIMEOUT,
            backlog: BACKLOG,
            bind_tries: BIND_TRIES,
            reuse_port: false,
            unix_mode: None,
            user: None,
            group: None,
            umask: None,
            pidfile: None,
            control: None,
            max_boot_failures: MAX_BOOT_FAILURES,
            back_off: BACK_OFF,
            notify: true,
            statsd: None,
            env: Vec::new(),
        }
    }
}

impl Options {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens there; call it again for more. Without any it is
    /// `127.0.0.1:8000`. Sockets that systemd passes (`LISTEN_FDS`) take the place
    /// of all that are bound so.
    pub fn bind(mut self, spec: BindSpec) -> Self {
        self.binds.push((String::new(), spec));
        self
    }

    /// Listens there for something of its own, as figures or administration:
    /// workers get it by this name, from
    /// [`Worker::listener`](super::Worker::listener). A socket that systemd passes
    /// under the same name (`FileDescriptorName`) takes its place.
    pub fn listener(mut self, name: impl Into<String>, spec: BindSpec) -> Self {
        // It goes from process to process as a word of a line.
        let name = name.into().replace(char::is_whitespace, "-");
        self.binds.push((name, spec));
        self
    }

    /// How many workers there are; 1 unless set, and not less.
    #[doc(alias = "WEB_CONCURRENCY")]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// How long a worker may be silent: 30 s unless set; zero for ever. It tells
    /// each second, from a greenlet on each hub, that it lives. So this finds hubs
    /// that are **blocked**, and boots that take too long, not requests that do.
    /// The worker's [monitor](maypole_runtime::inspect::Monitor) reports the
    /// greenlet that blocks when half the time has passed; then the worker is sent
    /// SIGABRT, a second later SIGKILL, and is replaced.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// How long a worker may finish what runs when it is to end; 30 s unless set.
    pub fn graceful_timeout(mut self, limit: Duration) -> Self {
        self.graceful_timeout = limit;
        self
    }

    /// How long workers may take that are to end quickly, until they are killed;
    /// 2 s unless set.
    pub fn quick_timeout(mut self, limit: Duration) -> Self {
        self.quick_timeout = limit;
        self
    }

    /// How many connections the kernel holds until they are accepted: 2048 unless
    /// set, and never more than its own `net.core.somaxconn`.
    pub fn backlog(mut self, connections: u32) -> Self {
        self.backlog = connections;
        self
    }

    /// How often an address that is in use is tried, a second apart; 5 times
    /// unless set.
    pub fn bind_tries(mut self, tries: u32) -> Self {
        self.bind_tries = tries.max(1);
        self
    }

    /// Gives each worker a socket of its own for each TCP address
    /// (`SO_REUSEPORT`), and leaves it to the kernel to deal connections out; off
    /// unless set. The master keeps the sockets, so a worker's successor takes
    /// over what waits in its predecessor's. A worker that has none (SIGTTOU) takes
    /// those who wait for it along, unless the kernel's `net.ipv4.tcp_migrate_req`
    /// is on.
    pub fn reuse_port(mut self, on: bool) -> Self {
        self.reuse_port = on;
        self
    }

    /// The permissions of the files of Unix sockets, as `0o660`; what the umask
    /// leaves of `0o777` unless set. They belong to [`user`](Self::user) and
    /// [`group`](Self::group).
    pub fn unix_mode(mut self, mode: u32) -> Self {
        self.unix_mode = Some(mode);
        self
    }

    /// The user that workers run as, by name or number. The master stays who it
    /// is; it must be root for this. A worker reads the configuration first, then
    /// drops its rights, then runs its function.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// The group that workers run as, by name or number; that of
    /// [`user`](Self::user) unless set.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The permissions that new files do not get, for master and workers; as
    /// inherited unless set.
    pub fn umask(mut self, mask: u32) -> Self {
        self.umask = Some(mask);
        self
    }

    /// A file that holds the number of the master's process. One that was left
    /// behind by a process which has ended is replaced; where one runs, it is an
    /// error. During a binary upgrade the new master's is the same with `.2`. A reload
    /// does not move it.
    pub fn pidfile(mut self, path: impl Into<PathBuf>) -> Self {
        self.pidfile = Some(path.into());
        self
    }

    /// The Unix socket through which [`ctl`](super::ctl) reaches the master; none
    /// unless set. Only this user may connect. During a binary upgrade the new
    /// master's is the same with `.2`. A reload does not move it.
    pub fn control(mut self, path: impl Into<PathBuf>) -> Self {
        self.control = Some(path.into());
        self
    }

    /// How many boots may fail in a row until the master gives up; 8 unless set.
    /// At its start, while no worker has ever been ready, the first one ends it.
    pub fn max_boot_failures(mut self, failures: u32) -> Self {
        self.max_boot_failures = failures.max(1);
        self
    }

    /// The first and the longest pause before a worker is started again, when
    /// several have ended soon after their start; 100 ms, doubling up to 10 s,
    /// unless set.
    pub fn back_off(mut self, first: Duration, longest: Duration) -> Self {
        self.back_off = (first, longest.max(first));
        self
    }

    /// Whether systemd is told (`NOTIFY_SOCKET`, `WATCHDOG_USEC`) when the program
    /// is ready, reloads, stops and lives; on unless set, and without effect where
    /// the variables are not.
    #[doc(alias = "sd_notify")]
    #[doc(alias = "watchdog")]
    pub fn notify(mut self, on: bool) -> Self {
        self.notify = on;
        self
    }

    /// Sends the summed figures of all workers, each second, to a statsd at
    /// `host:port` or `unix:path`; names begin with the prefix.
    pub fn statsd(mut self, target: impl Into<String>, prefix: impl Into<String>) -> Self {
        self.statsd = Some(Statsd {
            target: target.into(),
            prefix: prefix.into(),
            period: STATSD_PERIOD,
            tags: false,
        });
        self
    }

    /// How often figures are sent to statsd; each second unless set. Does nothing
    /// before [`statsd`](Self::statsd).
    pub fn statsd_period(mut self, period: Duration) -> Self {
        if let Some(statsd) = &mut self.statsd {
            statsd.period = period;
        }
        self
    }

    /// Whether labels go to statsd as the tags that DogStatsD understands; unless
    /// set, their values are parts of the name. Does nothing before
    /// [`statsd`](Self::statsd).
    #[doc(alias = "dogstatsd_tags")]
    pub fn statsd_tags(mut self, on: bool) -> Self {
        if let Some(statsd) = &mut self.statsd {
            statsd.tags = on;
        }
        self
    }

    /// Sets a variable in the environment of workers, beside what they inherit; of
    /// several with one name the last counts.
    #[doc(alias = "raw_env")]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The numbers of [`user`](Self::user) and [`group`](Self::group), for files
    /// that the master opens and workers are to open too. Looks names up; blocks
    /// the thread.
    ///
    /// # Errors
    ///
    /// `NotFound` for a name that nobody has.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_server::arbiter::Options;
    ///
    /// let options = Options::new().user("0").group("42");
    /// assert_eq!(options.owner()?, (Some(0), Some(42)));
    /// assert_eq!(Options::new().owner()?, (None, None));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn owner(&self) -> io::Result<(Option<u32>, Option<u32>)> {
        Ok(Owner::of(self)?.ids())
    }

    /// The binds, or the default one.
    pub(super) fn all_binds(&self) -> Vec<(String, BindSpec)> {
        let mut binds = self.binds.clone();
        if !binds.iter().any(|(name, _)| name.is_empty()) {
            let default = BindSpec::Tcp("127.0.0.1".to_owned(), 8000);
            binds.insert(0, (String::new(), default));
        }
        binds
    }

    /// How often a worker tells that it lives.
    pub(super) fn beat(&self) -> Duration {
        /// Often enough for a time-out of some seconds; gunicorn's.
        const BEAT: Duration = Duration::from_secs(1);
        match self.timeout {
            Duration::ZERO => BEAT,
            limit => BEAT.min(limit / 4),
        }
    }
}
