//! Where programs listen, and as whom they serve.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{SocketAddr as UnixAddr, UnixStream};
use std::process::Command;

use rustix::process::{Signal, geteuid};

use crate::program::{ask, ask_on};
use crate::support::watchdog;
use crate::{Load, Program};

#[test]
fn all_kinds_of_addresses_are_served() {
    let _watchdog = watchdog();
    let hidden = format!("maypole-arbiter-{}", std::process::id());
    let mut program = Program::start(&format!(
        "bind 127.0.0.1:0\nbind tcp://localhost:0\nbind unix:DIR/s\nbind unix:@{hidden}\n\
         mode 660\nworkers 2\n"
    ));
    program.line("hook when_ready");
    let said = program.line("hook listening ");
    let addrs: Vec<_> = said.split(", ").collect();
    ask(addrs[0].parse().unwrap(), "who").unwrap();
    ask(addrs[1].parse().unwrap(), "who").unwrap();
    let path = program.path("s");
    assert_eq!(addrs[2], format!("unix:{}", path.display()));
    ask_on(UnixStream::connect(&path).unwrap(), "who").unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o660
    );
    assert_eq!(addrs[3], format!("unix:@{hidden}"));
    let addr = UnixAddr::from_abstract_name(&hidden).unwrap();
    ask_on(UnixStream::connect_addr(&addr).unwrap(), "who").unwrap();
    program.signal(Signal::TERM);
    assert_eq!(program.wait(), 0);
    program.leaves_nothing();
}

#[test]
fn a_stale_socket_is_replaced_and_one_in_use_is_not() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    drop(std::os::unix::net::UnixListener::bind(folder.path().join("s")).unwrap());
    let new = |path: &std::path::Path| Command::new(path);
    let program = Program::start_in(folder, "bind unix:DIR/s\n", new);
    program.line("hook when_ready");
    let path = program.path("s");
    ask_on(UnixStream::connect(&path).unwrap(), "who").unwrap();
    let mut other = Program::start(&format!("bind unix:{}\n", path.display()));
    assert_eq!(other.wait(), 1);
    ask_on(UnixStream::connect(&path).unwrap(), "who").unwrap();
}

#[test]
fn each_worker_can_have_a_socket_of_its_own() {
    let _watchdog = watchdog();
    let program = Program::serving("workers 3\nreuse_port\n");
    let addr = program.addr();
    program.settled(3);
    let listening = || {
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        let port = format!(":{:04X} 00000000:0000 0A", addr.port());
        table.lines().filter(|line| line.contains(&port)).count()
    };
    assert_eq!(listening(), 3);
    let load = Load::start(addr);
    program.signal(Signal::HUP);
    // Settings are the same; the sockets stay.
    program.line("reloaded, with 3 workers");
    program.settled(3);
    load.goes_on();
    assert_eq!(listening(), 3);
    program.ctl("upgrade").unwrap();
    program.nth_line("hook when_ready ", 2);
    assert_eq!(listening(), 3);
    load.goes_on();
    load.none_failed("HUP and USR2 with sockets of each worker's own");
}

#[test]
fn a_socket_can_be_given_by_its_number() {
    let _watchdog = watchdog();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let mut program = Program::start_by("bind fd://5\ncontrol DIR/ctl\n", |path| {
        let mut command = maypole::process::Command::new("sh");
        let fds = (0..3).map(|_| OwnedFd::from(listener.try_clone().unwrap()));
        command
            .args(["-c", "exec 3<&- 4<&-; exec \"$0\" \"$@\""])
            .arg(path);
        command.pass_fds(fds).unwrap();
        command.into()
    });
    drop(listener);
    program.line("hook when_ready");
    assert_eq!(program.addr(), addr);
    let load = Load::start(addr);
    program.ctl("reload").unwrap();
    load.none_failed("HUP with a given socket");
    program.signal(Signal::TERM);
    assert_eq!(program.wait(), 0);
}

#[test]
fn workers_drop_their_rights() {
    let _watchdog = watchdog();
    if !geteuid().is_root() {
        return; // nobody else may
    }
    // The worker reads its settings before it becomes somebody else.
    let program = Program::serving("bind unix:DIR/s\nuser 54321\ngroup 12345\numask 77\n");
    let identity = |pid: i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = |name| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        [line("Uid:"), line("Gid:"), line("Groups:"), line("Umask:")]
    };
    let worker = program.settled(1)[0].pid;
    let users = [
        "54321 54321 54321 54321",
        "12345 12345 12345 12345",
        "",
        "0077",
    ];
    assert_eq!(identity(worker), users);
    // Each of its threads.
    for thread in fs::read_dir(format!("/proc/{worker}/task")).unwrap() {
        let id = thread
            .unwrap()
            .file_name()
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(identity(id), users);
    }
    assert_eq!(identity(program.pid())[0], "0 0 0 0");
    let file = fs::metadata(program.path("s")).unwrap();
    assert_eq!((file.uid(), file.gid()), (54321, 12345));

    let program = Program::serving("user nobody\n");
    let [user, group, ..] = identity(program.settled(1)[0].pid);
    assert_eq!([user, group], ["65534 65534 65534 65534"; 2]);
}
