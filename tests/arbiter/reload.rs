//! SIGHUP.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;

use rustix::process::Signal;

use crate::program::{ask, processes_of, runs};
use crate::support::{is_refused, until, watchdog};
use crate::{Load, Program};

#[test]
fn no_client_notices_a_reload() {
    let _watchdog = watchdog();
    let program = Program::serving("workers 2\n");
    let before = program.settled(2);
    let load = Load::start(program.addr());
    program.set("bind 127.0.0.1:0\ncontrol DIR/ctl\nworkers 3\n");
    program.signal(Signal::HUP);
    program.line("reloaded, with 3 workers");
    let after = program.settled(3);
    load.goes_on();
    load.none_failed("HUP");
    assert!(
        before
            .iter()
            .all(|old| after.iter().all(|new| new.age > old.age))
    );
    let numbers: BTreeSet<_> = after.iter().map(|worker| worker.number).collect();
    assert_eq!(numbers, BTreeSet::from([1, 2, 3]));
    program.line("hook on_reload");
    program.line("hook workers_changed 3 2");
    assert_eq!(program.count("hook when_ready"), 1);
}

#[test]
fn reloads_leave_nothing_behind() {
    let _watchdog = watchdog();
    let mut program = Program::serving("bind unix:DIR/socket\nworkers 2\n");
    let descriptors = || {
        fs::read_dir(format!("/proc/{}/fd", program.pid()))
            .unwrap()
            .count()
    };
    let addr: SocketAddr = program
        .line("hook listening ")
        .split(',')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    program.ctl("reload").unwrap();
    program.settled(2);
    let before = descriptors();
    let load = Load::start(addr);
    for _ in 0..100 {
        program.ctl("reload").unwrap();
    }
    program.settled(2);
    load.none_failed("100 reloads");
    until("the descriptors of before", || descriptors() <= before);
    assert_eq!(processes_of(program.pid()).len(), 3);
    let files = fs::read_dir(program.path("")).unwrap().count();
    assert_eq!(files, 3, "settings, control socket, socket");
    program.signal(Signal::TERM);
    assert_eq!(program.wait(), 0);
    program.leaves_nothing();
}

#[test]
fn many_at_once_are_done_one_after_the_other() {
    let _watchdog = watchdog();
    let program = Program::serving("workers 2\n");
    let load = Load::start(program.addr());
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                program.signal(Signal::HUP);
                program.ctl("reload").unwrap();
            });
        }
    });
    program.settled(2);
    load.none_failed("ten reloads at once");
}

#[test]
fn addresses_are_bound_again_only_where_they_changed() {
    let _watchdog = watchdog();
    let program = Program::serving("bind unix:DIR/old\n");
    let said = program.line("hook listening ");
    let kept: SocketAddr = said.split(',').next().unwrap().parse().unwrap();
    program.set("bind 127.0.0.1:0\nbind 127.0.0.2:0\nbind unix:DIR/new\ncontrol DIR/ctl\n");
    program.ctl("reload").unwrap();
    let said = program.nth_line("hook listening ", 2);
    let addrs: Vec<_> = said.split(", ").collect();
    assert_eq!(addrs[0], kept.to_string());
    let added: SocketAddr = addrs[1].parse().unwrap();
    ask(kept, "who").unwrap();
    ask(added, "who").unwrap();
    assert!(program.path("new").exists());
    until("the old file's end", || !program.path("old").exists());
    program.set("bind 127.0.0.1:0\ncontrol DIR/ctl\n");
    program.ctl("reload").unwrap();
    program.settled(1);
    until("the end of the second address", || is_refused(added));
    until("the new file's end", || !program.path("new").exists());
    ask(kept, "who").unwrap();
}

#[test]
fn what_cannot_be_reloaded_changes_nothing() {
    let _watchdog = watchdog();
    let program = Program::serving("workers 2\n");
    let before = program.settled(2);
    let load = Load::start(program.addr());
    let listens = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listens.local_addr().unwrap();
    let good = "bind 127.0.0.1:0\ncontrol DIR/ctl\n";
    for (settings, why) in [
        ("wokers 3\n".to_owned(), "\"wokers\" is no setting"),
        (format!("bind {taken}\n"), "in use"),
        ("user nobody-knows-me\n".to_owned(), "no user"),
        (
            "boot fail\nworkers 3\n".to_owned(),
            "the database is not there",
        ),
        ("boot panic\n".to_owned(), "a bug at boot"),
        ("panic load\n".to_owned(), "a bug in load"),
        ("boot die\n".to_owned(), "exit status: 7"),
        // Those that beat once a second are none of its business.
        ("boot hang\ntimeout 300\n".to_owned(), "signal: 6"),
        ("boot return\n".to_owned(), "without having served"),
    ] {
        program.set(&format!("{good}{settings}"));
        let error = program.ctl("reload").unwrap_err().to_string();
        assert!(error.contains(why), "{settings:?}: {error}");
        assert_eq!(program.settled(2), before, "{settings:?}");
    }
    drop(listens);
    load.none_failed("reloads that fail");
    program.set(&format!("{good}workers 2\n"));
    program.ctl("reload").unwrap();
    let after = program.settled(2);
    assert!(
        before
            .iter()
            .all(|old| !runs(old.pid) && !after.contains(old))
    );
}
