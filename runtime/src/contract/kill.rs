//! Kill: what it is, whenever it comes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::support::{
    Counter, OnDrop, begin, child, contract, on_hub, one_worker_only, settle, until, value_of,
};
use crate::{Event, Group, Pool, current, sleep, spawn, with_timeout, yield_now};

#[test]
fn at_the_next_blocking_call_when_it_computes() {
    contract(|| {
        let steps = Counter::default();
        let greenlet = spawn({
            let steps = steps.clone();
            move || {
                current().unwrap().start_kill();
                steps.add(); // still goes on
                sleep(Duration::MAX);
                steps.add();
            }
        });
        assert!(greenlet.get().unwrap_err().is_killed());
        assert_eq!(steps.get(), 1);
    });
}

#[test]
fn of_oneself_unwinds() {
    contract(|| {
        let (before, after) = (Counter::default(), Counter::default());
        let greenlet = spawn({
            let (before, after) = (before.on_drop(), after.clone());
            move || {
                let _before = before;
                current().unwrap().kill();
                after.add();
            }
        });
        assert!(greenlet.get().unwrap_err().is_killed());
        assert_eq!((before.get(), after.get()), (1, 0));
    });
}

#[test]
fn before_the_first_run_the_body_never_runs() {
    if one_worker_only() {
        return; // with more it may have begun
    }
    on_hub(|| {
        let (ran, dropped, linked) = (Counter::default(), Counter::default(), Counter::default());
        let victim = spawn({
            let (ran, captured) = (ran.clone(), dropped.on_drop());
            move || {
                let _captured = captured;
                ran.add();
            }
        });
        victim.link({
            let linked = linked.clone();
            move |ended| {
                assert!(ended.is_finished());
                linked.add();
            }
        });
        victim.start_kill();
        victim.start_kill();
        assert!(victim.get().unwrap_err().is_killed());
        linked.reaches(1);
        assert_eq!((ran.get(), dropped.get(), linked.get()), (0, 1, 1));
    });
}

#[test]
fn before_the_first_run_leaves_pool_and_group() {
    if one_worker_only() {
        return; // with more it may have begun
    }
    on_hub(|| {
        let (pool, group) = (Pool::new(1), Group::new());
        let first = pool.spawn(|| unreachable!("it runs"));
        let second = group.spawn(|| unreachable!("it runs"));
        first.kill();
        second.kill();
        assert_eq!((pool.free_slots(), pool.len(), group.len()), (1, 0, 0));
        pool.join();
        group.join();
    });
}

#[test]
fn of_a_finished_greenlet_returns_at_once() {
    contract(|| {
        let linked = Counter::default();
        let greenlet = spawn(|| 7);
        greenlet.join();
        greenlet.kill();
        greenlet.start_kill();
        assert!(greenlet.kill_timeout(Duration::ZERO));
        let counter = linked.clone();
        greenlet.link(move |_| {
            counter.add();
        });
        linked.reaches(1);
        assert_eq!(greenlet.get().unwrap(), 7);

        let killed = spawn(|| sleep(Duration::MAX));
        killed.kill();
        killed.kill();
        assert!(killed.get().unwrap_err().is_killed());
    });
}

#[test]
fn twice_before_delivery_is_one() {
    contract(|| {
        let event = Event::new();
        let caught = Counter::default();
        let greenlet = spawn({
            let (event, caught) = (event.clone(), caught.clone());
            move || {
                let me = current().unwrap();
                me.start_kill();
                me.start_kill();
                me.start_kill();
                let wait = AssertUnwindSafe(|| sleep(Duration::MAX));
                assert!(catch_unwind(wait).is_err());
                caught.add();
                assert!(event.wait()); // nothing is left to interrupt it
                yield_now();
                7
            }
        });
        caught.reaches(1);
        settle();
        event.set();
        assert_eq!(value_of(greenlet.get()), 7);
    });
}

#[test]
fn from_many_at_once_ends_for_all_of_them() {
    contract(|| {
        let victim = spawn(|| sleep(Duration::MAX));
        let handle = victim.handle().clone();
        let greenlets: Vec<_> = (0..20)
            .map(|_| {
                let handle = handle.clone();
                spawn(move || handle.kill())
            })
            .collect();
        let threads: Vec<_> = (0..20)
            .map(|_| {
                let handle = handle.clone();
                std::thread::spawn(move || handle.kill())
            })
            .collect();
        for greenlet in greenlets {
            value_of(greenlet.get());
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(victim.get().unwrap_err().is_killed());
    });
}

#[test]
fn with_a_limit_tells_whether_it_ended() {
    contract(|| {
        let caught = Counter::default();
        let stubborn = begin({
            let caught = caught.clone();
            move || {
                let wait = AssertUnwindSafe(|| sleep(Duration::MAX));
                assert!(catch_unwind(wait).is_err());
                caught.add();
                sleep(Duration::MAX);
            }
        });
        assert!(!stubborn.kill_timeout(Duration::from_millis(2)));
        caught.reaches(1);
        assert!(!stubborn.is_finished());
        assert!(stubborn.kill_timeout(Duration::MAX));
    });
}

#[test]
fn of_a_group_and_a_pool_ends_all_members() {
    contract(|| {
        let (group, pool) = (Group::new(), Pool::new(10));
        let ended = Counter::default();
        for _ in 0..10 {
            let (one, other) = (ended.on_drop(), ended.on_drop());
            drop(group.spawn(move || {
                let _guard = one;
                sleep(Duration::MAX);
            }));
            drop(pool.spawn(move || {
                let _guard = other;
                sleep(Duration::MAX);
            }));
        }
        group.kill();
        pool.kill();
        assert_eq!(ended.get(), 20);
        assert!(group.is_empty() && pool.is_empty());
        until(|| pool.free_slots() == 10);
    });
}

#[test]
fn of_a_group_by_a_member_takes_the_member_last() {
    contract(|| {
        let group = Group::new();
        let ended = Counter::default();
        for _ in 0..5 {
            let guard = ended.on_drop();
            drop(group.spawn(move || {
                let _guard = guard;
                sleep(Duration::MAX);
            }));
        }
        settle();
        let mine = group.clone();
        let member = group.spawn(move || {
            mine.kill();
            unreachable!("it is a member itself");
        });
        assert!(member.get().unwrap_err().is_killed());
        group.join();
        assert_eq!(ended.get(), 5);
    });
}

#[test]
fn runs_destructors_from_the_inside_out() {
    contract(|| {
        let order = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let note = |what: &'static str| {
            let order = order.clone();
            OnDrop(move || order.lock().push(what))
        };
        let (outer, middle, inner) = (note("outer"), note("middle"), note("inner"));
        let victim = begin(move || {
            let _outer = outer;
            let nested = move || {
                let _middle = middle;
                let _inner = inner;
                sleep(Duration::MAX);
            };
            nested();
        });
        victim.kill();
        assert_eq!(*order.lock(), ["inner", "middle", "outer"]);
    });
}

#[test]
fn prints_nothing() {
    let Some(end) = child(module_path!(), "prints_nothing", &[]) else {
        contract(|| {
            let victims: Vec<_> = (0..10).map(|_| spawn(|| sleep(Duration::MAX))).collect();
            settle();
            for victim in &victims {
                victim.kill();
            }
            let unborn = spawn(|| {
                let unborn = spawn(|| unreachable!("it runs"));
                unborn.start_kill();
                unborn.join();
            });
            value_of(unborn.get());
            with_timeout(Duration::from_millis(1), || sleep(Duration::MAX)).unwrap_err();
            let uncaught = spawn(|| {
                let timeout = crate::Timeout::new(Duration::from_millis(1));
                timeout.start();
                sleep(Duration::MAX);
            });
            assert!(uncaught.get().unwrap_err().is_timeout());
        });
        return;
    };
    assert!(end.success, "{end:?}");
    assert_eq!(end.stderr, "");
}
