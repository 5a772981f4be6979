//! Looking at an item without taking it.

use std::time::{Duration, Instant};

use crate::wait::{Waited, checkpoint, deadline_after, wait_in};

use super::GetError;
use super::base::BaseQueue;
use super::order::Order;
use super::state::State;

impl<T, S: Order<Item = T>> BaseQueue<T, S> {
    /// A copy of the next item, waiting for one. It stays in the queue.
    ///
    /// It sees an item that was promised to a getter too. A kill or a time-out
    /// interrupts it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::queue::Queue;
    ///
    /// let queue = Queue::with_items([1]);
    /// assert_eq!(queue.peek(), Ok(1));
    /// assert_eq!(queue.get(), Ok(1)); // it was still there
    /// ```
    pub fn peek(&self) -> Result<T, GetError>
    where
        T: Clone,
    {
        self.peek_until(None)
    }

    /// A copy of the next item if one is there. Never suspends.
    ///
    /// # Errors
    ///
    /// As [`try_get`](Self::try_get).
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::queue::{GetError, LifoQueue};
    ///
    /// let stack = LifoQueue::with_items([1, 2]);
    /// assert_eq!(stack.try_peek(), Ok(2));
    /// assert_eq!(LifoQueue::<u8>::unbounded().try_peek(), Err(GetError::Empty));
    /// ```
    #[doc(alias = "peek_nowait")]
    pub fn try_peek(&self) -> Result<T, GetError>
    where
        T: Clone,
    {
        let state = self.state.lock();
        match state.first() {
            Some(item) => Ok(item.clone()),
            None if state.is_closed() => Err(GetError::Closed),
            None => Err(GetError::Empty),
        }
    }

    /// As [`peek`](Self::peek), but waits for at most `limit`.
    ///
    /// # Errors
    ///
    /// As [`get_timeout`](Self::get_timeout).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_runtime::queue::{GetError, Queue};
    ///
    /// let never = Queue::<u8>::unbounded();
    /// assert_eq!(never.peek_timeout(Duration::from_millis(1)), Err(GetError::Empty));
    /// ```
    pub fn peek_timeout(&self, limit: Duration) -> Result<T, GetError>
    where
        T: Clone,
    {
        self.peek_until(deadline_after(limit))
    }

    fn peek_until(&self, deadline: Option<Instant>) -> Result<T, GetError>
    where
        T: Clone,
    {
        checkpoint();
        loop {
            match self.try_peek() {
                Err(GetError::Empty) => {}
                done => return done,
            }
            let ready = |state: &mut State<S>| (state.len() > 0 || state.is_closed()).then_some(());
            let waited = wait_in(&*self.state, |state| &mut state.peekers, deadline, ready)?;
            if waited == Waited::TimedOut {
                return Err(GetError::Empty);
            }
        }
    }
}
