//! More workers and fewer, and those that end by themselves.

use rustix::process::Signal;

use crate::program::{ask, send};
use crate::support::{until, watchdog};
use crate::{Load, Program};

#[test]
fn no_client_notices_more_workers_or_fewer() {
    let _watchdog = watchdog();
    let program = Program::serving("workers 2\n");
    let first = program.settled(2);
    let load = Load::start(program.addr());
    program.signal(Signal::TTIN);
    program.settled(3);
    program.line("hook workers_changed 3 2");
    assert_eq!(program.ctl("add").unwrap(), "4 workers are wanted\n");
    program.settled(4);
    load.goes_on();
    for left in (1..=3).rev() {
        program.signal(Signal::TTOU);
        program.settled(left);
    }
    program.signal(Signal::TTOU); // not below one
    assert_eq!(program.ctl("remove").unwrap(), "1 workers are wanted\n");
    assert_eq!(program.settled(1), first[..1]);
    load.goes_on();
    load.none_failed("TTIN and TTOU");
}

#[test]
fn only_the_killed_worker_s_clients_notice() {
    let _watchdog = watchdog();
    let program = Program::serving("workers 2\n");
    let load = Load::start(program.addr());
    for kill in 1..=5 {
        let before = program.settled(2);
        send(before[0].pid, Signal::KILL);
        program.nth_line("hook worker_exited ", kill);
        load.goes_on();
        let after = program.settled(2);
        assert!(after.contains(&before[1]) && !after.contains(&before[0]));
        assert!(after.iter().any(|worker| worker.number == before[0].number));
    }
    let (served, failures) = load.end();
    println!("5 kills: {served} served, {} failed", failures.len());
    // Each of the four clients has one request in flight; those of one worker end.
    assert!(failures.len() <= 5 * 4, "{failures:?}");
    let broken = ["reset", "Broken pipe", "only \""];
    let is_broken = |failure: &String| broken.iter().any(|kind| failure.contains(kind));
    assert!(failures.iter().all(is_broken), "{failures:?}");
    program.line("out of memory?");
}

#[test]
fn a_worker_that_retires_is_replaced_first() {
    let _watchdog = watchdog();
    let program = Program::serving("workers 1\n");
    let load = Load::start(program.addr());
    for _ in 0..10 {
        let before = program.settled(1);
        ask(program.addr(), "retire").unwrap();
        until("a successor", || {
            let now = program.workers();
            now.len() == 1 && now[0].age == before[0].age + 1
        });
    }
    load.none_failed("10 workers that retire");
}

#[test]
fn a_worker_heeds_signals_of_its_own() {
    let _watchdog = watchdog();
    let program = Program::serving("workers 2\n");
    let load = Load::start(program.addr());
    let before = program.settled(2);
    for harmless in [
        Signal::HUP,
        Signal::USR2,
        Signal::TTIN,
        Signal::TTOU,
        Signal::WINCH,
    ] {
        send(before[0].pid, harmless);
    }
    send(before[0].pid, Signal::USR1);
    program.line(&format!("reopened by 1 {}", before[0].pid));
    assert_eq!(program.settled(2), before);
    send(before[0].pid, Signal::TERM);
    program.line("hook worker_exited 1 (exit status: 0)");
    let after = program.settled(2);
    assert!(after.contains(&before[1]) && !after.contains(&before[0]));
    load.goes_on();
    load.none_failed("TERM to a worker");
    send(before[1].pid, Signal::QUIT);
    program.line("hook worker_exited 2 (exit status: 0)");
    program.settled(2);
}

#[test]
fn logs_are_opened_again_everywhere() {
    let _watchdog = watchdog();
    let program = Program::serving("workers 2\n");
    let workers = program.settled(2);
    program.signal(Signal::USR1);
    program.line("hook on_reopen");
    for worker in &workers {
        program.line(&format!("reopened by {} {}", worker.number, worker.pid));
    }
    assert_eq!(program.settled(2), workers);
}

#[test]
fn without_a_terminal_the_window_s_signal_ends_all_workers() {
    let _watchdog = watchdog();
    if std::fs::File::open("/dev/tty").is_ok() {
        return; // the program has it too
    }
    let program = Program::serving("workers 2\n");
    program.signal(Signal::WINCH);
    program.settled(0);
    // A client waits for the next worker.
    let addr = program.addr();
    let waits = std::thread::spawn(move || ask(addr, "who").unwrap());
    program.signal(Signal::TTIN);
    program.settled(1);
    waits.join().unwrap();
    program.signal(Signal::HUP);
    program.settled(2);
}

#[test]
fn a_worker_that_keeps_ending_is_started_less_and_less() {
    let _watchdog = watchdog();
    let program = Program::serving("workers 1\n");
    for end in 1..=5 {
        program.settled(1); // who crashes before that has not booted
        ask(program.addr(), "exit 9").unwrap_err();
        program.nth_line("hook worker_exited 1 (exit status: 9)", end);
    }
    program.settled(1);
    ask(program.addr(), "who").unwrap();
    let stats = program.ctl("stats").unwrap();
    assert!(
        stats.contains("\nmaypole_workers_started_total 6\n"),
        "{stats}"
    );
    assert!(
        stats.contains("\nmaypole_boot_failures_total 0\n"),
        "{stats}"
    );
}
