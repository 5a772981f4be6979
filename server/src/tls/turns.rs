//! Who reads and who writes, where several greenlets share a connection.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use maypole_runtime::{Permit, Semaphore};

pub(super) struct Turns {
    reading: AtomicBool,
    /// Records must be sent in the order in which they were encrypted, so the turn is kept until they are sent.
    writing: Semaphore,
}

/// Ends when it is dropped.
pub(super) struct ReadTurn<'a>(&'a AtomicBool);

/// Ends when it is dropped.
pub(super) struct WriteTurn {
    _permit: Permit,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self {
            reading: AtomicBool::new(false),
            writing: Semaphore::new(1),
        }
    }

    /// # Errors
    ///
    /// `ResourceBusy` when somebody reads, as a plain socket has it.
    pub(super) fn read(&self) -> io::Result<ReadTurn<'_>> {
        if self.reading.swap(true, Ordering::Acquire) {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "another greenlet reads from this connection",
            ));
        }
        Ok(ReadTurn(&self.reading))
    }

    /// Waits until nobody else writes.
    ///
    /// # Errors
    ///
    /// `TimedOut` when the limit has passed.
    pub(super) fn write(&self, limit: Option<Duration>) -> io::Result<WriteTurn> {
        let permit = match limit {
            None => self.writing.acquire()?,
            Some(limit) => self
                .writing
                .acquire_timeout(limit)
                .ok_or(io::ErrorKind::TimedOut)?,
        };
        Ok(WriteTurn { _permit: permit })
    }

    pub(super) fn try_write(&self) -> Option<WriteTurn> {
        let permit = self.writing.try_acquire()?;
        Some(WriteTurn { _permit: permit })
    }
}

impl Drop for ReadTurn<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
