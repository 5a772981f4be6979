//! Hubs that are blocked.

use rustix::process::Signal;

use crate::program::{ask, send};
use crate::support::watchdog;
use crate::{Load, Program};

#[test]
fn a_blocked_hub_is_reported_aborted_and_replaced() {
    let _watchdog = watchdog();
    let program = Program::serving("workers 2\ntimeout 3000\n");
    let before = program.settled(2);
    let addr = program.addr();
    let blocks = std::thread::spawn(move || ask(addr, "block"));
    let report = program.line("is blocked: greenlet ");
    assert!(report.contains("has run for"), "{report}");
    let aborted: i32 = program.line("hook worker_aborted ").parse().unwrap();
    blocks.join().unwrap().unwrap_err();
    program.line("(signal: 6");
    let after = program.settled(2);
    for worker in &before {
        assert_eq!(after.contains(worker), worker.pid != aborted, "{worker:?}");
    }
    let stats = program.ctl("stats").unwrap();
    assert!(
        stats.contains("\nmaypole_workers_aborted_total 1\n"),
        "{stats}"
    );
    let load = Load::start(addr);
    load.goes_on();
    load.none_failed("after a blocked hub");
}

#[test]
fn each_hub_of_a_worker_counts() {
    let _watchdog = watchdog();
    if !cfg!(feature = "native") {
        return; // the other engine has one
    }
    let settings = "bind 127.0.0.1:0\ncontrol DIR/ctl\ntimeout 3000\n";
    let program = Program::start_by(settings, |path| {
        let mut command = std::process::Command::new(path);
        command.env("MAYPOLE_HUBS", "3");
        command
    });
    program.line("hook when_ready");
    let before = program.settled(1);
    ask(program.addr(), "block_on 2").unwrap();
    // The others go on.
    ask(program.addr(), "who").unwrap();
    program.line("is blocked: greenlet ");
    program.line("hook worker_aborted ");
    program.line("(signal: 6");
    assert!(program.settled(1)[0].age > before[0].age);
}

#[test]
fn slow_requests_are_no_reason() {
    let _watchdog = watchdog();
    let program = Program::serving("timeout 2000\n");
    let before = program.settled(1);
    let mut slow = std::net::TcpStream::connect(program.addr()).unwrap();
    std::io::Write::write_all(&mut slow, b"slow 4000\n").unwrap();
    let answer = std::io::read_to_string(std::io::Read::take(&mut slow, 6)).unwrap();
    assert!(answer.starts_with("wait\n"), "{answer:?}");
    assert_eq!(program.settled(1), before);
}

#[test]
fn a_worker_that_survives_its_abortion_is_killed() {
    let _watchdog = watchdog();
    let program = Program::serving("timeout 1500\n");
    let before = program.settled(1);
    // A stopped process acts on no signal but one.
    send(before[0].pid, Signal::STOP);
    program.line("hook worker_aborted ");
    program.line("is killed");
    program.line("hook worker_exited 1 (signal: 9");
    let after = program.settled(1);
    assert!(after[0].age > before[0].age);
    ask(program.addr(), "who").unwrap();
}

#[test]
fn the_tree_of_a_blocked_worker_can_be_seen() {
    let _watchdog = watchdog();
    let program = Program::start_by("bind 127.0.0.1:0\ncontrol DIR/ctl\ntimeout 0\n", |path| {
        let mut command = std::process::Command::new(path);
        command.env("MAYPOLE_TRACK", "1");
        command
    });
    program.line("hook when_ready");
    let addr = program.addr();
    let blocks = std::thread::spawn(move || ask(addr, "block"));
    let mut tree = String::new();
    crate::support::until("the greenlet that blocks", || {
        tree = program.ctl("greenlets 1").unwrap();
        println!("{tree}");
        tree.starts_with("worker 1 (process ") && tree.contains("runs or is ready")
    });
    assert_eq!(program.ctl("greenlets 77").unwrap(), "");
    program.signal(Signal::KILL);
    drop(program);
    blocks.join().unwrap().unwrap_err();
}
