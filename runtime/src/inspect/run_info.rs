//! The greenlets that live, as a tree of who spawned whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use crate::wait::{Doing, Strand, set_tracking, tracked};

/// Tracks greenlets that are spawned from here on, for [`run_info`].
///
/// It costs about a hundred nanoseconds per spawn and per wait, and a hundred
/// bytes per greenlet. [`Config::track_greenlets`](crate::Config::track_greenlets)
/// and the variable `MAYPOLE_TRACK` switch it on from the start.
///
/// See the example of [`run_info`].
#[doc(alias = "track_greenlet_tree")]
pub fn start_tracking() {
    set_tracking(true);
}

/// Tracks no more greenlets; those that are tracked stay so until they end.
///
/// # Examples
///
/// ```
/// use maypole_runtime::inspect::{run_info, start_tracking, stop_tracking};
/// use maypole_runtime::{spawn, yield_now};
///
/// start_tracking();
/// stop_tracking();
/// let _unseen = spawn(|| loop { yield_now() });
/// assert!(run_info().greenlets().is_empty());
/// ```
pub fn stop_tracking() {
    set_tracking(false);
}

/// All tracked greenlets that live, on all hubs.
///
/// Does not suspend. Each greenlet is seen at its own moment.
///
/// # Examples
///
/// ```
/// use maypole_runtime::inspect::{run_info, start_tracking};
/// use maypole_runtime::{Builder, Event, yield_now};
///
/// start_tracking();
/// let done = Event::new();
/// let wanted = done.clone();
/// let waiter = Builder::new().name("waiter").spawn(move || wanted.wait())?;
/// while !run_info().to_string().contains("waits for") {
///     yield_now();
/// }
/// // waiter (#1): waits for an event for 0.000 s, lives for 0.001 s, spawned at …
/// println!("{}", run_info());
/// done.set();
/// waiter.join();
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "print_run_info")]
#[doc(alias = "format_run_info")]
#[doc(alias = "GreenletTree")]
#[must_use]
pub fn run_info() -> RunInfo {
    let now = Instant::now();
    let greenlets = tracked().into_iter().filter_map(|track| {
        let strand = track.strand.upgrade()?;
        let (doing, since) = track.doing();
        Some(GreenletInfo {
            id: strand.id,
            name: Strand::name(&strand).to_owned(),
            spawner: strand.spawner(),
            location: strand.location(),
            state: match doing {
                Doing::NotStarted => GreenletState::NotStarted,
                Doing::Running => GreenletState::Running,
                Doing::Waiting(what) => GreenletState::Waiting(what),
            },
            since: now.saturating_duration_since(since),
            age: now.saturating_duration_since(track.spawned),
        })
    });
    RunInfo {
        greenlets: greenlets.collect(),
    }
}

/// What [`run_info`] saw. Its `Display` is the tree of who spawned whom, a line
/// for each greenlet.
///
/// See the example of [`run_info`].
#[derive(Clone, Debug)]
pub struct RunInfo {
    greenlets: Vec<GreenletInfo>,
}

impl RunInfo {
    /// The greenlets, by rising number.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::inspect::{run_info, start_tracking};
    /// use maypole_runtime::{Builder, yield_now};
    ///
    /// start_tracking();
    /// let worker = Builder::new().name("worker").spawn(|| loop { yield_now() })?;
    /// let info = run_info();
    /// let seen = &info.greenlets()[0];
    /// assert_eq!((seen.name(), seen.id()), ("worker", worker.handle().id()));
    /// assert_eq!(seen.spawner(), None); // a plain thread
    /// println!("{} at {}", seen.state(), seen.spawned_at());
    /// assert!(seen.since() <= seen.age());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn greenlets(&self) -> &[GreenletInfo] {
        &self.greenlets
    }
}

/// One greenlet of [`RunInfo`].
///
/// See the example of [`RunInfo::greenlets`].
#[derive(Clone, Debug)]
pub struct GreenletInfo {
    id: u64,
    name: String,
    spawner: Option<u64>,
    location: &'static Location<'static>,
    state: GreenletState,
    since: Duration,
    age: Duration,
}

/// What a greenlet does.
///
/// See the example of [`RunInfo::greenlets`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum GreenletState {
    /// It has not run yet.
    NotStarted,
    /// It runs, or will when its turn comes.
    Running,
    /// It waits for this.
    Waiting(&'static str),
}

impl GreenletInfo {
    /// Its number, as of [`GreenletRef::id`](crate::GreenletRef::id).
    ///
    /// See the example of [`RunInfo::greenlets`].
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its name.
    ///
    /// See the example of [`RunInfo::greenlets`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of the greenlet that spawned it; `None` for a plain thread.
    ///
    /// See the example of [`RunInfo::greenlets`].
    #[must_use]
    pub fn spawner(&self) -> Option<u64> {
        self.spawner
    }

    /// Where it was spawned.
    ///
    /// See the example of [`RunInfo::greenlets`].
    #[doc(alias = "spawning_stack")]
    #[must_use]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.location
    }

    /// What it does.
    ///
    /// See the example of [`RunInfo::greenlets`].
    #[must_use]
    pub fn state(&self) -> GreenletState {
        self.state
    }

    /// How long it has done that.
    ///
    /// See the example of [`RunInfo::greenlets`].
    #[must_use]
    pub fn since(&self) -> Duration {
        self.since
    }

    /// How long it has lived.
    ///
    /// See the example of [`RunInfo::greenlets`].
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }
}

impl fmt::Display for GreenletState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted => f.write_str("has not started"),
            Self::Running => f.write_str("runs or is ready"),
            Self::Waiting(what) => write!(f, "waits for {what}"),
        }
    }
}

impl fmt::Display for GreenletInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (since, age) = (self.since.as_secs_f64(), self.age.as_secs_f64());
        write!(
            f,
            "{} (#{}): {} for {since:.3} s, lives for {age:.3} s, spawned at {}",
            self.name, self.id, self.state, self.location
        )
    }
}

impl fmt::Display for RunInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: BTreeSet<u64> = self.greenlets.iter().map(GreenletInfo::id).collect();
        let mut children: BTreeMap<Option<u64>, Vec<&GreenletInfo>> = BTreeMap::new();
        for greenlet in &self.greenlets {
            // Children of those that are gone or not tracked stand at the root.
            let parent = greenlet.spawner.filter(|spawner| known.contains(spawner));
            children.entry(parent).or_default().push(greenlet);
        }
        writeln!(f, "{} greenlets", self.greenlets.len())?;
        // No recursion: a chain of spawners may be longer than a stack is deep.
        let mut open: Vec<(usize, &GreenletInfo)> = Vec::new();
        let push = |open: &mut Vec<_>, depth, parent| {
            for greenlet in children.get(&parent).into_iter().flatten().rev() {
                open.push((depth, *greenlet));
            }
        };
        push(&mut open, 1, None);
        while let Some((depth, greenlet)) = open.pop() {
            // Deeper ones are not shifted further: the line must be read.
            writeln!(
                f,
                "{:width$}{greenlet}",
                "",
                width = 2 * depth.min(MAX_INDENT)
            )?;
            push(&mut open, depth + 1, Some(greenlet.id));
        }
        Ok(())
    }
}

/// Levels of the tree that are shifted to the right.
const MAX_INDENT: usize = 20;
