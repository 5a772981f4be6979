//! Items of a queue, until it is closed.

use super::base::BaseQueue;
use super::order::Order;

/// The items of a borrowed [`BaseQueue`], until it is closed. Waits for each.
///
/// See the example of [`BaseQueue::iter`].
#[derive(Debug)]
pub struct Iter<'a, T, S>
where
    S: Order<Item = T>,
{
    queue: &'a BaseQueue<T, S>,
}

/// The items of a [`BaseQueue`], until it is closed. Waits for each.
///
/// # Examples
///
/// ```
/// use maypole_runtime::queue::Queue;
///
/// let queue = Queue::with_items([1, 2]);
/// queue.close();
/// assert_eq!(queue.into_iter().collect::<Vec<_>>(), [1, 2]);
/// ```
#[derive(Debug)]
pub struct IntoIter<T, S>
where
    S: Order<Item = T>,
{
    queue: BaseQueue<T, S>,
}

impl<T, S: Order<Item = T>> Iterator for Iter<'_, T, S> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.queue.get().ok()
    }
}

impl<T, S: Order<Item = T>> Iterator for IntoIter<T, S> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.queue.get().ok()
    }
}

impl<'a, T, S: Order<Item = T>> IntoIterator for &'a BaseQueue<T, S> {
    type Item = T;
    type IntoIter = Iter<'a, T, S>;

    fn into_iter(self) -> Iter<'a, T, S> {
        Iter { queue: self }
    }
}

impl<T, S: Order<Item = T>> IntoIterator for BaseQueue<T, S> {
    type Item = T;
    type IntoIter = IntoIter<T, S>;

    fn into_iter(self) -> IntoIter<T, S> {
        IntoIter { queue: self }
    }
}
