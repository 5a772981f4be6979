//! Signals under load: how many requests fail.

use std::fs;

use rustix::process::Signal;

use super::support::is_refused;
use super::{Client, Load, Server, get, until, watchdog};

const CLIENTS: usize = 16;

/// None may fail.
#[track_caller]
fn none(server: &Server, failures: &[String]) {
    assert!(failures.is_empty(), "{failures:#?}\n{}", server.log());
}

#[test]
fn hup_loses_no_request() {
    let _watchdog = watchdog();
    let server = Server::start(&["--workers", "2"]);
    let load = Load::start(server.addr, CLIENTS);
    for n in 1..=3 {
        let before = server.workers();
        let closed = load.closed();
        server.signal(Signal::HUP);
        server.wait_for_nth("] reloaded, with 2 workers", n);
        until("other workers", || {
            let now = server.workers();
            now.len() == 2 && now.iter().all(|worker| !before.contains(worker))
        });
        server.wait_for_nth("has ended: exit status: 0", 2 * n);
        // All of them were told, and came again.
        assert!(load.closed() > closed, "nobody was told");
        load.goes_on();
    }
    none(&server, &load.finish());
    server.end();
}

#[test]
fn ttin_and_ttou_lose_no_request() {
    let _watchdog = watchdog();
    let server = Server::start(&["--workers", "2"]);
    let load = Load::start(server.addr, CLIENTS);
    for n in 1..=2 {
        server.signal(Signal::TTIN);
        until("a worker more", || server.workers().len() == 3);
        load.goes_on();
        server.signal(Signal::TTOU);
        until("one less", || server.workers().len() == 2);
        server.wait_for_nth("has ended: exit status: 0", n);
        load.goes_on();
    }
    none(&server, &load.finish());
    // Not below one.
    for _ in 0..3 {
        server.signal(Signal::TTOU);
    }
    until("one", || server.workers().len() == 1);
    assert_eq!(server.ask("/").text(), "hello");
    server.end();
}

#[test]
fn term_finishes_what_runs() {
    let _watchdog = watchdog();
    let mut server = Server::start(&["--workers", "2"]);
    let mut idle = Client::connect(server.addr);
    assert_eq!(idle.ask(get("/")).header("connection"), None);
    let mut slow = Client::with(server.addr, get("/sleep?500"));
    server.wait_for("hook request_start /sleep");
    server.signal(Signal::TERM);
    until("closed", || is_refused(server.addr));
    let response = slow.response();
    assert_eq!(response.status, 200);
    assert_eq!(response.header("connection"), Some("close"));
    slow.expect_end();
    // Whoever is idle may say one thing more.
    let response = idle.ask(get("/"));
    assert_eq!(response.header("connection"), Some("close"));
    idle.expect_end();
    assert_eq!(server.wait(), Some(0));
    for name in ["pid", "ctl"] {
        assert!(!server.path(name).exists(), "{name}");
    }
}

#[test]
fn int_ends_at_once() {
    let _watchdog = watchdog();
    let mut server = Server::start(&[]);
    let mut slow = Client::with(server.addr, get("/sleep?600000"));
    server.wait_for("hook request_start /sleep");
    server.signal(Signal::INT);
    assert_eq!(server.wait(), Some(0));
    slow.expect_closed();
}

#[test]
fn a_second_term_ends_at_once() {
    let _watchdog = watchdog();
    let mut server = Server::start(&["--graceful-timeout", "600"]);
    let _slow = Client::with(server.addr, get("/sleep?600000"));
    server.wait_for("hook request_start /sleep");
    server.signal(Signal::TERM);
    until("closed", || is_refused(server.addr));
    server.signal(Signal::TERM);
    server.wait();
}

#[test]
fn sigkill_loses_what_the_worker_had() {
    let _watchdog = watchdog();
    let server = Server::start(&["--workers", "2"]);
    let load = Load::start(server.addr, CLIENTS);
    let before = server.workers();
    super::server::signal_to(before[0], Signal::KILL);
    until("another worker", || {
        let now = server.workers();
        now.len() == 2 && !now.contains(&before[0])
    });
    load.goes_on();
    let failures = load.finish();
    // At most one for each client that it served; no connection is refused.
    assert!(failures.len() <= CLIENTS, "{failures:#?}");
    let others: Vec<_> = failures
        .iter()
        .filter(|failure| !failure.contains("on a connection"))
        .collect();
    assert!(others.is_empty(), "{others:#?}");
    server.end();
}

#[test]
fn a_reload_reads_the_file_again() {
    let _watchdog = watchdog();
    let file = "workers = 1\nraw_env = [\"STAGE=one\"]\n";
    let server = Server::start_with(&[], file, &[]);
    assert_eq!(server.ask("/variable?STAGE").text(), "one");
    let path = server.path("maypole.toml");
    fs::write(
        &path,
        "workers = 2\nraw_env = [\"STAGE=two\"]\nbacklog = 99\n",
    )
    .unwrap();
    server.signal(Signal::HUP);
    server.wait_for("] reloaded, with 2 workers");
    assert_eq!(server.workers().len(), 2);
    // Until it has ended, the old one may still accept.
    server.wait_for("has ended: exit status: 0");
    assert_eq!(server.ask("/variable?STAGE").text(), "two");
    server.wait_for("backlog has changed");
    server.end();
}

#[test]
fn a_reload_of_nonsense_changes_nothing() {
    let _watchdog = watchdog();
    let server = Server::start_with(&[], "workers = 2\n", &[]);
    let before = server.workers();
    let path = server.path("maypole.toml");
    fs::write(&path, "workers = 3\nwibble = true\n").unwrap();
    server.signal(Signal::HUP);
    server.wait_for("maypole.toml:2: there is no setting \"wibble\"");
    assert_eq!(server.workers(), before);
    // A worker that dies now comes back with what the master has read.
    super::server::signal_to(before[0], Signal::KILL);
    until("another worker", || {
        let now = server.workers();
        now.len() == 2 && !now.contains(&before[0])
    });
    assert_eq!(server.ask("/").text(), "hello");
    server.end();
}
