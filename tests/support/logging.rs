//! What the library logs.

use std::net::SocketAddr;

use parking_lot::{Mutex, const_mutex};

/// One message.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) level: log::Level,
    pub(crate) target: String,
    pub(crate) text: String,
}

struct Capture {
    records: Mutex<Vec<Record>>,
}

static CAPTURE: Capture = Capture {
    records: const_mutex(Vec::new()),
};

impl log::Log for Capture {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("maypole")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            self.records.lock().push(Record {
                level: record.level(),
                target: record.target().to_owned(),
                text: record.args().to_string(),
            });
        }
    }

    fn flush(&self) {}
}

/// Begins to keep what is logged, in this process.
pub(crate) fn capture_log() {
    if log::set_logger(&CAPTURE).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
}

/// The messages so far in which `part` occurs: if it ends in a number, the whole
/// number, as another client's port may begin like this one's.
pub(crate) fn logged(part: &str) -> Vec<Record> {
    let is_digit = |c: char| c.is_ascii_digit();
    let occurs = |text: &str| {
        text.match_indices(part).any(|(at, _)| {
            !(part.ends_with(is_digit) && text[at + part.len()..].starts_with(is_digit))
        })
    };
    let records = CAPTURE.records.lock();
    records
        .iter()
        .filter(|record| occurs(&record.text))
        .cloned()
        .collect()
}

/// The messages so far about a connection. The client's address alone does not
/// tell: another one, of another server's, may have had its port.
pub(crate) fn logged_about(server: SocketAddr, client: SocketAddr) -> Vec<Record> {
    let server = server.to_string();
    let mut records = logged(&client.to_string());
    records.retain(|record| record.text.contains(&server));
    records
}
