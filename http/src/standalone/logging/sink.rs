//! Where lines are written.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::fchown;
use std::path::Path;

use log::Record;
use systemd_journal_logger::JournalLog;

use super::Owner;
use super::syslog::Syslog;
use crate::standalone::settings::Settings;

/// The standard stream that `-` stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standard {
    Out,
    Err,
}

/// Where the lines of one log go.
pub(super) enum Sink {
    Nowhere,
    Standard(Standard),
    File(File),
    Syslog(Syslog),
    Journal(JournalLog),
}

impl Sink {
    /// Opens `target`, the value of the setting `name`.
    pub(super) fn open(
        name: &str,
        target: &str,
        standard: Standard,
        settings: &Settings,
        owner: Owner,
    ) -> io::Result<Self> {
        let opened = match target {
            "" => Ok(Self::Nowhere),
            "-" => Ok(Self::Standard(standard)),
            "syslog" => Syslog::open(settings).map(Self::Syslog),
            "journald" => journal(settings).map(Self::Journal),
            path => append(path.as_ref(), owner).map(Self::File),
        };
        opened.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("{name}: cannot open {target:?}: {error}"),
            )
        })
    }

    /// Whether it notes time and level itself.
    pub(super) fn has_own_form(&self) -> bool {
        matches!(self, Self::Syslog(_) | Self::Journal(_))
    }

    /// Writes one line, at once and whole: several processes may write to one
    /// file. There is nobody to tell that it failed.
    pub(super) fn write(&self, record: &Record<'_>, text: &fmt::Arguments<'_>) {
        thread_local! {
            static LINE: RefCell<String> = const { RefCell::new(String::new()) };
        }
        let _ = match self {
            Self::Nowhere => Ok(()),
            Self::Journal(journal) => {
                let with_text = Record::builder()
                    .metadata(record.metadata().clone())
                    .args(*text)
                    .module_path(record.module_path())
                    .file(record.file())
                    .line(record.line())
                    .build();
                journal.journal_send(&with_text)
            }
            Self::Syslog(syslog) => syslog.send(record.level(), text.to_string()),
            Self::Standard(_) | Self::File(_) => LINE.with(|line| {
                // Taken while it is filled: what is shown might log itself.
                let mut text_line = line.take();
                text_line.clear();
                let _ = writeln!(text_line, "{text}");
                let written = self.write_bytes(text_line.as_bytes());
                line.replace(text_line);
                written
            }),
        };
    }

    fn write_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Standard(Standard::Out) => {
                let mut out = io::stdout().lock();
                out.write_all(bytes)?;
                out.flush()
            }
            Self::Standard(Standard::Err) => io::stderr().lock().write_all(bytes),
            Self::File(file) => (&mut &*file).write_all(bytes),
            Self::Nowhere | Self::Syslog(_) | Self::Journal(_) => Ok(()),
        }
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nowhere => "Nowhere",
            Self::Standard(_) => "Standard",
            Self::File(_) => "File",
            Self::Syslog(_) => "Syslog",
            Self::Journal(_) => "Journal",
        })
    }
}

fn append(path: &Path, (user, group): Owner) -> io::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    if user.is_some() || group.is_some() {
        // A process that may not has opened it all the same.
        let _ = fchown(&file, user, group);
    }
    Ok(file)
}

fn journal(settings: &Settings) -> io::Result<JournalLog> {
    let journal = JournalLog::new()?;
    Ok(match &settings.syslog_prefix {
        Some(name) => journal.with_syslog_identifier(name.clone()),
        None => journal,
    })
}
