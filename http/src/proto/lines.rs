//! Header lines of a response, remembered for the next one.

use super::response::write_line;

/// Header lines in wire form, all of them checked.
///
/// An application sends mostly the same lines with each response. So a line that is the same as
/// in the response before, at the same place, is neither checked nor written again: comparing is
/// cheaper.
#[derive(Debug)]
pub(super) struct Lines {
    /// Those of this response, then those of an earlier one that may come again.
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    /// How many lines and bytes of these are this response's.
    count: usize,
    end: usize,
}

/// Where a line's name and the line itself end.
#[derive(Clone, Copy, Debug)]
struct Mark {
    name: usize,
    line: usize,
}

impl Default for Lines {
    /// With room for what most responses have: it is made where the stack is not deep, and the
    /// allocator takes some of that.
    fn default() -> Self {
        Self {
            bytes: Vec::with_capacity(BYTES),
            marks: Vec::with_capacity(LINES),
            count: 0,
            end: 0,
        }
    }
}

impl Lines {
    /// The lines of this response.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    /// Adds the line if the response before had the same one here. `value` must be as it was
    /// [pushed](Self::push).
    #[inline]
    pub(super) fn repeat(&mut self, name: &[u8], value: &[u8]) -> bool {
        let Some(&Mark { name: colon, line }) = self.marks.get(self.count) else {
            return false;
        };
        // The places of colon and line end are compared too: a name or a value could hold them.
        if colon != self.end + name.len() || line != colon + value.len() + OVERHEAD {
            return false;
        }
        if self.bytes.get(self.end..colon) != Some(name)
            || self.bytes.get(colon + 2..line - 2) != Some(value)
        {
            return false;
        }
        self.count += 1;
        self.end = line;
        true
    }

    /// Adds a line that has been checked.
    pub(super) fn push(&mut self, name: &str, value: &[u8]) {
        self.bytes.truncate(self.end);
        self.marks.truncate(self.count);
        write_line(&mut self.bytes, name, value);
        self.marks.push(Mark {
            name: self.end + name.len(),
            line: self.bytes.len(),
        });
        self.count += 1;
        self.end = self.bytes.len();
    }

    /// Begins the next response; these lines may come again.
    pub(super) fn rewind(&mut self) {
        self.count = 0;
        self.end = 0;
    }

    /// Begins the next response; none of these lines is known any more.
    pub(super) fn forget(&mut self) {
        self.rewind();
        self.bytes.clear();
        self.marks.clear();
    }

    /// Gives the memory of all lines back if it is more than most responses need.
    pub(super) fn shrink(&mut self) {
        if self.bytes.capacity() > MOST_BYTES || self.marks.capacity() > MOST_LINES {
            *self = Self::default();
        }
    }
}

/// Room for a few lines. Held by each connection, an idle one too.
const BYTES: usize = 120;
const LINES: usize = 4;

/// What an idle connection keeps at most: more than most responses have, less than what the
/// connection itself takes.
const MOST_BYTES: usize = 1024;
const MOST_LINES: usize = 32;

/// The colon, the space and the line end.
const OVERHEAD: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn known(lines: &[(&str, &str)]) -> Lines {
        let mut known = Lines::default();
        for (name, value) in lines {
            known.push(name, value.as_bytes());
        }
        known.rewind();
        known
    }

    #[test]
    fn the_same_lines_come_again() {
        let mut lines = known(&[("A", "b"), ("C", ""), ("D", "e")]);
        assert!(lines.as_bytes().is_empty());
        assert!(lines.repeat(b"A", b"b"));
        assert!(lines.repeat(b"C", b""));
        assert_eq!(lines.as_bytes(), b"A: b\r\nC: \r\n");
        assert!(lines.repeat(b"D", b"e"));
        assert!(!lines.repeat(b"D", b"e"));
        assert_eq!(lines.as_bytes(), b"A: b\r\nC: \r\nD: e\r\n");
    }

    #[test]
    fn another_line_takes_the_place_of_the_rest() {
        let mut lines = known(&[("A", "b"), ("C", "d"), ("E", "f")]);
        assert!(lines.repeat(b"A", b"b"));
        assert!(!lines.repeat(b"C", b"D"));
        lines.push("C", b"D");
        assert_eq!(lines.as_bytes(), b"A: b\r\nC: D\r\n");
        // What stood behind it is another response's.
        assert!(!lines.repeat(b"E", b"f"));
        lines.rewind();
        assert!(lines.repeat(b"A", b"b"));
        assert!(lines.repeat(b"C", b"D"));
    }

    #[test]
    fn nothing_passes_for_a_line_that_was_checked_in_other_parts() {
        let lines = [("A", "b"), ("C", "d")];
        for (name, value) in [
            ("A: b\r\nC", "d"),
            ("A", "b\r\nC: d"),
            ("A: b\r\nC: d\r\n", ""),
            ("A: b", ""),
            ("A:", "b"),
            ("", "A: b"),
            ("A", " b"),
            ("A", ""),
            ("a", "b"),
            ("C", "d"),
        ] {
            let mut known = known(&lines);
            assert!(!known.repeat(name.as_bytes(), value.as_bytes()), "{name:?}");
            assert!(known.as_bytes().is_empty());
        }
    }

    #[test]
    fn few_lines_are_kept_at_rest_and_many_are_not() {
        let mut few = known(&[("A", "b"), ("C", "d")]);
        few.shrink();
        assert!(few.repeat(b"A", b"b"));
        let long = "e".repeat(MOST_BYTES);
        let mut many = known(&[("A", "b"), ("C", &long)]);
        many.shrink();
        assert!(!many.repeat(b"A", b"b"));
        assert!(many.bytes.capacity() <= MOST_BYTES);
        let mut many = known(&[("A", "b"); MOST_LINES + 1]);
        many.shrink();
        assert!(!many.repeat(b"A", b"b"));
    }

    #[test]
    fn what_is_forgotten_does_not_come_again() {
        let mut lines = known(&[("A", "b")]);
        lines.forget();
        assert!(!lines.repeat(b"A", b"b"));
        assert!(lines.as_bytes().is_empty());
    }
}
