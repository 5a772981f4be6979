//! A queue without room: a put and a get meet.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::sync::Mutex;
use crate::wait::{
    Ended, Ticket, Wait, WaitList, Waited, checkpoint, deadline_after, wait_in, with_strand,
};

use super::{GetError, PutError};

/// Hands items from putters to getters, and keeps none: a put waits until
/// somebody takes the item.
///
/// Cheap to clone: clones are the same channel. Both sides are served in the
/// order of their arrival.
///
/// # Examples
///
/// ```
/// use maypole_runtime::queue::Channel;
/// use maypole_runtime::spawn;
///
/// let channel = Channel::new();
/// let there = channel.clone();
/// let putter = spawn(move || there.put("hand to hand"));
/// assert_eq!(channel.get(), Ok("hand to hand"));
/// putter.get().unwrap().unwrap(); // it knows that the item was taken
/// ```
pub struct Channel<T> {
    state: Arc<Mutex<State<T>>>,
}

struct State<T> {
    // Putters that wait, with what they offer.
    offers: VecDeque<Offer<T>>,
    next: u64,
    getters: WaitList,
    waiting_getters: usize,
    // For getters that were woken and have not come yet.
    handed: VecDeque<T>,
    closed: bool,
}

struct Offer<T> {
    number: u64,
    item: T,
    ticket: Ticket,
}

impl<T> Channel<T> {
    /// A channel.
    ///
    /// See the example of [`Channel`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands `item` to a getter, waiting for one.
    ///
    /// A kill or a time-out interrupts it; the item is dropped then and nobody
    /// has it.
    ///
    /// # Errors
    ///
    /// If the channel is closed, or the greenlet would have to wait while it
    /// unwinds. The item is in the error.
    ///
    /// See the example of [`Channel`].
    pub fn put(&self, item: T) -> Result<(), PutError<T>> {
        self.put_until(item, None)
    }

    /// Hands `item` to a getter if one waits. Never suspends.
    ///
    /// # Errors
    ///
    /// If nobody waits, or the channel is closed. The item is in the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::queue::{Channel, PutError};
    ///
    /// let channel = Channel::new();
    /// assert_eq!(channel.try_put(1), Err(PutError::Full(1))); // nobody waits
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
    /// use maypole_runtime::queue::Channel;
    ///
    /// let channel = Channel::new();
    /// let error = channel.put_timeout("mine", Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(error.into_item(), "mine");
    /// ```
    pub fn put_timeout(&self, item: T, limit: Duration) -> Result<(), PutError<T>> {
        self.put_until(item, deadline_after(limit))
    }

    fn put_until(&self, item: T, deadline: Option<Instant>) -> Result<(), PutError<T>> {
        checkpoint();
        with_strand(|strand| {
            let Ok(wait) = Wait::begin(strand) else {
                return self.try_put(item).map_err(|error| match error {
                    PutError::Full(item) => PutError::Unwinding(item),
                    error => error,
                });
            };
            let number = {
                let mut state = self.state.lock();
                match state.put_now(item) {
                    Err(PutError::Full(item)) => state.offer(item, wait.ticket()),
                    done => return done,
                }
            };
            wait.is_for("a getter");
            // Takes the offer back however the wait ends.
            let offered = Offered {
                channel: self,
                number,
            };
            let ended = wait.end(deadline);
            let back = offered.take_back();
            match (ended, back) {
                (Ok(Ended::TimedOut), Some(item)) => Err(PutError::Full(item)),
                (Ok(Ended::Woken), Some(item)) => Err(PutError::Closed(item)),
                (Err(_), Some(item)) => Err(PutError::Unwinding(item)),
                // Whoever took it has woken us, or tried to.
                (_, None) => Ok(()),
            }
        })
    }

    /// Takes an item, waiting for one.
    ///
    /// A kill or a time-out interrupts it, and takes no item along.
    ///
    /// # Errors
    ///
    /// [`GetError::Closed`], and [`GetError::Unwinding`].
    ///
    /// See the example of [`Channel`].
    pub fn get(&self) -> Result<T, GetError> {
        self.get_until(None)
    }

    /// Takes an item if a putter waits. Never suspends.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] and [`GetError::Closed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::queue::{Channel, GetError};
    ///
    /// assert_eq!(Channel::<u8>::new().try_get(), Err(GetError::Empty));
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
    /// use maypole_runtime::queue::{Channel, GetError};
    ///
    /// let never = Channel::<u8>::new();
    /// assert_eq!(never.get_timeout(Duration::from_millis(1)), Err(GetError::Empty));
    /// ```
    pub fn get_timeout(&self, limit: Duration) -> Result<T, GetError> {
        self.get_until(deadline_after(limit))
    }

    fn get_until(&self, deadline: Option<Instant>) -> Result<T, GetError> {
        checkpoint();
        {
            let mut state = self.state.lock();
            match state.get_now() {
                Err(GetError::Empty) => state.waiting_getters += 1,
                done => return done,
            }
        }
        let _waiting = Waiting(self);
        let ready = |state: &mut State<T>| match state.get_now() {
            Err(GetError::Empty) => None,
            done => Some(done),
        };
        match wait_in(&*self.state, |state| &mut state.getters, deadline, ready)? {
            Waited::Ready(done) => done,
            Waited::Woken => self.state.lock().come(),
            Waited::TimedOut => Err(GetError::Empty),
        }
    }

    /// Putters that wait less getters that wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{queue::Channel, spawn, yield_now};
    ///
    /// let channel = Channel::new();
    /// assert_eq!(channel.balance(), 0);
    /// let theirs = channel.clone();
    /// let putter = spawn(move || theirs.put(1));
    /// while channel.balance() == 0 {
    ///     yield_now();
    /// }
    /// assert_eq!(channel.balance(), 1); // one putter waits
    /// # channel.get().unwrap();
    /// # putter.join();
    /// ```
    #[must_use]
    pub fn balance(&self) -> isize {
        let state = self.state.lock();
        state.offers.len().cast_signed() - state.waiting_getters.cast_signed()
    }

    /// Takes no more items. All who wait fail, and so will all who come. Never
    /// suspends.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::queue::{Channel, GetError, PutError};
    ///
    /// let channel = Channel::new();
    /// channel.close();
    /// assert_eq!(channel.put(1), Err(PutError::Closed(1)));
    /// assert_eq!(channel.get(), Err(GetError::Closed));
    /// ```
    pub fn close(&self) {
        self.state.lock().close();
    }

    /// Whether it was closed.
    ///
    /// # Examples
    ///
    /// ```
    /// let channel = maypole_runtime::queue::Channel::<u8>::new();
    /// channel.close();
    /// assert!(channel.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// The items, until the channel is closed. Waits for each, as
    /// [`get`](Self::get) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{queue::Channel, spawn};
    ///
    /// let channel = Channel::new();
    /// let theirs = channel.clone();
    /// let putter = spawn(move || {
    ///     theirs.put(1).unwrap();
    ///     theirs.put(2).unwrap();
    ///     theirs.close();
    /// });
    /// assert_eq!(channel.iter().sum::<i32>(), 3);
    /// # putter.join();
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        std::iter::from_fn(|| self.get().ok())
    }
}

impl<T> State<T> {
    fn put_now(&mut self, item: T) -> Result<(), PutError<T>> {
        if self.closed {
            return Err(PutError::Closed(item));
        }
        if !self.getters.wake_one() {
            return Err(PutError::Full(item));
        }
        // It comes for it: nothing else can end its wait any more.
        self.handed.push_back(item);
        Ok(())
    }

    fn offer(&mut self, item: T, ticket: Ticket) -> u64 {
        let number = self.next;
        self.next += 1;
        self.offers.push_back(Offer {
            number,
            item,
            ticket,
        });
        number
    }

    fn get_now(&mut self) -> Result<T, GetError> {
        if self.closed {
            return Err(GetError::Closed);
        }
        // Those whose wait has ended otherwise take their offers back.
        let taken = self.offers.iter().position(|offer| offer.ticket.wake());
        let offer = taken.and_then(|at| self.offers.remove(at));
        offer.map(|offer| offer.item).ok_or(GetError::Empty)
    }

    /// What a woken getter was handed; nothing if it was woken to learn that
    /// the channel is closed.
    fn come(&mut self) -> Result<T, GetError> {
        self.handed.pop_front().ok_or(GetError::Closed)
    }

    fn close(&mut self) {
        self.closed = true;
        self.getters.take_all().wake();
        for offer in &self.offers {
            offer.ticket.wake();
        }
    }
}

/// A putter's offer, until its wait is over.
struct Offered<'a, T> {
    channel: &'a Channel<T>,
    number: u64,
}

impl<T> Offered<'_, T> {
    /// The item, unless somebody has taken it.
    fn take_back(&self) -> Option<T> {
        let mut state = self.channel.state.lock();
        let at = state
            .offers
            .iter()
            .position(|offer| offer.number == self.number)?;
        state.offers.remove(at).map(|offer| offer.item)
    }
}

impl<T> Drop for Offered<'_, T> {
    fn drop(&mut self) {
        // Dropped outside of the lock.
        let _item = self.take_back();
    }
}

/// A getter that waits, for `balance`.
struct Waiting<'a, T>(&'a Channel<T>);

impl<T> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        self.0.state.lock().waiting_getters -= 1;
    }
}

impl<T> Clone for Channel<T> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
        }
    }
}

impl<T> Default for Channel<T> {
    fn default() -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                offers: VecDeque::new(),
                next: 0,
                getters: WaitList::of("a putter"),
                waiting_getters: 0,
                handed: VecDeque::new(),
                closed: false,
            })),
        }
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("balance", &self.balance())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
