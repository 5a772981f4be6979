//! What a queue is made of: items, waiters, and promises to those who were
//! woken.

use crate::wait::WaitList;

use super::order::sealed::Store;
use super::{GetError, PutError};

/// Lives inside the queue's lock.
///
/// A waiter that is woken was promised an item, or room, and comes for it: what
/// is promised is nobody else's. So while somebody waits, all is promised.
pub(super) struct State<S> {
    store: S,
    capacity: usize,
    // Getters and putters that were woken and have not come yet.
    items_promised: usize,
    room_promised: usize,
    pub(super) getters: WaitList,
    pub(super) putters: WaitList,
    pub(super) peekers: WaitList,
    pub(super) joiners: WaitList,
    unfinished: usize,
    closed: bool,
}

impl<S: Store> State<S> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            store: S::default(),
            capacity,
            items_promised: 0,
            room_promised: 0,
            getters: WaitList::of("an item"),
            putters: WaitList::of("room in a queue"),
            peekers: WaitList::of("a look at an item"),
            joiners: WaitList::of("the end of all tasks"),
            unfinished: 0,
            closed: false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.store.len()
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn is_full(&self) -> bool {
        self.store.len() >= self.capacity
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn unfinished(&self) -> usize {
        self.unfinished
    }

    pub(super) fn first(&self) -> Option<&S::Item> {
        self.store.first()
    }

    /// An item, if there is one that is promised to nobody.
    pub(super) fn get_now(&mut self) -> Result<S::Item, GetError> {
        if self.store.len() > self.items_promised {
            self.pop()
        } else if self.closed {
            // What is still in has its getters, and nothing will come.
            Err(GetError::Closed)
        } else {
            Err(GetError::Empty)
        }
    }

    /// The item that a woken getter was promised; none if it was woken by the
    /// end of the queue.
    pub(super) fn get_promised(&mut self) -> Result<S::Item, GetError> {
        self.items_promised -= 1;
        self.pop()
    }

    fn pop(&mut self) -> Result<S::Item, GetError> {
        let item = self.store.pop().ok_or(GetError::Closed);
        self.settle();
        item
    }

    /// Puts an item, if there is room that is promised to nobody.
    pub(super) fn put_now(&mut self, item: S::Item) -> Result<(), PutError<S::Item>> {
        if self.closed {
            return Err(PutError::Closed(item));
        }
        if self.store.len().saturating_add(self.room_promised) >= self.capacity {
            return Err(PutError::Full(item));
        }
        self.push(item);
        Ok(())
    }

    /// Puts the item of a putter that was woken.
    pub(super) fn put_promised(&mut self, item: S::Item) -> Result<(), PutError<S::Item>> {
        self.room_promised -= 1;
        if self.closed {
            return Err(PutError::Closed(item));
        }
        self.push(item);
        Ok(())
    }

    fn push(&mut self, item: S::Item) {
        self.store.push(item);
        self.unfinished += 1;
        self.settle();
    }

    /// Promises what is there to those who wait.
    fn settle(&mut self) {
        while self.store.len() > self.items_promised && self.getters.wake_one() {
            self.items_promised += 1;
        }
        while self.store.len().saturating_add(self.room_promised) < self.capacity
            && self.putters.wake_one()
        {
            self.room_promised += 1;
        }
        if self.store.len() > 0 {
            // They look again, and wait again if a getter was faster.
            self.peekers.take_all().wake();
        }
    }

    pub(super) fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity;
        self.settle();
    }

    /// Counts one task as done; false when all were already.
    pub(super) fn task_done(&mut self) -> bool {
        let Some(left) = self.unfinished.checked_sub(1) else {
            return false;
        };
        self.finish(left);
        true
    }

    fn finish(&mut self, left: usize) {
        self.unfinished = left;
        if left == 0 {
            self.joiners.take_all().wake();
        }
    }

    /// Takes no more items. Whoever waits comes and learns it.
    pub(super) fn close(&mut self) {
        self.closed = true;
        while self.getters.wake_one() {
            self.items_promised += 1;
        }
        while self.putters.wake_one() {
            self.room_promised += 1;
        }
        self.peekers.take_all().wake();
    }

    /// Takes out all items, to be dropped outside the lock, and counts them as
    /// done.
    pub(super) fn drain(&mut self) -> S {
        let items = std::mem::take(&mut self.store);
        self.finish(self.unfinished.saturating_sub(items.len()));
        self.settle();
        items
    }
}
