//! How a file is opened.

use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::threadpool::run_io;

use super::File;

/// How a file is opened, as [`std::fs::OpenOptions`].
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use maypole_runtime::fs::OpenOptions;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("log");
/// let mut log = OpenOptions::new().append(true).create(true).open(path)?;
/// log.write_all(b"a line\n")?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions(std::fs::OpenOptions);

/// Options of std's, with std's names.
macro_rules! options {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ty;)+) => {$(
        $(#[doc = $doc])+
        pub fn $name(&mut self, value: $kind) -> &mut Self {
            self.0.$name(value);
            self
        }
    )+};
}

impl OpenOptions {
    /// Nothing is set: one of reading, writing and appending must be.
    ///
    /// See the example of [`OpenOptions`].
    #[must_use]
    #[expect(clippy::new_without_default, reason = "std's has none")]
    pub fn new() -> Self {
        Self(std::fs::OpenOptions::new())
    }

    options! {
        /// To be read.
        read: bool;
        /// To be written; what is there is overwritten from the beginning.
        write: bool;
        /// To be written at its end, wherever that is then.
        append: bool;
        /// To be emptied first.
        truncate: bool;
        /// To be made if it is not there.
        create: bool;
        /// To be made; an error if it is there.
        create_new: bool;
        /// With these permissions when it is made.
        mode: u32;
        /// With these flags of the system's `open` as well.
        custom_flags: i32;
    }

    /// Opens a file, on the thread pool. Suspends only the caller; a kill or a
    /// time-out interrupts it.
    ///
    /// # Errors
    ///
    /// As std's.
    ///
    /// See the example of [`OpenOptions`].
    pub fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let (options, path) = (self.0.clone(), path.as_ref().to_owned());
        run_io(move || options.open(path)).map(File::from)
    }
}
