//! Header lines that are kept for good.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// How many lines an answer has room for; one more makes `may_minihttp` panic.
const MAX_LINES: usize = 16;

/// What a kept line takes beside its bytes: its place in the table, and what the
/// allocator adds.
const OVERHEAD: usize = 64;

/// The lines that answers have had so far. `may_minihttp` takes none but
/// `'static` ones, so each different line stays in memory until the process ends.
#[derive(Debug)]
pub(super) struct Kept {
    most: usize,
    lines: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    known: HashSet<&'static str>,
    size: usize,
}

impl Kept {
    /// Room for so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            lines: Mutex::default(),
        }
    }

    /// These lines, kept, and no more of them than an answer has room for: the
    /// last one may be several. `None` when there is no room for a new one.
    pub(super) fn keep(&self, lines: &[&str]) -> Option<Vec<&'static str>> {
        if lines.len() <= MAX_LINES {
            return lines.iter().map(|line| self.keep_one(line)).collect();
        }
        let (first, rest) = lines.split_at(MAX_LINES - 1);
        let first = first.iter().copied().map(str::to_owned);
        let lines: Vec<String> = first.chain([rest.join("\r\n")]).collect();
        lines.iter().map(|line| self.keep_one(line)).collect()
    }

    fn keep_one(&self, line: &str) -> Option<&'static str> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lines.known.get(line) {
            return Some(known);
        }
        let size = lines.size.saturating_add(line.len() + OVERHEAD);
        if size > self.most {
            return None;
        }
        lines.size = size;
        let line: &'static str = Box::leak(Box::from(line));
        lines.known.insert(line);
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_line_is_kept_once() {
        let kept = Kept::new(1024);
        let one = kept.keep(&["a: 1", "b: 2"]).unwrap();
        let two = kept.keep(&["b: 2", "a: 1"]).unwrap();
        assert_eq!(one, ["a: 1", "b: 2"]);
        assert!(std::ptr::eq(one[0], two[1]));
    }

    #[test]
    fn what_is_beyond_the_limit_is_refused_and_the_rest_stays() {
        let kept = Kept::new(2 * (OVERHEAD + 4));
        assert!(kept.keep(&["a: 1", "b: 2"]).is_some());
        for n in 0..1000 {
            assert!(kept.keep(&[&format!("c: {n}")]).is_none());
        }
        assert!(kept.keep(&["b: 2"]).is_some());
        assert_eq!(kept.lines.lock().unwrap().known.len(), 2);
        assert!(Kept::new(0).keep(&[""]).is_none());
    }

    #[test]
    fn never_more_lines_than_there_is_room_for() {
        let kept = Kept::new(1024 * 1024);
        for count in 0..64 {
            let lines: Vec<_> = (0..count).map(|n| format!("x: {n}")).collect();
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            let given = kept.keep(&lines).unwrap();
            assert!(given.len() <= MAX_LINES);
            assert_eq!(given.join("\r\n"), lines.join("\r\n"));
        }
    }
}
