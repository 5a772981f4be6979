//! Readiness that is told once: a reader that waits before it tries must never
//! wait for news that has been told already (`Source::edges`).

use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use super::support::{
    Counter, Dice, MUCH, contract, fill, on_hub, our_pair, pair, settle, value_of,
};
use crate::{Event, sleep, spawn, yield_now};

/// Registers the socket and leaves the reader with a short read behind it.
fn read_short(near: &mut crate::net::TcpStream, far: &mut std::net::TcpStream) {
    let mut buf = [0; 64];
    for _ in 0..2 {
        let mut late = far.try_clone().unwrap();
        let writer = spawn(move || {
            sleep(Duration::from_millis(1)); // the reader waits by now
            late.write_all(b"x").unwrap();
        });
        assert_eq!(near.read(&mut buf).unwrap(), 1);
        value_of(writer.get());
    }
}

#[test]
fn data_and_end_together_before_the_first_read() {
    contract(|| {
        for n in 1..200 {
            let (mut near, mut far) = pair();
            far.write_all(&vec![b'd'; n]).unwrap();
            drop(far);
            let reader = spawn(move || {
                let mut all = Vec::new();
                near.read_to_end(&mut all).map(|_| all.len())
            });
            assert_eq!(value_of(reader.get()).unwrap(), n);
        }
    });
}

#[test]
fn data_and_end_together_after_registration() {
    contract(|| {
        for n in 1..200 {
            let (mut near, mut far) = pair();
            let reader = spawn(move || {
                let mut buf = [0; 1024];
                let mut all = 0;
                loop {
                    match near.read(&mut buf).unwrap() {
                        0 => return all,
                        n => all += n,
                    }
                }
            });
            settle(); // it waits, so the socket is registered
            far.write_all(&vec![b'd'; n]).unwrap();
            if n % 2 == 0 {
                settle();
            }
            far.write_all(b"e").unwrap();
            far.shutdown(Shutdown::Write).unwrap();
            assert_eq!(value_of(reader.get()), n + 1);
        }
    });
}

#[test]
fn small_writes_and_an_end_at_random_moments() {
    contract(|| {
        let mut dice = Dice::new(1);
        for _ in 0..300 {
            let (mut near, mut far) = pair();
            let asked = 1 + dice.roll(64) as usize;
            let reader = spawn(move || {
                let mut buf = [0; 64];
                let mut all = 0;
                loop {
                    match near.read(&mut buf[..asked]).unwrap() {
                        0 => return all,
                        n => all += n,
                    }
                }
            });
            let mut sent = 0;
            for _ in 0..dice.roll(8) {
                let n = dice.roll(64) as usize;
                far.write_all(&[b'd'; 64][..n]).unwrap();
                sent += n;
                match dice.roll(4) {
                    0 => settle(),
                    1 => thread::yield_now(),
                    _ => {}
                }
            }
            drop(far);
            assert_eq!(value_of(reader.get()), sent);
        }
    });
}

#[test]
fn an_edge_that_a_write_has_taken_is_not_waited_for() {
    on_hub(|| {
        let (mut near, mut far) = pair();
        read_short(&mut near, &mut far);
        let far_side = thread::spawn(move || {
            far.write_all(b"next").unwrap();
            let mut rest = vec![0; MUCH];
            far.read_exact(&mut rest).unwrap();
            far
        });
        // Waits again and again, and is told of the bytes that have come.
        near.write_all(&vec![b'w'; MUCH]).unwrap();
        let mut buf = [0; 64];
        assert_eq!(near.read(&mut buf).unwrap(), 4);
        drop(far_side.join().unwrap()); // ends by itself: all is written
    });
}

#[test]
fn an_edge_that_a_timed_out_write_has_taken_is_not_waited_for() {
    on_hub(|| {
        let (mut near, mut far) = pair();
        read_short(&mut near, &mut far);
        fill(&near);
        near.set_write_timeout(Some(Duration::from_millis(5)))
            .unwrap();
        far.write_all(b"next").unwrap();
        near.write_all(&vec![b'w'; MUCH]).unwrap_err();
        let mut buf = [0; 64];
        assert_eq!(near.read(&mut buf).unwrap(), 4);
    });
}

#[test]
fn an_edge_that_another_greenlets_write_has_taken_is_not_waited_for() {
    on_hub(|| {
        let (near, mut far) = our_pair();
        let near = std::sync::Arc::new(near);
        let mut buf = [0; 64];
        for _ in 0..2 {
            let reader = spawn({
                let near = near.clone();
                move || (&*near).read(&mut [0; 64]).unwrap()
            });
            settle();
            far.write_all(b"x").unwrap();
            assert_eq!(value_of(reader.get()), 1);
        }
        let full = fill(&near);
        let writer = spawn({
            let near = near.clone();
            move || (&*near).write_all(&vec![b'w'; MUCH]).unwrap()
        });
        settle(); // the writer waits, alone
        far.write_all(b"next").unwrap();
        sleep(Duration::from_millis(5)); // it is told of the bytes
        assert_eq!((&*near).read(&mut buf).unwrap(), 4);
        let mut rest = vec![0; full + MUCH];
        far.read_exact(&mut rest).unwrap();
        value_of(writer.get());
    });
}

#[test]
fn an_edge_that_a_peek_has_taken_is_not_waited_for() {
    on_hub(|| {
        let (mut near, mut far) = pair();
        read_short(&mut near, &mut far);
        let mut late = far.try_clone().unwrap();
        let writer = spawn(move || {
            sleep(Duration::from_millis(1)); // the peek waits by now
            late.write_all(b"next").unwrap();
        });
        let mut buf = [0; 64];
        assert_eq!(near.peek(&mut buf).unwrap(), 4);
        assert_eq!(near.read(&mut buf).unwrap(), 4);
        value_of(writer.get());
    });
}

#[test]
fn an_edge_that_an_interrupted_read_has_taken_is_not_waited_for() {
    on_hub(|| {
        let (mut near, mut far) = pair();
        for _ in 0..50 {
            read_short(&mut near, &mut far);
            let arrived = Event::new();
            let reader = spawn({
                let arrived = arrived.clone();
                move || {
                    let mut buf = [0; 64];
                    let cut = crate::with_timeout(Duration::from_micros(500), || {
                        near.read(&mut buf).unwrap()
                    });
                    arrived.wait();
                    let n = cut.unwrap_or_else(|_| near.read(&mut buf).unwrap());
                    (near, n)
                }
            });
            settle();
            yield_now();
            far.write_all(b"next").unwrap();
            sleep(Duration::from_millis(1));
            arrived.set();
            let (back, n) = value_of(reader.get());
            assert_eq!(n, 4);
            near = back;
        }
    });
}

#[test]
fn the_limit_of_a_read_is_not_doubled_after_a_short_read() {
    contract(|| {
        if super::support::one_worker_only() {
            return; // the order of two wake-ups
        }
        let limit = Duration::from_millis(400);
        let order = Counter::default();
        let reader = spawn({
            let order = order.clone();
            move || {
                let (mut near, mut far) = pair();
                read_short(&mut near, &mut far);
                near.set_read_timeout(Some(limit)).unwrap();
                order.add();
                let error = near.read(&mut [0; 64]).unwrap_err();
                assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
                order.add()
            }
        });
        order.reaches(1);
        // Begun later, so due later, though not much.
        let sleeper = spawn(move || {
            sleep(limit + limit / 4);
            order.add()
        });
        assert_eq!(value_of(reader.get()), 2, "the read waited too long");
        assert_eq!(value_of(sleeper.get()), 3);
    });
}
