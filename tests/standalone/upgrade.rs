//! Another program file takes over.

use rustix::process::Signal;

use super::server::{is_running, signal_to};
use super::{Load, Server, until, watchdog};

#[test]
fn usr2_loses_no_request() {
    let _watchdog = watchdog();
    let mut server = Server::start(&["--workers", "2"]);
    let load = Load::start(server.addr, 16);
    server.signal(Signal::USR2);
    server.wait_for_nth("] ready, with 2 workers", 2);
    load.goes_on();
    server.signal(Signal::TERM);
    assert_eq!(server.wait(), Some(0), "{}", server.log());
    load.goes_on();
    until("the new master's number", || {
        server
            .read("pid")
            .trim()
            .parse::<u32>()
            .is_ok_and(|id| id != server.id())
    });
    let master: u32 = server.read("pid").trim().parse().unwrap();
    // It answers where the old one did.
    until("two workers", || server.workers().len() == 2);
    let failures = load.finish();
    assert!(failures.is_empty(), "{failures:#?}\n{}", server.log());
    signal_to(master, Signal::TERM);
    until("its end", || !is_running(master));
}

#[test]
fn the_old_one_stays_if_the_new_one_is_ended() {
    let _watchdog = watchdog();
    let server = Server::start(&[]);
    let load = Load::start(server.addr, 8);
    server.signal(Signal::USR2);
    server.wait_for_nth("] ready, with 1 worker", 2);
    let new: u32 = server.read("pid.2").trim().parse().unwrap();
    signal_to(new, Signal::TERM);
    until("its end", || !is_running(new));
    load.goes_on();
    let failures = load.finish();
    assert!(failures.is_empty(), "{failures:#?}\n{}", server.log());
    server.end();
}
