//! Pauses between failures, each longer than the last.

use std::fmt::Display;
use std::time::Duration;

use maypole_runtime::sleep;

/// The first pause after an error; gevent's.
const MIN: Duration = Duration::from_millis(10);

/// The longest pause: out of descriptors, a server tries once a second. gevent's.
const MAX: Duration = Duration::from_secs(1);

/// How long a server pauses after an error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delays {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        Self { min: MIN, max: MAX }
    }
}

/// A pause that doubles from error to error, until something works.
#[derive(Debug)]
pub(crate) struct Pause {
    delays: Delays,
    next: Duration,
}

impl Pause {
    pub(crate) fn new(delays: Delays) -> Self {
        Self {
            delays,
            next: delays.min,
        }
    }

    /// Says what went wrong, and sleeps. Even without a pause others get a turn.
    pub(crate) fn after(&mut self, label: &str, what: &str, error: &dyn Display) {
        log::warn!("{label}: {what}, pausing for {:?}: {error}", self.next);
        sleep(self.next);
        self.next = (self.next * 2).min(self.delays.max);
    }

    pub(crate) fn reset(&mut self) {
        self.next = self.delays.min;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_its_bound() {
        let delays = Delays {
            min: Duration::from_millis(1),
            max: Duration::from_millis(3),
        };
        let mut pause = Pause::new(delays);
        for expected in [2, 3, 3] {
            pause.after("test", "on purpose", &"error");
            assert_eq!(pause.next, Duration::from_millis(expected));
        }
        pause.reset();
        assert_eq!(pause.next, Duration::from_millis(1));
    }
}
