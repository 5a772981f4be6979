//! A thread that looks whether hubs are blocked.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::engine::{Pulse, Watch};

/// How long one greenlet may keep a hub before that is reported, unless told
/// otherwise: gevent's default. People notice a tenth of a second.
const DEFAULT_MAX_BLOCKING_TIME: Duration = Duration::from_millis(100);

/// The shortest period: looking more often would cost more than it finds.
const MIN_PERIOD: Duration = Duration::from_millis(5);

type OnBlocked = Box<dyn Fn(&Blocked) + Send>;
type Function = Box<dyn FnMut() + Send>;

/// A thread that reports hubs which have run one greenlet for too long.
///
/// Off until [started](MonitorBuilder::start); then each resumption of a
/// greenlet costs some ten nanoseconds more. Dropping it ends the thread. It
/// sees every hub, but learns of each when it first switches.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
/// use std::time::{Duration, Instant};
/// use maypole_runtime::inspect::Monitor;
/// use maypole_runtime::Builder;
///
/// let (tell, told) = mpsc::channel();
/// let monitor = Monitor::builder()
///     .max_blocking_time(Duration::from_millis(20))
///     .on_blocked(move |blocked| drop(tell.send(blocked.to_string())))
///     .start()?;
/// let seen = Builder::new().name("glutton").spawn(move || {
///     // Computes until it has been noticed, and lets nobody run.
///     told.recv_timeout(Duration::from_secs(20))
/// })?;
/// let seen = seen.get().unwrap()?; // the hub is blocked: greenlet glutton has run for 20ms
/// assert!(seen.contains("hub") && seen.contains("glutton"), "{seen}");
/// drop(monitor);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "monitor_thread")]
#[doc(alias = "start_periodic_monitoring_thread")]
#[must_use = "dropping it ends the monitoring"]
pub struct Monitor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    ended: Mutex<bool>,
    changed: Condvar,
}

impl Monitor {
    /// Settings for a monitor.
    ///
    /// See the example of [`Monitor`].
    pub fn builder() -> MonitorBuilder {
        MonitorBuilder::default()
    }

    /// A monitor with the default settings: it reports through `log` what blocks
    /// for longer than 100 ms.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    ///
    /// # Examples
    ///
    /// ```
    /// let monitor = maypole_runtime::inspect::Monitor::start()?;
    /// // From here on the log says who blocks for longer than 100 ms.
    /// drop(monitor);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        *self.shared.ended.lock() = true;
        self.shared.changed.notify_all();
        // It is not waited for: a function of the user's may take its time.
        drop(self.thread.take());
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor")
            .field("runs", &!*self.shared.ended.lock())
            .finish()
    }
}

/// Settings of a [`Monitor`].
///
/// See the example of [`Monitor`].
#[must_use = "a builder does nothing until `start`"]
pub struct MonitorBuilder {
    max_blocking_time: Duration,
    on_blocked: OnBlocked,
    functions: Vec<(Duration, Function)>,
}

impl Default for MonitorBuilder {
    fn default() -> Self {
        Self {
            max_blocking_time: DEFAULT_MAX_BLOCKING_TIME,
            on_blocked: Box::new(|blocked| log::warn!(target: "maypole_runtime", "{blocked}")),
            functions: Vec::new(),
        }
    }
}

impl MonitorBuilder {
    /// How long one greenlet may keep a hub before it is reported; 100 ms unless
    /// set, and not less than 5 ms. It is seen at the latest after half as long
    /// again.
    ///
    /// See the example of [`Monitor`].
    pub fn max_blocking_time(mut self, limit: Duration) -> Self {
        self.max_blocking_time = limit.max(MIN_PERIOD);
        self
    }

    /// What to do when a hub is blocked, instead of a warning in the log. Called
    /// once for each time, on the monitor's thread.
    ///
    /// See the example of [`Monitor`].
    #[doc(alias = "EventLoopBlocked")]
    pub fn on_blocked(mut self, report: impl Fn(&Blocked) + Send + 'static) -> Self {
        self.on_blocked = Box::new(report);
        self
    }

    /// Has `function` called about once a `period`, on the monitor's thread; not
    /// more often than every 5 ms.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    /// use maypole_runtime::inspect::Monitor;
    ///
    /// let (tell, told) = mpsc::channel();
    /// let monitor = Monitor::builder()
    ///     .every(Duration::from_millis(5), move || drop(tell.send("tick")))
    ///     .start()?;
    /// assert_eq!(told.recv()?, "tick");
    /// # drop(monitor);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "add_monitoring_function")]
    pub fn every(mut self, period: Duration, function: impl FnMut() + Send + 'static) -> Self {
        let period = period.max(MIN_PERIOD);
        self.functions.push((period, Box::new(function)));
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    ///
    /// See the example of [`Monitor`].
    pub fn start(self) -> io::Result<Monitor> {
        let shared = Arc::new(Shared {
            ended: Mutex::new(false),
            changed: Condvar::new(),
        });
        let theirs = shared.clone();
        let watch = Watch::begin();
        let thread = thread::Builder::new()
            .name("maypole-monitor".into())
            .spawn(move || self.run(&watch, &theirs))?;
        Ok(Monitor {
            shared,
            thread: Some(thread),
        })
    }

    fn run(mut self, watch: &Watch, shared: &Shared) {
        // Twice as often as the limit, or a block could be nearly two long.
        let look = (self.max_blocking_time / 2).max(MIN_PERIOD);
        let periods = self.functions.iter().map(|(period, _)| *period);
        let tick = periods.chain([look]).min().unwrap_or(look);
        let start = Instant::now();
        let mut due: Vec<Instant> = self.functions.iter().map(|(p, _)| start + *p).collect();
        let mut seen = BTreeMap::new();
        loop {
            {
                let mut ended = shared.ended.lock();
                if !*ended {
                    shared.changed.wait_for(&mut ended, tick);
                }
                if *ended {
                    return;
                }
            }
            let now = Instant::now();
            for (at, pulse) in watch.pulses().into_iter().enumerate() {
                let hub = seen.entry(at).or_insert_with(|| Hub::new(pulse, now));
                if let Some(blocked) = hub.look(pulse, now, self.max_blocking_time) {
                    guarded(|| (self.on_blocked)(&blocked));
                }
            }
            for ((period, function), due) in self.functions.iter_mut().zip(&mut due) {
                if *due <= now {
                    guarded(function);
                    *due = now + *period;
                }
            }
        }
    }
}

impl fmt::Debug for MonitorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonitorBuilder")
            .field("max_blocking_time", &self.max_blocking_time)
            .field("functions", &self.functions.len())
            .finish_non_exhaustive()
    }
}

/// Runs code of the user's, whose panic its hook has reported.
fn guarded(call: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(call));
}

/// What the monitor knows of one hub.
struct Hub {
    beat: u64,
    since: Instant,
    reported: bool,
}

impl Hub {
    fn new(pulse: &Pulse, now: Instant) -> Self {
        Self {
            beat: pulse.beat(),
            since: now,
            reported: false,
        }
    }

    /// Looks again: says so, once, when one greenlet has run for too long.
    fn look(&mut self, pulse: &Pulse, now: Instant, limit: Duration) -> Option<Blocked> {
        let beat = pulse.beat();
        if beat != self.beat {
            *self = Self::new(pulse, now);
            return None;
        }
        let time = now.saturating_duration_since(self.since);
        let runs = beat % 2 == 1;
        if !runs || self.reported || time < limit {
            return None;
        }
        let greenlet = pulse.runs()?;
        // It may have gone on while we looked who it is.
        if pulse.beat() != beat || ALLOWED.lock().contains(&greenlet.id()) {
            return None;
        }
        self.reported = true;
        Some(Blocked {
            hub: pulse.thread().to_owned(),
            id: greenlet.id(),
            name: match greenlet.name() {
                Some(name) => name.to_owned(),
                None => format!("#{}", greenlet.id()),
            },
            time,
        })
    }
}

/// A hub has run one greenlet for too long.
///
/// See the example of [`Monitor`].
#[derive(Clone, Debug)]
pub struct Blocked {
    hub: String,
    id: u64,
    name: String,
    time: Duration,
}

impl Blocked {
    /// The name of the hub's thread; `the hub` if it has none.
    ///
    /// See the example of [`Monitor`].
    #[must_use]
    pub fn hub(&self) -> &str {
        &self.hub
    }

    /// The number of the greenlet that blocks it.
    ///
    /// See the example of [`Monitor`].
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The name of that greenlet; its number if it was given none.
    ///
    /// See the example of [`Monitor`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long it has run, at least.
    ///
    /// See the example of [`Monitor`].
    #[must_use]
    pub fn time(&self) -> Duration {
        self.time
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            hub, name, time, ..
        } = self;
        write!(
            f,
            "{hub} is blocked: greenlet {name} has run for {time:.0?}"
        )
    }
}

/// Greenlets that may block their hub just now. Few, and seldom.
static ALLOWED: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// Runs `body`, which may block its hub: a [`Monitor`] does not report the
/// calling greenlet meanwhile.
///
/// # Examples
///
/// ```
/// use maypole_runtime::inspect::allow_blocking;
///
/// let sum: u64 = allow_blocking(|| (1..=1_000_000).sum());
/// assert_eq!(sum, 500_000_500_000);
/// ```
#[doc(alias = "ignore_current_greenlet_blocking")]
#[doc(alias = "monitor_current_greenlet_blocking")]
pub fn allow_blocking<T>(body: impl FnOnce() -> T) -> T {
    struct Allowed(Option<u64>);
    impl Drop for Allowed {
        fn drop(&mut self) {
            let Some(id) = self.0 else { return };
            let mut allowed = ALLOWED.lock();
            if let Some(at) = allowed.iter().position(|other| *other == id) {
                allowed.swap_remove(at);
            }
        }
    }

    let me = crate::current().map(|me| me.id());
    if let Some(id) = me {
        ALLOWED.lock().push(id);
    }
    let _allowed = Allowed(me);
    body()
}
