//! A group with a limit.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::greenlet::{Builder, Greenlet, GreenletRef, spawn};
use crate::group::{Group, MemberFailed};
use crate::lock::{Permit, Semaphore};
use crate::mapping::{self, Run, mapping_methods};

/// Runs at most so many greenlets at once.
///
/// [`spawn`](Self::spawn) waits while the pool is full. Waiting is about a
/// place, not about a body: [`acquire`](Self::acquire) gives a [`Slot`], the
/// permission to run one greenlet. Clones share the pool.
///
/// # Examples
///
/// ```
/// use maypole_runtime::Pool;
///
/// let pool = Pool::new(2);
/// let squares: Vec<_> = (0..4).map(|n| pool.spawn(move || n * n)).collect();
/// let squares: Vec<i32> = squares.into_iter().map(|g| g.get().unwrap()).collect();
/// assert_eq!(squares, [0, 1, 4, 9]);
/// ```
#[doc(alias = "gevent.pool.Pool")]
#[derive(Clone)]
pub struct Pool {
    group: Group,
    slots: Semaphore,
    size: usize,
}

impl Pool {
    /// A pool for `size` greenlets.
    ///
    /// # Panics
    ///
    /// If `size` is 0: such a pool would never run anything.
    ///
    /// See the example of [`Pool`].
    #[must_use]
    pub fn new(size: usize) -> Self {
        assert!(
            size > 0,
            "a pool of size 0 would never run anything; \
             for no limit use Pool::unlimited"
        );
        Self {
            group: Group::new(),
            slots: Semaphore::new(size),
            size,
        }
    }

    /// A pool without a limit: for those who take a pool, and want their
    /// greenlets to be known and killed together.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::Pool::unlimited();
    /// assert!(!pool.is_full());
    /// ```
    #[doc(alias = "Pool(None)")]
    #[must_use]
    pub fn unlimited() -> Self {
        Self::new(usize::MAX)
    }

    /// Spawns a greenlet in the pool, waiting while it is full:
    /// `acquire().spawn(body)`. Waiting is as in [`acquire`](Self::acquire).
    ///
    /// # Panics
    ///
    /// When no more greenlets can be had; [`Slot::try_spawn`] returns an error
    /// then.
    ///
    /// See the example of [`Pool`].
    #[track_caller]
    pub fn spawn<T, F>(&self, body: F) -> Greenlet<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.acquire().spawn(body)
    }

    /// Takes a slot, waiting for its turn while the pool is full.
    ///
    /// Suspends only the caller; a kill or time-out interrupts it. A greenlet
    /// that unwinds cannot wait: it gets a slot beyond the limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::Pool;
    ///
    /// let pool = Pool::new(1);
    /// let slot = pool.acquire(); // first the place,
    /// let job = "then the job"; // however it comes
    /// let greenlet = slot.spawn(move || job.len());
    /// assert_eq!(greenlet.get().unwrap(), 12);
    /// ```
    pub fn acquire(&self) -> Slot {
        self.slot(self.slots.acquire().ok())
    }

    /// Takes a slot if there is one now. Never blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::Pool::new(1);
    /// let slot = pool.try_acquire();
    /// assert!(slot.is_some());
    /// assert!(pool.try_acquire().is_none());
    /// ```
    #[doc(alias = "PoolFull")]
    #[must_use]
    pub fn try_acquire(&self) -> Option<Slot> {
        self.slots
            .try_acquire()
            .map(|permit| self.slot(Some(permit)))
    }

    /// Takes a slot, waiting for at most `limit`; `None` when the time has
    /// passed, and when it would have to wait while the caller unwinds.
    ///
    /// Suspends only the caller; a kill or time-out interrupts it.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::Pool::new(1);
    /// let _slot = pool.acquire();
    /// assert!(pool.acquire_timeout(std::time::Duration::from_millis(1)).is_none());
    /// ```
    #[must_use]
    pub fn acquire_timeout(&self, limit: Duration) -> Option<Slot> {
        self.slots
            .acquire_timeout(limit)
            .map(|permit| self.slot(Some(permit)))
    }

    /// Runs `body` in the pool and waits for it. Called by a greenlet of the same
    /// pool it runs right here, so that recursion cannot use the pool up.
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
    /// use maypole_runtime::Pool;
    ///
    /// let pool = Pool::new(1);
    /// let inner = pool.clone();
    /// assert_eq!(pool.apply(move || inner.apply(|| 6) * 7), 42);
    /// ```
    #[doc(alias = "apply_cb")]
    pub fn apply<T, F>(&self, body: F) -> T
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if self.group.is_callers() {
            return body();
        }
        mapping::resume(self.spawn(body))
    }

    /// Runs `body` in the pool, and does not wait, for room neither: while the
    /// pool is full a greenlet outside of it waits for a slot.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::Pool::new(1);
    /// let _slot = pool.acquire(); // it is full
    /// let later = pool.apply_async(|| 42); // and this does not wait
    /// drop(_slot);
    /// assert_eq!(later.get().unwrap(), 42);
    /// ```
    pub fn apply_async<T, F>(&self, body: F) -> Greenlet<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.try_acquire() {
            Some(slot) => slot.spawn(body),
            None => {
                let this = self.clone();
                spawn(move || mapping::resume(this.spawn(body)))
            }
        }
    }

    mapping_methods!("in greenlets of the pool", "Pool::new(2)");

    /// Waits until a slot is free, without taking it, and says how many are.
    /// Others may be faster: it can be none.
    ///
    /// Suspends the caller; a kill or a time-out interrupts it.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::Pool::new(2);
    /// let _slot = pool.acquire();
    /// assert_eq!(pool.wait_available(), 1);
    /// ```
    pub fn wait_available(&self) -> usize {
        drop(self.slots.acquire());
        self.free_slots()
    }

    /// As [`wait_available`](Self::wait_available), for at most `limit`.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::Pool::new(1);
    /// let _slot = pool.acquire();
    /// assert_eq!(pool.wait_available_timeout(std::time::Duration::from_millis(1)), 0);
    /// ```
    pub fn wait_available_timeout(&self, limit: Duration) -> usize {
        drop(self.slots.acquire_timeout(limit));
        self.free_slots()
    }

    /// The greenlets of the pool.
    ///
    /// See the example of [`Group::members`].
    #[doc(alias = "greenlets")]
    #[must_use]
    pub fn members(&self) -> Vec<GreenletRef> {
        self.group.members()
    }

    /// Whether the greenlet runs in the pool.
    ///
    /// See the example of [`Group::contains`].
    #[must_use]
    pub fn contains(&self, greenlet: &GreenletRef) -> bool {
        self.group.contains(greenlet)
    }

    /// The limit.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(maypole_runtime::Pool::new(3).size(), 3);
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// How many greenlets of the pool run.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{Pool, sleep};
    ///
    /// let pool = Pool::new(3);
    /// let _sleeper = pool.spawn(|| sleep(Duration::MAX));
    /// assert_eq!((pool.len(), pool.free_slots()), (1, 2));
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.group.len()
    }

    /// Whether no greenlet of the pool runs.
    ///
    /// See the example of [`join`](Self::join).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.group.is_empty()
    }

    /// How many slots are free now.
    ///
    /// See the example of [`len`](Self::len).
    #[doc(alias = "free_count")]
    #[must_use]
    pub fn free_slots(&self) -> usize {
        self.slots.available()
    }

    /// Whether no slot is free now.
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::Pool::new(1);
    /// let _slot = pool.acquire();
    /// assert!(pool.is_full());
    /// ```
    #[doc(alias = "full")]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.free_slots() == 0
    }

    /// Waits until no greenlet of the pool runs; see [`Group::join`].
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = maypole_runtime::Pool::new(2);
    /// let _detached = pool.spawn(maypole_runtime::yield_now);
    /// pool.join();
    /// assert!(pool.is_empty());
    /// ```
    pub fn join(&self) {
        self.group.join();
    }

    /// As [`join`](Self::join), for at most `limit`; true when none runs.
    ///
    /// See the example of [`Group::join_timeout`].
    pub fn join_timeout(&self, limit: Duration) -> bool {
        self.group.join_timeout(limit)
    }

    /// Waits, and says if a greenlet of the pool has failed; see
    /// [`Group::try_join`].
    ///
    /// # Errors
    ///
    /// One of the failures.
    ///
    /// See the example of [`Group::try_join`].
    #[doc(alias = "join(raise_error)")]
    pub fn try_join(&self) -> Result<(), MemberFailed> {
        self.group.try_join()
    }

    /// As [`try_join`](Self::try_join), for at most `limit`; true when none
    /// runs.
    ///
    /// # Errors
    ///
    /// One of the failures so far, also when the time has passed.
    ///
    /// See the example of [`Group::try_join_timeout`].
    pub fn try_join_timeout(&self, limit: Duration) -> Result<bool, MemberFailed> {
        self.group.try_join_timeout(limit)
    }

    /// Takes in a greenlet that runs already, waiting while the pool is full:
    /// `acquire().add(greenlet)`. It may end meanwhile. Waiting is as in
    /// [`acquire`](Self::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::{Pool, sleep, spawn};
    ///
    /// let (pool, sleeper) = (Pool::new(1), spawn(|| sleep(Duration::MAX)));
    /// pool.add(sleeper.handle());
    /// assert!(pool.is_full());
    /// pool.kill();
    /// assert!(sleeper.is_finished());
    /// ```
    pub fn add(&self, greenlet: &GreenletRef) {
        self.acquire().add(greenlet);
    }

    /// Takes a greenlet out of the pool; it runs on, and its slot is free when
    /// it ends. True if it was in.
    ///
    /// See the example of [`Group::discard`].
    pub fn discard(&self, greenlet: &GreenletRef) -> bool {
        self.group.discard(greenlet)
    }

    /// Kills one greenlet and waits for its end, if it is of the pool. True if
    /// it was. See [`Group::kill_one`].
    ///
    /// See the example of [`Group::kill_one`].
    #[doc(alias = "killone")]
    pub fn kill_one(&self, greenlet: &GreenletRef) -> bool {
        self.group.kill_one(greenlet)
    }

    /// Kills the pool's greenlets and waits for their ends; see [`Group::kill`].
    ///
    /// See the example of [`Group::kill`].
    pub fn kill(&self) {
        self.group.kill();
    }

    /// As [`kill`](Self::kill), for at most `limit`; true when none runs.
    ///
    /// See the example of [`Group::kill_timeout`].
    pub fn kill_timeout(&self, limit: Duration) -> bool {
        self.group.kill_timeout(limit)
    }

    fn slot(&self, permit: Option<Permit>) -> Slot {
        Slot {
            group: self.group.clone(),
            permit,
        }
    }
}

impl Run for Pool {
    fn run(&self, job: impl FnOnce() + Send + 'static) {
        drop(self.spawn(job));
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("size", &self.size)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// The permission to run one greenlet in a [`Pool`]; dropping it gives it back.
///
/// See the example of [`Pool::acquire`].
#[must_use = "dropped at once, it is given back at once"]
pub struct Slot {
    group: Group,
    // `None` when it was lent beyond the limit to a greenlet that unwinds.
    permit: Option<Permit>,
}

impl Slot {
    /// Spawns a greenlet that has the slot until it ends. Never suspends.
    ///
    /// # Panics
    ///
    /// When no more greenlets can be had.
    ///
    /// See the example of [`Pool::acquire`].
    #[track_caller]
    pub fn spawn<T, F>(self, body: F) -> Greenlet<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.try_spawn(Builder::new(), body) {
            Ok(greenlet) => greenlet,
            Err(error) => panic!("cannot spawn: {error}"),
        }
    }

    /// As [`spawn`](Self::spawn), with `builder`'s options.
    ///
    /// # Errors
    ///
    /// As [`Builder::spawn`]; the slot is given back.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Builder, Pool};
    ///
    /// let pool = Pool::new(1);
    /// let named = pool.acquire().try_spawn(Builder::new().name("worker"), || ())?;
    /// assert_eq!(named.handle().name(), "worker");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn try_spawn<T, F>(self, builder: Builder, body: F) -> io::Result<Greenlet<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let Self { group, permit } = self;
        group.try_spawn(builder, move || {
            let _permit = permit;
            body()
        })
    }

    /// Gives the slot to a greenlet that runs already, until it ends. It is
    /// given back at once if the greenlet has ended, or is in the pool. Never
    /// suspends.
    ///
    /// See the example of [`Pool::add`].
    pub fn add(self, greenlet: &GreenletRef) {
        self.group.add_with(greenlet, self.permit);
    }

    /// As [`try_spawn`](Self::try_spawn), as a member of `group` as well: a
    /// server that shares its pool with others still knows its own handlers.
    ///
    /// # Errors
    ///
    /// As [`Builder::spawn`]; the slot is given back.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Builder, Group, Pool};
    ///
    /// let (shared, own) = (Pool::new(8), Group::new());
    /// let handler = shared.acquire().try_spawn_in(&own, Builder::new(), || ())?;
    /// own.join(); // all of ours, and nobody else's
    /// # drop(handler);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn try_spawn_in<T, F>(
        self,
        group: &Group,
        builder: Builder,
        body: F,
    ) -> io::Result<Greenlet<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let Self { group: own, permit } = self;
        builder.spawn_with(|greenlet| {
            let memberships = (own.admit(greenlet), group.admit(greenlet));
            move || {
                let _memberships = memberships;
                let _permit = permit;
                body()
            }
        })
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}
