//! Waiting until the work on all items is done.

use std::time::{Duration, Instant};

use crate::wait::{Waited, checkpoint, deadline_after, wait_in};

use super::base::BaseQueue;
use super::order::Order;
use super::state::State;

impl<T, S: Order<Item = T>> BaseQueue<T, S> {
    /// Says that the work on one item that was got is done; for
    /// [`join`](Self::join).
    ///
    /// # Panics
    ///
    /// If it is called more often than items were put.
    ///
    /// See the example of [`join`](Self::join).
    #[track_caller]
    pub fn task_done(&self) {
        let counted = self.state.lock().task_done();
        assert!(
            counted,
            "task_done was called more often than items were put"
        );
    }

    /// How many items were put and are not [done](Self::task_done).
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = maypole_runtime::queue::Queue::with_items([1]);
    /// queue.get().unwrap();
    /// assert_eq!(queue.unfinished(), 1); // got, but not done
    /// queue.task_done();
    /// assert_eq!(queue.unfinished(), 0);
    /// ```
    #[doc(alias = "unfinished_tasks")]
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.state.lock().unfinished()
    }

    /// Waits until all items that were put are [done](Self::task_done); at once
    /// if none was put.
    ///
    /// A kill or a time-out interrupts it. While the caller unwinds it returns
    /// at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::queue::Queue;
    /// use maypole_runtime::spawn;
    ///
    /// let jobs = Queue::with_items(1..=3);
    /// let worker = jobs.clone();
    /// drop(spawn(move || {
    ///     for job in &worker {
    ///         assert!(job <= 3);
    ///         worker.task_done();
    ///     }
    /// }));
    /// jobs.join();
    /// assert_eq!(jobs.unfinished(), 0);
    /// # jobs.close();
    /// ```
    pub fn join(&self) {
        self.join_until(None);
    }

    /// As [`join`](Self::join), but waits for at most `limit`; true when all are
    /// done.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let jobs = maypole_runtime::queue::Queue::with_items([1]);
    /// assert!(!jobs.join_timeout(Duration::from_millis(1))); // nobody works
    /// ```
    pub fn join_timeout(&self, limit: Duration) -> bool {
        self.join_until(deadline_after(limit))
    }

    fn join_until(&self, deadline: Option<Instant>) -> bool {
        checkpoint();
        let ready = |state: &mut State<S>| (state.unfinished() == 0).then_some(());
        match wait_in(&*self.state, |state| &mut state.joiners, deadline, ready) {
            Ok(waited) => waited != Waited::TimedOut,
            Err(_) => self.unfinished() == 0,
        }
    }
}
