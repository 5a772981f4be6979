//! How a program ends, and its workers with it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::Program;
use crate::program::{ask, processes_of, send};
use crate::support::{PATIENCE, is_refused, until, watchdog};

/// A client whose request takes so many milliseconds, and is under way.
#[track_caller]
fn slow(program: &Program, millis: u32) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(program.addr()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    writeln!(stream, "slow {millis}").unwrap();
    let mut client = BufReader::new(stream);
    let mut line = String::new();
    client.read_line(&mut line).unwrap();
    assert_eq!(line, "wait\n");
    client
}

/// The rest of what the client gets.
fn rest(mut client: BufReader<TcpStream>) -> String {
    let mut line = String::new();
    let _ = client.read_line(&mut line); // a reset is an end too
    line
}

#[test]
fn term_lets_workers_finish() {
    let _watchdog = watchdog();
    let mut program = Program::serving("workers 2\npidfile DIR/pid\nbind unix:DIR/s\n");
    let addr = program
        .line("hook listening ")
        .split(',')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let mut stream = TcpStream::connect(addr).unwrap();
    writeln!(stream, "slow 1500").unwrap();
    let mut client = BufReader::new(stream);
    let mut line = String::new();
    client.read_line(&mut line).unwrap();
    program.signal(Signal::TERM);
    until("refused clients", || is_refused(addr));
    assert!(!rest(client).is_empty());
    assert_eq!(program.wait(), 0);
    program.line("hook on_exit");
    program.leaves_nothing();
}

#[test]
fn a_worker_that_starts_has_clients_already() {
    let _watchdog = watchdog();
    let to_the_master = |program: &Program| program.signal(Signal::TERM);
    let to_all = |program: &Program| {
        let group = Pid::from_raw(program.pid()).unwrap();
        kill_process_group(group, Signal::TERM).unwrap();
    };
    for term in [&to_the_master as &dyn Fn(&Program), &to_all] {
        let mut program = Program::start("bind 127.0.0.1:0\nstarted DIR/started\n");
        let client = slow(&program, 500);
        assert_eq!(program.count("hook worker_started"), 0);
        term(&program);
        program.line("is to end: Graceful");
        fs::write(program.path("started"), "").unwrap();
        assert!(!rest(client).is_empty());
        assert_eq!(program.wait(), 0);
    }
}

#[test]
fn the_time_to_finish_has_an_end() {
    let _watchdog = watchdog();
    let mut program = Program::serving("graceful 200\n");
    let client = slow(&program, 600_000);
    program.signal(Signal::TERM);
    assert_eq!(rest(client), "");
    assert_eq!(program.wait(), 0);
    // It was the worker itself that ended its handler.
    program.line("hook worker_exited 1 (exit status: 0)");
    program.leaves_nothing();
}

#[test]
fn int_and_quit_end_quickly_also_what_ends_gracefully() {
    let _watchdog = watchdog();
    for signals in [
        &[Signal::INT][..],
        &[Signal::QUIT],
        &[Signal::TERM, Signal::INT],
        &[Signal::TERM, Signal::QUIT],
    ] {
        let mut program = Program::serving("quick 60000\n");
        let client = slow(&program, 600_000);
        for (nth, signal) in signals.iter().enumerate() {
            program.signal(*signal);
            program.nth_line("is to end: ", nth + 1);
        }
        assert_eq!(rest(client), "");
        assert_eq!(program.wait(), 0, "{signals:?}");
        program.line("hook worker_exited 1 (exit status: 0)");
        program.leaves_nothing();
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let _watchdog = watchdog();
    let mut program = Program::serving("workers 2\n");
    let client = slow(&program, 600_000);
    program.signal(Signal::TERM);
    program.line("is to end: Graceful");
    program.signal(Signal::TERM);
    assert_eq!(program.wait(), 0);
    assert_eq!(rest(client), "");
    program.line("ending at once");
    program.leaves_nothing();

    // The same for a worker alone.
    let program = Program::serving("");
    let client = slow(&program, 600_000);
    let worker = program.workers()[0].pid;
    send(worker, Signal::TERM);
    program.line("worker 1 ends gracefully");
    send(worker, Signal::TERM);
    program.line("hook worker_exited 1 (exit status: 1)");
    assert_eq!(rest(client), "");
    program.settled(1);
}

#[test]
fn a_blocked_worker_does_not_keep_the_program_from_ending() {
    let _watchdog = watchdog();
    let mut program = Program::serving("graceful 100\nquick 100\n");
    let addr = program.addr();
    let blocked = std::thread::spawn(move || ask(addr, "block"));
    until("a blocked worker", || {
        let stats = program.ctl("stats").unwrap();
        stats.contains("\nclients 1\n")
    });
    program.signal(Signal::INT);
    assert_eq!(program.wait(), 0);
    blocked.join().unwrap().unwrap_err();
    program.line("hook worker_exited 1 (signal: 9");
    program.leaves_nothing();
}

#[test]
fn workers_end_with_their_master() {
    let _watchdog = watchdog();
    let program = Program::serving("workers 3\ngraceful 200\n");
    program.settled(3);
    let addr = program.addr();
    let client = slow(&program, 600_000);
    program.signal(Signal::KILL);
    until("the end of all processes", || {
        processes_of(program.pid()).is_empty()
    });
    assert_eq!(rest(client), "");
    assert!(is_refused(addr));
    program.nth_line("the master is gone", 3);
    // Its end was no orderly one: the next start replaces what is left.
    assert!(program.path("ctl").exists());
    let left = program.path("ctl");
    let mut next = Program::start(&format!("bind {addr}\ncontrol {}\n", left.display()));
    next.line("hook when_ready");
    next.signal(Signal::TERM);
    assert_eq!(next.wait(), 0);
    assert!(!left.exists());
}

#[test]
fn a_master_that_dies_while_a_worker_boots_takes_it_along() {
    let _watchdog = watchdog();
    let program = Program::start("bind 127.0.0.1:0\nworkers 2\nboot hang\n");
    program.line("starting worker 2");
    until("workers", || processes_of(program.pid()).len() == 3);
    program.signal(Signal::KILL);
    until("the end of all processes", || {
        processes_of(program.pid()).is_empty()
    });
}
