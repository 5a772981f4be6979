//! Behaviours of gevent's own test__semaphore.py and of the parts about semaphores
//! of lock_tests.py, written anew.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use maypole_runtime::lock::{BoundedSemaphore, Permit, Semaphore};
use maypole_runtime::{Event, iwait, spawn, wait, wait_timeout, with_timeout};
use support::in_greenlet;
use support::line::{end_of_line, in_line, let_them_wait, seen_while_unwinding};

/// So short that nothing can come in time.
const SOON: Duration = Duration::from_millis(2);

#[test]
fn a_semaphore_counts() {
    in_greenlet(|| {
        let semaphore = Semaphore::new(2);
        let permits: [Permit; 2] = [(), ()].map(|()| semaphore.acquire().unwrap());
        assert!(semaphore.is_locked());
        assert!(semaphore.try_acquire().is_none());
        assert!(semaphore.acquire_timeout(SOON).is_none());
        drop(permits);
        assert_eq!(semaphore.available(), 2);
        semaphore.add_permits(1);
        assert_eq!(semaphore.available(), 3, "beyond what it began with");
        semaphore.acquire().unwrap().forget();
        assert_eq!(semaphore.available(), 2);
        assert!(!semaphore.is_locked());
    });
}

#[test]
fn permits_go_out_in_turn() {
    in_greenlet(|| {
        let semaphore = Semaphore::new(0);
        let theirs = semaphore.clone();
        let (line, log) = in_line(move |number, log| {
            theirs.acquire().unwrap().forget();
            log.note(number);
        });
        semaphore.add_permits(1);
        assert!(semaphore.try_acquire().is_none(), "it is the first one's");
        semaphore.add_permits(4);
        assert_eq!(end_of_line(line, &log), [0, 1, 2, 3, 4]);
        assert_eq!(semaphore.available(), 0);
    });
}

#[test]
fn a_killed_or_late_waiter_takes_no_permit_along() {
    in_greenlet(|| {
        let semaphore = Semaphore::new(0);
        let (first, second) = (semaphore.clone(), semaphore.clone());
        let killed = spawn(move || first.acquire().is_ok());
        let late = spawn(move || second.acquire_timeout(SOON).is_none());
        let_them_wait();
        killed.kill();
        assert!(late.get().unwrap());
        assert!(with_timeout(SOON, || semaphore.acquire().is_ok()).is_err());
        semaphore.add_permits(1);
        assert!(semaphore.try_acquire().is_some());
    });
}

#[test]
fn a_permit_and_a_kill_at_once_lose_nothing() {
    in_greenlet(|| {
        for _ in 0..100 {
            let semaphore = Semaphore::new(0);
            let theirs = semaphore.clone();
            let waiter = spawn(move || drop(theirs.acquire().unwrap()));
            let_them_wait();
            semaphore.add_permits(1);
            waiter.kill();
            assert_eq!(semaphore.available(), 1);
        }
    });
}

#[test]
fn looking_waits_and_takes_nothing() {
    in_greenlet(|| {
        let semaphore = Semaphore::new(1);
        assert_eq!(semaphore.wait(), 1, "at once");
        let permit = semaphore.acquire().unwrap();
        assert_eq!(semaphore.wait_timeout(SOON), 0);
        assert!(with_timeout(SOON, || semaphore.wait()).is_err());
        let lookers = [(); 3].map(|()| {
            let theirs = semaphore.clone();
            spawn(move || theirs.wait())
        });
        let theirs = semaphore.clone();
        let taker = spawn(move || drop(theirs.acquire().unwrap()));
        let_them_wait();
        assert!(lookers.iter().all(|looker| !looker.is_finished()));
        drop(permit); // to the taker, who gives it back
        taker.get().unwrap();
        for looker in lookers {
            assert_eq!(looker.get().unwrap(), 1);
        }
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn one_can_wait_for_permits_together_with_others() {
    in_greenlet(|| {
        let (semaphore, bounded) = (Semaphore::new(0), BoundedSemaphore::new(1));
        let event = Event::new();
        bounded.acquire().unwrap();
        assert!(wait_timeout([&semaphore], SOON).is_empty());
        assert!(wait_timeout([&bounded], SOON).is_empty());
        let (theirs, tells, others) = (semaphore.clone(), event.clone(), bounded.clone());
        let giver = spawn(move || {
            theirs.add_permits(1);
            others.release().unwrap();
            tells.set();
        });
        let mut one = iwait([&semaphore]);
        assert!(one.next().is_some() && one.next().is_none());
        assert_eq!(wait([&bounded]).len(), 1);
        assert_eq!(wait([&event]).len(), 1);
        // Watching has taken nothing.
        assert_eq!((semaphore.available(), bounded.available()), (1, 1));
        giver.get().unwrap();
    });
}

#[test]
fn a_bounded_semaphore_notices_what_is_too_much() {
    in_greenlet(|| {
        let semaphore = BoundedSemaphore::new(2);
        assert!(semaphore.release().is_err());
        semaphore.acquire().unwrap();
        assert!(semaphore.try_acquire());
        assert!(semaphore.is_locked());
        assert!(!semaphore.try_acquire() && !semaphore.acquire_timeout(SOON));
        assert_eq!(semaphore.wait_timeout(SOON), 0);
        semaphore.release().unwrap();
        assert_eq!((semaphore.wait(), semaphore.available()), (1, 1));
        semaphore.release().unwrap();
        let error = semaphore.release().unwrap_err();
        assert!(
            error
                .to_string()
                .contains("more often than it was acquired")
        );
        assert_eq!(semaphore.available(), 2, "nothing has changed");
    });
}

#[test]
fn bounded_permits_go_out_in_turn() {
    in_greenlet(|| {
        let semaphore = BoundedSemaphore::new(1);
        semaphore.acquire().unwrap();
        let theirs = semaphore.clone();
        let (line, log) = in_line(move |number, log| {
            theirs.acquire().unwrap();
            log.note(number);
        });
        line[1].kill();
        for _ in 0..4 {
            semaphore.release().unwrap();
            let_them_wait();
        }
        let mut line = line;
        assert!(line.remove(1).get().unwrap_err().is_killed());
        assert_eq!(end_of_line(line, &log), [0, 2, 3, 4]);
        semaphore.release().unwrap();
        assert!(semaphore.release().is_err());
    });
}

#[test]
fn who_unwinds_is_refused_a_wait() {
    in_greenlet(|| {
        let (semaphore, bounded) = (Semaphore::new(0), BoundedSemaphore::new(0));
        assert!(seen_while_unwinding(move || semaphore.wait() == 0
            && semaphore.acquire().is_err()
            && bounded.acquire().is_err()));
        let (semaphore, bounded) = (Semaphore::new(1), BoundedSemaphore::new(1));
        assert!(seen_while_unwinding(move || semaphore.wait() == 1
            && semaphore.acquire().is_ok()
            && bounded.acquire().is_ok()));
    });
}
