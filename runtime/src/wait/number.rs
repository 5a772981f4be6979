//! Small numbers for greenlets: the smallest that no living one has.

use std::collections::BTreeSet;

use parking_lot::Mutex;

static NUMBERS: Mutex<Numbers> = Mutex::new(Numbers {
    free: BTreeSet::new(),
    next: 1,
});

struct Numbers {
    // Below `next`, and nobody's.
    free: BTreeSet<u32>,
    next: u32,
}

/// A number that is its owner's until this is dropped.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Number(u32);

impl Number {
    /// Takes the smallest that is free.
    pub(super) fn take() -> Self {
        let mut numbers = NUMBERS.lock();
        let smallest = numbers.free.pop_first();
        Self(smallest.unwrap_or_else(|| {
            let next = numbers.next;
            // More than fit into memory never live at once.
            numbers.next = next.wrapping_add(1);
            next
        }))
    }

    pub(super) fn get(&self) -> u32 {
        self.0
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        let mut numbers = NUMBERS.lock();
        numbers.free.insert(self.0);
        // The set holds no more than it must.
        while numbers.next > 1 && numbers.free.last() == Some(&(numbers.next - 1)) {
            numbers.free.pop_last();
            numbers.next -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_free_one_is_given_next() {
        // Other tests take numbers too: only what holds beside them is checked.
        let held: Vec<Number> = (0..100).map(|_| Number::take()).collect();
        let mut seen: Vec<u32> = held.iter().map(Number::get).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 100);
        let largest = seen[99];
        drop(held);
        assert!(Number::take().get() <= largest);
    }
}
