//! Running one function over many items, in a group, a pool or a thread pool.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;

use crate::greenlet::{Greenlet, GreenletError, catch_panic, spawn};
use crate::lock::{Permit, Semaphore};
use crate::queue::Queue;

/// What can run a job, after waiting for its turn.
pub(crate) trait Run: Clone + Send + 'static {
    /// Runs `job` some time, or drops it. May suspend.
    fn run(&self, job: impl FnOnce() + Send + 'static);
}

/// See [`Pool::map`](crate::Pool::map).
pub(crate) fn map<I, U, F>(run: &impl Run, items: I, f: F) -> Vec<U>
where
    I: IntoIterator,
    I::Item: Send + 'static,
    U: Send + 'static,
    F: Fn(I::Item) -> U + Send + Sync + 'static,
{
    let results = Results::new();
    let f = Arc::new(f);
    let mut count = 0;
    for item in items {
        results.start(run, count, item, &f, None);
        count += 1;
    }
    let Results { queue, open } = results;
    drop(open);
    let mut sorted: BTreeMap<usize, Outcome<U>> = queue.into_iter().collect();
    // All have ended: the first failure in the order of the items speaks.
    (0..count)
        .map(|index| match sorted.remove(&index) {
            Some(Ok(value)) => value,
            Some(Err(Some(payload))) => resume_unwind(payload),
            Some(Err(None)) | None => panic!("item {index} of a map was killed"),
        })
        .collect()
}

/// What came of one item; no payload when it was killed.
type Outcome<U> = Result<U, Option<Box<dyn Any + Send>>>;

/// Where results come together. Closed when all who hold `open` are gone.
struct Results<U> {
    queue: Queue<(usize, Outcome<U>)>,
    open: Arc<Open<U>>,
}

struct Open<U>(Queue<(usize, Outcome<U>)>);

impl<U> Drop for Open<U> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<U: Send + 'static> Results<U> {
    fn new() -> Self {
        let queue = Queue::unbounded();
        Self {
            open: Arc::new(Open(queue.clone())),
            queue,
        }
    }

    fn start<T, F>(&self, run: &impl Run, index: usize, item: T, f: &Arc<F>, permit: Option<Permit>)
    where
        T: Send + 'static,
        F: Fn(T) -> U + Send + Sync + 'static,
    {
        let f = f.clone();
        let report = Report {
            index,
            open: self.open.clone(),
            permit,
            done: false,
        };
        run.run(move || {
            let mut report = report;
            // A kill goes on; the report then says so.
            let outcome = catch_panic(|| f(item));
            report.give(outcome.map_err(Some));
        });
    }
}

/// Tells the outcome of one item, and that it was killed if there is none.
struct Report<U> {
    index: usize,
    open: Arc<Open<U>>,
    // Of a bounded map: the room that the result takes until it is read.
    permit: Option<Permit>,
    done: bool,
}

impl<U> Report<U> {
    fn give(&mut self, outcome: Outcome<U>) {
        self.done = true;
        if let Some(permit) = self.permit.take() {
            permit.forget();
        }
        // Refused when nobody will read it.
        let _ = self.open.0.try_put((self.index, outcome));
    }
}

impl<U> Drop for Report<U> {
    fn drop(&mut self) {
        if !self.done {
            self.give(Err(None));
        }
    }
}

/// Results of a mapping in the order of its items; see
/// [`Pool::imap`](crate::Pool::imap).
///
/// An item whose function panicked, or was killed, is an error in its place;
/// iteration goes on after it. Dropping this takes no more items; functions that
/// run already run on.
///
/// See the example of [`Imap::max_buffered`].
#[must_use = "it starts when it is first asked for a result"]
pub struct Imap<U> {
    inner: Unordered<U>,
    // What came before its turn.
    early: BTreeMap<usize, Outcome<U>>,
    next: usize,
}

/// Results of a mapping as they come; see
/// [`Pool::imap_unordered`](crate::Pool::imap_unordered).
///
/// Otherwise as [`Imap`].
///
/// See the example of [`Pool::imap_unordered`](crate::Pool::imap_unordered).
#[must_use = "it starts when it is first asked for a result"]
pub struct ImapUnordered<U>(Unordered<U>);

struct Unordered<U> {
    state: State<U>,
    max_buffered: Option<usize>,
}

enum State<U> {
    NotStarted(Box<dyn FnOnce(Option<Semaphore>) -> Started<U> + Send>),
    Started(Started<U>),
    // Only while it is being started.
    Starting,
}

struct Started<U> {
    results: Queue<(usize, Outcome<U>)>,
    producer: Greenlet<()>,
    room: Option<Semaphore>,
}

/// A mapping that has not started.
fn prepare<R, I, U, F>(run: R, items: I, f: F) -> Unordered<U>
where
    R: Run,
    I: IntoIterator + Send + 'static,
    I::Item: Send + 'static,
    U: Send + 'static,
    F: Fn(I::Item) -> U + Send + Sync + 'static,
{
    let start = move |room: Option<Semaphore>| {
        let results = Results::new();
        let queue = results.queue.clone();
        let theirs = room.clone();
        // In a greenlet of its own: taking an item may block, and so may `run`.
        let producer = spawn(move || produce(&run, items, f, &results, theirs.as_ref()));
        Started {
            results: queue,
            producer,
            room,
        }
    };
    Unordered {
        state: State::NotStarted(Box::new(start)),
        max_buffered: None,
    }
}

fn produce<I, U, F>(run: &impl Run, items: I, f: F, results: &Results<U>, room: Option<&Semaphore>)
where
    I: IntoIterator,
    I::Item: Send + 'static,
    U: Send + 'static,
    F: Fn(I::Item) -> U + Send + Sync + 'static,
{
    let f = Arc::new(f);
    let mut index = 0;
    let failed = catch_panic(|| {
        let mut items = items.into_iter();
        loop {
            let permit = room.and_then(|room| room.acquire().ok());
            let Some(item) = items.next() else { return };
            results.start(run, index, item, &f, permit);
            index += 1;
        }
    });
    if let Err(payload) = failed {
        // The iterator's own panic comes after all results before it.
        let _ = results.queue.try_put((index, Err(Some(payload))));
    }
}

impl<U> Unordered<U> {
    fn next(&mut self) -> Option<(usize, Outcome<U>)> {
        if let State::NotStarted(_) = &self.state {
            let state = std::mem::replace(&mut self.state, State::Starting);
            if let State::NotStarted(start) = state {
                let room = self.max_buffered.map(Semaphore::new);
                self.state = State::Started(start(room));
            }
        }
        let State::Started(started) = &self.state else {
            return None;
        };
        let next = started.results.get().ok()?;
        if let Some(room) = &started.room {
            room.add_permits(1);
        }
        Some(next)
    }
}

impl<U> Drop for Unordered<U> {
    fn drop(&mut self) {
        if let State::Started(started) = &self.state {
            started.producer.start_kill();
            started.results.close_now();
        }
    }
}

impl<U> Imap<U> {
    pub(crate) fn new<R, I, F>(run: R, items: I, f: F) -> Self
    where
        R: Run,
        I: IntoIterator + Send + 'static,
        I::Item: Send + 'static,
        U: Send + 'static,
        F: Fn(I::Item) -> U + Send + Sync + 'static,
    {
        Self {
            inner: prepare(run, items, f),
            early: BTreeMap::new(),
            next: 0,
        }
    }

    /// Bounds how many items are under way or have results that nobody has read.
    /// Without it every item is taken as soon as the pool has room.
    ///
    /// # Panics
    ///
    /// If `most` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::Pool;
    ///
    /// // A source without end: at most four results wait to be read.
    /// let squares = Pool::new(2).imap(0_u64.., |n| n * n).max_buffered(4);
    /// let first: Vec<u64> = squares.take(3).map(|square| square.unwrap()).collect();
    /// assert_eq!(first, [0, 1, 4]);
    /// ```
    #[doc(alias = "maxsize")]
    pub fn max_buffered(mut self, most: usize) -> Self {
        assert!(most > 0, "with no room for a result there can be none");
        self.inner.max_buffered = Some(most);
        self
    }
}

impl<U> ImapUnordered<U> {
    pub(crate) fn new<R, I, F>(run: R, items: I, f: F) -> Self
    where
        R: Run,
        I: IntoIterator + Send + 'static,
        I::Item: Send + 'static,
        U: Send + 'static,
        F: Fn(I::Item) -> U + Send + Sync + 'static,
    {
        Self(prepare(run, items, f))
    }

    /// As [`Imap::max_buffered`].
    ///
    /// # Panics
    ///
    /// If `most` is 0.
    ///
    /// See the example of [`Imap::max_buffered`].
    #[doc(alias = "maxsize")]
    pub fn max_buffered(mut self, most: usize) -> Self {
        assert!(most > 0, "with no room for a result there can be none");
        self.0.max_buffered = Some(most);
        self
    }
}

impl<U> Iterator for Imap<U> {
    type Item = Result<U, GreenletError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(outcome) = self.early.remove(&self.next) {
                self.next += 1;
                return Some(to_result(outcome));
            }
            let (index, outcome) = self.inner.next()?;
            self.early.insert(index, outcome);
        }
    }
}

impl<U> Iterator for ImapUnordered<U> {
    type Item = Result<U, GreenletError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(_, outcome)| to_result(outcome))
    }
}

fn to_result<U>(outcome: Outcome<U>) -> Result<U, GreenletError> {
    outcome.map_err(|payload| match payload {
        Some(payload) => GreenletError::panicked(payload),
        None => GreenletError::killed(),
    })
}

impl<U> fmt::Debug for Imap<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imap")
            .field("next", &self.next)
            .field("early", &self.early.len())
            .finish_non_exhaustive()
    }
}

impl<U> fmt::Debug for ImapUnordered<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImapUnordered")
            .field("started", &!matches!(self.0.state, State::NotStarted(_)))
            .finish_non_exhaustive()
    }
}

/// Waits for a greenlet and goes on as it did: returns its value, or panics.
pub(crate) fn resume<T: 'static>(greenlet: Greenlet<T>) -> T {
    match greenlet.get().map_err(GreenletError::into_panic) {
        Ok(value) => value,
        Err(Ok(payload)) => resume_unwind(payload),
        Err(Err(error)) => panic!("{error}"),
    }
}

/// The methods that groups, pools and thread pools have in common.
macro_rules! mapping_methods {
    ($what:literal, $new:literal) => {
        /// Runs `f` on each item
        #[doc = $what]
        /// and returns the results, in the order of the items.
        ///
        /// Suspends the caller; a kill or a time-out interrupts it, and what runs
        /// by then runs on.
        ///
        /// # Panics
        ///
        /// When `f` panicked or was killed, after all items are through, with the
        /// panic of the first such item.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = concat!("let workers = maypole_runtime::", $new, ";")]
        /// assert_eq!(workers.map([1, 2, 3], |n| n * n), [1, 4, 9]);
        /// ```
        pub fn map<I, U, F>(&self, items: I, f: F) -> Vec<U>
        where
            I: IntoIterator,
            I::Item: Send + 'static,
            U: Send + 'static,
            F: Fn(I::Item) -> U + Send + Sync + 'static,
        {
            $crate::mapping::map(self, items, f)
        }

        /// As [`map`](Self::map), in a greenlet of its own.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = concat!("let workers = maypole_runtime::", $new, ";")]
        /// let squares = workers.map_async([1, 2, 3], |n| n * n);
        /// assert_eq!(squares.get().unwrap(), [1, 4, 9]);
        /// ```
        #[doc(alias = "map_cb")]
        pub fn map_async<I, U, F>(&self, items: I, f: F) -> $crate::Greenlet<Vec<U>>
        where
            I: IntoIterator + Send + 'static,
            I::Item: Send + 'static,
            U: Send + 'static,
            F: Fn(I::Item) -> U + Send + Sync + 'static,
        {
            let this = self.clone();
            $crate::spawn(move || this.map(items, f))
        }

        /// Runs `f` on each item
        #[doc = $what]
        /// and gives the results as an iterator, in the order of the items.
        ///
        /// It starts when it is first asked for a result. Items are taken in a
        /// greenlet of its own, so taking one may block; a
        /// [`Queue`](crate::queue::Queue) will do.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = concat!("let workers = maypole_runtime::", $new, ";")]
        /// let mut halves = workers.imap([2, 0, 4], |n| 8 / n);
        /// assert_eq!(halves.next().unwrap().unwrap(), 4);
        /// assert!(halves.next().unwrap().unwrap_err().is_panic()); // and goes on
        /// assert_eq!(halves.next().unwrap().unwrap(), 2);
        /// ```
        pub fn imap<I, U, F>(&self, items: I, f: F) -> $crate::Imap<U>
        where
            I: IntoIterator + Send + 'static,
            I::Item: Send + 'static,
            U: Send + 'static,
            F: Fn(I::Item) -> U + Send + Sync + 'static,
        {
            $crate::Imap::new(self.clone(), items, f)
        }

        /// As [`imap`](Self::imap), with the results as they come.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = concat!("let workers = maypole_runtime::", $new, ";")]
        /// let squares = workers.imap_unordered([1, 2, 3], |n| n * n);
        /// assert_eq!(squares.map(Result::unwrap).sum::<i32>(), 14);
        /// ```
        pub fn imap_unordered<I, U, F>(&self, items: I, f: F) -> $crate::ImapUnordered<U>
        where
            I: IntoIterator + Send + 'static,
            I::Item: Send + 'static,
            U: Send + 'static,
            F: Fn(I::Item) -> U + Send + Sync + 'static,
        {
            $crate::ImapUnordered::new(self.clone(), items, f)
        }
    };
}
pub(crate) use mapping_methods;
