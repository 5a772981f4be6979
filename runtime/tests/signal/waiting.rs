//! Waiting.

use super::*;

#[test]
fn one_waits_for_several_signals() {
    alone("waiting::one_waits_for_several_signals", || {
        let body = || {
            let signals = Signals::new(&[Signal::USR1, Signal::USR2]).unwrap();
            assert!(format!("{signals:?}").contains("SIGUSR2"));
            assert_eq!(signals.try_wait(), None);
            assert_eq!(signals.wait_timeout(Duration::ZERO), None);
            assert_eq!(signals.wait_timeout(Duration::from_millis(1)), None);
            // Kept until somebody waits.
            send(Signal::USR2);
            assert_eq!(signals.wait_timeout(PATIENCE), Some(Signal::USR2));
            assert_eq!(signals.try_wait(), None);
            thread::spawn(|| {
                sleep(Duration::from_millis(1));
                send(Signal::USR1);
            });
            assert_eq!(signals.wait(), Ok(Signal::USR1));
        };
        in_greenlet(body);
        let thread = thread::spawn(body);
        until(|| thread.is_finished());
        thread.join().unwrap();
    });
}

#[test]
fn signals_come_one_after_the_other() {
    alone("waiting::signals_come_one_after_the_other", || {
        set_up();
        let signals = Signals::new(&[Signal::HUP, Signal::TERM]).unwrap();
        let told = Counter::default();
        let teller = told.clone();
        let server = spawn(move || {
            for signal in signals {
                if signal == Signal::TERM {
                    return "end";
                }
                teller.add();
            }
            "no more"
        });
        for n in 1..=5 {
            send(Signal::HUP);
            told.reaches(n);
        }
        assert!(!server.is_finished());
        send(Signal::TERM);
        assert_eq!(server.get().unwrap(), "end");
    });
}

#[test]
fn an_interrupted_waiter_loses_no_signal() {
    alone("waiting::an_interrupted_waiter_loses_no_signal", || {
        in_greenlet(|| {
            let signals = Signals::new(&[Signal::USR1]).unwrap();
            assert!(with_timeout(Duration::from_millis(1), || signals.wait()).is_err());
            // Waiters that are killed at about the time that it comes.
            for _ in 0..50 {
                let theirs = signals.clone();
                let waiter = spawn(move || theirs.wait());
                maypole_runtime::yield_now();
                send(Signal::USR1);
                waiter.start_kill();
                if waiter.get().is_err() {
                    assert_eq!(signals.wait_timeout(PATIENCE), Some(Signal::USR1));
                }
            }
            assert_eq!(signals.try_wait(), None);
        });
    });
}

#[test]
fn clones_share_and_others_get_their_own() {
    alone("waiting::clones_share_and_others_get_their_own", || {
        in_greenlet(|| {
            let signals = Signals::new(&[Signal::USR1]).unwrap();
            let others = Signals::new(&[Signal::USR1, Signal::USR2]).unwrap();
            let count = Counter::default();
            let counter = count.clone();
            let _handler = handler(Signal::USR1, move || counter.add()).unwrap();
            let waiters: Vec<_> = (0..2)
                .map(|_| {
                    let signals = signals.clone();
                    spawn(move || signals.wait())
                })
                .collect();
            sleep(Duration::from_millis(1));
            send(Signal::USR1);
            until(|| waiters.iter().any(maypole_runtime::Greenlet::is_finished));
            assert_eq!(others.wait_timeout(PATIENCE), Some(Signal::USR1));
            count.reaches(1);
            let done = waiters.iter().filter(|waiter| waiter.is_finished()).count();
            assert_eq!(done, 1);
            send(Signal::USR1);
            for waiter in waiters {
                assert_eq!(waiter.get().unwrap(), Ok(Signal::USR1));
            }
            // Dropping a clone changes nothing.
            drop(signals.clone());
            send(Signal::USR1);
            assert_eq!(signals.wait_timeout(PATIENCE), Some(Signal::USR1));
        });
    });
}

#[test]
fn many_signals_count_as_few() {
    alone("waiting::many_signals_count_as_few", || {
        in_greenlet(|| {
            let signals = Signals::new(&[Signal::USR1, Signal::USR2]).unwrap();
            // More than the socket that wakes the hub can hold.
            for _ in 0..10_000 {
                send(Signal::USR1);
            }
            send(Signal::USR2);
            let mut firsts = 0;
            while signals.wait_timeout(PATIENCE).unwrap() == Signal::USR1 {
                firsts += 1;
            }
            assert!((1..10_000).contains(&firsts), "{firsts}");
            // Not dropped: the last of the first kind may be on its way.
            std::mem::forget(signals);
        });
    });
}

#[test]
fn signals_disturb_no_blocking_call() {
    alone("waiting::signals_disturb_no_blocking_call", || {
        set_up();
        let count = Counter::default();
        let counter = count.clone();
        // Stays: the last signal may be on its way when the test ends.
        handler(Signal::USR1, move || counter.add())
            .unwrap()
            .detach();
        let done = Event::new();
        let all_done = done.clone();
        let storm = thread::spawn(move || {
            while !all_done.is_set() {
                send(Signal::USR1);
                sleep(Duration::from_micros(50));
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let echo = spawn(move || {
            let (mut stream, _) = listener.accept()?;
            let mut byte = [0];
            while stream.read(&mut byte)? > 0 {
                sleep(Duration::from_micros(200));
                stream.write_all(&byte)?;
            }
            Ok::<_, std::io::Error>(())
        });
        let talk = move || {
            let mut stream = TcpStream::connect(addr).unwrap();
            for n in 0..200 {
                stream.write_all(&[n]).unwrap();
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                assert_eq!(byte, [n]);
            }
        };
        talk();
        echo.get().unwrap().unwrap();
        let output = Command::new("sh")
            .args(["-c", "sleep 0.1; echo x"])
            .output();
        assert_eq!(output.unwrap().stdout, b"x\n");
        done.set();
        storm.join().unwrap();
        assert!(count.get() > 0);
    });
}
