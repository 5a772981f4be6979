//! Time-outs of single calls, on one alarm that is set again only when needed.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::support::{Counter, MUCH, contract, on_hub, our_pair, pair, settle, until, value_of};
use crate::net::TcpStream;
use crate::wait::with_strand;
use crate::{Event, Semaphore, sleep, spawn};

const SHORT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_secs(3600);

fn times_out<T>(done: io::Result<T>) {
    match done {
        Ok(_) => panic!("it did not wait"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
    }
}

#[test]
fn a_read_times_out_and_the_socket_goes_on() {
    on_hub(|| {
        let (mut near, mut far) = pair();
        near.set_read_timeout(Some(SHORT)).unwrap();
        for n in 0..10 {
            let start = Instant::now();
            times_out(near.read(&mut [0]));
            times_out(near.peek(&mut [0]));
            times_out(near.wait_read());
            assert!(start.elapsed() >= SHORT * 3, "it came too early");
            far.write_all(&[n]).unwrap();
            let mut byte = [0];
            near.wait_read().unwrap();
            near.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [n]);
        }
    });
}

#[test]
fn a_write_times_out_and_the_socket_goes_on() {
    on_hub(|| {
        let (mut near, mut far) = our_pair();
        near.set_write_timeout(Some(SHORT)).unwrap();
        let much = vec![0; MUCH];
        let mut sent = 0;
        let error = loop {
            match near.write(&much) {
                Ok(n) => sent += n,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        near.set_write_timeout(None).unwrap();
        let reader = spawn(move || {
            let mut all = Vec::new();
            far.read_to_end(&mut all).map(|_| all.len())
        });
        near.write_all(&much).unwrap();
        drop(near);
        assert_eq!(value_of(reader.get()).unwrap(), sent + MUCH);
    });
}

#[test]
fn a_connect_times_out() {
    contract(|| {
        let (listener, _first) = super::kill_in::deaf_listener();
        let addr = listener.local_addr().unwrap();
        times_out(TcpStream::connect_timeout(&addr, SHORT));
        let greenlet = spawn(move || times_out(TcpStream::connect_timeout(&addr, SHORT)));
        value_of(greenlet.get());
    });
}

#[test]
fn of_zero_is_refused_and_the_longest_never_comes() {
    on_hub(|| {
        let (mut near, mut far) = our_pair();
        let refused = near.set_read_timeout(Some(Duration::ZERO)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        for limit in [Duration::MAX, LONG * 24 * 365 * 99] {
            near.set_read_timeout(Some(limit)).unwrap();
            let reader = spawn(move || near.read(&mut [0]).map(|_| near));
            settle();
            far.write_all(b"x").unwrap();
            near = value_of(reader.get()).unwrap();
        }
    });
}

#[test]
fn a_long_one_and_then_a_short_one() {
    on_hub(|| {
        let (mut near, mut far) = pair();
        let never = Event::new();
        for _ in 0..20 {
            // Sets an alarm far away, and ends before it.
            near.set_read_timeout(Some(LONG)).unwrap();
            let mut late = far.try_clone().unwrap();
            let writer = spawn(move || late.write_all(b"x").unwrap());
            near.read_exact(&mut [0]).unwrap();
            value_of(writer.get());
            // These need it earlier.
            near.set_read_timeout(Some(SHORT)).unwrap();
            times_out(near.read(&mut [0]));
            assert!(!never.wait_timeout(LONG / 3600 / 1000));
            sleep(SHORT);
        }
        far.write_all(b"x").unwrap();
    });
}

#[test]
fn a_short_one_and_then_a_long_one() {
    on_hub(|| {
        let (mut near, mut far) = pair();
        for n in 0..20 {
            // Leaves an alarm that is due soon, and is not needed any more.
            near.set_read_timeout(Some(SHORT)).unwrap();
            far.write_all(b"x").unwrap();
            near.read_exact(&mut [0]).unwrap();
            let reader_waits = spawn(move || times_out(near.read(&mut [0])));
            value_of(reader_waits.get());
            let (next, next_far) = pair();
            (near, far) = (next, next_far);
            near.set_read_timeout(Some(SHORT)).unwrap();
            let event = Event::new();
            let waiter = spawn({
                let event = event.clone();
                move || {
                    let _ = event.wait_timeout(SHORT / 2);
                    // The early alarm must not end this one.
                    event.wait_timeout(LONG)
                }
            });
            sleep(SHORT * 2 + SHORT * (n % 2));
            assert!(!waiter.is_finished());
            event.set();
            assert!(value_of(waiter.get()));
        }
    });
}

#[test]
fn many_waits_in_sequence_with_one_limit() {
    on_hub(|| {
        let (mut near, mut far) = our_pair();
        near.set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        far.set_read_timeout(Some(LONG)).unwrap();
        let echo = spawn(move || {
            let mut byte = [0];
            while far.read(&mut byte).unwrap() == 1 {
                far.write_all(&byte).unwrap();
            }
        });
        let mut byte = [0];
        for n in 0..5000 {
            near.write_all(&[n as u8]).unwrap();
            near.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [n as u8]);
        }
        // The alarm has been put off all the time, and still comes.
        near.set_read_timeout(Some(SHORT)).unwrap();
        times_out(near.read(&mut byte));
        drop(near);
        value_of(echo.get());
    });
}

#[test]
fn a_greenlet_that_ends_with_an_alarm_leaves_nothing() {
    contract(|| {
        let (mut near, mut far) = pair();
        near.set_read_timeout(Some(LONG)).unwrap();
        let reader = spawn(move || {
            near.read_exact(&mut [0]).unwrap(); // sets an alarm an hour away
            with_strand(Arc::downgrade)
        });
        settle();
        far.write_all(b"x").unwrap();
        let gone = value_of(reader.get());
        until(|| gone.upgrade().is_none());

        let killed = Counter::default();
        let guard = killed.on_drop();
        let weak = Arc::new(Mutex::new(None));
        let sleeper = spawn({
            let weak = weak.clone();
            move || {
                let _guard = guard;
                *weak.lock() = Some(with_strand(Arc::downgrade));
                sleep(LONG);
            }
        });
        until(|| weak.lock().is_some());
        sleeper.kill();
        drop(sleeper);
        assert_eq!(killed.get(), 1);
        let gone = weak.lock().take().unwrap();
        until(|| gone.upgrade().is_none());
    });
}

#[test]
fn timed_waits_for_permits_and_events_end() {
    contract(|| {
        let (none, never) = (Semaphore::new(0), Event::new());
        let wait = move || {
            for n in 0..50u64 {
                let limit = Duration::from_micros(n * 10);
                assert!(none.acquire_timeout(limit).is_none());
                assert!(!never.wait_timeout(limit));
            }
        };
        let greenlet = spawn(wait.clone());
        wait();
        value_of(greenlet.get());
    });
}
