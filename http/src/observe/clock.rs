//! The time of day as access logs show it: local, formatted once a second.

use std::cell::RefCell;
use std::io::{self, Write as _};
use std::sync::OnceLock;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `2026-11-22 05:59:40`, gevent's.
const PLAIN: usize = 19;

/// `22/Nov/2026:05:59:40 +0100`, Apache's.
const APACHE: usize = 26;

/// The zone that the machine is in, read once for the process.
///
/// By a thread of its own: reading it takes more stack than a greenlet has, and
/// looks at files.
pub(super) fn zone() -> &'static TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    ZONE.get_or_init(|| {
        let read = thread::Builder::new()
            .name("time zone".to_owned())
            .spawn(TimeZone::system)
            .and_then(|thread| thread.join().map_err(|_| io::Error::other("it panicked")));
        read.unwrap_or_else(|error| {
            log::warn!("cannot read the time zone, logging in UTC: {error}");
            TimeZone::UTC
        })
    })
}

/// One second in both forms.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct LocalTime {
    plain: [u8; PLAIN],
    apache: [u8; APACHE],
}

impl LocalTime {
    /// The current second, where the machine is. Kept per thread, so that the
    /// zone is asked once a second.
    pub(crate) fn now() -> Self {
        thread_local! {
            static LAST: RefCell<Option<(u64, LocalTime)>> = const { RefCell::new(None) };
        }
        let second = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        LAST.with(|last| {
            let mut last = last.borrow_mut();
            match &*last {
                Some((at, time)) if *at == second => *time,
                _ => {
                    let time = Self::at(second, zone());
                    *last = Some((second, time));
                    time
                }
            }
        })
    }

    fn at(second: u64, zone: &TimeZone) -> Self {
        let timestamp = i64::try_from(second)
            .ok()
            .and_then(|second| Timestamp::from_second(second).ok())
            .unwrap_or(Timestamp::MAX);
        let time = timestamp.to_zoned_datetime(zone.clone());
        let mut shown = Self {
            plain: [b'?'; PLAIN],
            apache: [b'?'; APACHE],
        };
        // Both have the length that they have; a write that is too long is cut.
        let _ = write!(&mut shown.plain[..], "{}", time.strftime("%F %T"));
        let _ = write!(&mut shown.apache[..], "{}", time.strftime("%d/%b/%Y:%T %z"));
        shown
    }

    pub(crate) fn plain(&self) -> &str {
        str::from_utf8(&self.plain).unwrap_or_default()
    }

    /// The zone, as `+0100`.
    pub(crate) fn zone(&self) -> &str {
        self.apache()
            .split_once(' ')
            .map_or("+0000", |(_, zone)| zone)
    }

    /// `2026-11-22T05:59:40+01:00`, RFC 3339.
    pub(crate) fn iso(&self) -> String {
        let (date, time) = self.plain().split_once(' ').unwrap_or_default();
        let (hours, minutes) = self.zone().split_at_checked(3).unwrap_or(("+00", "00"));
        format!("{date}T{time}{hours}:{minutes}")
    }

    pub(super) fn apache(&self) -> &str {
        str::from_utf8(&self.apache).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let time = LocalTime::at(1_795_323_580, &zone);
        assert_eq!(time.plain(), "2026-11-22 05:59:40");
        assert_eq!(time.apache(), "22/Nov/2026:05:59:40 +0100");
        assert_eq!(time.zone(), "+0100");
        assert_eq!(time.iso(), "2026-11-22T05:59:40+01:00");
        let time = LocalTime::at(0, &TimeZone::UTC);
        assert_eq!(time.plain(), "1970-01-01 00:00:00");
        assert_eq!(time.apache(), "01/Jan/1970:00:00:00 +0000");
    }

    #[test]
    fn any_second_will_do() {
        let time = LocalTime::at(u64::MAX, &TimeZone::UTC);
        assert!(time.plain().starts_with("9999-12-3"), "{}", time.plain());
    }

    #[test]
    fn zones_have_summers() {
        let Ok(zone) = TimeZone::get("Europe/Zurich") else {
            return; // a machine without zones
        };
        let summer = LocalTime::at(1_783_000_000, &zone);
        assert!(summer.apache().ends_with("+0200"), "{}", summer.apache());
    }

    #[test]
    fn follows_the_clock() {
        assert_eq!(LocalTime::now().plain().len(), PLAIN);
        assert_eq!(LocalTime::now().apache().len(), APACHE);
    }
}
