//! Stacks that wait for their next greenlet.
//!
//! The last one used is taken first, so those at the bottom are the coldest.
//! Those that nobody has taken for a while give their memory back, and keep
//! their place and their guard.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::slab::{Slabs, Stack};

/// Stacks that a hub keeps for itself; more go back to the slabs, for all.
const AT_HAND: usize = 4096;

/// How long stacks lie unused before their memory goes back to the kernel, at
/// least. Getting it again costs about a microsecond each.
const LIE: Duration = Duration::from_secs(1);

/// Stacks whose memory goes back between two polls, at half a microsecond each.
const PER_POLL: usize = 32;

/// Busy polls between two looks at the stacks; an idle hub looks by the clock.
const POLLS_PER_LOOK: u32 = 256;

/// Stacks that keep their pages however long they lie: a burst of this size
/// finds its memory ready. One to two pages each.
const WARM: usize = 256;

/// A list of unused stacks.
#[derive(Debug, Default)]
pub(super) struct Stacks {
    unused: Vec<Stack>,
    // So many at the bottom have given their pages back.
    cold: usize,
    // The fewest that lay here since the last look.
    low: usize,
}

impl Stacks {
    pub(super) const fn new() -> Self {
        Self {
            unused: Vec::new(),
            cold: 0,
            low: 0,
        }
    }

    /// The stack that was used last.
    pub(super) fn take(&mut self) -> Option<Stack> {
        let stack = self.unused.pop();
        let left = self.unused.len();
        self.cold = self.cold.min(left);
        self.low = self.low.min(left);
        stack
    }

    /// Adds a stack that has just been used.
    pub(super) fn give(&mut self, stack: Stack) {
        self.unused.push(stack);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.unused.len()
    }

    /// Whether all have given back what they are to.
    pub(super) fn is_tidy(&self) -> bool {
        self.cold >= self.unused.len().saturating_sub(WARM)
    }

    /// Gives back the pages of up to `most` stacks that nobody has taken since
    /// the last look. True when those are done; the next look begins then.
    pub(super) fn tidy(&mut self, most: usize) -> bool {
        let idle = self.low.saturating_sub(WARM);
        let end = idle.min(self.cold.saturating_add(most));
        if self.cold < end {
            self.unused[self.cold..end].iter().for_each(Stack::discard);
            self.cold = end;
        }
        let done = self.cold >= idle;
        if done {
            self.low = self.unused.len();
        }
        done
    }
}

thread_local! {
    // Stacks of greenlets that ended here: the next are spawned without a lock.
    static HERE: RefCell<Stacks> = const { RefCell::new(Stacks::new()) };
}

/// A stack of a greenlet that ended on this hub.
pub(super) fn take() -> Option<Stack> {
    HERE.with_borrow_mut(Stacks::take)
}

/// Keeps a stack for this hub, or hands it back when it has enough.
pub(super) fn give(stack: Stack) -> Option<Stack> {
    HERE.with_borrow_mut(|stacks| {
        if stacks.len() < AT_HAND {
            stacks.give(stack);
            None
        } else {
            Some(stack)
        }
    })
}

/// When the hub looks at the stacks that lie unused.
#[derive(Default)]
pub(super) struct Housekeeping {
    polls: u32,
    next: Option<Instant>,
}

impl Housekeeping {
    /// Has some stacks give their memory back if it is time. Says when it wants
    /// to be called again, should the hub be idle till then.
    pub(super) fn look(&mut self, idle: bool, slabs: &Slabs) -> Option<Instant> {
        self.polls = self.polls.wrapping_add(1);
        if !idle && !self.polls.is_multiple_of(POLLS_PER_LOOK) {
            return None;
        }
        if HERE.with_borrow(Stacks::is_tidy) && slabs.is_tidy() {
            self.next = None;
            return None;
        }
        let now = Instant::now();
        let next = self.next.unwrap_or(now + LIE);
        if now < next {
            self.next = Some(next);
            return self.next;
        }
        let mine = HERE.with_borrow_mut(|stacks| stacks.tidy(PER_POLL));
        let done = slabs.tidy(PER_POLL) && mine;
        // Until it is done it goes on at every poll, and an idle hub polls.
        self.next = Some(if done { now + LIE } else { now });
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "maps memory")]
    fn those_that_nobody_takes_give_their_pages_back() {
        let slabs = Slabs::new(64 * 1024, false);
        let mut stacks = Stacks::new();
        for _ in 0..WARM + 10 {
            let stack = slabs.take().unwrap();
            stack.touch();
            stacks.give(stack);
        }
        assert!(!stacks.is_tidy());
        // None has lain here for a whole look yet.
        assert!(stacks.tidy(100));
        assert!(stacks.unused.iter().all(|stack| stack.resident() > 0));

        // Five are used meanwhile.
        let used: Vec<Stack> = (0..5).filter_map(|_| stacks.take()).collect();
        used.into_iter().for_each(|stack| stacks.give(stack));
        assert!(!stacks.tidy(3), "five are to go, three at a time");
        assert!(stacks.tidy(3));
        let resident: Vec<usize> = stacks.unused.iter().map(Stack::resident).collect();
        assert!(
            resident[..5].iter().all(|pages| *pages == 0),
            "{resident:?}"
        );
        assert!(resident[5..].iter().all(|pages| *pages > 0), "{resident:?}");

        assert!(stacks.tidy(100));
        assert!(stacks.is_tidy());
        // Used again, they are as good as new.
        while let Some(stack) = stacks.take() {
            stack.touch();
            slabs.give(stack);
        }
    }
}
