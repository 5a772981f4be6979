//! The `Date` header line, RFC 9110 section 6.6.1, formatted once a second.

use std::cell::Cell;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

/// A whole `Date` line with its line end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct DateLine([u8; 37]);

impl DateLine {
    /// Returns the line for the current second.
    ///
    /// The last line is kept per thread: no lock, nothing shared between hubs, and no formatting
    /// but once a second. The call reads the clock (about 20 ns) and never suspends; a connection
    /// that answers a batch of requests needs only one.
    pub(crate) fn now() -> Self {
        thread_local! {
            static CACHE: Cell<DateCache> = const { Cell::new(DateCache::new()) };
        }
        CACHE.with(|cell| {
            let mut cache = cell.get();
            let second = cache.second;
            let line = cache.at(SystemTime::now());
            if cache.second != second {
                cell.set(cache);
            }
            line
        })
    }

    /// Returns the line as bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The line for one second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DateCache {
    second: u64,
    line: DateLine,
}

impl DateCache {
    /// Starts at the epoch.
    pub(crate) const fn new() -> Self {
        Self {
            second: 0,
            line: DateLine(*b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"),
        }
    }

    /// Returns the line for a point in time. Times outside the years 1970 to 9999 become the
    /// nearest of them.
    pub(crate) fn at(&mut self, time: SystemTime) -> DateLine {
        let second = time
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs().min(LAST_SECOND));
        if second != self.second {
            self.second = second;
            self.line = format(UNIX_EPOCH + Duration::from_secs(second));
        }
        self.line
    }
}

/// The last second of the year 9999; httpdate panics beyond.
const LAST_SECOND: u64 = 253_402_300_799;

#[cold]
fn format(time: SystemTime) -> DateLine {
    let mut text = String::with_capacity(37);
    // Writing to a string does not fail.
    let _ = write!(text, "Date: {}\r\n", HttpDate::from(time));
    let mut line = DateCache::new().line;
    if let Ok(bytes) = <[u8; 37]>::try_from(text.as_bytes()) {
        line.0 = bytes;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_caches() {
        let mut cache = DateCache::new();
        for (second, text) in [
            (0, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"),
            (784_111_777, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
            (784_111_778, "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n"),
            (784_111_777, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
            (LAST_SECOND, "Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n"),
            (LAST_SECOND + 1, "Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n"),
        ] {
            for millis in [0, 999] {
                let time = UNIX_EPOCH + Duration::from_secs(second) + Duration::from_millis(millis);
                assert_eq!(cache.at(time).as_bytes(), text.as_bytes());
            }
        }
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(cache.at(before), DateCache::new().line);
    }

    #[test]
    fn follows_the_clock() {
        let mut cache = DateCache::new();
        let before = cache.at(SystemTime::now());
        let now = DateLine::now();
        let after = cache.at(SystemTime::now());
        assert!(now == before || now == after || before != after);
    }
}
