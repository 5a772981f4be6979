//! Behaviours of gevent's own test__threadpool.py, written anew.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use maypole_runtime::threadpool::{self, ThreadPool};
use maypole_runtime::{catch_panic, current, spawn, with_timeout, yield_now};
use support::{in_greenlet, until};

/// So short that nothing can come in time.
const SOON: Duration = Duration::from_millis(2);

/// A job that runs until the sender is dropped or used.
fn held() -> (mpsc::Sender<()>, impl FnOnce() + Send) {
    let (release, wait) = mpsc::channel();
    (release, move || {
        #[allow(clippy::disallowed_methods, reason = "on a thread of a pool")]
        let _ = wait.recv();
    })
}

#[test]
fn jobs_run_on_threads_while_greenlets_go_on() {
    in_greenlet(|| {
        let pool = ThreadPool::new(1);
        let (release, job) = held();
        let task = pool.spawn(move || {
            job();
            (current().is_none(), thread::current().id())
        });
        yield_now(); // the hub is free meanwhile
        assert!(!task.is_finished());
        assert_eq!((pool.threads(), pool.len()), (1, 1));
        drop(release);
        let (plain, id) = task.get().unwrap();
        assert!(plain);
        assert_ne!(id, thread::current().id());
        assert!(pool.is_empty());
    });
}

#[test]
fn as_many_are_out_as_there_are_threads() {
    in_greenlet(|| {
        let pool = ThreadPool::new(2);
        let (first, one) = held();
        let (second, other) = held();
        let tasks = [pool.spawn(one), pool.spawn(other)];
        assert!(pool.try_spawn(|| ()).is_err());
        let late = pool.spawn_timeout(SOON, || ()).unwrap_err();
        assert_eq!(late.kind(), std::io::ErrorKind::TimedOut);
        assert!(with_timeout(SOON, || drop(pool.spawn(|| ()))).is_err());
        let theirs = pool.clone();
        let third = spawn(move || theirs.spawn(|| 3).get());
        drop(first);
        assert_eq!(third.get().unwrap().unwrap(), 3);
        assert_eq!(pool.threads(), 2);
        assert!(!pool.join_timeout(SOON));
        drop(second);
        pool.join();
        assert!(tasks.iter().all(|task| {
            task.join();
            task.is_finished()
        }));
    });
}

#[test]
fn threads_are_made_on_demand_and_end_when_idle() {
    in_greenlet(|| {
        let pool = ThreadPool::with_idle_timeout(3, Duration::from_millis(1));
        assert_eq!(pool.threads(), 0);
        let barrier = Arc::new(Barrier::new(3));
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let barrier = barrier.clone();
                pool.spawn(move || barrier.wait().is_leader())
            })
            .collect();
        let leaders: Vec<bool> = tasks.into_iter().map(|task| task.get().unwrap()).collect();
        assert_eq!(leaders.iter().filter(|leads| **leads).count(), 1);
        until(|| pool.threads() == 0);
        assert_eq!(pool.apply(|| 1), 1, "and are made again");
    });
}

#[test]
fn it_can_be_resized() {
    in_greenlet(|| {
        let pool = ThreadPool::new(1);
        let (release, job) = held();
        let first = pool.spawn(job);
        let theirs = pool.clone();
        let second = spawn(move || theirs.apply(|| 2));
        assert!(!second.join_timeout(SOON));
        pool.set_size(2);
        assert_eq!(second.get().unwrap(), 2);
        pool.set_size(1);
        drop(release);
        first.get().unwrap();
        until(|| pool.threads() <= 1);
        assert_eq!(pool.size(), 1);
        assert_eq!(pool.apply(|| 3), 3);
    });
}

#[test]
fn panics_are_the_callers_and_the_thread_lives_on() {
    in_greenlet(|| {
        let pool = ThreadPool::new(1);
        let failed = catch_panic(|| pool.apply(|| panic!("mine")));
        assert_eq!(*failed.unwrap_err().downcast::<&str>().unwrap(), "mine");
        assert!(pool.spawn(|| panic!("no")).get().unwrap_err().is_panic());
        assert_eq!(pool.apply(|| 1), 1);
        assert_eq!(pool.threads(), 1);
    });
}

#[test]
fn apply_on_its_own_thread_runs_there() {
    in_greenlet(|| {
        let pool = ThreadPool::new(1);
        let inner = pool.clone();
        let same = pool.apply(move || {
            let me = thread::current().id();
            inner.apply(move || thread::current().id() == me)
        });
        assert!(same);
        assert_eq!(threadpool::run(|| threadpool::run(|| 5)), 5);
    });
}

#[test]
fn a_caller_that_is_killed_leaves_the_job_alone() {
    in_greenlet(|| {
        let pool = ThreadPool::new(1);
        let (release, job) = held();
        let ran = Arc::new(AtomicUsize::new(0));
        let (theirs, count) = (pool.clone(), ran.clone());
        let caller = spawn(move || {
            theirs.apply(move || {
                job();
                count.fetch_add(1, Ordering::SeqCst);
            });
        });
        until(|| pool.len() == 1);
        caller.kill();
        assert!(caller.get().unwrap_err().is_killed());
        drop(release);
        pool.join();
        assert_eq!(ran.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn killing_it_drops_what_has_not_begun() {
    in_greenlet(|| {
        let pool = ThreadPool::new(1);
        let (release, job) = held();
        let (begun, seen) = mpsc::channel::<()>();
        let running = pool.spawn(move || {
            drop(begun);
            job();
        });
        until(|| seen.try_recv() == Err(mpsc::TryRecvError::Disconnected));
        let theirs = pool.clone();
        let waiting = spawn(move || theirs.spawn(|| 1).get());
        assert!(!waiting.join_timeout(SOON));
        pool.kill();
        assert!(waiting.get().unwrap().unwrap_err().is_dropped());
        assert!(pool.spawn(|| 1).get().unwrap_err().is_dropped());
        drop(release);
        running.get().unwrap();
        until(|| pool.threads() == 0);
    });
}

#[test]
fn the_last_handle_ends_the_threads_after_their_jobs() {
    in_greenlet(|| {
        let (release, job) = held();
        let alive = Arc::new(());
        let held = alive.clone();
        let pool = ThreadPool::new(1);
        let task = pool.spawn(move || {
            job();
            drop(held);
            7
        });
        drop(pool);
        drop(release);
        assert_eq!(task.get().unwrap(), 7);
        until(|| Arc::strong_count(&alive) == 1);
    });
}

#[test]
fn it_maps_as_pools_do() {
    in_greenlet(|| {
        let pool = ThreadPool::new(3);
        assert_eq!(
            pool.map(0..20, |n| n * n),
            (0..20).map(|n| n * n).collect::<Vec<i32>>()
        );
        let sum: i32 = pool.imap(0..20, |n| n).map(Result::unwrap).sum();
        let unordered: i32 = pool.imap_unordered(0..20, |n| n).map(Result::unwrap).sum();
        assert_eq!((sum, unordered), (190, 190));
        let mut failing = pool.imap(0..2, |n| assert!(n == 1, "no"));
        assert!(failing.next().unwrap().unwrap_err().is_panic());
        assert!(failing.next().unwrap().is_ok());
        assert_eq!(pool.apply_async(|| 1).get().unwrap(), 1);
        assert_eq!(pool.map_async(0..3, |n| n).get().unwrap(), [0, 1, 2]);
    });
}

#[test]
fn many_threads_and_greenlets_share_it() {
    support::set_up();
    let pool = ThreadPool::new(4);
    let total = Arc::new(AtomicUsize::new(0));
    let work = {
        let (pool, total) = (pool.clone(), total.clone());
        move || {
            for n in 0..200 {
                let count = total.clone();
                let task = pool.spawn(move || count.fetch_add(1, Ordering::SeqCst));
                if n % 3 == 0 {
                    task.get().unwrap();
                }
            }
        }
    };
    let threads: Vec<_> = (0..3).map(|_| thread::spawn(work.clone())).collect();
    let greenlets: Vec<_> = (0..3).map(|_| spawn(work.clone())).collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    greenlets
        .into_iter()
        .for_each(|greenlet| greenlet.get().unwrap());
    pool.join();
    assert_eq!(total.load(Ordering::SeqCst), 1200);
    assert!(pool.is_empty());
}
