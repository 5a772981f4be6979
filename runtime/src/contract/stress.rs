//! Wake paths under stress: threads and greenlets, kills and time-outs at
//! random (the same ones each time). Nothing is lost, nobody hangs.

use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::support::{Counter, Dice, contract, our_pair, settle, until, value_of};
use crate::{Event, Greenlet, Pool, Semaphore, catch_panic, sleep, spawn, with_timeout, yield_now};

/// A while to wait at random: mostly none.
fn dawdle(dice: &mut Dice) {
    match dice.roll(4) {
        0 => yield_now(),
        1 => sleep(Duration::from_micros(dice.roll(50))),
        _ => {}
    }
}

/// Kills some of the greenlets at random moments; each ends in some way.
fn kill_some(dice: &mut Dice, greenlets: Vec<Greenlet<()>>) {
    for greenlet in &greenlets {
        if dice.roll(3) == 0 {
            greenlet.start_kill();
        }
        dawdle(dice);
    }
    for greenlet in greenlets {
        if let Err(error) = greenlet.get() {
            assert!(error.is_killed(), "{error}");
        }
    }
}

#[test]
fn permits_are_never_lost() {
    contract(|| {
        for seed in 0..10 {
            let semaphore = Semaphore::new(3);
            let work = |seed: u64| {
                let semaphore = semaphore.clone();
                move || {
                    let mut dice = Dice::new(seed);
                    for _ in 0..30 {
                        let limit = Duration::from_micros(dice.roll(200));
                        let permit = match dice.roll(3) {
                            0 => semaphore.acquire().ok(),
                            1 => semaphore.acquire_timeout(limit),
                            _ => with_timeout(limit, || semaphore.acquire().unwrap()).ok(),
                        };
                        dawdle(&mut dice);
                        drop(permit);
                    }
                }
            };
            let threads: Vec<_> = (0..3)
                .map(|n| thread::spawn(work(1000 * seed + n)))
                .collect();
            let greenlets = (0..50).map(|n| spawn(work(1000 * seed + 10 + n))).collect();
            kill_some(&mut Dice::new(seed), greenlets);
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(semaphore.available(), 3, "with seed {seed}");
        }
    });
}

#[test]
fn slots_are_never_lost() {
    contract(|| {
        for seed in 0..10 {
            let pool = Pool::new(3);
            let work = |seed: u64| {
                let pool = pool.clone();
                move || {
                    let mut dice = Dice::new(seed);
                    for _ in 0..20 {
                        let limit = Duration::from_micros(dice.roll(200));
                        let worker = match dice.roll(3) {
                            0 => Some(pool.spawn(yield_now)),
                            1 => pool.acquire_timeout(limit).map(|slot| slot.spawn(|| ())),
                            _ => with_timeout(limit, || pool.spawn(move || sleep(limit))).ok(),
                        };
                        dawdle(&mut dice);
                        if let Some(worker) = worker.filter(|_| dice.roll(2) == 0) {
                            worker.kill();
                        }
                    }
                }
            };
            let threads: Vec<_> = (0..3)
                .map(|n| thread::spawn(work(1000 * seed + n)))
                .collect();
            let greenlets = (0..30).map(|n| spawn(work(1000 * seed + 10 + n))).collect();
            kill_some(&mut Dice::new(seed), greenlets);
            for thread in threads {
                thread.join().unwrap();
            }
            pool.join();
            assert_eq!((pool.free_slots(), pool.len()), (3, 0), "with seed {seed}");
        }
    });
}

#[test]
fn events_wake_everybody() {
    contract(|| {
        for seed in 0..10 {
            let events: Arc<[Event; 4]> = Arc::default();
            let work = |seed: u64| {
                let events = events.clone();
                move || {
                    let mut dice = Dice::new(seed);
                    for _ in 0..30 {
                        let event = &events[dice.roll(4) as usize];
                        let limit = Duration::from_micros(dice.roll(100));
                        match dice.roll(4) {
                            0 => event.set(),
                            1 => event.clear(),
                            2 => drop(event.wait_timeout(limit)),
                            _ => drop(with_timeout(limit, || event.wait())),
                        }
                    }
                    // And these have no limit.
                    for event in events.iter() {
                        event.wait();
                    }
                }
            };
            let threads: Vec<_> = (0..3)
                .map(|n| thread::spawn(work(1000 * seed + n)))
                .collect();
            let greenlets: Vec<_> = (0..50).map(|n| spawn(work(1000 * seed + 10 + n))).collect();
            settle();
            let stop = Counter::default();
            let setter = spawn({
                let (events, stop) = (events.clone(), stop.clone());
                move || {
                    while stop.get() == 0 {
                        events.iter().for_each(Event::set);
                        yield_now();
                    }
                }
            });
            kill_some(&mut Dice::new(seed), greenlets);
            for thread in threads {
                thread.join().unwrap();
            }
            stop.add();
            value_of(setter.get());
        }
    });
}

#[test]
fn joins_end_for_everybody() {
    contract(|| {
        for seed in 0..10 {
            let mut dice = Dice::new(seed);
            let joined: Vec<_> = (0..10)
                .map(|_| {
                    let limit = Duration::from_micros(dice.roll(500));
                    spawn(move || sleep(limit))
                })
                .collect();
            let handles: Vec<_> = joined.iter().map(|g| g.handle().clone()).collect();
            let work = |seed: u64| {
                let handles = handles.clone();
                move || {
                    let mut dice = Dice::new(seed);
                    for handle in &handles {
                        let limit = Duration::from_micros(dice.roll(300));
                        match dice.roll(5) {
                            0 => handle.kill(),
                            1 => drop(handle.kill_timeout(limit)),
                            2 => drop(handle.join_timeout(limit)),
                            3 => drop(with_timeout(limit, || handle.join())),
                            _ => handle.join(),
                        }
                    }
                }
            };
            let threads: Vec<_> = (0..3)
                .map(|n| thread::spawn(work(1000 * seed + n)))
                .collect();
            let greenlets = (0..50).map(|n| spawn(work(1000 * seed + 10 + n))).collect();
            kill_some(&mut dice, greenlets);
            for thread in threads {
                thread.join().unwrap();
            }
            for greenlet in joined {
                greenlet.join();
            }
        }
    });
}

#[test]
fn sockets_lose_no_bytes() {
    contract(|| {
        for seed in 0..10u64 {
            let (near, mut far) = our_pair();
            let near = Arc::new(near);
            let total = 5000;
            let writer = spawn(move || {
                let mut dice = Dice::new(seed);
                let mut sent = 0;
                while sent < total {
                    let n = (1 + dice.roll(20)).min(total - sent);
                    let bytes: Vec<u8> = (sent..sent + n).map(|n| n as u8).collect();
                    far.write_all(&bytes).unwrap();
                    sent += n;
                    dawdle(&mut dice);
                }
            });
            // Readers that are killed or timed out one after the other; what each
            // has read it has counted before it could be interrupted again.
            let got = Counter::default();
            let mut dice = Dice::new(seed + 100);
            let ended = Counter::default();
            while ended.get() == 0 {
                let reader = spawn({
                    let (near, got, ended) = (near.clone(), got.clone(), ended.clone());
                    let limit = Duration::from_micros(dice.roll(100));
                    move || {
                        let body = || {
                            let mut buf = [0; 8];
                            loop {
                                let n = (&*near).read(&mut buf).unwrap();
                                if n == 0 {
                                    ended.add();
                                    return;
                                }
                                for byte in &buf[..n] {
                                    assert_eq!(*byte, got.add().wrapping_sub(1) as u8);
                                }
                            }
                        };
                        let _ = with_timeout(limit, body);
                    }
                });
                if dice.roll(2) == 0 {
                    sleep(Duration::from_micros(dice.roll(100)));
                    reader.start_kill();
                }
                if let Err(error) = reader.get() {
                    assert!(error.is_killed(), "{error}");
                }
            }
            value_of(writer.get());
            assert_eq!(got.get() as u64, total);
        }
    });
}

#[test]
fn kills_at_random_moments_of_everything() {
    contract(|| {
        let semaphore = Semaphore::new(2);
        let event = Event::new();
        for seed in 0..500 {
            let dropped = Counter::default();
            let victim = spawn({
                let (semaphore, event) = (semaphore.clone(), event.clone());
                let guard = dropped.on_drop();
                move || {
                    let _guard = guard;
                    let mut dice = Dice::new(seed);
                    loop {
                        match dice.roll(7) {
                            0 => sleep(Duration::from_micros(dice.roll(20))),
                            1 => yield_now(),
                            2 => drop(semaphore.acquire()),
                            3 => drop(event.wait_timeout(Duration::from_micros(dice.roll(20)))),
                            4 => spawn(yield_now).join(),
                            5 => drop(catch_panic(yield_now)),
                            _ => drop(with_timeout(Duration::from_micros(dice.roll(20)), || {
                                event.wait()
                            })),
                        }
                    }
                }
            });
            dawdle(&mut Dice::new(seed));
            victim.kill();
            assert_eq!(dropped.get(), 1);
        }
        until(|| semaphore.available() == 2);
    });
}
