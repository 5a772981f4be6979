//! The first engine: coroutines of the `may` crate.
//!
//! Used of `may`: spawning, its run queue, its epoll loop, `Blocker` and
//! `CoIo::wait_io`. Not used, because measured to be unsound or unfair: its
//! timed waits (they resume on another thread), `cancel`, `JoinHandle::join`,
//! `scope`, and its sockets. Timers, kills, joins, time slices and the limit on
//! greenlets are our own.
//!
//! Where data lives: everything hub-wide in [`hub::HubState`], leaked at start;
//! what belongs to one greenlet in its [`GreenletParker`] and, while it runs,
//! in the [`Frame`](super::current::Frame) on its own stack; the time slice in thread-locals
//! of the hub's thread, touched only by functions that do not suspend.

mod clock;
mod hub;
mod park;
mod registration;
mod spawn;
mod turn;

pub(crate) use clock::{cancel_alarm, set_alarm};
pub(super) use hub::hub_count;
pub(super) use hub::{is_started, refuse_threads};
pub(super) use park::GreenletParker;
pub(super) use registration::{Claim, Registration};
pub(crate) use spawn::spawn;
pub(crate) use turn::{tick, yield_now};

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};
    use std::time::{Duration, Instant};

    use super::super::current;

    #[test]
    fn a_coroutine_of_somebody_else_is_no_greenlet() {
        let seen = crate::spawn(|| {
            let seen = Arc::new(AtomicU8::new(0));
            let theirs = seen.clone();
            // SAFETY: it touches no thread-local across a suspension: it does not
            // suspend, and its stack is as large as others'.
            let _foreign = unsafe {
                may::coroutine::spawn(move || {
                    let found = if current::is_greenlet() { 2 } else { 1 };
                    theirs.store(found, Ordering::SeqCst);
                })
            };
            // It runs while this one is suspended.
            let deadline = Instant::now() + Duration::from_secs(30);
            while seen.load(Ordering::SeqCst) == 0 && Instant::now() < deadline {
                crate::sleep(Duration::from_millis(1));
            }
            seen.load(Ordering::SeqCst)
        });
        assert_eq!(
            seen.get().unwrap(),
            1,
            "2: it was taken for the one before it"
        );
    }
}
