//! What is there before and after; children.

use super::*;

#[test]
fn after_the_last_handler_the_signal_ends_the_process() {
    let name = "life::after_the_last_handler_the_signal_ends_the_process";
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
    let name = "life::a_handler_that_could_not_be_made_changes_nothing";
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
    let name = "life::the_second_signal_ends_even_a_hub_that_stands_still";
    let end = end_of(name, || {
        // Not INT: a shell that starts the tests in its background has it ignored.
        // Until it waits, somebody else has to keep the signal from its effect.
        let guard = handler(Signal::TERM, || ()).unwrap();
        let waiter = spawn(|| signal::wait(&[Signal::INT, Signal::TERM]));
        until(|| {
            send(Signal::TERM);
            waiter.is_finished()
        });
        assert_eq!(waiter.get().unwrap().unwrap(), Signal::TERM);
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
        send(Signal::TERM);
        die();
    });
    if let Some(end) = end {
        assert_eq!(end.signal(), Some(15));
    }
}

#[test]
fn what_was_ignored_is_ignored_again() {
    alone("life::what_was_ignored_is_ignored_again", || {
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
    let name = "life::nohup_holds";
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
    alone("life::what_has_no_effect_has_none_afterwards", || {
        set_up();
        for signal in [Signal::CHLD, Signal::WINCH, Signal::URG, Signal::CONT] {
            signal_is_told(signal);
            send(signal);
        }
        thread::spawn(|| sleep(MOMENT)).join().unwrap();
    });
}

#[test]
fn children_have_no_handlers() {
    alone("life::children_have_no_handlers", || {
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
        "life::children_are_waited_for_beside_a_handler_of_sigchld",
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
