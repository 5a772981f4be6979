//! The functions of `std::fs` that are one call.

use std::fs::{Metadata, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use crate::threadpool::run_io;

/// Functions of std's with one path.
macro_rules! of_a_path {
    ($($(#[doc = $doc:literal])+ $name:ident -> $out:ty;)+) => {$(
        $(#[doc = $doc])+
        ///
        #[doc = concat!("As [`std::fs::", stringify!($name), "`], on the thread pool.")]
        ///
        /// # Errors
        ///
        /// As std's.
        pub fn $name(path: impl AsRef<Path>) -> io::Result<$out> {
            let path = path.as_ref().to_owned();
            run_io(move || std::fs::$name(path))
        }
    )+};
}

of_a_path! {
    /// Reads a whole file.
    read -> Vec<u8>;
    /// Reads a whole file of text.
    read_to_string -> String;
    /// What the system knows of a file; symbolic links are followed.
    metadata -> Metadata;
    /// What the system knows of a file; symbolic links are not followed.
    symlink_metadata -> Metadata;
    /// The absolute path, without symbolic links.
    canonicalize -> PathBuf;
    /// Where a symbolic link leads.
    read_link -> PathBuf;
    /// Whether there is such a file.
    exists -> bool;
    /// Makes a folder.
    create_dir -> ();
    /// Makes a folder, and those that it lies in.
    create_dir_all -> ();
    /// Removes an empty folder.
    remove_dir -> ();
    /// Removes a folder with all that is in it.
    remove_dir_all -> ();
    /// Removes a file.
    remove_file -> ();
}

/// Functions of std's with two paths.
macro_rules! of_two_paths {
    ($($(#[doc = $doc:literal])+ $name:ident -> $out:ty;)+) => {$(
        $(#[doc = $doc])+
        ///
        #[doc = concat!("As [`std::fs::", stringify!($name), "`], on the thread pool.")]
        ///
        /// # Errors
        ///
        /// As std's.
        pub fn $name(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<$out> {
            let (from, to) = (from.as_ref().to_owned(), to.as_ref().to_owned());
            run_io(move || std::fs::$name(from, to))
        }
    )+};
}

of_two_paths! {
    /// Copies a file with its permissions: the number of bytes.
    copy -> u64;
    /// Gives a file another name; one that has it already is replaced.
    rename -> ();
    /// Gives a file a second name.
    hard_link -> ();
}

/// Writes a whole file; one that is there is replaced.
///
/// As [`std::fs::write`], on the thread pool.
///
/// # Errors
///
/// As std's.
///
/// # Examples
///
/// ```
/// use maypole_runtime::fs;
///
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("note");
/// fs::write(&path, "hello")?;
/// assert_eq!(fs::read(&path)?, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let (path, contents) = (path.as_ref().to_owned(), contents.as_ref().to_vec());
    run_io(move || std::fs::write(path, contents))
}

/// Says who may do what with a file.
///
/// As [`std::fs::set_permissions`], on the thread pool.
///
/// # Errors
///
/// As std's.
///
/// # Examples
///
/// ```
/// use std::os::unix::fs::PermissionsExt;
/// use maypole_runtime::fs;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("note");
/// fs::write(&path, "for me alone")?;
/// fs::set_permissions(&path, PermissionsExt::from_mode(0o600))?;
/// assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn set_permissions(path: impl AsRef<Path>, permissions: Permissions) -> io::Result<()> {
    let path = path.as_ref().to_owned();
    run_io(move || std::fs::set_permissions(path, permissions))
}
