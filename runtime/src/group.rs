//! A set of running greenlets.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::event::Event;
use crate::greenlet::{Builder, Greenlet, GreenletRef, current};
use crate::mapping::{self, Run, mapping_methods};
use crate::wait::Ending;

/// Greenlets that are waited for and killed together.
///
/// A greenlet leaves the group by itself when it ends, in whatever way. Clones
/// share the group.
///
/// # Examples
///
/// ```
/// use maypole_runtime::Group;
///
/// let group = Group::new();
/// for _ in 0..3 {
///     let _detached = group.spawn(|| maypole_runtime::yield_now());
/// }
/// group.join();
/// assert!(group.is_empty());
/// ```
#[derive(Clone)]
pub struct Group {
    inner: Arc<Inner>,
}

struct Inner {
    members: Mutex<HashMap<u64, GreenletRef>>,
    // Set while there are no members.
    empty: Event,
}

impl Group {
    /// An empty group.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(maypole_runtime::Group::new().is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        let empty = Event::new();
        empty.set();
        Self {
            inner: Arc::new(Inner {
                members: Mutex::default(),
                empty,
            }),
        }
    }

    /// Spawns a greenlet as a member; see [`spawn`](crate::spawn).
    ///
    /// # Panics
    ///
    /// When no more greenlets can be had; [`try_spawn`](Self::try_spawn)
    /// returns an error then.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::Group;
    ///
    /// let group = Group::new();
    /// let answer = group.spawn(|| 42);
    /// assert_eq!(answer.get().unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn spawn<T, F>(&self, body: F) -> Greenlet<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.try_spawn(Builder::new(), body) {
            Ok(greenlet) => greenlet,
            Err(error) => panic!("cannot spawn: {error}"),
        }
    }

    /// Spawns a greenlet with `builder`'s options as a member.
    ///
    /// # Errors
    ///
    /// As [`Builder::spawn`].
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Builder, Group};
    ///
    /// let group = Group::new();
    /// let named = group.try_spawn(Builder::new().name("worker"), || ())?;
    /// assert_eq!(named.handle().name(), "worker");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn try_spawn<T, F>(&self, builder: Builder, body: F) -> io::Result<Greenlet<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        builder.spawn_with(|greenlet| {
            let membership = self.admit(greenlet);
            move || {
                // Left however the body ends, and also when it never runs.
                let _membership = membership;
                body()
            }
        })
    }

    /// How many members run.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Group, yield_now};
    ///
    /// let group = Group::new();
    /// let members = [(); 3].map(|()| group.spawn(|| loop { yield_now() }));
    /// assert_eq!(group.len(), 3);
    /// # group.kill();
    /// # drop(members);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.members.lock().len()
    }

    /// Whether no member runs.
    ///
    /// See the example of [`join`](Self::join).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.members.lock().is_empty()
    }

    /// Whether the greenlet is a member.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Group, spawn};
    ///
    /// let (group, stranger) = (Group::new(), spawn(|| ()));
    /// assert!(!group.contains(stranger.handle()));
    /// ```
    #[must_use]
    pub fn contains(&self, greenlet: &GreenletRef) -> bool {
        self.inner.members.lock().contains_key(&greenlet.id())
    }

    /// Waits until the group is empty. Suspends the caller; a kill or time-out
    /// interrupts it. Returns at once while the caller unwinds.
    ///
    /// # Examples
    ///
    /// ```
    /// let group = maypole_runtime::Group::new();
    /// let _detached = group.spawn(maypole_runtime::yield_now);
    /// group.join();
    /// assert!(group.is_empty());
    /// ```
    pub fn join(&self) {
        self.inner.empty.wait();
    }

    /// Waits until the group is empty or `limit` has passed; true when empty.
    /// Otherwise as [`join`](Self::join).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{Group, sleep};
    ///
    /// let group = Group::new();
    /// let _sleeper = group.spawn(|| sleep(Duration::MAX));
    /// assert!(!group.join_timeout(Duration::from_millis(1)));
    /// ```
    pub fn join_timeout(&self, limit: Duration) -> bool {
        self.inner.empty.wait_timeout(limit)
    }

    /// As [`join`](Self::join), and says if one of those who were members at the
    /// call has failed: panicked, or was unwound by a time-out that nobody caught.
    /// A kill is no failure here, as in gevent.
    ///
    /// # Errors
    ///
    /// One of the failures. What it panicked with goes to whoever owns its
    /// [`Greenlet`], or to the [error hook](crate::set_error_hook).
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Ending, Group};
    ///
    /// let group = Group::new();
    /// let _fails = group.spawn(|| assert_eq!(1 + 1, 3));
    /// let failed = group.try_join().unwrap_err();
    /// assert_eq!(failed.ending(), Ending::Panicked);
    /// assert!(group.try_join().is_ok()); // it is no member any more
    /// ```
    #[doc(alias = "join(raise_error)")]
    pub fn try_join(&self) -> Result<(), MemberFailed> {
        let members = self.members();
        self.join();
        for member in &members {
            // Who has left the group has still to end.
            member.join();
        }
        first_failure(members)
    }

    /// As [`try_join`](Self::try_join), for at most `limit`; true when the group
    /// is empty.
    ///
    /// # Errors
    ///
    /// One of the failures so far, also when the time has passed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{Group, sleep};
    ///
    /// let group = Group::new();
    /// let _sleeper = group.spawn(|| sleep(Duration::MAX));
    /// assert_eq!(group.try_join_timeout(Duration::from_millis(1)), Ok(false));
    /// ```
    pub fn try_join_timeout(&self, limit: Duration) -> Result<bool, MemberFailed> {
        let members = self.members();
        let empty = self.join_timeout(limit);
        if empty {
            for member in &members {
                member.join();
            }
        }
        first_failure(members).map(|()| empty)
    }

    /// Kills one greenlet and waits for its end, if it is a member. True if it
    /// was. Suspends the caller; a kill or time-out interrupts the waiting.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{Group, sleep};
    ///
    /// let group = Group::new();
    /// let sleeper = group.spawn(|| sleep(Duration::MAX));
    /// assert!(group.kill_one(sleeper.handle()));
    /// assert!(!group.kill_one(sleeper.handle())); // it is no member any more
    /// ```
    #[doc(alias = "killone")]
    pub fn kill_one(&self, greenlet: &GreenletRef) -> bool {
        let member = self.contains(greenlet);
        if member {
            greenlet.kill();
        }
        member
    }

    /// Kills all members, those included that are added meanwhile, and waits
    /// until the group is empty. A member may call it: it is killed last.
    ///
    /// Suspends the caller; a kill or time-out interrupts it. While the caller
    /// unwinds it does not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{Group, sleep};
    ///
    /// let group = Group::new();
    /// let _sleepers = [(); 3].map(|()| group.spawn(|| sleep(Duration::MAX)));
    /// group.kill();
    /// assert!(group.is_empty());
    /// ```
    pub fn kill(&self) {
        loop {
            let members = self.members();
            if members.is_empty() {
                return;
            }
            kill_each(&members);
            for member in &members {
                // Not `join`: while the caller unwinds there is no waiting.
                if !member.try_join() {
                    return;
                }
            }
        }
    }

    /// As [`kill`](Self::kill), for at most `limit`; true when empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{Group, sleep};
    ///
    /// let group = Group::new();
    /// let _sleeper = group.spawn(|| sleep(Duration::MAX));
    /// assert!(group.kill_timeout(Duration::from_secs(10)));
    /// ```
    pub fn kill_timeout(&self, limit: Duration) -> bool {
        self.start_kill();
        self.join_timeout(limit)
    }

    /// Kills all members, and does not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{Group, sleep};
    ///
    /// let group = Group::new();
    /// let _sleeper = group.spawn(|| sleep(Duration::MAX));
    /// group.start_kill();
    /// group.join(); // now, or some time later
    /// ```
    pub fn start_kill(&self) {
        kill_each(&self.members());
    }

    /// Adds a greenlet that runs already, until it ends. Nothing happens if it
    /// has ended, or is a member. Never suspends.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{Group, sleep, spawn};
    ///
    /// let group = Group::new();
    /// let sleeper = spawn(|| sleep(Duration::MAX));
    /// group.add(sleeper.handle());
    /// group.kill();
    /// assert!(sleeper.is_finished());
    /// ```
    pub fn add(&self, greenlet: &GreenletRef) {
        self.add_with(greenlet, ());
    }

    /// Adds a greenlet that has `baggage` for as long as it is a member.
    pub(crate) fn add_with(&self, greenlet: &GreenletRef, baggage: impl Send + 'static) {
        if self.contains(greenlet) {
            return;
        }
        let membership = self.admit(greenlet);
        // At once if it has ended.
        greenlet.link(move |_| drop((membership, baggage)));
    }

    /// Takes a greenlet out of the group; it runs on. True if it was in.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Event, Group};
    ///
    /// let (group, done) = (Group::new(), Event::new());
    /// let waits = done.clone();
    /// let member = group.spawn(move || waits.wait());
    /// assert!(group.discard(member.handle()));
    /// group.join(); // does not wait for it
    /// # done.set();
    /// ```
    pub fn discard(&self, greenlet: &GreenletRef) -> bool {
        self.leave(greenlet.id())
    }

    /// Runs `body` as a member and waits for it. Called by a member it runs
    /// right here.
    ///
    /// Suspends the caller; a kill or a time-out interrupts it, and `body` runs
    /// on.
    ///
    /// # Panics
    ///
    /// When `body` does, with its panic; and when it is killed.
    ///
    /// # Examples
    ///
    /// ```
    /// let group = maypole_runtime::Group::new();
    /// assert_eq!(group.apply(|| 6 * 7), 42);
    /// ```
    pub fn apply<T, F>(&self, body: F) -> T
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if self.is_callers() {
            return body();
        }
        mapping::resume(self.spawn(body))
    }

    mapping_methods!("as members", "Group::new()");

    /// Whether the caller is a member.
    pub(crate) fn is_callers(&self) -> bool {
        current().is_some_and(|me| self.contains(&me))
    }

    /// The members.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{Group, sleep};
    ///
    /// let group = Group::new();
    /// let sleeper = group.spawn(|| sleep(Duration::MAX));
    /// assert_eq!(group.members(), [sleeper.handle().clone()]);
    /// ```
    #[doc(alias = "greenlets")]
    #[must_use]
    pub fn members(&self) -> Vec<GreenletRef> {
        self.inner.members.lock().values().cloned().collect()
    }

    fn leave(&self, id: u64) -> bool {
        let left = {
            let mut members = self.inner.members.lock();
            let left = members.remove(&id);
            if members.is_empty() {
                self.inner.empty.set();
            }
            left
        };
        left.is_some()
    }

    /// Makes a greenlet a member until the membership is dropped.
    pub(crate) fn admit(&self, greenlet: &GreenletRef) -> Membership {
        let mut members = self.inner.members.lock();
        members.insert(greenlet.id(), greenlet.clone());
        // Inside the lock, or it could undo what the last leaver does.
        self.inner.empty.clear();
        Membership {
            group: self.clone(),
            id: greenlet.id(),
        }
    }
}

impl Default for Group {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("len", &self.len()).finish()
    }
}

/// A member of a [`Group`] or [`Pool`](crate::Pool) has failed.
///
/// See the example of [`Group::try_join`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MemberFailed {
    greenlet: GreenletRef,
    ending: Ending,
}

impl MemberFailed {
    /// The greenlet that failed.
    ///
    /// # Examples
    ///
    /// ```
    /// let group = maypole_runtime::Group::new();
    /// let fails = group.spawn(|| panic!("no"));
    /// let failed = group.try_join().unwrap_err();
    /// assert_eq!(failed.greenlet(), fails.handle());
    /// ```
    #[must_use]
    pub fn greenlet(&self) -> &GreenletRef {
        &self.greenlet
    }

    /// How it ended.
    ///
    /// See the example of [`Group::try_join`].
    #[must_use]
    pub fn ending(&self) -> Ending {
        self.ending
    }
}

impl fmt::Display for MemberFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.ending {
            Ending::TimedOut => "was unwound by a time-out",
            _ => "panicked",
        };
        write!(f, "the greenlet {} {what}", self.greenlet.name())
    }
}

impl Error for MemberFailed {}

fn first_failure(members: Vec<GreenletRef>) -> Result<(), MemberFailed> {
    for greenlet in members {
        if let Some(ending @ (Ending::Panicked | Ending::TimedOut)) = greenlet.ending() {
            return Err(MemberFailed { greenlet, ending });
        }
    }
    Ok(())
}

/// A greenlet's membership; dropping it leaves the group.
pub(crate) struct Membership {
    group: Group,
    id: u64,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.group.leave(self.id);
    }
}

impl Run for Group {
    fn run(&self, job: impl FnOnce() + Send + 'static) {
        drop(self.spawn(job));
    }
}

/// Kills the others first, so that a member who calls gets to all of them.
fn kill_each(members: &[GreenletRef]) {
    let me = current();
    for member in members {
        if Some(member) != me.as_ref() {
            member.start_kill();
        }
    }
    if let Some(me) = me.filter(|me| members.contains(me)) {
        me.start_kill();
    }
}
