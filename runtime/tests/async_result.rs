//! Behaviours of the part about AsyncResult of gevent's own test__event.py, and
//! of test__greenlet.py where it links to one, written anew.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use maypole_runtime::{
    AsyncResult, AsyncResultError, Event, Greenlet, GreenletError, iwait, sleep, spawn, wait,
    wait_timeout, with_timeout,
};
use support::line::let_them_wait;
use support::{Log, in_greenlet};

const LONG: Duration = Duration::from_secs(600);

/// So short that nothing can come in time.
const SOON: Duration = Duration::from_millis(2);

fn is_killed(error: Option<&(dyn Error + Send + Sync + 'static)>) -> bool {
    let error = error.and_then(|error| error.downcast_ref::<GreenletError>());
    error.is_some_and(GreenletError::is_killed)
}

#[test]
fn it_is_set_once() {
    in_greenlet(|| {
        let result = AsyncResult::new();
        assert!(!result.is_set() && !result.is_successful());
        assert!(result.value().is_none() && result.error().is_none());
        assert_eq!(result.set("first"), Ok(()));
        assert_eq!(result.set("second"), Err("second"));
        assert!(!result.set_error("late"));
        assert!(result.is_set() && result.is_successful());
        assert_eq!(result.value(), Some(&"first"));
        assert_eq!(*result.get().unwrap(), "first");
        assert_eq!(result.wait(), Some(&"first"));
        assert_eq!(*result.get_timeout(SOON).unwrap(), "first");
        assert_eq!(*result.try_get().unwrap(), "first", "as often as one likes");
    });
}

#[test]
fn an_error_comes_to_all_who_get_it() {
    in_greenlet(|| {
        let result = AsyncResult::<u8>::new();
        let theirs = result.clone();
        let getter = spawn(move || theirs.get().copied());
        let_them_wait();
        assert!(result.set_error(io::Error::from(io::ErrorKind::BrokenPipe)));
        assert!(!result.set_error("another"));
        assert_eq!(result.set(1), Err(1));
        for got in [getter.get().unwrap(), result.get().copied()] {
            let error = got.unwrap_err();
            let cause = error.failure().unwrap().downcast_ref::<io::Error>();
            assert_eq!(cause.unwrap().kind(), io::ErrorKind::BrokenPipe);
            assert_eq!(error.to_string(), cause.unwrap().to_string());
        }
        assert!(result.is_set() && !result.is_successful());
        // Who only waits is not bothered with it.
        assert_eq!(result.wait(), None);
        assert_eq!(result.wait_timeout(LONG), None);
        assert!(result.error().is_some());
    });
}

#[test]
fn without_waiting_it_is_not_set() {
    in_greenlet(|| {
        let result = AsyncResult::<u8>::new();
        assert!(matches!(result.try_get(), Err(AsyncResultError::NotSet)));
        assert!(matches!(
            result.get_timeout(Duration::ZERO),
            Err(AsyncResultError::NotSet)
        ));
        assert!(matches!(
            result.get_timeout(SOON),
            Err(AsyncResultError::NotSet)
        ));
        assert_eq!(result.wait_timeout(SOON), None);
    });
}

#[test]
fn getters_are_woken_in_turn() {
    in_greenlet(|| {
        let (result, order) = (AsyncResult::new(), Log::new());
        let getters: Vec<Greenlet<()>> = (0..10)
            .map(|number| {
                let (result, order) = (result.clone(), order.clone());
                let getter = spawn(move || {
                    assert_eq!(*result.get().unwrap(), 'x');
                    order.note(number);
                });
                let_them_wait(); // it stands in line before the next
                getter
            })
            .collect();
        result.set('x').unwrap();
        wait(&getters);
        assert_eq!(order.take(), Vec::from_iter(0..10));
    });
}

#[test]
fn a_killed_or_late_getter_leaves_the_others_alone() {
    in_greenlet(|| {
        let result = AsyncResult::new();
        let theirs = [(); 3].map(|()| result.clone());
        let [killed, patient, late] = theirs;
        let killed = spawn(move || killed.get().copied());
        let late = spawn(move || late.get_timeout(SOON).is_err());
        let patient = spawn(move || patient.get().copied());
        let_them_wait();
        killed.kill();
        assert!(late.get().unwrap());
        result.set(3).unwrap();
        assert_eq!(patient.get().unwrap().unwrap(), 3);
        assert!(killed.get().unwrap_err().is_killed());
    });
}

#[test]
fn a_timeout_of_the_greenlet_passes_through() {
    in_greenlet(|| {
        let result = AsyncResult::<u8>::new();
        assert!(with_timeout(SOON, || result.get().copied()).is_err());
        assert!(with_timeout(SOON, || result.wait().copied()).is_err());
        assert!(with_timeout(SOON, || result.get_timeout(LONG).copied()).is_err());
        // Its own comes first and is not the greenlet's.
        let own = with_timeout(LONG, || result.get_timeout(SOON).copied());
        assert!(matches!(own, Ok(Err(AsyncResultError::NotSet))));
    });
}

/// Gets a result when dropped, and tells what came of it.
struct GetsInDrop {
    result: AsyncResult<u8>,
    refused: Arc<AtomicBool>,
}

impl Drop for GetsInDrop {
    fn drop(&mut self) {
        let refused = matches!(self.result.get(), Err(AsyncResultError::Unwinding));
        assert_eq!(self.result.wait(), None);
        self.refused.store(refused, Ordering::SeqCst);
    }
}

#[test]
fn a_greenlet_that_unwinds_is_refused_a_wait_and_gets_what_is_there() {
    in_greenlet(|| {
        let (result, refused) = (AsyncResult::new(), Arc::new(AtomicBool::new(false)));
        let gets = GetsInDrop {
            result: result.clone(),
            refused: refused.clone(),
        };
        let killed = spawn(move || {
            let _gets = gets;
            sleep(LONG);
        });
        let_them_wait();
        killed.kill();
        assert!(refused.load(Ordering::SeqCst));

        let sees = Arc::new(AtomicBool::new(false));
        result.set(1).unwrap();
        struct Sees(AsyncResult<u8>, Arc<AtomicBool>);
        impl Drop for Sees {
            fn drop(&mut self) {
                self.1
                    .store(self.0.get().is_ok_and(|one| *one == 1), Ordering::SeqCst);
            }
        }
        let look = Sees(result, sees.clone());
        let killed = spawn(move || {
            let _look = look;
            sleep(LONG);
        });
        let_them_wait();
        killed.kill();
        assert!(sees.load(Ordering::SeqCst));
    });
}

#[test]
fn one_can_wait_for_it_together_with_others() {
    in_greenlet(|| {
        let (first, second) = (AsyncResult::<u8>::new(), AsyncResult::<u8>::new());
        let event = Event::new();
        assert!(wait_timeout([&first, &second], SOON).is_empty());
        let setter = {
            let (first, second, event) = (first.clone(), second.clone(), event.clone());
            spawn(move || {
                second.set_error("no");
                event.set();
                first.set(1).unwrap();
            })
        };
        let order: Vec<bool> = iwait([&first, &second])
            .map(|result| result.is_successful())
            .collect();
        assert_eq!(order, [false, true]);
        assert_eq!(wait([&first, &second]).len(), 2, "what has come, at once");
        assert!(event.is_set());
        setter.get().unwrap();
    });
}

#[test]
fn it_takes_the_end_of_a_greenlet() {
    in_greenlet(|| {
        let returned = AsyncResult::from(spawn(|| 5));
        assert_eq!(*returned.get().unwrap(), 5);

        let panicked = AsyncResult::<u8>::from(spawn(|| panic!("mine")));
        let error = panicked.get().unwrap_err();
        assert_eq!(error.to_string(), "greenlet panicked: mine");
        let error = error.failure().unwrap().downcast_ref::<GreenletError>();
        assert!(error.unwrap().is_panic());

        let sleeper = spawn(|| sleep(LONG));
        let handle = sleeper.handle().clone();
        let killed = AsyncResult::from(sleeper);
        assert!(!killed.is_set());
        handle.kill();
        killed.wait();
        assert!(is_killed(killed.error()));

        // Not even begun.
        let idle = spawn(|| 1);
        idle.start_kill();
        let killed = AsyncResult::from(idle);
        killed.wait();
        assert!(is_killed(killed.error()));

        // Ended before.
        let ended = spawn(|| "done");
        ended.join();
        let late = AsyncResult::new();
        ended.link_to(&late);
        assert_eq!(*late.get().unwrap(), "done");
    });
}

#[test]
fn a_link_to_it_that_is_taken_back_leaves_it_alone() {
    in_greenlet(|| {
        let go = Event::new();
        let theirs = go.clone();
        let greenlet = spawn(move || theirs.wait());
        let handle = greenlet.handle().clone();
        let result = AsyncResult::new();
        let link = greenlet.link_to(&result);
        assert!(handle.has_links());
        assert!(handle.unlink(link));
        go.set();
        handle.join();
        let_them_wait();
        assert!(!result.is_set());
    });
}

#[test]
fn one_that_is_set_before_keeps_what_it_has() {
    in_greenlet(|| {
        let result = AsyncResult::new();
        let greenlet = spawn(|| 2);
        let handle = greenlet.handle().clone();
        greenlet.link_to(&result);
        result.set(1).unwrap();
        handle.join();
        let_them_wait();
        assert_eq!(*result.get().unwrap(), 1);
    });
}

#[test]
fn the_last_clone_gives_the_value_away() {
    in_greenlet(|| {
        let result = AsyncResult::new();
        result.set(String::from("mine")).unwrap();
        let other = result.clone();
        let result = result.try_into_value().unwrap_err();
        drop(other);
        assert_eq!(result.try_into_value().unwrap(), "mine");
        assert!(AsyncResult::<u8>::new().try_into_value().is_err());
    });
}

#[test]
fn threads_and_greenlets_wait_for_the_same() {
    support::set_up();
    for _ in 0..50 {
        let result = AsyncResult::new();
        let greenlets: Vec<_> = (0..3)
            .map(|_| {
                let result = result.clone();
                spawn(move || *result.get().unwrap())
            })
            .collect();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let result = result.clone();
                thread::spawn(move || *result.get().unwrap())
            })
            .collect();
        let setter = result.clone();
        let setter = thread::spawn(move || setter.set(7).unwrap());
        assert_eq!(result.get_timeout(support::PATIENCE).copied().ok(), Some(7));
        setter.join().unwrap();
        assert!(greenlets.into_iter().all(|one| one.get().unwrap() == 7));
        assert!(threads.into_iter().all(|one| one.join().unwrap() == 7));
    }
}
