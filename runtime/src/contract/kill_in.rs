//! Kill at every blocking call: delivered, caught, and delivered again.

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use super::support::{Counter, MUCH, begin, contract, listener, on_hub, pair, until, value_of};
use crate::net::{TcpListener, TcpStream};
use crate::wait::Interrupted;
use crate::{Event, Group, Pool, Semaphore, sleep, spawn, with_timeout, yield_now};

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
        let counter = dropped.clone();
        kills_in(move || {
            let guard = counter.on_drop();
            drop(pool.spawn(move || drop(guard)));
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
