//! How far the runs are, on stderr: a bar on a terminal, else a line for each.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::Instant;

/// Characters of the bar.
const WIDTH: usize = 30;
/// Goes to the line's begin and clears it.
const CLEAR: &str = "\r\x1b[K";

/// Counts runs.
pub(crate) struct Progress {
    total: usize,
    done: usize,
    start: Instant,
    is_terminal: bool,
}

impl Progress {
    pub(crate) fn new(total: usize) -> Self {
        Self {
            total,
            done: 0,
            start: Instant::now(),
            is_terminal: io::stderr().is_terminal(),
        }
    }

    /// Shows what runs now.
    pub(crate) fn begin(&self, what: impl Display) {
        if self.is_terminal {
            let filled = WIDTH * self.done / self.total.max(1);
            eprint!(
                "{CLEAR}[{:.<WIDTH$}] {}/{}{} {what}",
                "#".repeat(filled),
                self.done,
                self.total,
                self.left(),
            );
            let _ = io::stderr().flush(); // it is a decoration
        }
    }

    /// One run more is over. A terminal shows the next in place of this line.
    pub(crate) fn end(&mut self, line: impl Display) {
        self.done += 1;
        if !self.is_terminal {
            eprintln!("{line}");
        } else if self.done == self.total {
            eprint!("{CLEAR}");
        }
    }

    /// A line that stays.
    pub(crate) fn say(&self, line: impl Display) {
        let clear = if self.is_terminal { CLEAR } else { "" };
        eprintln!("{clear}{line}");
    }

    /// The time to go, if it can be guessed.
    fn left(&self) -> String {
        if self.done == 0 {
            return String::new();
        }
        let each = self.start.elapsed().as_secs_f64() / self.done as f64;
        let seconds = each * (self.total - self.done) as f64;
        match seconds {
            ..60.0 => format!(", {seconds:.0} s left"),
            _ => format!(", {:.0} min left", seconds / 60.0),
        }
    }
}
