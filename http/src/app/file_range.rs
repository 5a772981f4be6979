//! Which bytes of a file a range means.

use std::io;
use std::ops::{Bound, Range, RangeBounds};

/// The bytes that `range` takes of a file of this length.
///
/// # Errors
///
/// `InvalidInput` for a range that is not within the file.
pub(super) fn resolve(range: &impl RangeBounds<u64>, len: u64) -> io::Result<Range<u64>> {
    let start = match range.start_bound() {
        Bound::Included(start) => Some(*start),
        Bound::Excluded(before) => before.checked_add(1),
        Bound::Unbounded => Some(0),
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.checked_add(1),
        Bound::Excluded(end) => Some(*end),
        Bound::Unbounded => Some(len),
    };
    match (start, end) {
        (Some(start), Some(end)) if start <= end && end <= len => Ok(start..end),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a range within the file",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (range, len, bytes) in [
            ((Bound::Unbounded, Bound::Unbounded), 5, Some(0..5)),
            ((Bound::Unbounded, Bound::Unbounded), 0, Some(0..0)),
            ((Bound::Included(2), Bound::Unbounded), 5, Some(2..5)),
            ((Bound::Included(5), Bound::Unbounded), 5, Some(5..5)),
            ((Bound::Included(6), Bound::Unbounded), 5, None),
            ((Bound::Included(1), Bound::Included(4)), 5, Some(1..5)),
            ((Bound::Included(1), Bound::Included(5)), 5, None),
            ((Bound::Excluded(1), Bound::Excluded(5)), 5, Some(2..5)),
            ((Bound::Included(3), Bound::Excluded(2)), 5, None),
            ((Bound::Excluded(u64::MAX), Bound::Unbounded), 5, None),
            ((Bound::Unbounded, Bound::Included(u64::MAX)), 5, None),
        ] {
            assert_eq!(resolve(&range, len).ok(), bytes, "{range:?} of {len}");
        }
    }
}
