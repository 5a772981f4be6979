//! Clients that ask without pause, and count.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex; // ThreadSanitizer can follow it

use crate::program::ask;
use crate::support::{pause, until};

/// Clients at the same time.
const CLIENTS: usize = 4;

/// Clients on plain threads, each with a connection for each question, until it is
/// ended.
pub(crate) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    ends: AtomicBool,
    served: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

impl Load {
    /// Starts them; they have been served when it returns.
    #[track_caller]
    pub(crate) fn start(addr: SocketAddr) -> Self {
        let shared = Arc::<Shared>::default();
        let threads = (0..CLIENTS).map(|_| {
            let shared = shared.clone();
            thread::spawn(move || {
                while !shared.ends.load(Ordering::SeqCst) {
                    match ask(addr, "who") {
                        Ok(_) => drop(shared.served.fetch_add(1, Ordering::SeqCst)),
                        Err(error) => shared.failures.lock().push(error.to_string()),
                    }
                    pause();
                }
            })
        });
        let threads = threads.collect();
        let load = Self { shared, threads };
        load.goes_on();
        load
    }

    /// Waits until many more have been served.
    #[track_caller]
    pub(crate) fn goes_on(&self) {
        let before = self.shared.served.load(Ordering::SeqCst);
        until("more answers", || {
            self.shared.served.load(Ordering::SeqCst) > before + 100
        });
    }

    /// Ends them; how many were served, and what went wrong.
    pub(crate) fn end(mut self) -> (usize, Vec<String>) {
        self.shared.ends.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
        let failures = std::mem::take(&mut *self.shared.failures.lock());
        (self.shared.served.load(Ordering::SeqCst), failures)
    }

    /// Ends them; none has failed.
    #[track_caller]
    pub(crate) fn none_failed(self, event: &str) {
        let (served, failures) = self.end();
        println!("{event}: {served} served, {} failed", failures.len());
        assert!(
            failures.is_empty(),
            "{event}: {failures:?}, {served} were served"
        );
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
    }
}
