//! The way from coroutines of `may` to greenlets.
//!
//! A coroutine that is no greenlet must call nothing of the runtime, `spawn`
//! included: who runs is known of greenlets only, so the runtime would take the
//! coroutine for the greenlet that ran before it. So requests are put into a
//! queue of std's, and a greenlet, woken through a pipe, spawns one for each.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use maypole_runtime::{Builder, io as hub_io};

/// What is to be done in a greenlet of its own.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// Passes jobs on.
pub(super) struct Door {
    jobs: mpsc::Sender<Job>,
    bell: io::PipeWriter,
    is_rung: Arc<AtomicBool>,
}

impl Door {
    /// Starts a greenlet that spawns others, until this is dropped.
    ///
    /// # Errors
    ///
    /// When no more descriptors or greenlets can be had.
    pub(super) fn open() -> io::Result<Self> {
        let (jobs, coming) = mpsc::channel();
        let (heard, bell) = io::pipe()?;
        let is_rung = Arc::new(AtomicBool::new(false));
        let rung = Arc::clone(&is_rung);
        let mut heard = hub_io::PipeReader::try_from(heard)?;
        let doorman = move || {
            let mut byte = [0];
            while matches!(heard.read(&mut byte), Ok(1..)) {
                // Before looking: who comes after the last look rings again.
                rung.store(false, Ordering::SeqCst);
                coming.try_iter().for_each(spawn);
            }
        };
        drop(Builder::new().name("minihttp").spawn(doorman)?);
        let door = Self {
            jobs,
            bell,
            is_rung,
        };
        Ok(door)
    }

    /// Hands a job over. It is dropped unseen when no greenlet can be had for it.
    /// Never suspends, and calls nothing of the runtime.
    pub(super) fn hand(&self, job: Job) {
        if self.jobs.send(job).is_err() || self.is_rung.swap(true, Ordering::SeqCst) {
            return;
        }
        // Never more than one byte waits in the pipe, so it has room for it.
        let _ = (&self.bell).write(&[1]);
    }
}

fn spawn(job: Job) {
    if let Err(error) = Builder::new().name("minihttp").spawn(job) {
        log::error!("no greenlet for a request: {error}");
    }
}
