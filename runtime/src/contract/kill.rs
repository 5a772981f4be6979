//! Kill: delivered at every blocking call, once, and destructors run.

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use super::support::{
    Counter, MUCH, OnDrop, begin, child, contract, listener, on_hub, one_worker_only, pair, settle,
    until, value_of,
};
use crate::net::{TcpListener, TcpStream};
use crate::wait::Interrupted;
use crate::{Event, Group, Pool, Semaphore, current, sleep, spawn, with_timeout, yield_now};

/// Kills a greenlet twice while it is in `block`, which must not return: the
/// first kill is caught, the second ends it. From a greenlet and from a thread.
fn kills_in(block: impl Fn() + Send + Sync + 'static) {
    let block = Arc::new(block);
    for from_greenlet in [true, false] {
        let (begun, dropped) = (Counter::default(), Counter::default());
        let victim = begin({
            let (block, begun, guard) = (block.clone(), begun.clone(), dropped.on_drop());
            move || {
                let _captured = guard;
                let inner = begun.clone();
                let caught = catch_unwind(AssertUnwindSafe(|| {
                    let _local = inner.on_drop();
                    block();
                }));
                assert!(caught.unwrap_err().is::<Interrupted>());
                assert_eq!(begun.add(), 2);
                block();
                unreachable!("it was not killed");
            }
        });
        let target = victim.handle().clone();
        let first = {
            let target = target.clone();
            move || target.start_kill()
        };
        let last = {
            let begun = begun.clone();
            move || {
                until(|| begun.get() == 2 || target.is_finished());
                assert!(!target.is_finished());
                target.kill();
                assert!(target.is_finished());
            }
        };
        if from_greenlet {
            value_of(spawn(first).get());
            value_of(spawn(last).get());
        } else {
            first();
            last();
        }
        let error = victim.get().unwrap_err();
        assert!(error.is_killed(), "{error}");
        assert_eq!(dropped.get(), 1);
        assert_eq!(begun.get(), 2);
    }
}

#[test]
fn in_sleep() {
    contract(|| kills_in(|| sleep(Duration::MAX)));
}

#[test]
fn in_a_long_sleep() {
    contract(|| kills_in(|| sleep(Duration::from_secs(3600))));
}

#[test]
fn in_yield() {
    contract(|| {
        kills_in(|| {
            loop {
                yield_now();
            }
        });
    });
}

#[test]
fn in_read() {
    contract(|| {
        let (near, _far) = pair();
        kills_in(move || drop((&near).read(&mut [0])));
    });
}

#[test]
fn in_read_after_a_short_read() {
    contract(|| {
        let (mut near, mut far) = pair();
        for _ in 0..2 {
            far.write_all(b"x").unwrap();
            near = value_of(spawn(move || near.read(&mut [0; 8]).map(|_| near)).get()).unwrap();
        }
        kills_in(move || drop((&near).read(&mut [0; 8])));
    });
}

#[test]
fn in_read_with_a_time_out() {
    contract(|| {
        let (near, _far) = pair();
        near.set_read_timeout(Some(Duration::from_secs(3600)))
            .unwrap();
        kills_in(move || drop((&near).read(&mut [0])));
    });
}

#[test]
fn in_peek() {
    contract(|| {
        let (near, _far) = pair();
        kills_in(move || drop(near.peek(&mut [0])));
    });
}

#[test]
fn in_a_read_that_is_always_ready() {
    contract(|| {
        let (near, mut far) = pair();
        far.write_all(b"x").unwrap();
        kills_in(move || while near.peek(&mut [0]).is_ok() {});
    });
}

#[test]
fn in_write_to_a_full_socket() {
    contract(|| {
        let (near, _far) = pair();
        let much = vec![0; MUCH];
        kills_in(move || drop((&near).write_all(&much)));
    });
}

#[test]
fn in_accept() {
    contract(|| {
        let listener = listener();
        kills_in(move || drop(listener.accept()));
    });
}

/// A listener that answers nobody more: its backlog is full of the connection
/// that is returned with it.
pub(super) fn deaf_listener() -> (TcpListener, TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap(); // room for one
    let first = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut queued = [PollFd::new(&listener, PollFlags::IN)];
    rustix::event::poll(&mut queued, None).unwrap(); // it is in the backlog
    (listener.try_into().unwrap(), first)
}

#[test]
fn in_connect() {
    contract(|| {
        let (listener, first) = deaf_listener();
        let addr = listener.local_addr().unwrap();
        kills_in(move || drop(TcpStream::connect(addr)));
        // Nothing is stuck: the one who was there first is served, and others.
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer, first.local_addr().unwrap());
        drop(TcpStream::connect(addr).unwrap());
    });
}

#[test]
fn in_a_lookup() {
    // More often than there are lookups at once: no place is lost.
    on_hub(|| {
        for _ in 0..30 {
            let victim = spawn(|| {
                let _ = TcpStream::connect("localhost:1");
                sleep(Duration::MAX); // in case the lookup was faster
            });
            yield_now();
            victim.kill();
            assert!(victim.get().unwrap_err().is_killed());
        }
        let listener = TcpListener::bind("localhost:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(TcpStream::connect(("localhost", port)).unwrap());
    });
}

#[test]
fn in_join() {
    contract(|| {
        let sleeper = spawn(|| sleep(Duration::MAX));
        let handle = sleeper.handle().clone();
        kills_in(move || handle.join());
        assert!(!sleeper.is_finished());
        sleeper.kill();
    });
}

#[test]
fn in_get() {
    contract(|| {
        let ended = Counter::default();
        let counter = ended.clone();
        kills_in(move || {
            let guard = counter.on_drop();
            let runs_on = spawn(move || {
                let _guard = guard;
                sleep(Duration::from_millis(1));
            });
            drop(runs_on.get());
            sleep(Duration::MAX); // in case the kill came later than the value
        });
        // Twice in each of two rounds: those it waited for run on by themselves.
        ended.reaches(4);
    });
}

#[test]
fn in_kill() {
    contract(|| {
        let stubborn = begin(|| {
            loop {
                let _ = catch_unwind(|| sleep(Duration::MAX));
            }
        });
        let handle = stubborn.handle().clone();
        kills_in(move || handle.kill());
        assert!(!stubborn.is_finished());
        // It never ends: it stays asleep for the rest of the process.
    });
}

#[test]
fn in_semaphore() {
    contract(|| {
        let none = Semaphore::new(0);
        let waited = none.clone();
        kills_in(move || drop(waited.acquire()));
        assert_eq!(none.available(), 0);
    });
}

#[test]
fn in_semaphore_with_a_limit() {
    contract(|| {
        let none = Semaphore::new(0);
        kills_in(move || drop(none.acquire_timeout(Duration::from_secs(3600))));
    });
}

#[test]
fn in_event() {
    contract(|| {
        let never = Event::new();
        kills_in(move || {
            never.wait();
        });
    });
}

#[test]
fn in_pool() {
    contract(|| {
        let pool = Pool::new(1);
        let slot = pool.try_acquire().unwrap();
        let waited = pool.clone();
        kills_in(move || drop(waited.acquire()));
        assert!(pool.is_full());
        drop(slot);
        assert_eq!(pool.free_slots(), 1);
    });
}

#[test]
fn in_pool_spawn_drops_the_body() {
    contract(|| {
        let pool = Pool::new(1);
        let slot = pool.try_acquire().unwrap();
        let dropped = Counter::default();
        let (waited, counter) = (pool.clone(), dropped.clone());
        kills_in(move || {
            let guard = counter.on_drop();
            drop(waited.spawn(move || drop(guard)));
        });
        assert_eq!(dropped.get(), 4);
        drop(slot);
    });
}

#[test]
fn in_group_join() {
    contract(|| {
        let group = Group::new();
        let member = group.spawn(|| sleep(Duration::MAX));
        let waited = group.clone();
        kills_in(move || waited.join());
        assert_eq!(group.len(), 1);
        group.kill();
        assert!(member.get().unwrap_err().is_killed());
    });
}

#[test]
fn in_a_time_out() {
    contract(|| {
        kills_in(|| {
            let _ = with_timeout(Duration::from_secs(3600), || sleep(Duration::MAX));
        });
    });
}

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
        let (begun, caught) = (Counter::default(), Counter::default());
        let greenlet = spawn({
            let (event, begun, caught) = (event.clone(), begun.clone(), caught.clone());
            move || {
                let me = current().unwrap();
                me.start_kill();
                me.start_kill();
                me.start_kill();
                begun.add();
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
