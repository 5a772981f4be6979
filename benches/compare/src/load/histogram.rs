//! A log-linear histogram of durations, to within one part in 64.

use std::time::Duration;

/// Buckets per power of two.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Enough for any number of nanoseconds in 64 bits.
const BUCKETS: usize = (64 - STEP_BITS as usize + 1) * STEPS as usize;

/// Counts of durations.
pub(super) struct Histogram {
    buckets: Box<[u64]>,
    count: u64,
    max: Duration,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            buckets: vec![0; BUCKETS].into_boxed_slice(),
            count: 0,
            max: Duration::ZERO,
        }
    }

    /// Counts `times` occurrences of a duration.
    pub(super) fn record(&mut self, duration: Duration, times: u64) {
        if times == 0 {
            return;
        }
        self.buckets[bucket(duration.as_nanos() as u64)] += times;
        self.count += times;
        self.max = self.max.max(duration);
    }

    /// The duration that this share of those recorded does not exceed.
    pub(super) fn quantile(&self, share: f64) -> Duration {
        let rank = (share * self.count as f64).ceil() as u64;
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank && seen > 0 {
                return Duration::from_nanos(middle(index as u64));
            }
        }
        Duration::ZERO
    }

    /// The longest duration recorded, exactly.
    pub(super) fn max(&self) -> Duration {
        self.max
    }
}

/// The first two times `STEPS` values have a bucket each; from there on every
/// power of two has `STEPS` buckets.
fn bucket(nanos: u64) -> usize {
    let shift = (u64::BITS - nanos.leading_zeros()).saturating_sub(STEP_BITS + 1);
    (u64::from(shift) * STEPS + (nanos >> shift)) as usize
}

/// The value in the middle of a bucket.
fn middle(index: u64) -> u64 {
    let shift = (index / STEPS).saturating_sub(1);
    let lowest = (index - shift * STEPS) << shift;
    lowest + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_narrow_and_in_order() {
        let mut previous = 0;
        for value in (0..2000)
            .chain((11..64).map(|bit| 1 << bit))
            .chain([u64::MAX])
        {
            let index = bucket(value);
            assert!(index >= previous && index < BUCKETS, "{value}");
            assert!(
                middle(index as u64).abs_diff(value) <= value / 64,
                "{value}"
            );
            previous = index;
        }
    }

    #[test]
    fn quantiles() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.quantile(0.5), Duration::ZERO);
        histogram.record(Duration::from_nanos(10), 98);
        histogram.record(Duration::from_nanos(20), 1);
        histogram.record(Duration::from_nanos(30), 1);
        assert_eq!(histogram.quantile(0.50), Duration::from_nanos(10));
        assert_eq!(histogram.quantile(0.99), Duration::from_nanos(20));
        assert_eq!(histogram.max(), Duration::from_nanos(30));
    }
}
