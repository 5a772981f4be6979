//! Queues of items.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::sync::Mutex;
use crate::wait::{Waited, checkpoint, deadline_after, wait_in};

use super::iter::Iter;
use super::order::{Fifo, Lifo, Order, Priority};
use super::state::State;
use super::{GetError, PutError};

/// A queue of items between greenlets and threads, in the order that `S` says:
/// what [`Queue`], [`LifoQueue`] and [`PriorityQueue`] are.
///
/// Cheap to clone: clones are the same queue. Putters and getters are served in
/// the order of their arrival.
///
/// # Examples
///
/// ```
/// use maypole_runtime::queue::{BaseQueue, LifoQueue, Order, Queue};
///
/// /// For queues of every order.
/// fn drained<T, S: Order<Item = T>>(queue: &BaseQueue<T, S>) -> Vec<T> {
///     std::iter::from_fn(|| queue.try_get().ok()).collect()
/// }
///
/// assert_eq!(drained(&Queue::with_items([1, 2])), [1, 2]);
/// assert_eq!(drained(&LifoQueue::with_items([1, 2])), [2, 1]);
/// ```
pub struct BaseQueue<T, S: Order<Item = T>> {
    pub(super) state: Arc<Mutex<State<S>>>,
}

/// A queue that gives out first what was put first.
///
/// # Examples
///
/// ```
/// use maypole_runtime::queue::{GetError, Queue};
///
/// let queue = Queue::new(2);
/// queue.put("a").unwrap();
/// queue.put("b").unwrap();
/// assert!(queue.try_put("c").unwrap_err().is_full());
/// assert_eq!(queue.get(), Ok("a"));
/// queue.close();
/// assert_eq!(queue.get(), Ok("b"));
/// assert_eq!(queue.get(), Err(GetError::Closed));
/// ```
#[doc(alias = "JoinableQueue")]
#[doc(alias = "SimpleQueue")]
pub type Queue<T> = BaseQueue<T, Fifo<T>>;

/// A [`Queue`] that gives out last what was put first: a stack.
///
/// ```
/// use maypole_runtime::queue::LifoQueue;
///
/// let stack = LifoQueue::with_items([1, 2, 3]);
/// assert_eq!(stack.get(), Ok(3));
/// ```
pub type LifoQueue<T> = BaseQueue<T, Lifo<T>>;

/// A [`Queue`] that gives out the least item first.
///
/// Items are compared while the queue is locked: their `Ord` must not use the
/// queue, and must not wait. If it panics, the item that is being put may be
/// lost and the order of the rest is unspecified; nothing worse happens. Wrap
/// items in [`std::cmp::Reverse`] to get the greatest first.
///
/// ```
/// use maypole_runtime::queue::PriorityQueue;
///
/// let jobs = PriorityQueue::with_items([(2, "later"), (1, "soon")]);
/// assert_eq!(jobs.get(), Ok((1, "soon")));
/// ```
pub type PriorityQueue<T> = BaseQueue<T, Priority<T>>;

impl<T, S: Order<Item = T>> BaseQueue<T, S> {
    /// A queue that holds up to `capacity` items.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0: a [`Channel`](super::Channel) has no room.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::queue::Queue;
    ///
    /// let queue = Queue::new(1);
    /// queue.put(1).unwrap();
    /// assert!(queue.is_full());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        refuse_none(capacity);
        Self {
            state: Arc::new(Mutex::new(State::new(capacity))),
        }
    }

    /// A queue that holds as many items as come: nothing but memory bounds it,
    /// so something else has to bound its putters.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::queue::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// for n in 0..1000 {
    ///     queue.put(n).unwrap(); // never waits
    /// }
    /// ```
    #[must_use]
    pub fn unbounded() -> Self {
        Self::new(usize::MAX)
    }

    /// An unbounded queue with these items. They count as unfinished.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::queue::{PriorityQueue, Queue};
    ///
    /// assert_eq!(Queue::with_items([2, 3, 1]).get(), Ok(2));
    /// assert_eq!(PriorityQueue::with_items([2, 3, 1]).get(), Ok(1));
    /// ```
    #[must_use]
    pub fn with_items(items: impl IntoIterator<Item = T>) -> Self {
        let queue = Self::unbounded();
        for item in items {
            // It has room and is open.
            let _ = queue.try_put(item);
        }
        queue
    }

    /// Puts an item, waiting for room.
    ///
    /// A kill or a time-out interrupts it; the item is dropped then and not in
    /// the queue.
    ///
    /// # Errors
    ///
    /// If the queue is closed, or the greenlet would have to wait while it
    /// unwinds. The item is in the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{queue::Queue, spawn};
    ///
    /// let queue = Queue::new(1);
    /// let theirs = queue.clone();
    /// let putter = spawn(move || (0..3).try_for_each(|n| theirs.put(n)));
    /// assert_eq!([queue.get(), queue.get(), queue.get()], [Ok(0), Ok(1), Ok(2)]);
    /// # putter.join();
    /// ```
    pub fn put(&self, item: T) -> Result<(), PutError<T>> {
        self.put_until(item, None)
    }

    /// Puts an item if there is room now. Never suspends.
    ///
    /// # Errors
    ///
    /// If there is no room, or the queue is closed. The item is in the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::queue::{PutError, Queue};
    ///
    /// let queue = Queue::new(1);
    /// assert_eq!(queue.try_put("a"), Ok(()));
    /// assert_eq!(queue.try_put("b"), Err(PutError::Full("b")));
    /// ```
    #[doc(alias = "put_nowait")]
    pub fn try_put(&self, item: T) -> Result<(), PutError<T>> {
        self.state.lock().put_now(item)
    }

    /// As [`put`](Self::put), but waits for at most `limit`.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put), and [`PutError::Full`] after the limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::queue::Queue;
    ///
    /// let queue = Queue::with_items(["a"]);
    /// queue.set_capacity(1);
    /// let error = queue.put_timeout("b", Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(error.into_item(), "b");
    /// ```
    pub fn put_timeout(&self, item: T, limit: Duration) -> Result<(), PutError<T>> {
        self.put_until(item, deadline_after(limit))
    }

    fn put_until(&self, item: T, deadline: Option<Instant>) -> Result<(), PutError<T>> {
        checkpoint();
        let mut item = match self.try_put(item) {
            Err(PutError::Full(item)) => Some(item),
            done => return done,
        };
        let ready = |state: &mut State<S>| match state.put_now(item.take()?) {
            Err(PutError::Full(back)) => {
                item = Some(back);
                None
            }
            done => Some(done),
        };
        let waited = wait_in(&*self.state, |state| &mut state.putters, deadline, ready);
        match (waited, item) {
            (Ok(Waited::Ready(done)), _) => done,
            (Ok(Waited::Woken), Some(item)) => self.state.lock().put_promised(item),
            (Ok(Waited::TimedOut), Some(item)) => Err(PutError::Full(item)),
            (Err(_), Some(item)) => Err(PutError::Unwinding(item)),
            (_, None) => unreachable!("only `ready` takes the item, and says so"),
        }
    }

    /// Takes the next item, waiting for one.
    ///
    /// A kill or a time-out interrupts it, and takes no item along.
    ///
    /// # Errors
    ///
    /// [`GetError::Closed`] when the queue is closed and empty, or what is in was
    /// promised to others who wait, and [`GetError::Unwinding`].
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::queue::{GetError, Queue};
    ///
    /// let queue = Queue::with_items([1]);
    /// queue.close();
    /// assert_eq!(queue.get(), Ok(1));
    /// assert_eq!(queue.get(), Err(GetError::Closed)); // does not wait for ever
    /// ```
    pub fn get(&self) -> Result<T, GetError> {
        self.get_until(None)
    }

    /// Takes the next item if one is there. Never suspends.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`], also when all that is there was promised to others
    /// who wait, and [`GetError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::queue::{GetError, Queue};
    ///
    /// assert_eq!(Queue::<u8>::unbounded().try_get(), Err(GetError::Empty));
    /// ```
    #[doc(alias = "get_nowait")]
    pub fn try_get(&self) -> Result<T, GetError> {
        self.state.lock().get_now()
    }

    /// As [`get`](Self::get), but waits for at most `limit`.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and [`GetError::Empty`] after the limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::queue::{GetError, Queue};
    ///
    /// let never = Queue::<u8>::unbounded();
    /// assert_eq!(never.get_timeout(Duration::from_millis(1)), Err(GetError::Empty));
    /// ```
    pub fn get_timeout(&self, limit: Duration) -> Result<T, GetError> {
        self.get_until(deadline_after(limit))
    }

    fn get_until(&self, deadline: Option<Instant>) -> Result<T, GetError> {
        checkpoint();
        match self.try_get() {
            Err(GetError::Empty) => {}
            done => return done,
        }
        let ready = |state: &mut State<S>| match state.get_now() {
            Err(GetError::Empty) => None,
            done => Some(done),
        };
        match wait_in(&*self.state, |state| &mut state.getters, deadline, ready)? {
            Waited::Ready(done) => done,
            Waited::Woken => self.state.lock().get_promised(),
            Waited::TimedOut => Err(GetError::Empty),
        }
    }

    /// How many items it holds.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(maypole_runtime::queue::Queue::with_items([1, 2]).len(), 2);
    /// ```
    #[doc(alias = "qsize")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.lock().len()
    }

    /// Whether it holds no item.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(maypole_runtime::queue::Queue::<u8>::unbounded().is_empty());
    /// ```
    #[doc(alias = "empty")]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it holds as many items as it may.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = maypole_runtime::queue::Queue::new(1);
    /// queue.put(1).unwrap();
    /// assert!(queue.is_full());
    /// ```
    #[doc(alias = "full")]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.state.lock().is_full()
    }

    /// How many items it may hold; `usize::MAX` when there is no bound.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(maypole_runtime::queue::Queue::<u8>::new(8).capacity(), 8);
    /// ```
    #[doc(alias = "maxsize")]
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.state.lock().capacity()
    }

    /// Sets how many items it may hold from now on. More than that stay in.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = maypole_runtime::queue::Queue::with_items([1, 2]);
    /// queue.set_capacity(1);
    /// assert_eq!(queue.len(), 2); // nothing is lost
    /// assert!(queue.try_put(3).is_err());
    /// ```
    #[track_caller]
    pub fn set_capacity(&self, capacity: usize) {
        refuse_none(capacity);
        self.state.lock().set_capacity(capacity);
    }

    /// Takes no more items. What is in can be got; then getting fails and
    /// iteration ends. Putters that wait fail now. Never suspends.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::queue::{GetError, PutError, Queue};
    ///
    /// let queue = Queue::with_items([1]);
    /// queue.close();
    /// assert_eq!(queue.put(2), Err(PutError::Closed(2)));
    /// assert_eq!(queue.get(), Ok(1));
    /// assert_eq!(queue.get(), Err(GetError::Closed));
    /// ```
    #[doc(alias = "shutdown")]
    #[doc(alias = "StopIteration")]
    pub fn close(&self) {
        self.state.lock().close();
    }

    /// As [`close`](Self::close), and drops the items that are in, which count
    /// as done.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::queue::{GetError, Queue};
    ///
    /// let queue = Queue::with_items([1, 2]);
    /// queue.close_now();
    /// assert_eq!(queue.get(), Err(GetError::Closed));
    /// assert_eq!(queue.unfinished(), 0);
    /// ```
    #[doc(alias = "shutdown(immediate=True)")]
    pub fn close_now(&self) {
        let items = {
            let mut state = self.state.lock();
            state.close();
            state.drain()
        };
        drop(items);
    }

    /// Whether it was closed.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = maypole_runtime::queue::Queue::<u8>::unbounded();
    /// queue.close();
    /// assert!(queue.is_closed());
    /// ```
    #[doc(alias = "is_shutdown")]
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state.lock().is_closed()
    }

    /// The items, until the queue is closed. Waits for each, as
    /// [`get`](Self::get) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{queue::Queue, spawn};
    ///
    /// let lines = Queue::new(1);
    /// let theirs = lines.clone();
    /// let writer = spawn(move || {
    ///     for line in ["one", "two"] {
    ///         theirs.put(line).unwrap();
    ///     }
    ///     theirs.close();
    /// });
    /// assert_eq!(lines.iter().collect::<Vec<_>>(), ["one", "two"]);
    /// # writer.join();
    /// ```
    #[must_use]
    pub fn iter(&self) -> Iter<'_, T, S> {
        self.into_iter()
    }
}

impl<T, S: Order<Item = T>> Default for BaseQueue<T, S> {
    fn default() -> Self {
        Self::unbounded()
    }
}

impl<T, S: Order<Item = T>> Clone for BaseQueue<T, S> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
        }
    }
}

impl<T, S: Order<Item = T>> fmt::Debug for BaseQueue<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        f.debug_struct("Queue")
            .field("len", &state.len())
            .field("capacity", &state.capacity())
            .field("closed", &state.is_closed())
            .finish_non_exhaustive()
    }
}

#[track_caller]
fn refuse_none(capacity: usize) {
    assert!(capacity > 0, "a queue needs room: use a Channel for none");
}
