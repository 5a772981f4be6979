//! Kill, and what the killed greenlet was handed or was about to be: nothing of
//! it is lost.

use std::io::{Read, Write};
use std::time::Duration;

use super::support::{
    Counter, contract, listener, on_hub, one_worker_only, our_pair, pair, settle, until, value_of,
};
use crate::net::TcpStream;
use crate::{Event, Pool, Semaphore, sleep, spawn, yield_now};

#[test]
fn a_permit_goes_to_the_next_waiter() {
    contract(|| {
        let semaphore = Semaphore::new(1);
        let held = semaphore.try_acquire().unwrap();
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let semaphore = semaphore.clone();
                spawn(move || semaphore.acquire().map(drop))
            })
            .collect();
        settle();
        waiters[0].kill();
        waiters[1].kill();
        drop(held);
        for (n, waiter) in waiters.into_iter().enumerate() {
            assert_eq!(waiter.get().is_ok(), n == 2);
        }
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn a_permit_handed_to_one_who_is_killed_before_it_runs() {
    if one_worker_only() {
        return; // with more it may run in between
    }
    on_hub(|| {
        for kill_first in [true, false] {
            let semaphore = Semaphore::new(1);
            let got = Counter::default();
            let held = semaphore.try_acquire().unwrap();
            let waiter = spawn({
                let (semaphore, got) = (semaphore.clone(), got.clone());
                move || {
                    let _permit = semaphore.acquire();
                    got.add();
                    sleep(Duration::MAX);
                }
            });
            yield_now(); // it waits
            if kill_first {
                waiter.start_kill();
                drop(held);
            } else {
                drop(held);
                assert_eq!(semaphore.available(), 0); // handed over
                waiter.start_kill();
            }
            assert!(waiter.get().unwrap_err().is_killed());
            assert_eq!(got.get(), usize::from(!kill_first));
            assert_eq!(semaphore.available(), 1);
        }
    });
}

#[test]
fn a_permit_handed_to_one_who_times_out_at_that_moment() {
    on_hub(|| {
        let semaphore = Semaphore::new(1);
        for n in 0..500 {
            let held = semaphore.try_acquire().unwrap();
            let waiter = spawn({
                let semaphore = semaphore.clone();
                move || drop(semaphore.acquire_timeout(Duration::from_micros(n)))
            });
            sleep(Duration::from_micros(n));
            drop(held);
            value_of(waiter.get());
            assert_eq!(semaphore.available(), 1);
        }
    });
}

#[test]
fn a_slot_handed_to_one_who_is_killed_before_it_runs() {
    if one_worker_only() {
        return; // with more it may run in between
    }
    on_hub(|| {
        for kill_first in [true, false] {
            let pool = Pool::new(1);
            let held = pool.try_acquire().unwrap();
            let waiter = spawn({
                let pool = pool.clone();
                move || {
                    let _slot = pool.acquire();
                    sleep(Duration::MAX);
                }
            });
            yield_now(); // it waits
            if kill_first {
                waiter.start_kill();
                drop(held);
            } else {
                drop(held);
                waiter.start_kill();
            }
            assert!(waiter.get().unwrap_err().is_killed());
            assert_eq!(pool.free_slots(), 1);
        }
    });
}

#[test]
fn a_slot_whose_greenlet_is_killed() {
    contract(|| {
        let pool = Pool::new(2);
        for round in 0..100 {
            let worker = pool.spawn(|| sleep(Duration::MAX));
            if round % 2 == 0 {
                settle();
            }
            worker.kill();
            assert!(pool.free_slots() >= 1);
        }
        pool.join();
        until(|| pool.free_slots() == 2);
    });
}

#[test]
fn a_connection_is_accepted_by_the_next() {
    contract(|| {
        let listener = std::sync::Arc::new(listener());
        let addr = listener.local_addr().unwrap();
        for at_once in [true, false].repeat(20) {
            let acceptor = spawn({
                let listener = listener.clone();
                move || listener.accept().map(drop)
            });
            settle(); // it waits
            if at_once {
                // In one turn of the hub: the connection is there, and nobody
                // has been told of it, when the kill comes.
                let victim = acceptor.handle().clone();
                let client = spawn(move || {
                    let client = std::net::TcpStream::connect(addr).unwrap();
                    victim.start_kill();
                    client
                });
                let client = value_of(client.get());
                if acceptor.get().is_ok() {
                    // Only with more workers: it was faster than the kill.
                    drop(client);
                    continue;
                }
                let (_, peer) = listener.accept().unwrap();
                assert_eq!(peer, client.local_addr().unwrap());
            } else {
                acceptor.kill();
                assert!(acceptor.get().is_err());
                let client = std::net::TcpStream::connect(addr).unwrap();
                let (_, peer) = listener.accept().unwrap();
                assert_eq!(peer, client.local_addr().unwrap());
            }
        }
    });
}

#[test]
fn bytes_stay_in_the_socket() {
    contract(|| {
        let (near, mut far) = pair();
        let near = std::sync::Arc::new(near);
        for n in 0..50u8 {
            let reader = spawn({
                let near = near.clone();
                move || (&*near).read(&mut [0; 8]).map(drop)
            });
            settle(); // it waits
            let victim = reader.handle().clone();
            let writer = spawn(move || {
                far.write_all(&[n]).unwrap();
                victim.start_kill();
                far
            });
            far = value_of(writer.get());
            if reader.get().is_err() {
                let mut buf = [0; 8];
                assert_eq!((&*near).read(&mut buf).unwrap(), 1);
                assert_eq!(buf[0], n);
            }
        }
    });
}

#[test]
fn a_connection_that_is_being_made_is_closed() {
    contract(|| {
        let (listener, first) = super::kill_in::deaf_listener();
        let addr = listener.local_addr().unwrap();
        let client = spawn(move || TcpStream::connect(addr).map(drop));
        settle();
        client.kill();
        // Whoever is accepted now is somebody who still lives.
        drop(first);
        let served = Event::new();
        let server = spawn({
            let served = served.clone();
            move || {
                loop {
                    let (mut stream, _) = listener.accept().unwrap();
                    let mut byte = [0];
                    if stream.read(&mut byte).unwrap_or(0) == 1 {
                        assert_eq!(byte, *b"l");
                        return served.set();
                    }
                }
            }
        });
        let mut living = TcpStream::connect(addr).unwrap();
        living.write_all(b"l").unwrap();
        served.wait();
        value_of(server.get());
    });
}

#[test]
fn a_value_nobody_waits_for_any_more_is_dropped() {
    contract(|| {
        let dropped = Counter::default();
        let go = Event::new();
        let worker = spawn({
            let (go, value) = (go.clone(), dropped.on_drop());
            move || {
                go.wait();
                value
            }
        });
        let waiter = spawn(move || drop(worker.get()));
        settle();
        waiter.kill();
        go.set();
        dropped.reaches(1);
    });
}

#[test]
fn the_direction_of_a_socket_is_free_again() {
    contract(|| {
        let (near, far) = our_pair();
        let near = std::sync::Arc::new(near);
        for _ in 0..20 {
            let reader = spawn({
                let near = near.clone();
                move || (&*near).read(&mut [0]).map(drop)
            });
            settle();
            reader.kill();
        }
        (&far).write_all(b"x").unwrap();
        assert_eq!((&*near).read(&mut [0]).unwrap(), 1);
    });
}
