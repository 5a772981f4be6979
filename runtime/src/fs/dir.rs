//! What is in a folder.

use std::collections::VecDeque;
use std::fs::DirEntry;
use std::io;
use std::path::Path;

use crate::threadpool::run_io;

/// Entries that are read at once: few enough to hold, enough to make a trip to
/// the thread pool worth it.
const BATCH: usize = 128;

/// What is in a folder, in no particular order.
///
/// As [`std::fs::read_dir`], on the thread pool. The iterator suspends its
/// caller at times.
///
/// # Errors
///
/// As std's; while it goes on, the iterator's items.
///
/// # Examples
///
/// ```
/// use maypole_runtime::fs;
///
/// for entry in fs::read_dir("/proc/self")? {
///     assert!(entry?.path().starts_with("/proc"));
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    let path = path.as_ref().to_owned();
    let rest = run_io(move || std::fs::read_dir(path))?;
    Ok(ReadDir {
        batch: VecDeque::new(),
        rest: Some(rest),
    })
}

/// The iterator of [`read_dir`].
///
/// See the example of [`read_dir`].
#[derive(Debug)]
pub struct ReadDir {
    batch: VecDeque<io::Result<DirEntry>>,
    // `None` at the end.
    rest: Option<std::fs::ReadDir>,
}

impl Iterator for ReadDir {
    type Item = io::Result<DirEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.batch.is_empty() {
            let mut rest = self.rest.take()?;
            let more = run_io(move || {
                let batch: VecDeque<_> = rest.by_ref().take(BATCH).collect();
                Ok((batch, rest))
            });
            match more {
                Ok((batch, rest)) => {
                    self.rest = (batch.len() == BATCH).then_some(rest);
                    self.batch = batch;
                }
                Err(error) => return Some(Err(error)),
            }
        }
        self.batch.pop_front()
    }
}
