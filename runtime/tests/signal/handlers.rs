//! Handlers.

use super::*;

#[test]
fn a_handler_runs_in_a_greenlet_for_each_signal() {
    alone(
        "handlers::a_handler_runs_in_a_greenlet_for_each_signal",
        || {
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
        },
    );
}

#[test]
fn signals_from_others_come_too() {
    alone("handlers::signals_from_others_come_too", || {
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
    alone("handlers::several_handlers_run_in_order", || {
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
    alone(
        "handlers::handlers_of_one_signal_run_at_the_same_time",
        || {
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
        },
    );
}

#[test]
fn a_handler_that_panics_is_on_its_own() {
    alone("handlers::a_handler_that_panics_is_on_its_own", || {
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
    alone("handlers::a_cancelled_handler_lets_go_of_all", || {
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
    alone("handlers::a_detached_handler_stays", || {
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
