//! Behaviours of gevent's own test__signal.py, written anew. Each test runs in a
//! process of its own: signals belong to the process, and some end it.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of tests, and what the suites share"
)]

use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use maypole_runtime::net::{TcpListener, TcpStream};
use maypole_runtime::process::Command;
use maypole_runtime::signal::{self, Signal, Signals, handler};
use maypole_runtime::{Event, current, sleep, spawn, with_timeout};
use parking_lot::Mutex;
use rustix::process::{getpid, kill_process};

#[path = "support/again.rs"]
mod again;
mod support;

use again::{alone, text};
use support::{PATIENCE, in_greenlet, set_up, until};

/// Long enough for a signal to be told of, if it were.
const MOMENT: Duration = Duration::from_millis(50);

/// Sends this process a signal, which any of its threads may get.
fn send(signal: Signal) {
    let signal = rustix::process::Signal::from_named_raw(signal.as_raw()).unwrap();
    kill_process(getpid(), signal).unwrap();
}

/// Counts, shared by handlers.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicUsize>);

impl Counter {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    #[track_caller]
    fn reaches(&self, n: usize) {
        until(|| self.get() >= n);
    }
}

/// Runs test `name` in a process of its own, which has to come to where it says
/// "so far", and returns how it ended.
#[track_caller]
fn end_of(name: &str, body: impl FnOnce()) -> Option<ExitStatus> {
    let Some(output) = again::run(name) else {
        set_up();
        body();
        return None;
    };
    assert!(
        text(&output.stdout).contains("so far"),
        "{}\n{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    Some(output.status)
}

fn so_far() {
    println!("so far");
}

/// Gives a signal that ends the process the time to do so.
fn die() {
    thread::spawn(|| sleep(PATIENCE)).join().unwrap();
}

// Handlers.

#[test]
fn a_handler_runs_in_a_greenlet_for_each_signal() {
    alone("a_handler_runs_in_a_greenlet_for_each_signal", || {
        set_up();
        let (count, greenlets) = (Counter::default(), Counter::default());
        let (counter, others) = (count.clone(), greenlets.clone());
        let handler = handler(Signal::USR1, move || {
            if current().is_some() {
                others.add();
            }
            sleep(Duration::from_millis(1)); // it may block
            counter.add();
        })
        .unwrap();
        assert_eq!(handler.signal(), Signal::USR1);
        assert!(format!("{handler:?}").contains("SIGUSR1"));
        for n in 1..=20 {
            send(Signal::USR1);
            count.reaches(n);
        }
        assert_eq!((count.get(), greenlets.get()), (20, 20));
    });
}

#[test]
fn signals_from_others_come_too() {
    alone("signals_from_others_come_too", || {
        in_greenlet(|| {
            let rang = Event::new();
            let bell = rang.clone();
            let _handler = handler(Signal::ALRM, move || bell.set()).unwrap();
            let script = format!("kill -ALRM {}", std::process::id());
            assert!(
                Command::new("sh")
                    .args(["-c", &script])
                    .status()
                    .unwrap()
                    .success()
            );
            assert!(rang.wait_timeout(PATIENCE));
        });
    });
}

#[test]
fn several_handlers_run_in_order() {
    alone("several_handlers_run_in_order", || {
        set_up();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut handlers: Vec<_> = (0..5)
            .map(|number| {
                let order = order.clone();
                handler(Signal::USR1, move || order.lock().push(number)).unwrap()
            })
            .collect();
        send(Signal::USR1);
        until(|| order.lock().len() == 5);
        assert_eq!(*order.lock(), [0, 1, 2, 3, 4]);
        order.lock().clear();
        handlers.remove(2).cancel();
        drop(handlers.remove(0));
        send(Signal::USR1);
        until(|| order.lock().len() == 3);
        assert_eq!(*order.lock(), [1, 3, 4]);
    });
}

#[test]
fn handlers_of_one_signal_run_at_the_same_time() {
    alone("handlers_of_one_signal_run_at_the_same_time", || {
        set_up();
        let (begun, done, gate) = (Counter::default(), Counter::default(), Event::new());
        let (begins, ends, waits) = (begun.clone(), done.clone(), gate.clone());
        let _handler = handler(Signal::USR1, move || {
            begins.add();
            waits.wait();
            ends.add();
        })
        .unwrap();
        for n in 1..=3 {
            send(Signal::USR1);
            begun.reaches(n);
        }
        assert_eq!(done.get(), 0);
        gate.set();
        done.reaches(3);
    });
}

#[test]
fn a_handler_that_panics_is_on_its_own() {
    alone("a_handler_that_panics_is_on_its_own", || {
        set_up();
        let count = Counter::default();
        let counter = count.clone();
        let _bad = handler(Signal::USR1, || panic!("as it should")).unwrap();
        let _good = handler(Signal::USR1, move || counter.add()).unwrap();
        for n in 1..=3 {
            send(Signal::USR1);
            count.reaches(n);
        }
    });
}

#[test]
fn a_cancelled_handler_lets_go_of_all() {
    alone("a_cancelled_handler_lets_go_of_all", || {
        set_up();
        let count = Counter::default();
        let counter = count.clone();
        let other = handler(Signal::USR1, || ()).unwrap();
        let handler = handler(Signal::USR1, move || counter.add()).unwrap();
        send(Signal::USR1);
        count.reaches(1);
        handler.cancel();
        until(|| Arc::strong_count(&count.0) == 1);
        send(Signal::USR1);
        thread::spawn(|| sleep(MOMENT)).join().unwrap();
        assert_eq!(count.get(), 1);
        other.detach(); // the signal may still be on its way
    });
}

#[test]
fn a_detached_handler_stays() {
    alone("a_detached_handler_stays", || {
        set_up();
        let count = Counter::default();
        let counter = count.clone();
        handler(Signal::TERM, move || counter.add())
            .unwrap()
            .detach();
        for n in 1..=3 {
            send(Signal::TERM);
            count.reaches(n);
        }
    });
}

#[test]
fn some_signals_cannot_be_handled() {
    for signal in [
        Signal::KILL,
        Signal::STOP,
        Signal::SEGV,
        Signal::BUS,
        Signal::ILL,
        Signal::FPE,
        Signal::from_raw(32).unwrap(), // the C library's own
    ] {
        let error = handler(signal, || ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{signal}");
        let error = Signals::new(&[Signal::WINCH, signal]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{signal}");
    }
    let error = Signals::new(&[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

// What is there before and after.

#[test]
fn after_the_last_handler_the_signal_ends_the_process() {
    let name = "after_the_last_handler_the_signal_ends_the_process";
    let end = end_of(name, || {
        let count = Counter::default();
        let counter = count.clone();
        let first = handler(Signal::USR1, || ()).unwrap();
        let second = handler(Signal::USR1, move || counter.add()).unwrap();
        first.cancel();
        send(Signal::USR1);
        count.reaches(1);
        second.cancel();
        so_far();
        send(Signal::USR1);
        die();
    });
    if let Some(end) = end {
        assert_eq!(end.signal(), Some(10));
    }
}

#[test]
fn a_handler_that_could_not_be_made_changes_nothing() {
    let name = "a_handler_that_could_not_be_made_changes_nothing";
    let end = end_of(name, || {
        // The first of them is installed before the second is refused.
        let refused = Signals::new(&[Signal::USR1, Signal::from_raw(32).unwrap()]);
        assert!(refused.is_err());
        so_far();
        send(Signal::USR1);
        die();
    });
    if let Some(end) = end {
        assert_eq!(end.signal(), Some(10));
    }
}

#[test]
fn the_second_signal_ends_even_a_hub_that_stands_still() {
    let name = "the_second_signal_ends_even_a_hub_that_stands_still";
    let end = end_of(name, || {
        // Until it waits, somebody else has to keep the signal from its effect.
        let guard = handler(Signal::INT, || ()).unwrap();
        let waiter = spawn(|| signal::wait(&[Signal::INT, Signal::TERM]));
        until(|| {
            send(Signal::INT);
            waiter.is_finished()
        });
        assert_eq!(waiter.get().unwrap().unwrap(), Signal::INT);
        let spins = Event::new();
        let begins = spins.clone();
        let _server = spawn(move || {
            begins.set();
            loop {
                std::hint::spin_loop(); // makes no blocking call any more
            }
        });
        spins.wait();
        so_far();
        guard.cancel();
        send(Signal::INT);
        die();
    });
    if let Some(end) = end {
        assert_eq!(end.signal(), Some(2));
    }
}

#[test]
fn what_was_ignored_is_ignored_again() {
    alone("what_was_ignored_is_ignored_again", || {
        set_up();
        // Rust's start-up has told the kernel to ignore it.
        let count = Counter::default();
        let counter = count.clone();
        let handler = handler(Signal::PIPE, move || counter.add()).unwrap();
        send(Signal::PIPE);
        count.reaches(1);
        handler.cancel();
        send(Signal::PIPE);
        thread::spawn(|| sleep(MOMENT)).join().unwrap();
        assert_eq!(count.get(), 1);
    });
}

#[test]
fn nohup_holds() {
    let name = "nohup_holds";
    if again::is_alone(name) {
        set_up();
        signal_is_told(Signal::HUP);
        send(Signal::HUP); // ignored, as our parent wanted
        thread::spawn(|| sleep(MOMENT)).join().unwrap();
        return so_far();
    }
    let again = again::command(name);
    let mut nohup = Command::new("sh");
    nohup
        .args(["-c", "trap '' HUP; exec \"$@\"", "sh"])
        .arg(again.as_std().get_program())
        .args(again.as_std().get_args())
        .envs(again.as_std().get_envs().filter_map(|(k, v)| Some((k, v?))));
    let output = nohup.output_timeout(PATIENCE).unwrap();
    assert!(output.status.success(), "{}", output.status);
    assert!(text(&output.stdout).contains("so far"));
}

/// Handles a signal once.
fn signal_is_told(signal: Signal) {
    let told = Event::new();
    let teller = told.clone();
    let handler = handler(signal, move || teller.set()).unwrap();
    send(signal);
    assert!(told.wait_timeout(PATIENCE));
    handler.cancel();
}

#[test]
fn what_has_no_effect_has_none_afterwards() {
    alone("what_has_no_effect_has_none_afterwards", || {
        set_up();
        for signal in [Signal::CHLD, Signal::WINCH, Signal::URG, Signal::CONT] {
            signal_is_told(signal);
            send(signal);
        }
        thread::spawn(|| sleep(MOMENT)).join().unwrap();
    });
}

// Children.

#[test]
fn children_have_no_handlers() {
    alone("children_have_no_handlers", || {
        in_greenlet(|| {
            let count = Counter::default();
            let handlers = [Signal::TERM, Signal::PIPE, Signal::INT].map(|signal| {
                let counter = count.clone();
                handler(signal, move || counter.add()).unwrap()
            });
            for (name, number) in [("TERM", 15), ("PIPE", 13), ("INT", 2)] {
                let script = format!("kill -{name} $$; exit 1");
                let status = Command::new("sh").args(["-c", &script]).status().unwrap();
                assert_eq!(status.signal(), Some(number));
            }
            sleep(MOMENT);
            assert_eq!(count.get(), 0);
            drop(handlers);
            // A writer whose reader goes ends by SIGPIPE, as everywhere.
            let mut yes = Command::new("yes").stdout(Stdio::piped()).spawn().unwrap();
            yes.stdout = None;
            assert_eq!(yes.wait().unwrap().signal(), Some(13));
        });
    });
}

#[test]
fn children_are_waited_for_beside_a_handler_of_sigchld() {
    alone(
        "children_are_waited_for_beside_a_handler_of_sigchld",
        || {
            in_greenlet(|| {
                let count = Counter::default();
                let counter = count.clone();
                let _handler = handler(Signal::CHLD, move || counter.add()).unwrap();
                for n in 1..=3 {
                    let status = Command::new("sh").args(["-c", "exit 9"]).status().unwrap();
                    assert_eq!(status.code(), Some(9));
                    count.reaches(n);
                }
            });
        },
    );
}

// Waiting.

#[test]
fn one_waits_for_several_signals() {
    alone("one_waits_for_several_signals", || {
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
    alone("signals_come_one_after_the_other", || {
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
    alone("an_interrupted_waiter_loses_no_signal", || {
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
    alone("clones_share_and_others_get_their_own", || {
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
    alone("many_signals_count_as_few", || {
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
    alone("signals_disturb_no_blocking_call", || {
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
