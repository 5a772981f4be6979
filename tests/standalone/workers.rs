//! Workers that are replaced.

use super::{Load, Server, until, watchdog};

#[test]
fn max_requests_loses_none() {
    let _watchdog = watchdog();
    let args = [
        "--workers",
        "2",
        "--max-requests",
        "200",
        "--max-requests-jitter",
        "50",
    ];
    let server = Server::start(&args);
    let before = server.workers();
    let load = Load::start(server.addr, 8);
    until("other workers", || {
        let now = server.workers();
        now.len() == 2 && now.iter().all(|worker| !before.contains(worker))
    });
    load.goes_on();
    let failures = load.finish();
    assert!(failures.is_empty(), "{failures:#?}\n{}", server.log());
    assert!(server.log().contains("Enough requests"));
    server.end();
}

#[test]
fn a_blocked_hub_is_found_and_its_worker_replaced() {
    let _watchdog = watchdog();
    let server = Server::start(&["--workers", "2", "--timeout", "1"]);
    let before = server.workers();
    let blocked = super::Client::with(server.addr, super::get("/block?600000"));
    server.wait_for("has been silent for 1s, it is aborted");
    until("another worker", || {
        let now = server.workers();
        now.len() == 2 && now.iter().any(|worker| !before.contains(worker))
    });
    drop(blocked);
    assert_eq!(server.ask("/").text(), "hello");
    server.end();
}

#[test]
fn a_slow_request_is_no_blocked_hub() {
    let _watchdog = watchdog();
    let server = Server::start(&["--timeout", "1"]);
    assert_eq!(server.ask("/sleep?3000").status, 200);
    assert!(!server.log().contains("silent"));
    server.end();
}

#[cfg(feature = "native")]
#[test]
fn several_hubs() {
    let _watchdog = watchdog();
    let server = Server::start(&["--hubs", "2"]);
    let load = Load::start(server.addr, 8);
    load.goes_on();
    let failures = load.finish();
    assert!(failures.is_empty(), "{failures:#?}\n{}", server.log());
    server.end();
}
