//! Events, results and ends of greenlets under loom: every order in which those
//! who wait and those who tell can take their steps. Run by `.ci/prove`. A
//! wake-up that is lost is a deadlock to loom, which reports it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::engine::sync::explore;
use crate::wait::models::{kill_me, me, outcome, with};
use crate::wait::{End, Outcome, Strand};
use crate::{AsyncResult, Event, wait, wait_timeout};

#[test]
fn all_who_wait_for_an_event_are_woken() {
    explore(|| {
        let event = Arc::new(Event::new());
        let others = [with(&event, Event::wait), with(&event, Event::wait)];
        event.set();
        for other in others {
            assert!(other.join().unwrap());
        }
        assert_eq!(event.waiters(), 0);
    });
}

#[test]
fn who_waits_when_it_is_set_and_cleared_is_woken() {
    explore(|| {
        let event = Arc::new(Event::new());
        let waiter = with(&event, Event::wait);
        let waits = event.waiters() == 1;
        event.set();
        if waits {
            event.clear();
        }
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn who_gives_up_on_an_event_leaves_and_holds_up_nobody() {
    explore(|| {
        let event = Arc::new(Event::new());
        let patient = with(&event, Event::wait);
        let hurried = with(&event, |event| event.wait_timeout(Duration::ZERO));
        event.set();
        assert!(patient.join().unwrap());
        hurried.join().unwrap();
        assert_eq!(event.waiters(), 0);
    });
}

#[test]
fn a_killed_waiter_leaves_an_event() {
    explore(|| {
        let event = Arc::new(Event::new());
        let setter = with(&event, Event::set);
        let killer = kill_me();
        if let Ok(set) = outcome(|| event.wait()) {
            assert!(set);
        }
        assert_eq!(event.waiters(), 0);
        setter.join().unwrap();
        killer.join().unwrap();
    });
}

#[test]
fn who_waits_for_two_is_told_of_both() {
    explore(|| {
        let events = Arc::new([Event::new(), Event::new()]);
        let setters = [0, 1].map(|at| with(&events, move |events| events[at].set()));
        let come = wait(&*events);
        assert_eq!(come.len(), 2);
        assert!(come.into_iter().all(Event::is_set));
        for setter in setters {
            setter.join().unwrap();
        }
    });
}

#[test]
fn who_gives_up_on_two_leaves_both() {
    explore(|| {
        let events = Arc::new([Event::new(), Event::new()]);
        let setter = with(&events, |events| events[1].set());
        let come = wait_timeout(&*events, Duration::ZERO);
        assert!(come.len() <= 1);
        assert_eq!(events[0].waiters() + events[1].waiters(), 0);
        setter.join().unwrap();
    });
}

#[test]
fn a_result_is_set_by_one_and_seen_by_all() {
    explore(|| {
        let result = Arc::new(AsyncResult::new());
        let setters = [1, 2].map(|value| with(&result, move |result| result.set(value)));
        let seen = *result.get().unwrap();
        let set = setters.map(|setter| setter.join().unwrap());
        let expected = match seen {
            1 => [Ok(()), Err(2)],
            _ => [Err(1), Ok(())],
        };
        assert_eq!(set, expected);
    });
}

#[test]
fn who_gives_up_on_a_result_holds_up_nobody() {
    explore(|| {
        let result = Arc::new(AsyncResult::new());
        let patient = with(&result, |result| *result.get().unwrap());
        let setter = with(&result, |result| result.set(1).unwrap());
        let hurried = result.get_timeout(Duration::ZERO);
        assert!(hurried.is_err() || result.value() == Some(&1));
        assert_eq!(patient.join().unwrap(), 1);
        setter.join().unwrap();
    });
}

/// Ends a greenlet, and calls its links as `greenlet::link` does.
fn end(end: &End) {
    let (links, unwanted) = end.come(Outcome::Killed);
    drop(unwanted);
    for _ in 0..links {
        call_first(end);
    }
}

fn call_first(end: &End) {
    if let Some(link) = end.pop_link() {
        link(me());
    }
}

#[test]
fn who_joins_learns_of_the_end() {
    explore(|| {
        let greenlet = Arc::new(End::default());
        let other = with(&greenlet, |greenlet| greenlet.wait(None));
        let ends = with(&greenlet, end);
        assert_eq!(greenlet.wait(None), Ok(true));
        assert!(greenlet.ending().is_some());
        assert!(greenlet.take().is_some());
        assert_eq!(other.join().unwrap(), Ok(true));
        ends.join().unwrap();
    });
}

#[test]
fn a_link_is_called_once_or_taken_back() {
    explore(|| {
        let greenlet = Arc::new(End::default());
        let calls = Arc::new(AtomicUsize::new(0));
        let ends = with(&greenlet, end);
        let called = calls.clone();
        let link = move |_: Arc<Strand>| {
            called.fetch_add(1, Ordering::Relaxed);
        };
        let (number, ended) = greenlet.link(Box::new(link));
        let taken_back = with(&greenlet, move |greenlet| greenlet.unlink(number).is_some());
        if ended {
            call_first(&greenlet);
        }
        ends.join().unwrap();
        let expected = usize::from(!taken_back.join().unwrap());
        assert_eq!(calls.load(Ordering::Relaxed), expected);
        assert!(!greenlet.has_links());
    });
}

#[test]
fn what_nobody_asks_for_is_handed_out_once() {
    explore(|| {
        let greenlet = Arc::new(End::default());
        let owner = with(&greenlet, |greenlet| greenlet.disown().is_some());
        let (_, unwanted) = greenlet.come(Outcome::Killed);
        assert_ne!(unwanted.is_some(), owner.join().unwrap());
        assert!(greenlet.take().is_none());
    });
}
