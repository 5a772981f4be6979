//! Greenlets that stand in line, and one that unwinds.
#![allow(dead_code, reason = "each suite uses its part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use maypole_runtime::{Greenlet, sleep, spawn, yield_now};

use super::Log;

/// Lets greenlets that were spawned reach their first wait.
pub fn let_them_wait() {
    for _ in 0..10 {
        yield_now();
    }
}

/// Greenlets that call `enter` with their numbers, standing in line in this
/// order. It notes the number when it is in.
pub fn in_line(
    enter: impl Fn(u32, &Log<u32>) + Clone + Send + 'static,
) -> (Vec<Greenlet<()>>, Log<u32>) {
    let log = Log::new();
    let line = (0..5)
        .map(|number| {
            let (enter, log) = (enter.clone(), log.clone());
            let one = spawn(move || enter(number, &log));
            let_them_wait();
            one
        })
        .collect();
    (line, log)
}

pub fn end_of_line(line: Vec<Greenlet<()>>, log: &Log<u32>) -> Vec<u32> {
    for one in line {
        one.get().unwrap();
    }
    log.take()
}

/// What `look` sees in a destructor while a kill unwinds its greenlet.
pub fn seen_while_unwinding(look: impl FnOnce() -> bool + Send + 'static) -> bool {
    struct Looks<F: FnOnce() -> bool>(Option<F>, Arc<AtomicBool>);
    impl<F: FnOnce() -> bool> Drop for Looks<F> {
        fn drop(&mut self) {
            let look = self.0.take().unwrap();
            self.1.store(look(), Ordering::SeqCst);
        }
    }
    let seen = Arc::new(AtomicBool::new(false));
    let looks = Looks(Some(look), seen.clone());
    let killed = spawn(move || {
        let _looks = looks;
        sleep(Duration::MAX);
    });
    let_them_wait();
    killed.kill();
    seen.load(Ordering::SeqCst)
}
