//! Every blocking call works from a plain thread, and blocks that thread only.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::support::{Counter, MUCH, contract, listener, our_pair, value_of};
use crate::net::{TcpListener, TcpStream};
use crate::{
    Event, Group, Pool, Semaphore, Timeout, current, sleep, spawn, with_timeout, yield_now,
};

const SHORT: Duration = Duration::from_millis(2);

/// Has threads of their own do both, so that nothing runs on the hub but what
/// they spawn.
fn on_threads(one: impl FnOnce() + Send, other: impl FnOnce() + Send) {
    contract(|| {
        thread::scope(|scope| {
            scope.spawn(one);
            scope.spawn(other);
        });
    });
}

#[test]
fn connects_accepts_reads_writes_and_peeks() {
    let listener = listener();
    let addr = listener.local_addr().unwrap();
    on_threads(
        move || {
            for _ in 0..20 {
                let (mut stream, peer) = listener.accept().unwrap();
                assert_eq!(stream.peer_addr().unwrap(), peer);
                let mut buf = [0; 5];
                while stream.peek(&mut buf).unwrap() < 5 {}
                stream.read_exact(&mut buf).unwrap();
                stream.write_all(&buf).unwrap();
            }
        },
        move || {
            for n in 0..20 {
                let mut stream = match n % 2 {
                    0 => TcpStream::connect(addr).unwrap(),
                    _ => TcpStream::connect_timeout(&addr, Duration::from_secs(60)).unwrap(),
                };
                stream.write_all(b"hello").unwrap();
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                assert_eq!(text, "hello");
            }
        },
    );
}

#[test]
fn writes_more_than_the_buffers_take() {
    let (mut near, mut far) = our_pair();
    on_threads(
        move || near.write_all(&vec![7; MUCH]).unwrap(),
        move || {
            let mut all = Vec::new();
            far.read_to_end(&mut all).unwrap();
            assert_eq!(all.len(), MUCH);
        },
    );
}

#[test]
fn serves_greenlets_and_is_served_by_them() {
    contract(|| {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let server = spawn(move || {
            for _ in 0..10 {
                let (mut stream, _) = listener.accept().unwrap();
                io::copy(&mut stream.try_clone().unwrap(), &mut stream).unwrap();
            }
        });
        for n in 0..10u8 {
            let mut stream = TcpStream::connect(addr).unwrap();
            let mut buf = [0];
            for _ in 0..20 {
                stream.write_all(&[n]).unwrap();
                stream.read_exact(&mut buf).unwrap();
                assert_eq!(buf, [n]);
            }
        }
        value_of(server.get());
    });
}

#[test]
fn times_out_on_sockets() {
    contract(|| {
        let (mut near, _far) = our_pair();
        near.set_read_timeout(Some(SHORT)).unwrap();
        near.set_write_timeout(Some(SHORT)).unwrap();
        let kinds = [
            near.read(&mut [0]).unwrap_err(),
            near.peek(&mut [0]).unwrap_err(),
            near.wait_read().unwrap_err(),
            near.write_all(&vec![0; MUCH]).unwrap_err(),
        ];
        for error in kinds {
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
        let waits = with_timeout(SHORT, || listener().accept().map(drop));
        assert!(waits.is_err());
    });
}

#[test]
fn looks_names_up() {
    contract(|| {
        let listener = TcpListener::bind(("localhost", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(TcpStream::connect(("localhost", port)).unwrap());
        drop(listener.accept().unwrap());
    });
}

#[test]
fn sleeps_yields_and_has_no_greenlet() {
    contract(|| {
        assert!(current().is_none());
        let start = std::time::Instant::now();
        sleep(SHORT);
        assert!(start.elapsed() >= SHORT);
        yield_now();
        sleep(Duration::ZERO);
        sleep(Duration::from_nanos(1));
    });
}

#[test]
fn joins_gets_and_kills() {
    contract(|| {
        let greenlet = spawn(|| {
            sleep(SHORT);
            7
        });
        assert!(!greenlet.join_timeout(Duration::ZERO));
        greenlet.join();
        assert!(greenlet.join_timeout(Duration::ZERO));
        assert_eq!(greenlet.get().unwrap(), 7);

        let forever = || sleep(Duration::MAX);
        let greenlet = spawn(forever);
        greenlet.kill();
        assert!(greenlet.get().unwrap_err().is_killed());
        let greenlet = spawn(forever);
        assert!(greenlet.kill_timeout(Duration::MAX));
        let greenlet = spawn(forever);
        greenlet.start_kill();
        assert!(greenlet.get().unwrap_err().is_killed());
    });
}

#[test]
fn waits_for_events() {
    let (ping, pong) = (Event::new(), Event::new());
    let (ping_too, pong_too) = (ping.clone(), pong.clone());
    on_threads(
        move || {
            for _ in 0..500 {
                assert!(ping.wait());
                ping.clear();
                pong.set();
            }
        },
        move || {
            for _ in 0..500 {
                ping_too.set();
                assert!(pong_too.wait_timeout(Duration::MAX));
                pong_too.clear();
            }
            assert!(!pong_too.wait_timeout(SHORT));
        },
    );
}

#[test]
fn waits_for_permits_and_slots() {
    let (semaphore, pool) = (Semaphore::new(1), Pool::new(1));
    let inside = Counter::default();
    let work = || {
        let (semaphore, pool, inside) = (semaphore.clone(), pool.clone(), inside.clone());
        move || {
            for _ in 0..100 {
                let permit = semaphore.acquire().unwrap();
                let alone = inside.add();
                thread::yield_now();
                assert_eq!(inside.get(), alone);
                drop(permit);
                drop(pool.spawn(yield_now));
                pool.spawn(|| ()).join();
                drop(pool.acquire());
            }
        }
    };
    on_threads(work(), work());
    pool.join();
    assert_eq!((semaphore.available(), pool.free_slots()), (1, 1));
    let _permit = semaphore.try_acquire();
    assert!(semaphore.acquire_timeout(SHORT).is_none());
    let _slot = pool.try_acquire();
    assert!(pool.acquire_timeout(SHORT).is_none());
}

#[test]
fn waits_for_groups() {
    contract(|| {
        let group = Group::new();
        for _ in 0..10 {
            drop(group.spawn(|| sleep(SHORT)));
        }
        assert!(!group.join_timeout(Duration::ZERO) || group.is_empty());
        group.join();
        drop(group.spawn(|| sleep(Duration::MAX)));
        group.kill();
        drop(group.spawn(|| sleep(Duration::MAX)));
        assert!(group.kill_timeout(Duration::MAX));
        assert!(group.is_empty());
    });
}

#[test]
fn is_timed_out_in_every_call() {
    contract(|| {
        let never = Event::new();
        let sleeper = spawn(|| sleep(Duration::MAX));
        for _ in 0..20 {
            assert!(with_timeout(SHORT, || sleep(Duration::MAX)).is_err());
            assert!(with_timeout(SHORT, || never.wait()).is_err());
            assert!(with_timeout(SHORT, || sleeper.join()).is_err());
            assert_eq!(with_timeout(Duration::MAX, || 7), Ok(7));
        }
        let (mut near, _far) = our_pair();
        assert!(with_timeout(SHORT, || near.read(&mut [0]).is_ok()).is_err());
        let timeout = Timeout::new(SHORT);
        timeout.start();
        assert!(timeout.catch(|| sleep(Duration::MAX)).is_err());
        sleeper.kill();
    });
}

#[test]
fn may_wait_while_it_panics() {
    // It blocks nobody but itself.
    struct Waits(Arc<Event>, Counter);
    impl Drop for Waits {
        fn drop(&mut self) {
            sleep(SHORT);
            assert!(!self.0.wait_timeout(SHORT));
            self.1.add();
        }
    }
    contract(|| {
        let (never, waited) = (Arc::new(Event::new()), Counter::default());
        let guard = Waits(never, waited.clone());
        let panics = catch_unwind(AssertUnwindSafe(move || {
            let _guard = guard;
            panic!("waits in a destructor");
        }));
        assert!(panics.is_err());
        assert_eq!(waited.get(), 1);
    });
}
