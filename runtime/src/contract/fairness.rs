//! Fairness: whatever others do, as long as they make blocking calls, sockets
//! and timers get their turn.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::support::{Counter, OnDrop, begin, contract, listener, pair, until, value_of};
use crate::{Event, Greenlet, Pool, Semaphore, sleep, spawn, yield_now};

const ECHOES: u8 = 50;
const SLEEPS: usize = 20;

/// Tells the busy ones to stop, and counts what they do.
#[derive(Clone, Default)]
struct Busy {
    stop: Arc<AtomicBool>,
    turns: Counter,
}

impl Busy {
    fn goes_on(&self) -> bool {
        self.turns.add();
        !self.stop.load(Ordering::Relaxed)
    }
}

/// Has a client of an echo server and a sleeper do their work beside what
/// `start` starts.
fn others_get_their_turn(start: impl FnOnce(&Busy) -> Vec<Greenlet<()>>) {
    contract(|| {
        let listener = listener();
        let addr = listener.local_addr().unwrap();
        let busy = Busy::default();
        // Also when an assertion fails: busy ones would disturb other tests.
        let stopper = {
            let busy = busy.clone();
            OnDrop(move || busy.stop.store(true, Ordering::Relaxed))
        };
        let started = start(&busy);
        until(|| busy.turns.get() > 100);

        let server = spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut byte = [0];
            while stream.read(&mut byte).unwrap() == 1 {
                stream.write_all(&byte).unwrap();
            }
        });
        let sleeper = spawn(|| (0..SLEEPS).for_each(|_| sleep(Duration::from_millis(1))));
        let mut client = std::net::TcpStream::connect(addr).unwrap();
        client.set_nodelay(true).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let mut byte = [0];
        for n in 0..ECHOES {
            let turns = busy.turns.get();
            client.write_all(&[n]).unwrap();
            client.read_exact(&mut byte).expect("no echo");
            assert_eq!(byte, [n]);
            until(|| busy.turns.get() > turns); // and they are still busy
        }
        assert!(
            sleeper.join_timeout(Duration::from_secs(60)),
            "no turn for timers"
        );
        drop(client);
        assert!(server.join_timeout(Duration::from_secs(60)), "no turn");
        value_of(server.get());
        drop(stopper);
        for greenlet in started {
            value_of(greenlet.get());
        }
    });
}

fn yielders(busy: &Busy, count: usize) -> Vec<Greenlet<()>> {
    (0..count)
        .map(|_| {
            let busy = busy.clone();
            spawn(move || {
                while busy.goes_on() {
                    yield_now();
                }
            })
        })
        .collect()
}

#[test]
fn beside_one_yielder() {
    others_get_their_turn(|busy| yielders(busy, 1));
}

#[test]
fn beside_8_yielders() {
    others_get_their_turn(|busy| yielders(busy, 8));
}

#[test]
fn beside_1000_yielders() {
    others_get_their_turn(|busy| yielders(busy, 1000));
}

#[test]
fn beside_sleepers_of_no_time() {
    others_get_their_turn(|busy| {
        (0..8)
            .map(|_| {
                let busy = busy.clone();
                spawn(move || {
                    while busy.goes_on() {
                        sleep(Duration::from_nanos(1));
                    }
                })
            })
            .collect()
    });
}

#[test]
fn beside_a_pair_that_plays_ping_pong_with_events() {
    others_get_their_turn(|busy| {
        let (ping, pong) = (Event::new(), Event::new());
        let player = |mine: Event, other: Event, busy: Busy| {
            spawn(move || {
                while busy.goes_on() {
                    mine.wait();
                    mine.clear();
                    other.set();
                }
                other.set();
            })
        };
        ping.set();
        vec![
            player(ping.clone(), pong.clone(), busy.clone()),
            player(pong, ping, busy.clone()),
        ]
    });
}

#[test]
fn beside_a_pair_that_plays_ping_pong_with_a_semaphore() {
    others_get_their_turn(|busy| {
        let ball = Semaphore::new(1);
        let held = ball.try_acquire().unwrap();
        let players = (0..2)
            .map(|_| {
                let (ball, busy) = (ball.clone(), busy.clone());
                spawn(move || {
                    // Dropped, it is handed to the other one, who waits.
                    while busy.goes_on() {
                        drop(ball.acquire().unwrap());
                    }
                })
            })
            .collect();
        super::support::settle(); // both wait
        drop(held);
        players
    });
}

#[test]
fn beside_a_reader_of_a_socket_that_always_has_data() {
    others_get_their_turn(|busy| {
        let (mut near, mut far) = pair();
        thread::spawn(move || while far.write_all(&[0; 16_000]).is_ok() {});
        let busy = busy.clone();
        vec![spawn(move || {
            let mut buf = [0; 16]; // far less than there is
            while busy.goes_on() {
                assert_ne!(near.read(&mut buf).unwrap(), 0);
            }
            near.shutdown(Shutdown::Both).unwrap();
        })]
    });
}

#[test]
fn beside_a_writer_to_a_socket_that_always_has_room() {
    others_get_their_turn(|busy| {
        let (mut near, mut far) = pair();
        thread::spawn(move || {
            let mut buf = vec![0; 1 << 20];
            while far.read(&mut buf).is_ok_and(|n| n > 0) {}
        });
        let busy = busy.clone();
        vec![spawn(move || {
            while busy.goes_on() {
                near.write_all(&[0; 16]).unwrap();
            }
        })]
    });
}

#[test]
fn beside_a_chain_of_greenlets_that_spawn_the_next() {
    fn link(busy: Busy, end: Event) {
        if busy.goes_on() {
            drop(spawn(move || link(busy, end)));
        } else {
            end.set();
        }
    }
    others_get_their_turn(|busy| {
        let end = Event::new();
        let (first, last) = (busy.clone(), end.clone());
        drop(spawn(move || link(first, last)));
        vec![spawn(move || assert!(end.wait()))]
    });
}

#[test]
fn beside_a_thread_that_spawns_all_the_time() {
    others_get_their_turn(|busy| {
        let spawner = busy.clone();
        thread::spawn(move || {
            let ended = Counter::default();
            let mut begun = 0;
            while spawner.goes_on() {
                // Some are always ready, and there is never more than some.
                while begun - ended.get() > 100 {
                    std::hint::spin_loop();
                }
                begun += 1;
                let guard = ended.on_drop();
                drop(spawn(move || {
                    let _guard = guard;
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_micros(20) {
                        std::hint::spin_loop();
                    }
                }));
            }
        });
        Vec::new()
    });
}

#[test]
fn beside_one_that_spawns_and_joins() {
    others_get_their_turn(|busy| {
        let busy = busy.clone();
        vec![spawn(move || {
            while busy.goes_on() {
                spawn(|| ()).join();
            }
        })]
    });
}

#[test]
fn beside_greenlets_that_threads_wake_all_the_time() {
    others_get_their_turn(|busy| {
        (0..2)
            .map(|_| {
                let (ping, pong) = (Event::new(), Event::new());
                let waker = (busy.clone(), ping.clone(), pong.clone());
                thread::spawn(move || {
                    let (busy, ping, pong) = waker;
                    while busy.goes_on() {
                        ping.set();
                        pong.wait();
                        pong.clear();
                    }
                    ping.set();
                });
                let busy = busy.clone();
                spawn(move || {
                    while busy.goes_on() {
                        ping.wait();
                        ping.clear();
                        pong.set();
                    }
                    pong.set();
                })
            })
            .collect()
    });
}

#[test]
fn beside_one_that_kills_and_one_that_catches_it() {
    others_get_their_turn(|busy| {
        let (mut near, far) = pair();
        let catcher = {
            let busy = busy.clone();
            begin(move || {
                let _far = far;
                while busy.goes_on() {
                    let wait = AssertUnwindSafe(|| near.read(&mut [0]));
                    assert!(catch_unwind(wait).is_err());
                }
            })
        };
        let victim = catcher.handle().clone();
        let busy = busy.clone();
        let killer = spawn(move || {
            while busy.goes_on() {
                victim.start_kill();
                yield_now();
            }
            victim.start_kill();
        });
        vec![catcher, killer]
    });
}

#[test]
fn beside_a_loop_over_an_event_that_is_set() {
    others_get_their_turn(|busy| {
        let set = Event::new();
        set.set();
        let busy = busy.clone();
        vec![spawn(move || {
            while busy.goes_on() {
                set.wait();
            }
        })]
    });
}

#[test]
fn beside_a_loop_over_a_free_semaphore() {
    others_get_their_turn(|busy| {
        let free = Semaphore::new(1);
        let busy = busy.clone();
        vec![spawn(move || {
            while busy.goes_on() {
                drop(free.acquire().unwrap());
            }
        })]
    });
}

#[test]
fn beside_a_loop_over_a_free_pool() {
    others_get_their_turn(|busy| {
        let pool = Pool::new(1);
        let busy = busy.clone();
        vec![spawn(move || {
            while busy.goes_on() {
                drop(pool.acquire());
            }
        })]
    });
}

#[test]
fn beside_a_loop_over_a_greenlet_that_has_ended() {
    others_get_their_turn(|busy| {
        let ended = spawn(|| ());
        ended.join();
        let busy = busy.clone();
        vec![spawn(move || {
            while busy.goes_on() {
                ended.join();
            }
        })]
    });
}
