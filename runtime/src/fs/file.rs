//! Open files.

use std::fmt;
use std::fs::{Metadata, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::io::Errno;

use crate::lock::{Permit, Semaphore};
use crate::threadpool::run_io;

use super::OpenOptions;

/// Bytes of one read or write at most: the copy that the pool works on. A trip
/// to the pool costs as much as copying about this many.
const LARGEST: usize = 256 << 10;

/// A file, with the methods of [`std::fs::File`].
///
/// Each call runs on a thread of the default pool, on a buffer of its own of at
/// most 256 KiB, and suspends only its caller. Calls of one file run one after
/// the other, those of its clones included.
///
/// A kill or a time-out interrupts the caller; a call that has begun runs on.
/// What an interrupted read has read is there for the next one. Whether an
/// interrupted write has written cannot be known; no later call overtakes it.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Seek, Write};
/// use maypole_runtime::fs::File;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("note");
/// let mut file = File::options().read(true).write(true).create(true).open(path)?;
/// file.write_all(b"hello")?;
/// file.rewind()?;
/// let mut text = String::new();
/// file.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "tp_read")]
#[doc(alias = "FileObject")]
#[doc(alias = "FileObjectThread")]
pub struct File {
    shared: Arc<Shared>,
}

struct Shared {
    file: std::fs::File,
    // One permit: for the call whose turn it is, until it has ended, whatever
    // has become of its caller.
    turn: Semaphore,
    // What was read for callers who were gone when it came.
    left: Mutex<Vec<u8>>,
}

impl File {
    /// Opens a file to read it. Suspends only the caller; a kill or a time-out
    /// interrupts it.
    ///
    /// # Errors
    ///
    /// As std's.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{ErrorKind, Read};
    /// use maypole_runtime::fs::File;
    ///
    /// let mut file = File::open("/proc/self/comm")?;
    /// let mut name = String::new();
    /// file.read_to_string(&mut name)?;
    /// assert_eq!(File::open("/nowhere").unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::options().read(true).open(path)
    }

    /// Opens a file to write it; it is made, or emptied if it is there. Suspends
    /// only the caller; a kill or a time-out interrupts it, and the file may be
    /// there all the same.
    ///
    /// # Errors
    ///
    /// As std's.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Write;
    /// use maypole_runtime::fs::{self, File};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("note");
    /// File::create(&path)?.write_all(b"hello")?;
    /// assert_eq!(fs::read(&path)?, b"hello");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::options()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)
    }

    /// Other ways to open a file.
    ///
    /// See the example of [`File`].
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Writes all that was written to the disk, with what is known of the file.
    ///
    /// # Errors
    ///
    /// As std's.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Write;
    /// use maypole_runtime::fs::File;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("note");
    /// let mut file = File::create(path)?;
    /// file.write_all(b"worth keeping")?;
    /// file.sync_all()?; // other greenlets run meanwhile
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn sync_all(&self) -> io::Result<()> {
        self.run(std::fs::File::sync_all)
    }

    /// Writes all that was written to the disk.
    ///
    /// # Errors
    ///
    /// As std's.
    ///
    /// See the example of [`sync_all`](Self::sync_all).
    pub fn sync_data(&self) -> io::Result<()> {
        self.run(std::fs::File::sync_data)
    }

    /// Cuts the file off, or fills it up with zeros.
    ///
    /// # Errors
    ///
    /// As std's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::fs::File;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("zeros");
    /// let file = File::create(path)?;
    /// file.set_len(1000)?;
    /// assert_eq!(file.metadata()?.len(), 1000);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_len(&self, size: u64) -> io::Result<()> {
        self.run(move |file| file.set_len(size))
    }

    /// What the system knows of the file.
    ///
    /// # Errors
    ///
    /// As std's.
    ///
    /// See the example of [`set_len`](Self::set_len).
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.run(std::fs::File::metadata)
    }

    /// Says who may do what with the file.
    ///
    /// # Errors
    ///
    /// As std's.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::unix::fs::PermissionsExt;
    /// use maypole_runtime::fs::File;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("note");
    /// let file = File::create(path)?;
    /// file.set_permissions(PermissionsExt::from_mode(0o600))?;
    /// assert_eq!(file.metadata()?.permissions().mode() & 0o777, 0o600);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_permissions(&self, permissions: Permissions) -> io::Result<()> {
        self.run(move |file| file.set_permissions(permissions))
    }

    /// Another handle to the file. As with std, both have one position; here
    /// they have one descriptor too.
    ///
    /// # Errors
    ///
    /// None; std's signature.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Write;
    /// use maypole_runtime::fs::{self, File};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("note");
    /// let mut file = File::create(&path)?;
    /// file.write_all(b"one ")?;
    /// file.try_clone()?.write_all(b"position")?;
    /// assert_eq!(fs::read(&path)?, b"one position");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            shared: self.shared.clone(),
        })
    }

    /// Reads from a place in the file; the position stays.
    ///
    /// # Errors
    ///
    /// As std's.
    ///
    /// See the example of [`write_at`](Self::write_at).
    #[doc(alias = "pread")]
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let asked = buf.len().min(LARGEST);
        let data = self.run(move |file| {
            let mut data = vec![0; asked];
            let n = file.read_at(&mut data, offset)?;
            data.truncate(n);
            Ok(data)
        })?;
        buf[..data.len()].copy_from_slice(&data);
        Ok(data.len())
    }

    /// Writes to a place in the file; the position stays.
    ///
    /// # Errors
    ///
    /// As std's.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::fs::File;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("page");
    /// let file = File::options().read(true).write(true).create(true).open(path)?;
    /// file.write_at(b"here", 4096)?;
    /// let mut buf = [0; 4];
    /// assert_eq!(file.read_at(&mut buf, 4096)?, 4);
    /// assert_eq!(&buf, b"here");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "pwrite")]
    pub fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        let data = buf[..buf.len().min(LARGEST)].to_vec();
        self.run(move |file| file.write_at(&data, offset))
    }

    /// Runs `call` on the pool when its turn has come.
    fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&std::fs::File) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let permit = self.shared.turn.acquire()?;
        let shared = self.shared.clone();
        run_io(move || {
            let _until_it_has_ended = permit;
            shared.unread()?;
            call(&shared.file)
        })
    }

    /// Reads up to so many bytes.
    fn read_chunk(&self, asked: usize) -> io::Result<Chunk> {
        let permit = self.shared.turn.acquire()?;
        let mut chunk = Chunk {
            data: std::mem::take(&mut self.shared.left.lock()),
            shared: self.shared.clone(),
            _permit: permit,
        };
        if !chunk.data.is_empty() || asked == 0 {
            return Ok(chunk);
        }
        let asked = asked.min(LARGEST);
        run_io(move || {
            // Not in the chunk until it is read: dropped with it, it would count
            // as read.
            let mut data = vec![0; asked];
            let n = retried(|| (&chunk.shared.file).read(&mut data))?;
            data.truncate(n);
            chunk.data = data;
            Ok(chunk)
        })
    }

    fn read_some(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut chunk = self.read_chunk(buf.len())?;
        let n = chunk.data.len().min(buf.len());
        buf[..n].copy_from_slice(&chunk.data[..n]);
        chunk.data.drain(..n);
        Ok(n)
    }

    fn read_all(&self, buf: &mut Vec<u8>) -> io::Result<usize> {
        let before = buf.len();
        loop {
            let mut chunk = self.read_chunk(LARGEST)?;
            if chunk.data.is_empty() {
                return Ok(buf.len() - before);
            }
            buf.append(&mut chunk.data);
        }
    }

    fn read_text(&self, text: &mut String) -> io::Result<usize> {
        let mut all = Vec::new();
        self.read_all(&mut all)?;
        let all = String::from_utf8(all)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))?;
        text.push_str(&all);
        Ok(all.len())
    }

    fn write_some(&self, buf: &[u8]) -> io::Result<usize> {
        let data = buf[..buf.len().min(LARGEST)].to_vec();
        self.run(move |mut file| retried(|| file.write(&data)))
    }
}

impl Shared {
    /// Moves the position back to where the readers are: before what was read
    /// for nobody. To be called when it is one's turn.
    fn unread(&self) -> io::Result<()> {
        let mut left = self.left.lock();
        if left.is_empty() {
            return Ok(());
        }
        let back = i64::try_from(left.len()).unwrap_or(i64::MAX);
        match (&self.file).seek(SeekFrom::Current(-back)) {
            Ok(_) => left.clear(),
            // It has no position: what is left stays for the next read.
            Err(error) if error.raw_os_error() == Some(Errno::SPIPE.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// What was read, and the turn. What nobody has taken out of it when it is
/// dropped is left for the next reader.
struct Chunk {
    data: Vec<u8>,
    shared: Arc<Shared>,
    // Given back after the rest was left.
    _permit: Permit,
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if !self.data.is_empty() {
            *self.shared.left.lock() = std::mem::take(&mut self.data);
        }
    }
}

/// A call of the system that a signal may have interrupted.
fn retried<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

impl From<std::fs::File> for File {
    /// Takes over a file of std's.
    fn from(file: std::fs::File) -> Self {
        Self {
            shared: Arc::new(Shared {
                file,
                turn: Semaphore::new(1),
                left: Mutex::default(),
            }),
        }
    }
}

impl Read for File {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_some(buf)
    }

    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        self.read_all(buf)
    }

    fn read_to_string(&mut self, text: &mut String) -> io::Result<usize> {
        self.read_text(text)
    }
}

impl Read for &File {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_some(buf)
    }

    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        self.read_all(buf)
    }

    fn read_to_string(&mut self, text: &mut String) -> io::Result<usize> {
        self.read_text(text)
    }
}

impl Write for File {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_some(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for &File {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_some(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        (&*self).seek(to)
    }
}

impl Seek for &File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.run(move |mut file| file.seek(to))
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.file.as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.file.fmt(f)
    }
}
