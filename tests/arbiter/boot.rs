//! What keeps a program from starting, and what it says then.

use std::fs;

use rustix::process::Signal;

use crate::Program;
use crate::program::{ask, processes_of};
use crate::support::{until, watchdog};

#[test]
fn workers_that_do_not_boot_end_the_program_with_their_reason() {
    let _watchdog = watchdog();
    for (how, why) in [
        ("fail", "the database is not there"),
        ("panic", "it panicked: a bug at boot"),
        ("die", "ended before it was ready: exit status: 7"),
        ("return", "returned without having served"),
    ] {
        let settings = format!(
            "bind 127.0.0.1:0\nbind unix:DIR/s\ncontrol DIR/ctl\npidfile DIR/pid\n\
             workers 3\nboot {how}\n"
        );
        let mut program = Program::start(&settings);
        assert_eq!(program.wait(), 3, "{how}");
        let said = program.line("failed: ");
        assert!(
            said.starts_with("worker ") && said.contains(why),
            "{how}: {said}"
        );
        assert_eq!(program.count("failed: "), 1);
        program.line("hook on_exit");
        program.leaves_nothing();
    }
}

#[test]
fn what_the_master_cannot_do_is_said() {
    let _watchdog = watchdog();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    for (settings, why) in [
        (
            format!("bind {addr}\n"),
            format!("cannot listen on {addr}: "),
        ),
        (
            "bind 8000\n".to_owned(),
            "a port without a host is written :8000".to_owned(),
        ),
        (
            "bind unix:DIR/settings\n".to_owned(),
            "no socket".to_owned(),
        ),
        ("bind unix:/nowhere/s\n".to_owned(), "/nowhere/s".to_owned()),
        ("bind fd://99\n".to_owned(), "descriptor 99".to_owned()),
        (
            "control /nowhere/ctl\n".to_owned(),
            "control socket".to_owned(),
        ),
        (
            "pidfile /nowhere/pid\n".to_owned(),
            "pid file /nowhere/pid".to_owned(),
        ),
        (
            "pidfile DIR/settings\n".to_owned(),
            "no number of a process".to_owned(),
        ),
        (
            "user nobody-knows-me\n".to_owned(),
            "no user \"nobody-knows-me\"".to_owned(),
        ),
        (
            "workers many\n".to_owned(),
            "workers: \"many\" is no number".to_owned(),
        ),
    ] {
        let needs_one = !settings.starts_with("bind");
        let bind = if needs_one { "bind 127.0.0.1:0\n" } else { "" };
        let mut program = Program::start(&format!("{bind}{settings}"));
        assert_eq!(program.wait(), 1, "{settings:?}");
        let said = program.line("failed: ");
        assert!(said.contains(&why), "{settings:?}: {said}");
        program.leaves_nothing();
    }
}

#[test]
fn a_stale_pid_file_is_replaced_and_a_live_one_is_not() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("pid"), "999999999\n").unwrap();
    let settings = "bind 127.0.0.1:0\npidfile DIR/pid\n";
    let mut program = Program::start_in(folder, settings, |path| std::process::Command::new(path));
    program.line("hook when_ready");
    program.line("process 999999999 is gone");
    let pid = fs::read_to_string(program.path("pid")).unwrap();
    assert_eq!(pid, format!("{}\n", program.pid()));

    let other = format!(
        "bind 127.0.0.1:0\npidfile {}\n",
        program.path("pid").display()
    );
    let mut second = Program::start(&other);
    assert_eq!(second.wait(), 1);
    let said = second.line("failed: ");
    assert!(
        said.contains(&format!("process {} runs", program.pid())),
        "{said}"
    );
    assert_eq!(fs::read_to_string(program.path("pid")).unwrap(), pid);

    program.signal(Signal::TERM);
    assert_eq!(program.wait(), 0);
    program.leaves_nothing();
}

#[test]
fn a_boot_that_takes_too_long_is_aborted() {
    let _watchdog = watchdog();
    let mut program = Program::start("bind 127.0.0.1:0\ntimeout 300\nboot hang\n");
    assert_eq!(program.wait(), 3);
    assert!(
        program
            .line("failed: ")
            .contains("before it was ready: signal: 6")
    );
}

#[test]
fn replacements_that_do_not_boot_are_tried_again_until_it_is_enough() {
    let _watchdog = watchdog();
    let bind = "bind 127.0.0.1:0\ncontrol DIR/ctl\n";
    let mut program = Program::serving("failures 8\n");
    let before = program.settled(1);
    // Some boots fail, then one goes well: all is as before.
    program.set(&format!("{bind}failures 8\nboot fail\n"));
    crate::program::send(before[0].pid, Signal::KILL);
    program.nth_line("could not boot", 2);
    program.set(&format!("{bind}failures 8\n"));
    program.settled(1);
    assert_eq!(program.count("failed: "), 0);
    // Now they go on failing.
    program.set(&format!("{bind}failures 8\nboot fail\n"));
    let failed = program.count("could not boot: the");
    crate::program::send(program.workers()[0].pid, Signal::KILL);
    assert_eq!(program.wait(), 3);
    // In the log; the hook has said the last one too.
    program.nth_line("could not boot: the", failed + 8 + 1);
    until("no process", || processes_of(program.pid()).is_empty());
}

#[test]
fn what_a_worker_starts_is_no_worker() {
    let _watchdog = watchdog();
    let program = Program::serving("");
    let path = program.path("other");
    fs::write(&path, "bind 127.0.0.1:0\nworkers 2\n").unwrap();
    ask(program.addr(), &format!("start {}", path.display())).unwrap();
    // It finds the variables of the worker, and makes nothing of them.
    program.nth_line("hook when_ready ", 2);
    program.settled(1);
    let addr = program.nth_line("hook listening ", 2).parse().unwrap();
    ask(addr, "who").unwrap();
}

#[test]
fn a_hook_that_panics_ends_nothing() {
    let _watchdog = watchdog();
    let mut program = Program::serving("panic hook\n");
    program.line("a hook panicked: a bug in a hook");
    program.settled(1);
    program.signal(Signal::TERM);
    assert_eq!(program.wait(), 0);
}

#[test]
fn a_program_ends_while_it_boots() {
    let _watchdog = watchdog();
    let mut program = Program::start("bind 127.0.0.1:0\nquick 100\nboot hang\n");
    program.line("starting worker 1");
    program.signal(Signal::INT);
    assert_eq!(program.wait(), 0);
    program.leaves_nothing();
}
