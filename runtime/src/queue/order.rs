//! In what order a queue gives its items out.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;

/// The order in which a queue gives its items out: [`Fifo`], [`Lifo`] or
/// [`Priority`]. Nobody else can implement it.
///
/// See the example of [`Queue`](super::Queue).
pub trait Order: sealed::Store {}

impl<S: sealed::Store> Order for S {}

pub(super) mod sealed {
    /// Where a queue keeps its items.
    #[allow(unnameable_types, reason = "that nobody can name it is the point")]
    pub trait Store: Default {
        type Item;
        fn push(&mut self, item: Self::Item);
        fn pop(&mut self) -> Option<Self::Item>;
        fn first(&self) -> Option<&Self::Item>;
        fn len(&self) -> usize;
    }
}

/// The order of a [`Queue`](super::Queue): first in, first out.
///
/// See the example of [`Queue`](super::Queue).
pub struct Fifo<T>(VecDeque<T>);

/// The order of a [`LifoQueue`](super::LifoQueue): last in, first out.
///
/// See the example of [`LifoQueue`](super::LifoQueue).
pub struct Lifo<T>(Vec<T>);

/// The order of a [`PriorityQueue`](super::PriorityQueue): the least first.
///
/// See the example of [`PriorityQueue`](super::PriorityQueue).
pub struct Priority<T>(BinaryHeap<Reverse<T>>);

impl<T> sealed::Store for Fifo<T> {
    type Item = T;

    fn push(&mut self, item: T) {
        self.0.push_back(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop_front()
    }

    fn first(&self) -> Option<&T> {
        self.0.front()
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T> sealed::Store for Lifo<T> {
    type Item = T;

    fn push(&mut self, item: T) {
        self.0.push(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    fn first(&self) -> Option<&T> {
        self.0.last()
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T: Ord> sealed::Store for Priority<T> {
    type Item = T;

    fn push(&mut self, item: T) {
        self.0.push(Reverse(item));
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop().map(|Reverse(item)| item)
    }

    fn first(&self) -> Option<&T> {
        self.0.peek().map(|Reverse(item)| item)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Default for Lifo<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord> Default for Priority<T> {
    fn default() -> Self {
        Self(BinaryHeap::new())
    }
}

impl<T> fmt::Debug for Fifo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fifo({} items)", self.0.len())
    }
}

impl<T> fmt::Debug for Lifo<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lifo({} items)", self.0.len())
    }
}

impl<T> fmt::Debug for Priority<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Priority({} items)", self.0.len())
    }
}
