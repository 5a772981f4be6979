//! What is called, and in which order.

use rustix::process::Signal;

use super::{Client, Server, get, until, watchdog};

/// That these lines are in the log, in this order.
#[track_caller]
fn in_order(log: &str, lines: &[&str]) {
    let mut rest = log;
    for line in lines {
        let Some((_, after)) = rest.split_once(line) else {
            panic!("no {line:?} where it should be in {log}");
        };
        rest = after;
    }
}

#[test]
fn in_the_life_of_a_server() {
    let _watchdog = watchdog();
    let server = Server::start(&[]);
    let response = server.ask("/pid");
    assert_eq!(response.status, 200);
    server.signal(Signal::TTIN);
    server.wait_for("hook worker_started 2");
    server.signal(Signal::HUP);
    server.wait_for("] reloaded");
    server.wait_for_nth("hook worker_exited", 2);
    server.signal(Signal::TERM);
    until("the end", || server.log().contains("hook on_exit"));
    let log = server.log();
    in_order(
        &log,
        &[
            "hook on_starting",
            "hook listening 1",
            "hook worker_starting 1",
            "hook worker_started 1",
            "hook when_ready",
            "hook request_start /pid",
            "hook request_end /pid 200",
            "hook workers_changed 1 to 2",
            "hook on_reload",
            "hook worker_exited",
            "hook on_exit",
        ],
    );
    in_order(
        &log,
        &[
            "hook worker_init 1",
            "hook request_start",
            "hook worker_exit 1",
        ],
    );
}

#[test]
fn one_that_panics_is_an_answer() {
    let _watchdog = watchdog();
    let server = Server::start(&[]);
    let mut client = Client::connect(server.addr);
    assert_eq!(client.ask(get("/hook-panics")).status, 500);
    assert_eq!(server.ask("/panic").status, 500);
    server.wait_for("hook request_end /panic 500");
    assert_eq!(server.ask("/").status, 200);
    server.end();
}
