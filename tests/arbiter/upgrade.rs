//! SIGUSR2: a new master.

use std::fs;
use std::os::unix::net::UnixStream;

use rustix::process::Signal;

use crate::program::{ask, ask_on, runs, send};
use crate::support::{is_refused, until, watchdog};
use crate::{Load, Program};

/// The first address that a program has said.
fn first_addr(program: &Program) -> std::net::SocketAddr {
    program
        .line("hook listening ")
        .split(',')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn no_client_notices_an_upgrade() {
    let _watchdog = watchdog();
    let settings = "bind unix:DIR/s\npidfile DIR/pid\nworkers 2\n";
    let mut program = Program::serving(settings);
    let addr = first_addr(&program);
    let load = Load::start(addr);
    let folder = program.path("");
    let pid = |name: &str| {
        let text = fs::read_to_string(folder.join(name)).ok()?;
        text.trim().parse::<i32>().ok()
    };
    program.signal(Signal::USR2);
    program.line("hook pre_exec");
    let new: i32 = program.nth_line("hook when_ready ", 2).parse().unwrap();
    assert_eq!((pid("pid"), pid("pid.2")), (Some(program.pid()), Some(new)));
    // Both serve. There is none beside the two.
    program.signal(Signal::USR2);
    program.line("is one already");
    load.goes_on();
    program.signal(Signal::TERM);
    assert_eq!(program.wait(), 0);
    program.line("this one takes its place");
    until("the new names", || {
        pid("pid") == Some(new) && pid("pid.2").is_none()
    });
    until("the control socket", || program.ctl("workers").is_ok());
    program.settled(2);
    load.goes_on();
    load.none_failed("USR2");
    ask_on(UnixStream::connect(program.path("s")).unwrap(), "who").unwrap();
    // And once more, by the new one.
    let load = Load::start(addr);
    program.ctl("upgrade").unwrap();
    let newest: i32 = program.nth_line("hook when_ready ", 3).parse().unwrap();
    send(new, Signal::TERM);
    until("the end of the second", || !runs(new));
    until("the names of the third", || pid("pid") == Some(newest));
    until("the control socket", || program.ctl("workers").is_ok());
    load.goes_on();
    load.none_failed("USR2 again");
    send(newest, Signal::TERM);
    program.leaves_nothing();
    assert!(is_refused(addr));
}

#[test]
fn a_new_master_that_fails_changes_nothing() {
    let _watchdog = watchdog();
    let good = "bind 127.0.0.1:0\nbind unix:DIR/s\ncontrol DIR/ctl\npidfile DIR/pid\n";
    let program = Program::start(good);
    program.line("hook when_ready");
    let before = program.settled(1);
    let load = Load::start(first_addr(&program));
    for (nth, broken) in ["nonsense\n", "boot fail\n", "boot die\n"]
        .iter()
        .enumerate()
    {
        program.set(&format!("{good}{broken}"));
        program.signal(Signal::USR2);
        program.nth_line("the new master has ended", nth + 1);
        assert_eq!(program.settled(1), before);
    }
    load.none_failed("new masters that fail");
    let pid = fs::read_to_string(program.path("pid")).unwrap();
    assert_eq!(pid.trim(), program.pid().to_string());
    assert!(!program.path("pid.2").exists() && !program.path("ctl.2").exists());
    ask_on(UnixStream::connect(program.path("s")).unwrap(), "who").unwrap();
    program.set(good);
    program.signal(Signal::USR2);
    program.nth_line("hook when_ready ", 2);
}

#[test]
fn an_upgrade_can_be_taken_back() {
    let _watchdog = watchdog();
    let program = Program::serving("workers 2\n");
    let load = Load::start(program.addr());
    program.signal(Signal::USR2);
    let new: i32 = program.nth_line("hook when_ready ", 2).parse().unwrap();
    // It is not as good as was thought.
    send(new, Signal::QUIT);
    program.line("the new master has ended");
    until("its end", || !runs(new));
    program.settled(2);
    let (served, failures) = load.end();
    // QUIT ends what runs.
    println!(
        "an upgrade taken back by QUIT: {served} served, {} failed",
        failures.len()
    );
    assert!(failures.len() <= 4, "{failures:?}");
    let load = Load::start(program.addr());
    program.signal(Signal::USR2);
    let new: i32 = program.nth_line("hook when_ready ", 3).parse().unwrap();
    send(new, Signal::TERM);
    program.nth_line("the new master has ended", 2);
    load.none_failed("an upgrade taken back by TERM");
}

#[test]
fn a_new_master_takes_over_from_one_that_was_killed() {
    let _watchdog = watchdog();
    let program = Program::serving("pidfile DIR/pid\ngraceful 100\n");
    program.signal(Signal::USR2);
    let new: i32 = program.nth_line("hook when_ready ", 2).parse().unwrap();
    program.signal(Signal::KILL);
    program.line("this one takes its place");
    until("the new names", || {
        fs::read_to_string(program.path("pid")).is_ok_and(|text| text.trim() == new.to_string())
    });
    until("the control socket", || program.ctl("workers").is_ok());
    ask(program.addr(), "who").unwrap();
    send(new, Signal::TERM);
    until("its end", || !runs(new));
}
