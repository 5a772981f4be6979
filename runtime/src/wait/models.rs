//! The wait primitive under loom: every order in which the waiter, a waker and
//! an interrupter can take their steps. Run by `.ci/prove`.
//!
//! This is the code that runs, with the parker of plain threads; that of
//! greenlets has models of its own, beside it. So have the primitives that are
//! made of this one, which stand on the two.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use loom::thread;

use crate::engine::sync::{AtomicBool, explore};

use super::turns::Phase;
use super::{Ended, Interrupt, Interrupted, Strand, Wait, with_strand};

/// How a wait of the strand ended: by unwinding is `Err`.
pub(crate) fn outcome<T>(wait: impl FnOnce() -> T) -> Result<T, Interrupt> {
    catch_unwind(AssertUnwindSafe(wait))
        .map_err(|payload| payload.downcast::<Interrupted>().expect("an interrupt").0)
}

/// Runs `f` on another thread with a share of `shared`.
pub(crate) fn with<S, R>(
    shared: &Arc<S>,
    f: impl FnOnce(&S) -> R + 'static,
) -> thread::JoinHandle<R>
where
    S: 'static,
    R: 'static,
{
    let shared = shared.clone();
    thread::spawn(move || f(&shared))
}

/// The calling thread, for others.
pub(crate) fn me() -> Arc<Strand> {
    with_strand(Arc::clone)
}

/// Kills the calling thread from another one, at any moment from here on.
pub(crate) fn kill_me() -> thread::JoinHandle<()> {
    let me = me();
    thread::spawn(move || me.interrupt(Interrupt::Kill))
}

#[test]
fn one_of_waker_deadline_and_interrupt_ends_a_wait() {
    explore(|| {
        let strand = Arc::new(Strand::for_thread());
        let wait = Wait::begin(&strand).unwrap();
        let ticket = wait.ticket();
        let waker = thread::spawn(move || ticket.wake());
        let interrupter = {
            let strand = strand.clone();
            thread::spawn(move || strand.turns.end_current(Phase::Interrupted))
        };
        let timed_out = strand.turns.end(wait.turn, Phase::Woken);
        let woken = waker.join().unwrap();
        let interrupted = interrupter.join().unwrap();
        let winners = [timed_out, woken, interrupted]
            .into_iter()
            .filter(|won| *won);
        assert_eq!(winners.count(), 1);
        let phase = strand.turns.phase(wait.turn);
        assert_eq!(phase == Phase::Interrupted, interrupted);
    });
}

#[test]
fn a_ticket_used_wakes_the_waiter() {
    explore(|| {
        let strand = Arc::new(Strand::for_thread());
        let wait = Wait::begin(&strand).unwrap();
        let ticket = wait.ticket();
        let waker = thread::spawn(move || assert!(ticket.wake()));
        assert_eq!(wait.end(None), Ok(Ended::Woken));
        waker.join().unwrap();
    });
}

#[test]
fn a_waiter_that_begins_a_wait_misses_no_interrupt() {
    explore(|| {
        let strand = Arc::new(Strand::for_thread());
        let interrupter = {
            let strand = strand.clone();
            thread::spawn(move || strand.interrupt(Interrupt::Kill))
        };
        let ended = outcome(|| Wait::begin(&strand).unwrap().end(None));
        assert_eq!(ended, Err(Interrupt::Kill));
        interrupter.join().unwrap();
        // Delivered, and not once more.
        strand.interrupts.deliver_one();
    });
}

#[test]
fn a_nudged_waiter_sees_what_it_was_nudged_for() {
    explore(|| {
        let strand = Arc::new(Strand::for_thread());
        let said = Arc::new(AtomicBool::new(false));
        let nudger = {
            let (strand, said) = (strand.clone(), said.clone());
            thread::spawn(move || {
                said.store(true, Ordering::Relaxed);
                strand.nudge();
            })
        };
        let wait = Wait::begin(&strand).unwrap();
        if !said.load(Ordering::Relaxed) {
            strand.parker.park(None);
            assert!(said.load(Ordering::Relaxed));
        }
        drop(wait);
        nudger.join().unwrap();
    });
}

#[test]
fn a_waiter_between_two_waits_misses_no_interrupt() {
    explore(|| {
        let strand = Arc::new(Strand::for_thread());
        let interrupter = {
            let strand = strand.clone();
            thread::spawn(move || strand.interrupt(Interrupt::Timeout(1)))
        };
        let ended = outcome(|| {
            drop(Wait::begin(&strand).unwrap());
            Wait::begin(&strand).unwrap().end(None)
        });
        assert_eq!(ended, Err(Interrupt::Timeout(1)));
        interrupter.join().unwrap();
    });
}

#[test]
fn each_of_two_interrupts_is_delivered_once() {
    explore(|| {
        let strand = Arc::new(Strand::for_thread());
        let interrupters = [Interrupt::Kill, Interrupt::Timeout(1)].map(|interrupt| {
            let strand = strand.clone();
            thread::spawn(move || strand.interrupt(interrupt))
        });
        let mut seen = [0, 1].map(|_| {
            let ended = outcome(|| Wait::begin(&strand).unwrap().end(None));
            ended.expect_err("interrupted")
        });
        for interrupter in interrupters {
            interrupter.join().unwrap();
        }
        seen.sort_unstable_by_key(|interrupt| *interrupt != Interrupt::Kill);
        assert_eq!(seen, [Interrupt::Kill, Interrupt::Timeout(1)]);
        strand.interrupts.deliver_one();
    });
}

#[test]
fn an_interrupted_waiter_was_handed_nothing() {
    explore(|| {
        let strand = Arc::new(Strand::for_thread());
        let wait = Wait::begin(&strand).unwrap();
        let ticket = wait.ticket();
        let waker = thread::spawn(move || ticket.wake());
        let interrupter = {
            let strand = strand.clone();
            thread::spawn(move || strand.interrupt(Interrupt::Kill))
        };
        let ended = outcome(|| wait.end(None));
        let handed = waker.join().unwrap();
        interrupter.join().unwrap();
        // One that came too late for this wait is left for the next.
        let next = outcome(|| strand.interrupts.deliver_one());
        if handed {
            assert_eq!(ended, Ok(Ok(Ended::Woken)));
            assert_eq!(next, Err(Interrupt::Kill));
        } else {
            assert_eq!(ended, Err(Interrupt::Kill));
            assert_eq!(next, Ok(()));
        }
    });
}

#[test]
fn an_old_ticket_does_not_end_a_later_wait() {
    explore(|| {
        let strand = Arc::new(Strand::for_thread());
        let first = Wait::begin(&strand).unwrap();
        let old = first.ticket();
        let waker = thread::spawn(move || old.wake());
        drop(first);
        let second = Wait::begin(&strand).unwrap();
        waker.join().unwrap();
        assert!(second.ticket().wake());
        assert_eq!(second.end(None), Ok(Ended::Woken));
    });
}
