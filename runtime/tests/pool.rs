//! Behaviours of gevent's own test__pool.py and test__greenletset.py, written
//! anew, and a pool beside a simple model of one.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use maypole_runtime::queue::Queue;
use maypole_runtime::{
    Ending, Event, Greenlet, Group, Pool, Timeout, catch_panic, current, sleep, spawn,
    with_timeout, yield_now,
};
use proptest::prelude::*;
use support::{in_greenlet, until};

/// So short that nothing can come in time.
const SOON: Duration = Duration::from_millis(2);

fn let_them_run() {
    for _ in 0..10 {
        yield_now();
    }
}

/// Runs until it is told or killed.
fn wait_for(event: &Event) -> impl FnOnce() + Send + use<> {
    let event = event.clone();
    move || {
        event.wait();
    }
}

#[test]
fn a_group_knows_its_members_until_they_end() {
    in_greenlet(|| {
        let (group, done) = (Group::new(), Event::new());
        assert!(group.is_empty());
        group.join(); // at once
        let one = group.spawn(wait_for(&done));
        let other = spawn(wait_for(&done));
        group.add(other.handle());
        group.add(other.handle()); // a second time changes nothing
        assert_eq!(group.len(), 2);
        assert!(group.contains(one.handle()) && group.contains(other.handle()));
        assert!(!group.join_timeout(SOON));
        assert!(group.discard(one.handle()));
        assert!(!group.discard(one.handle()));
        assert_eq!(group.members().len(), 1);
        done.set();
        group.join();
        assert!(group.is_empty());
        one.get().unwrap();
        // One that has ended is no member.
        until(|| other.is_finished());
        group.add(other.handle());
        let_them_run();
        assert!(group.is_empty());
    });
}

#[test]
fn a_kill_reaches_members_that_are_added_meanwhile() {
    in_greenlet(|| {
        let group = Group::new();
        let again = group.clone();
        drop(group.spawn(move || {
            let killed = catch_panic(|| Event::new().wait());
            drop(killed);
            drop(again);
        }));
        struct Spawns(Group);
        impl Drop for Spawns {
            fn drop(&mut self) {
                drop(self.0.spawn(|| sleep(Duration::MAX)));
            }
        }
        let spawns = Spawns(group.clone());
        drop(group.spawn(move || {
            let _spawns = spawns;
            sleep(Duration::MAX);
        }));
        let_them_run();
        group.kill();
        assert!(group.is_empty());
    });
}

#[test]
fn a_join_can_tell_of_failures() {
    in_greenlet(|| {
        let (group, done) = (Group::new(), Event::new());
        assert_eq!(group.try_join(), Ok(()));
        drop(group.spawn(wait_for(&done)));
        let fails = group.spawn(|| panic!("on purpose"));
        // One has failed and the other runs.
        until(|| fails.is_finished());
        let failed = group.try_join_timeout(SOON);
        assert_eq!(failed, Ok(false), "it was no member any more at the call");
        // It fails within the time, or the next one does.
        until(|| {
            let late = group.spawn(|| panic!("on purpose"));
            let Err(failed) = group.try_join_timeout(SOON) else {
                return false;
            };
            assert_eq!(failed.greenlet(), late.handle());
            assert_eq!(failed.ending(), Ending::Panicked);
            assert!(failed.to_string().ends_with("panicked"), "{failed}");
            true
        });
        done.set();
        assert_eq!(group.try_join_timeout(support::PATIENCE), Ok(true));

        // A kill is no failure, an uncaught time-out is.
        let killed = group.spawn(|| sleep(Duration::MAX));
        killed.start_kill();
        assert_eq!(group.try_join(), Ok(()));
        let pool = Pool::new(1);
        drop(pool.spawn(|| {
            let timeout = Timeout::start_new(SOON);
            sleep(Duration::MAX);
            drop(timeout);
        }));
        assert_eq!(pool.try_join().unwrap_err().ending(), Ending::TimedOut);
    });
}

#[test]
fn one_member_is_killed_and_strangers_are_not() {
    in_greenlet(|| {
        let (pool, done) = (Pool::new(2), Event::new());
        let stranger = spawn(wait_for(&done));
        let member = pool.spawn(wait_for(&done));
        let other = pool.spawn(wait_for(&done));
        assert!(!pool.kill_one(stranger.handle()));
        assert!(pool.kill_one(member.handle()));
        assert!(member.get().unwrap_err().is_killed());
        assert!(pool.contains(other.handle()));
        done.set();
        stranger.get().unwrap();
        other.get().unwrap();
    });
}

#[test]
fn a_greenlet_that_runs_already_takes_a_slot() {
    in_greenlet(|| {
        let (pool, done) = (Pool::new(2), Event::new());
        let stranger = spawn(wait_for(&done));
        pool.add(stranger.handle());
        pool.add(stranger.handle()); // a second time takes no second slot
        assert_eq!((pool.len(), pool.free_slots()), (1, 1));
        // Discarded twice, it frees its slot once: when it ends.
        assert!(pool.discard(stranger.handle()));
        assert!(!pool.discard(stranger.handle()));
        assert_eq!((pool.len(), pool.free_slots()), (0, 1));
        done.set();
        stranger.get().unwrap();
        until(|| pool.free_slots() == 2);
        // One that has ended needs none.
        let ended = spawn(|| ());
        until(|| ended.is_finished());
        pool.add(ended.handle());
        until(|| pool.free_slots() == 2);
        assert!(pool.is_empty());
    });
}

#[test]
fn a_pool_blocks_the_spawner_while_it_is_full() {
    in_greenlet(|| {
        let (pool, done) = (Pool::new(2), Event::new());
        assert_eq!((pool.size(), pool.free_slots()), (2, 2));
        drop(pool.spawn(wait_for(&done)));
        drop(pool.spawn(wait_for(&done)));
        assert!(pool.is_full());
        assert_eq!(pool.len(), 2);
        assert_eq!(pool.wait_available_timeout(SOON), 0);
        assert!(with_timeout(SOON, || drop(pool.spawn(|| ()))).is_err());
        let third = pool.clone();
        let spawner = spawn(move || third.spawn(|| 3).get());
        let_them_run();
        assert!(!spawner.is_finished());
        done.set();
        assert_eq!(spawner.get().unwrap().unwrap(), 3);
        pool.join();
        assert!(pool.wait_available() > 0);
    });
}

#[test]
#[should_panic(expected = "Pool::unlimited")]
fn a_pool_of_nobody_is_refused() {
    let _ = Pool::new(0);
}

#[test]
fn a_pool_without_a_limit_is_never_full() {
    in_greenlet(|| {
        let (pool, done) = (Pool::unlimited(), Event::new());
        for _ in 0..1000 {
            drop(pool.spawn(wait_for(&done)));
        }
        assert!(!pool.is_full());
        assert_eq!(pool.len(), 1000);
        pool.kill();
        assert!(pool.is_empty());
    });
}

#[test]
fn apply_gives_the_value_or_the_panic() {
    in_greenlet(|| {
        let pool = Pool::new(1);
        assert_eq!(pool.apply(|| 1), 1);
        let failed = catch_panic(|| pool.apply(|| panic!("mine")));
        assert_eq!(*failed.unwrap_err().downcast::<&str>().unwrap(), "mine");
        // From a member of a full pool: right there.
        let inner = pool.clone();
        let same = pool.apply(move || {
            let me = current();
            inner.apply(move || current() == me)
        });
        assert!(same);
        assert_eq!(Group::new().apply(|| 2), 2);
    });
}

#[test]
fn apply_async_never_blocks() {
    in_greenlet(|| {
        let (pool, done) = (Pool::new(1), Event::new());
        let first = pool.apply_async(wait_for(&done));
        let second = pool.apply_async(|| 2);
        let failing = pool.apply_async(|| panic!("no"));
        let_them_run();
        assert!(!second.is_finished());
        done.set();
        first.get().unwrap();
        assert_eq!(second.get().unwrap(), 2);
        let failing: Greenlet<()> = failing;
        assert!(failing.get().unwrap_err().is_panic());
    });
}

#[test]
fn map_keeps_the_order_and_the_limit() {
    in_greenlet(|| {
        let pool = Pool::new(3);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, peak) = (now, most.clone());
        let squares = pool.map(0..50, move |n: u64| {
            let running = count.fetch_add(1, Ordering::SeqCst) + 1;
            peak.fetch_max(running, Ordering::SeqCst);
            sleep(Duration::from_micros(50 - n));
            count.fetch_sub(1, Ordering::SeqCst);
            n * n
        });
        assert_eq!(squares, (0..50).map(|n| n * n).collect::<Vec<u64>>());
        assert_eq!(most.load(Ordering::SeqCst), 3);
        assert_eq!(pool.map(Vec::<u8>::new(), |n| n), Vec::<u8>::new());
        assert_eq!(pool.map_async(1..4, |n| n).get().unwrap(), [1, 2, 3]);
        assert_eq!(Group::new().map(1..4, |n| n + 1), [2, 3, 4]);
    });
}

#[test]
fn map_resumes_the_first_panic_after_all_are_through() {
    in_greenlet(|| {
        let pool = Pool::new(10);
        let ran = Arc::new(AtomicUsize::new(0));
        let count = ran.clone();
        let failed = catch_panic(|| {
            pool.map(0..10, move |n| {
                // The later ones fail first.
                (0..10 - n).for_each(|_| yield_now());
                count.fetch_add(1, Ordering::SeqCst);
                assert!(n < 5, "item {n}");
            })
        });
        assert_eq!(*failed.unwrap_err().downcast::<String>().unwrap(), "item 5");
        assert_eq!(ran.load(Ordering::SeqCst), 10);
    });
}

#[test]
fn imap_goes_on_after_an_item_that_failed() {
    in_greenlet(|| {
        let pool = Pool::new(4);
        let results: Vec<Option<i32>> = pool
            .imap(0..10, |n| {
                (0..10 - n).for_each(|_| yield_now());
                assert!(n % 3 != 0, "no");
                n
            })
            .map(|result| result.inspect_err(|error| assert!(error.is_panic())).ok())
            .collect();
        let expected: Vec<Option<i32>> = (0..10).map(|n| (n % 3 != 0).then_some(n)).collect();
        assert_eq!(results, expected);
    });
}

#[test]
fn imap_unordered_gives_what_comes_first() {
    in_greenlet(|| {
        let pool = Pool::new(3);
        let gates: Vec<Event> = (0..3).map(|_| Event::new()).collect();
        let theirs = gates.clone();
        let results = pool.imap_unordered(0..3, move |n: usize| {
            theirs[n].wait();
            n
        });
        let mut order = Vec::new();
        let opener = spawn(move || {
            for n in [1, 2, 0] {
                let_them_run();
                gates[n].set();
            }
        });
        for result in results {
            order.push(result.unwrap());
        }
        opener.get().unwrap();
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2]);
    });
}

#[test]
fn items_may_come_from_a_queue_and_fail() {
    in_greenlet(|| {
        let (pool, queue) = (Pool::new(2), Queue::unbounded());
        let items = queue.clone();
        let sums = spawn(move || {
            pool.imap(items, |n: i32| n + 1)
                .map(Result::unwrap)
                .sum::<i32>()
        });
        for n in 0..10 {
            queue.put(n).unwrap();
            yield_now();
        }
        queue.close(); // a late end
        assert_eq!(sums.get().unwrap(), 55);

        let fails = (0..5).inspect(|n| assert!(*n < 3, "the iterator's own"));
        let mut results = Group::new().imap(fails, |n| n);
        for n in 0..3 {
            assert_eq!(results.next().unwrap().unwrap(), n);
        }
        assert!(results.next().unwrap().unwrap_err().is_panic());
        assert!(results.next().is_none());
    });
}

#[test]
fn a_bounded_imap_takes_no_more_than_it_may() {
    in_greenlet(|| {
        let taken = Arc::new(AtomicUsize::new(0));
        let count = taken.clone();
        let items = (0..20).inspect(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let mut results = Pool::new(10).imap(items, |n| n).max_buffered(2);
        assert_eq!(
            taken.load(Ordering::SeqCst),
            0,
            "it starts at the first result"
        );
        for read in 0..20 {
            assert_eq!(results.next().unwrap().unwrap(), read);
            let_them_run();
            let ahead = taken.load(Ordering::SeqCst) - (usize::try_from(read).unwrap() + 1);
            assert!(ahead <= 2, "{ahead} ahead");
        }
        assert!(results.next().is_none());
    });
}

#[test]
fn an_imap_that_is_dropped_takes_no_more_items() {
    in_greenlet(|| {
        let (pool, dropped) = (Pool::new(1), Arc::new(()));
        let held = dropped.clone();
        let items = (0..).inspect(move |_| {
            let _held = &held;
        });
        let mut results = pool.imap(items, |n| n);
        assert_eq!(results.next().unwrap().unwrap(), 0);
        drop(results);
        until(|| Arc::strong_count(&dropped) == 1);
        pool.join();
    });
}

#[test]
fn items_that_are_killed_are_errors() {
    in_greenlet(|| {
        let pool = Pool::new(2);
        let mut results = pool.imap(0..2, |_| sleep(Duration::MAX));
        drop(spawn(move || {
            until(|| pool.len() == 2);
            pool.kill();
        }));
        assert!(results.next().unwrap().unwrap_err().is_killed());
        assert!(results.next().unwrap().unwrap_err().is_killed());
        assert!(results.next().is_none());
    });
}

#[test]
fn threads_and_greenlets_share_a_pool() {
    support::set_up();
    let pool = Pool::new(3);
    let (now, total) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let work = {
        let (pool, now, total) = (pool.clone(), now, total.clone());
        move || {
            for _ in 0..100 {
                let (now, total) = (now.clone(), total.clone());
                drop(pool.spawn(move || {
                    assert!(now.fetch_add(1, Ordering::SeqCst) < 3);
                    yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                    total.fetch_add(1, Ordering::SeqCst);
                }));
            }
        }
    };
    let threads: Vec<_> = (0..2).map(|_| std::thread::spawn(work.clone())).collect();
    let greenlets: Vec<_> = (0..2).map(|_| spawn(work.clone())).collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    greenlets
        .into_iter()
        .for_each(|greenlet| greenlet.get().unwrap());
    pool.join();
    assert_eq!(total.load(Ordering::SeqCst), 400);
    assert_eq!(pool.free_slots(), 3);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Spawns a greenlet that waits for a slot and then runs until it is told.
    Spawn,
    TrySpawn,
    LateSpawn,
    Finish(usize),
    KillRunning(usize),
    KillWaiting(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Spawn),
        2 => Just(Step::TrySpawn),
        1 => Just(Step::LateSpawn),
        3 => (0..4usize).prop_map(Step::Finish),
        2 => (0..4usize).prop_map(Step::KillRunning),
        1 => (0..4usize).prop_map(Step::KillWaiting),
    ];
    prop::collection::vec(step, 0..50)
}

/// A greenlet of the pool, and what ends it.
type Member = (Greenlet<()>, Event);

fn behaves(size: usize, steps: &[Step]) {
    let pool = Pool::new(size);
    let mut running: VecDeque<Member> = VecDeque::new();
    // Spawners that wait for a slot, in their order.
    let mut waiting: VecDeque<(Greenlet<Greenlet<()>>, Event)> = VecDeque::new();
    for step in steps {
        let end = Event::new();
        let body = wait_for(&end);
        match *step {
            Step::Spawn => {
                let theirs = pool.clone();
                waiting.push_back((spawn(move || theirs.spawn(body)), end));
            }
            Step::TrySpawn => match pool.try_acquire() {
                Some(slot) => running.push_back((slot.spawn(body), end)),
                None => assert_eq!(running.len(), size),
            },
            Step::LateSpawn => match pool.acquire_timeout(Duration::ZERO) {
                Some(slot) => running.push_back((slot.spawn(body), end)),
                None => assert_eq!(running.len(), size),
            },
            Step::Finish(at) => {
                if let Some((member, end)) = running.remove(at) {
                    end.set();
                    member.get().unwrap();
                }
            }
            Step::KillRunning(at) => {
                if let Some((member, _)) = running.remove(at) {
                    member.kill();
                    assert!(member.get().unwrap_err().is_killed());
                }
            }
            Step::KillWaiting(at) => {
                if let Some((spawner, _)) = waiting.remove(at) {
                    spawner.kill();
                    assert!(spawner.get().unwrap_err().is_killed());
                }
            }
        }
        let_them_run();
        while running.len() < size && !waiting.is_empty() {
            let (spawner, end) = waiting.pop_front().unwrap();
            running.push_back((spawner.get().unwrap(), end));
            let_them_run();
        }
        assert!(waiting.iter().all(|(spawner, _)| !spawner.is_finished()));
        assert!(running.iter().all(|(member, _)| !member.is_finished()));
        assert_eq!(pool.len(), running.len());
        assert_eq!(pool.free_slots(), size - running.len());
    }
    waiting.iter().for_each(|(spawner, _)| spawner.kill());
    pool.kill();
    assert_eq!(pool.free_slots(), size);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn behaves_like_its_model(size in 1..4usize, steps in steps()) {
        in_greenlet(move || behaves(size, &steps));
    }
}
