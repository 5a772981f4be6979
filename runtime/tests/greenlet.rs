//! Behaviours of gevent's own test__greenlet.py, written anew: spawning later,
//! how a greenlet ended, links, scopes.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use maypole_runtime::{
    Builder, Ending, Event, Greenlet, Timeout, current, iwait, sleep, spawn, spawn_later,
    with_timeout, yield_now,
};
use support::{in_greenlet, until};

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(2);

/// A counter that tests share with closures.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Sets a flag when dropped, by a call that a greenlet that unwinds refuses.
struct TellsDrop {
    go: Event,
    waited: Arc<AtomicBool>,
}

impl Drop for TellsDrop {
    fn drop(&mut self) {
        self.waited.store(self.go.wait(), Ordering::SeqCst);
    }
}

const ENDINGS: [Ending; 4] = [
    Ending::Returned,
    Ending::Killed,
    Ending::TimedOut,
    Ending::Panicked,
];

/// A greenlet that will end like this.
fn that_ends(ending: Ending) -> Greenlet<u32> {
    let greenlet = spawn(move || match ending {
        Ending::Returned => 5,
        Ending::Killed => {
            sleep(LONG);
            5
        }
        Ending::TimedOut => {
            let _timeout = Timeout::start_new(SHORT);
            sleep(LONG);
            5
        }
        Ending::Panicked => panic!("on purpose"),
    });
    if ending == Ending::Killed {
        yield_now(); // it sleeps
        greenlet.start_kill();
    }
    greenlet
}

#[test]
fn spawned_later_it_runs_at_its_time_and_counts_as_running_before() {
    in_greenlet(|| {
        let start = Instant::now();
        let later = spawn_later(SHORT, move || start.elapsed());
        assert!(!later.is_finished());
        assert_eq!(later.ending(), None);
        later.join();
        assert_eq!(later.ending(), Some(Ending::Returned));
        assert!(later.get().unwrap() >= SHORT);
        assert_eq!(spawn_later(Duration::ZERO, || 5).get().unwrap(), 5);
    });
}

#[test]
fn spawned_later_the_time_counts_from_the_call() {
    in_greenlet(|| {
        let limit = SHORT * 2;
        let first = spawn_later(limit, || 1);
        let start = Instant::now();
        while start.elapsed() < limit {
            std::hint::spin_loop(); // it has not even begun to wait
        }
        let second = spawn_later(SHORT, || 2);
        let order = iwait([second, first]).map(|g| g.get().unwrap());
        assert_eq!(order.collect::<Vec<_>>(), [1, 2]);
    });
}

#[test]
fn spawned_later_and_killed_before_it_never_runs_and_its_links_do() {
    in_greenlet(|| {
        for has_run in [false, true] {
            let (ran, linked) = (Count::default(), Count::default());
            let later = spawn_later(LONG, {
                let ran = ran.clone();
                move || ran.add()
            });
            later.link({
                let linked = linked.clone();
                move |_| linked.add()
            });
            if has_run {
                sleep(SHORT); // it waits for its time by now
            }
            later.kill();
            assert_eq!(later.ending(), Some(Ending::Killed));
            assert!(later.get().unwrap_err().is_killed());
            until(|| linked.get() == 1);
            assert_eq!(ran.get(), 0);
        }
    });
}

#[test]
fn spawned_later_and_killed_before_it_drops_its_captures_where_they_may_wait() {
    in_greenlet(|| {
        for has_run in [false, true] {
            let go = Event::new();
            let waited = Arc::new(AtomicBool::new(false));
            let guard = TellsDrop {
                go: go.clone(),
                waited: waited.clone(),
            };
            let later = spawn_later(LONG, move || drop(guard));
            if has_run {
                sleep(SHORT);
            }
            later.start_kill();
            assert!(!later.join_timeout(SHORT));
            go.set();
            later.join();
            assert!(waited.load(Ordering::SeqCst));
            assert_eq!(later.ending(), Some(Ending::Killed));
        }
    });
}

#[test]
fn spawned_later_with_options() {
    in_greenlet(|| {
        let named = Builder::new()
            .name("later")
            .spawn_later(SHORT, || current().map(|me| me.name().to_owned()))
            .unwrap();
        assert_eq!(named.get().unwrap().as_deref(), Some("later"));
    });
}

#[test]
fn how_it_ended_is_known_to_all_who_ask() {
    in_greenlet(|| {
        for ending in ENDINGS {
            let greenlet = that_ends(ending);
            assert_eq!(greenlet.ending(), None);
            assert!(!greenlet.is_successful());
            greenlet.join();
            let successful = matches!(ending, Ending::Returned | Ending::Killed);
            let handle = greenlet.handle().clone();
            assert_eq!(greenlet.ending(), Some(ending));
            assert_eq!(greenlet.is_successful(), successful);
            drop(greenlet.get());
            // The result is gone; what is known of the end stays.
            assert_eq!(handle.ending(), Some(ending));
            assert_eq!(handle.is_successful(), successful);
        }
    });
}

#[test]
fn a_greenlet_killed_before_its_first_run_was_successful() {
    in_greenlet(|| {
        let unborn = spawn(|| ());
        unborn.start_kill();
        unborn.join();
        assert!(unborn.is_successful());
        assert_eq!(unborn.ending(), Some(Ending::Killed));
    });
}

#[test]
fn links_are_called_by_how_it_ended() {
    in_greenlet(|| {
        for late in [false, true] {
            for ending in ENDINGS {
                let greenlet = that_ends(ending);
                if late {
                    greenlet.join();
                }
                let counts: [Count; 3] = Default::default();
                let [any, success, failure] = counts.clone();
                greenlet.link(move |ended| {
                    assert_eq!(ended.ending(), Some(ending));
                    any.add();
                });
                greenlet.link_success(move |_| success.add());
                greenlet.link_failure(move |_| failure.add());
                let last = Event::new();
                let told = last.clone();
                greenlet.link(move |_| told.set());
                last.wait();
                let successful = matches!(ending, Ending::Returned | Ending::Killed);
                let called = [1, usize::from(successful), usize::from(!successful)];
                assert_eq!(counts.map(|count| count.get()), called, "{ending:?}");
                assert!(!greenlet.has_links());
            }
        }
    });
}

#[test]
fn links_run_in_greenlets_of_their_own_and_may_wait() {
    in_greenlet(|| {
        let go = Event::new();
        let done = Count::default();
        let greenlet = spawn(|| ());
        for _ in 0..3 {
            let (go, done) = (go.clone(), done.clone());
            let id = greenlet.handle().id();
            greenlet.link(move |ended| {
                assert_eq!(ended.id(), id);
                assert_ne!(current().map(|me| me.id()), Some(id));
                go.wait();
                done.add();
            });
        }
        greenlet.join();
        until(|| !greenlet.has_links());
        assert_eq!(done.get(), 0);
        go.set();
        until(|| done.get() == 3);
    });
}

#[test]
fn a_link_that_fails_does_not_stop_the_others() {
    in_greenlet(|| {
        let done = Count::default();
        let greenlet = spawn(|| ());
        for n in 0..4 {
            let done = done.clone();
            greenlet.link(move |_| {
                done.add();
                assert!(n % 2 == 1, "on purpose");
            });
        }
        until(|| done.get() == 4);
    });
}

#[test]
fn what_was_unlinked_is_not_called_and_dropped_at_once() {
    in_greenlet(|| {
        let called = Count::default();
        let greenlet = spawn(|| ());
        let link = || {
            let called = called.clone();
            greenlet.link(move |_| called.add())
        };
        let (first, second, third) = (link(), link(), link());
        assert!(greenlet.has_links());
        assert!(greenlet.unlink(second));
        assert!(!greenlet.unlink(second));
        assert_eq!(Arc::strong_count(&called.0), 3);
        assert!(!spawn(|| ()).unlink(first), "the link of another greenlet");
        greenlet.join();
        until(|| called.get() == 2);
        assert!(!greenlet.unlink(first) && !greenlet.unlink(third));
        assert!(!greenlet.has_links());
    });
}

#[test]
fn unlink_all_leaves_none() {
    in_greenlet(|| {
        let called = Count::default();
        let greenlet = spawn(yield_now);
        for _ in 0..10 {
            let called = called.clone();
            greenlet.link(move |_| called.add());
        }
        greenlet.unlink_all();
        assert!(!greenlet.has_links());
        assert_eq!(Arc::strong_count(&called.0), 1);
        let last = Event::new();
        let told = last.clone();
        greenlet.link(move |_| told.set());
        last.wait();
        assert_eq!(called.get(), 0);
    });
}

#[test]
fn an_earlier_link_stops_a_later_one_while_they_are_called() {
    in_greenlet(|| {
        for _ in 0..50 {
            let called = Count::default();
            let greenlet = spawn(|| ());
            let later = Arc::new(std::sync::OnceLock::new());
            let stopped = Arc::new(AtomicBool::new(false));
            greenlet.link({
                let (called, later, stopped) = (called.clone(), later.clone(), stopped.clone());
                move |ended| {
                    called.add();
                    stopped.store(ended.unlink(*later.get().unwrap()), Ordering::SeqCst);
                }
            });
            let link = || {
                let called = called.clone();
                greenlet.link(move |_| called.add())
            };
            later.set(link()).unwrap();
            link();
            let last = Event::new();
            let told = last.clone();
            greenlet.link(move |_| told.set());
            last.wait();
            until(|| called.get() >= 2);
            assert!(stopped.load(Ordering::SeqCst));
            assert_eq!(called.get(), 2);
        }
    });
}

#[test]
fn each_link_is_called_once_however_many_come_while_it_ends() {
    in_greenlet(|| {
        for _ in 0..50 {
            let called = Count::default();
            let go = Event::new();
            let greenlet = {
                let go = go.clone();
                let builder = Builder::new().least_loaded();
                builder.spawn(move || assert!(go.wait())).unwrap()
            };
            let linkers: Vec<_> = (0..4)
                .map(|_| {
                    let (handle, called) = (greenlet.handle().clone(), called.clone());
                    std::thread::spawn(move || {
                        for _ in 0..25 {
                            let called = called.clone();
                            handle.link(move |_| called.add());
                        }
                    })
                })
                .collect();
            go.set();
            greenlet.join();
            until(|| linkers.iter().all(|linker| linker.is_finished()));
            until(|| called.get() == 100);
            assert!(!greenlet.has_links());
        }
    });
}

#[test]
fn a_scope_waits_for_its_greenlet() {
    in_greenlet(|| {
        let go = Event::new();
        let waiting = go.clone();
        let value = spawn(move || {
            waiting.wait();
            yield_now();
        })
        .scope(|greenlet| {
            assert!(!greenlet.is_finished());
            go.set();
            greenlet.handle().clone()
        });
        assert_eq!(value.ending(), Some(Ending::Returned));
    });
}

#[test]
fn a_scope_that_unwinds_kills_its_greenlet_and_does_not_wait() {
    in_greenlet(|| {
        let greenlet = spawn(|| sleep(LONG));
        yield_now();
        let body = || greenlet.scope(|_| panic!("on purpose"));
        assert!(catch_unwind(AssertUnwindSafe(body)).is_err());
        assert!(greenlet.get().unwrap_err().is_killed());

        // By a time-out in the body, and by one in the wait that follows it.
        for in_body in [true, false] {
            let greenlet = spawn(|| sleep(LONG));
            let limited = with_timeout(SHORT, || {
                greenlet.scope(|_| {
                    if in_body {
                        sleep(LONG);
                    }
                });
            });
            assert!(limited.is_err());
            assert!(greenlet.get().unwrap_err().is_killed());
        }
    });
}

#[test]
fn a_scope_that_is_killed_passes_the_kill_on() {
    in_greenlet(|| {
        let greenlet = spawn(|| sleep(LONG));
        let handle = greenlet.handle().clone();
        let begun = Event::new();
        let begins = begun.clone();
        let owner = spawn(move || greenlet.scope(|_| begins.set()));
        begun.wait();
        owner.kill();
        assert!(owner.get().unwrap_err().is_killed());
        handle.join();
        assert_eq!(handle.ending(), Some(Ending::Killed));
    });
}
