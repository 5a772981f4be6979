//! The alarms of one hub, ordered by time. Pure data: no clock, no descriptor.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::Alarm;

/// Names one alarm that was set, so that it can be cancelled.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct AlarmKey {
    at: Instant,
    // Tells alarms of one instant apart and keeps them in the order of setting.
    number: u64,
}

impl AlarmKey {
    /// When the alarm is due.
    pub(crate) fn at(self) -> Instant {
        self.at
    }

    /// The hub whose alarm it is.
    #[cfg(feature = "native")]
    pub(super) fn hub(self) -> usize {
        (self.number >> HUB_SHIFT) as usize
    }
}

/// The hub's number lies above this bit, the alarm's below: 2^48 alarms take
/// years to set.
const HUB_SHIFT: u32 = 48;

/// A set of alarms. Setting, cancelling and taking are O(log n).
pub(super) struct Alarms {
    due: BTreeMap<AlarmKey, Arc<dyn Alarm>>,
    next: u64,
}

impl Alarms {
    /// An empty set, for one of several hubs.
    pub(super) const fn for_hub(hub: usize) -> Self {
        Self {
            due: BTreeMap::new(),
            next: (hub as u64) << HUB_SHIFT,
        }
    }

    /// Adds an alarm for `at`.
    pub(super) fn insert(&mut self, at: Instant, alarm: Arc<dyn Alarm>) -> AlarmKey {
        let key = AlarmKey {
            at,
            number: self.next,
        };
        self.next += 1;
        self.due.insert(key, alarm);
        key
    }

    /// Removes an alarm; hands it out so that it is dropped outside any lock.
    pub(super) fn remove(&mut self, key: AlarmKey) -> Option<Arc<dyn Alarm>> {
        self.due.remove(&key)
    }

    /// Moves up to `most` alarms that are due at `now` into `out`, earliest first.
    pub(super) fn take_due(&mut self, now: Instant, most: usize, out: &mut Vec<Arc<dyn Alarm>>) {
        for _ in 0..most {
            match self.due.first_entry() {
                Some(first) if first.key().at <= now => out.push(first.remove()),
                _ => return,
            }
        }
    }

    /// When the next alarm is due.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.due.first_key_value().map(|(key, _)| key.at)
    }
}

impl fmt::Debug for Alarms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarms")
            .field("len", &self.due.len())
            .field("next_at", &self.next_at())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    struct Count(AtomicUsize);

    impl Alarm for Count {
        fn ring(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn alarm() -> Arc<dyn Alarm> {
        Arc::new(Count(AtomicUsize::new(0)))
    }

    #[test]
    fn takes_due_alarms_in_order_of_time_then_of_setting() {
        let start = Instant::now();
        let mut alarms = Alarms::for_hub(0);
        let late = alarm();
        let first = alarm();
        let second = alarm();
        alarms.insert(start + Duration::from_secs(2), late);
        alarms.insert(start + Duration::from_secs(1), first.clone());
        alarms.insert(start + Duration::from_secs(1), second.clone());

        let mut due = Vec::new();
        alarms.take_due(start, 10, &mut due);
        assert!(due.is_empty());

        alarms.take_due(start + Duration::from_secs(1), 10, &mut due);
        assert_eq!(due.len(), 2);
        assert!(Arc::ptr_eq(&due[0], &first));
        assert!(Arc::ptr_eq(&due[1], &second));
        assert_eq!(alarms.next_at(), Some(start + Duration::from_secs(2)));
    }

    #[test]
    fn a_cancelled_alarm_is_handed_back_once() {
        let start = Instant::now();
        let mut alarms = Alarms::for_hub(0);
        let key = alarms.insert(start, alarm());
        assert_eq!(key.at(), start);
        assert!(alarms.remove(key).is_some());
        assert!(alarms.remove(key).is_none());
        assert_eq!(alarms.next_at(), None);
    }

    #[test]
    fn take_due_stops_at_its_bound() {
        let start = Instant::now();
        let mut alarms = Alarms::for_hub(0);
        for _ in 0..5 {
            alarms.insert(start, alarm());
        }
        let mut due = Vec::new();
        alarms.take_due(start, 3, &mut due);
        assert_eq!(due.len(), 3);
        alarms.take_due(start, 3, &mut due);
        assert_eq!(due.len(), 5);
    }
}
