//! Figures of all workers.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;

use crate::Program;
use crate::program::{ask, read_all, send};
use crate::support::{PATIENCE, until, watchdog};

/// The value of a figure in Prometheus' text.
fn value(text: &str, name: &str) -> Option<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name} ")))?;
    line.parse().ok()
}

#[test]
fn counters_survive_their_workers_and_gauges_do_not() {
    let _watchdog = watchdog();
    let program = Program::serving("workers 3\n");
    for _ in 0..50 {
        ask(program.addr(), "who").unwrap();
    }
    let stats = program.ctl("stats").unwrap();
    assert_eq!(value(&stats, "clients_total"), Some(50.0), "{stats}");
    program.ctl("reload").unwrap();
    program.settled(3);
    let stats = program.ctl("stats").unwrap();
    assert_eq!(value(&stats, "clients_total"), Some(50.0), "{stats}");
    assert_eq!(value(&stats, "clients"), Some(0.0), "{stats}");
    assert_eq!(value(&stats, "maypole_workers"), Some(3.0), "{stats}");
    assert_eq!(
        value(&stats, "maypole_workers_started_total"),
        Some(6.0),
        "{stats}"
    );
    // A worker can ask too; its own client counts.
    assert_eq!(ask(program.addr(), "total").unwrap(), "51");
    // One that is killed has told them a moment before.
    for worker in program.workers() {
        send(worker.pid, Signal::KILL);
    }
    program.nth_line("hook worker_exited", 6);
    program.settled(3);
    let stats = program.ctl("stats").unwrap();
    assert_eq!(value(&stats, "clients_total"), Some(51.0), "{stats}");
}

#[test]
fn a_named_listener_is_for_figures() {
    let _watchdog = watchdog();
    let program = Program::start("bind 127.0.0.1:0\nmetrics 127.0.0.1:0\nworkers 2\n");
    program.line("hook when_ready");
    let said = program.line("hook listening ");
    let (addr, metrics) = said.split_once(", ").unwrap();
    let metrics = metrics.strip_suffix(" (metrics)").unwrap().parse().unwrap();
    for n in 1..=5 {
        ask(addr.parse().unwrap(), "who").unwrap();
        let text = read_all(metrics).unwrap();
        assert_eq!(value(&text, "clients_total"), Some(f64::from(n)), "{text}");
        assert_eq!(value(&text, "maypole_workers_wanted"), Some(2.0), "{text}");
    }
}

#[test]
fn a_worker_that_does_not_answer_holds_nobody_up() {
    let _watchdog = watchdog();
    let program = Program::serving("workers 2\ntimeout 0\n");
    ask(program.addr(), "who").unwrap();
    program.ctl("stats").unwrap();
    let workers = program.settled(2);
    send(workers[0].pid, Signal::STOP);
    let stats = program.ctl("stats").unwrap();
    assert_eq!(value(&stats, "clients_total"), Some(1.0), "{stats}");
    send(workers[0].pid, Signal::CONT);
}

#[test]
fn statsd_gets_sums() {
    let _watchdog = watchdog();
    let statsd = UdpSocket::bind("127.0.0.1:0").unwrap();
    statsd.set_read_timeout(Some(PATIENCE)).unwrap();
    let target = statsd.local_addr().unwrap().to_string();
    check_statsd(&target, |datagram| statsd.recv(datagram).unwrap());

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("statsd");
    let statsd = UnixDatagram::bind(&path).unwrap();
    statsd.set_read_timeout(Some(PATIENCE)).unwrap();
    let target = format!("unix:{}", path.display());
    check_statsd(&target, |datagram| statsd.recv(datagram).unwrap());
}

/// A program that sends there tells of each client, once.
#[track_caller]
fn check_statsd(target: &str, receive: impl Fn(&mut [u8]) -> usize) {
    let program = Program::serving(&format!("workers 2\nstatsd {target}\n"));
    for _ in 0..20 {
        ask(program.addr(), "who").unwrap();
    }
    let (mut clients, mut workers) = (0, 0);
    until("all of them", || {
        let mut datagram = [0; 2000];
        let n = receive(&mut datagram);
        for line in str::from_utf8(&datagram[..n]).unwrap().lines() {
            let (name, rest) = line.split_once(':').unwrap();
            let (value, kind) = rest.split_once('|').unwrap();
            match (name, kind) {
                ("test.clients_total", "c") => clients += value.parse::<u32>().unwrap(),
                ("test.maypole_workers", "g") => workers = value.parse().unwrap(),
                _ => {}
            }
        }
        clients == 20 && workers == 2
    });
}
