//! As a service of systemd's: its variables, and its socket.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use rustix::process::Signal;

use crate::program::{ask_on, read_all};
use crate::support::{PATIENCE, is_refused, until, watchdog};
use crate::{Load, Program};

/// A command that starts the program with these sockets, as systemd does.
fn activating(path: &std::path::Path, sockets: Vec<OwnedFd>, names: &str) -> Command {
    let script = format!(
        "export LISTEN_FDS={} LISTEN_PID=$$ LISTEN_FDNAMES={names}; exec \"$0\" \"$@\"",
        sockets.len()
    );
    let mut command = maypole::process::Command::new("sh");
    command.args(["-c", &script]).arg(path);
    command.pass_fds(sockets).unwrap();
    command.into()
}

#[test]
fn sockets_that_are_passed_take_the_place_of_others() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("activated");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let unix = UnixListener::bind(&path).unwrap();
    let metrics = TcpListener::bind("127.0.0.1:0").unwrap();
    let (addr, figures) = (tcp.local_addr().unwrap(), metrics.local_addr().unwrap());
    let sockets = vec![tcp.into(), unix.into(), metrics.into()];
    let settings = "bind 127.0.0.1:1\nmetrics 127.0.0.1:2\ncontrol DIR/ctl\nworkers 2\n";
    let mut program = Program::start_by(settings, |path| {
        activating(path, sockets, "shop.socket:unknown:metrics")
    });
    program.line("hook when_ready");
    let said = program.line("hook listening ");
    assert_eq!(
        said,
        format!("{addr}, unix:{}, {figures} (metrics)", path.display())
    );
    let load = Load::start(addr);
    ask_on(UnixStream::connect(&path).unwrap(), "who").unwrap();
    assert!(read_all(figures).unwrap().contains("maypole_workers 2\n"));
    program.ctl("reload").unwrap();
    load.goes_on();
    // A new master has no part in the activation, and gets the sockets too.
    program.ctl("upgrade").unwrap();
    program.nth_line("hook when_ready ", 2);
    program.signal(Signal::TERM);
    assert_eq!(program.wait(), 0);
    program.line("this one takes its place");
    load.goes_on();
    load.none_failed("HUP and USR2 with systemd's sockets");
    ask_on(UnixStream::connect(&path).unwrap(), "who").unwrap();
    until("the control socket", || program.ctl("workers").is_ok());
    program.ctl("stop").unwrap();
    until("the end", || is_refused(addr));
    // The file is systemd's.
    assert!(path.exists());
}

#[test]
fn systemd_is_told() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    // Read all the time: a master waits while the socket is full.
    let (sender, texts) = mpsc::channel();
    thread::spawn(move || {
        let mut datagram = [0; 1000];
        while let Ok(n) = socket.recv(&mut datagram) {
            let text = String::from_utf8_lossy(&datagram[..n]).into_owned();
            if sender.send(text).is_err() {
                break;
            }
        }
    });
    let next = |wanted: &str| {
        loop {
            let text = texts.recv_timeout(PATIENCE).unwrap();
            // The watchdog's come in between.
            if text.contains(wanted) || !text.contains("WATCHDOG=1") {
                return text;
            }
        }
    };
    let settings = "bind 127.0.0.1:0\ncontrol DIR/ctl\nworkers 2\n";
    let mut program = Program::start_by(settings, |program| {
        let mut command = Command::new(program);
        command
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "200000");
        command
    });
    assert_eq!(next("READY=1"), "READY=1\nSTATUS=2 workers\n");
    next("WATCHDOG=1");
    next("WATCHDOG=1");
    program.set("bind 127.0.0.1:0\ncontrol DIR/ctl\nworkers 3\n");
    program.signal(Signal::HUP);
    let reloading = next("RELOADING=1");
    assert!(
        reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="),
        "{reloading}"
    );
    assert_eq!(next("READY=1"), "READY=1\nSTATUS=3 workers\n");
    // Another one takes over.
    program.signal(Signal::USR2);
    let new = program.nth_line("hook when_ready ", 2);
    program.signal(Signal::TERM);
    assert_eq!(next("MAINPID"), format!("MAINPID={new}\nREADY=1\n"));
    assert_eq!(program.wait(), 0);
    next("WATCHDOG=1");
    crate::program::send(new.parse().unwrap(), Signal::TERM);
    assert_eq!(next("STOPPING=1"), "STOPPING=1\n");
}
