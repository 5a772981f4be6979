//! Workers that end after so many requests.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use super::settings::Settings;

/// Counts requests until there have been enough.
#[derive(Debug)]
pub(super) struct Recycle {
    count: AtomicU64,
    // Zero for never.
    most: u64,
}

impl Recycle {
    pub(super) fn of(settings: &Settings) -> Self {
        let most = settings.max_requests as u64;
        let jitter = settings.max_requests_jitter as u64;
        let more = match jitter.checked_add(1) {
            Some(kinds) => chance() % kinds,
            None => chance(),
        };
        Self {
            count: AtomicU64::new(0),
            most: if most == 0 {
                0
            } else {
                most.saturating_add(more)
            },
        }
    }

    /// Counts a request; true for the one that is the last.
    pub(super) fn is_last(&self) -> bool {
        self.most > 0 && self.count.fetch_add(1, Ordering::Relaxed) + 1 == self.most
    }
}

/// A number by chance, good enough for a jitter: std seeds its hash maps with it.
fn chance() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recycle(most: usize, jitter: usize) -> Recycle {
        let mut settings = Settings::defaults();
        settings.max_requests = most;
        settings.max_requests_jitter = jitter;
        Recycle::of(&settings)
    }

    #[test]
    fn counts() {
        let never = recycle(0, 10);
        assert!((0..100).all(|_| !never.is_last()));
        let third = recycle(3, 0);
        let lasts: Vec<_> = (0..6).map(|_| third.is_last()).collect();
        assert_eq!(lasts, [false, false, true, false, false, false]);
    }

    #[test]
    fn jitter_stays_in_bounds() {
        for _ in 0..100 {
            let most = recycle(10, 5).most;
            assert!((10..=15).contains(&most), "{most}");
        }
        assert!(recycle(1, usize::MAX).most > 0);
    }
}
