//! The figures of a server.

use std::io;
use std::time::Duration;

use maypole::Event;
use maypole::http::{Metrics, StatusCode};

use crate::support::{Client, until, watchdog};
use crate::{builder, echo, get, post, serve, serve_with};

#[test]
fn what_happens_is_counted() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| match env.path_info() {
        "/error" => Err(io::Error::other("on purpose")),
        "/missing" => start_response.send(StatusCode::NOT_FOUND, "x"),
        _ => echo(env, start_response),
    });
    let before = server.metrics();
    assert_eq!((before.requests, before.connections), (0, 0));
    let mut client = Client::connect(server.local_addr());
    let mut received = 0;
    let mut sent = 0;
    for request in [
        post("/", b"body"),
        get("/missing").into(),
        get("/error").into(),
    ] {
        let response = client.ask(&request);
        received += request.len() as u64;
        sent += (response.head.len() + response.body.len()) as u64;
    }
    client.expect_end();
    let refused = Client::with(server.local_addr(), "BAD\r\n\r\n").read_to_end();
    received += 7;
    sent += refused.len() as u64;
    until("the ends of connections", || {
        server.metrics().open_connections == 0
    });
    let after = server.metrics();
    assert_eq!(after.requests, 4);
    assert_eq!(after.active_requests, 0);
    assert_eq!(after.by_class, [0, 1, 0, 2, 1]);
    assert_eq!(after.unanswered, 0);
    assert_eq!(after.connections, 2);
    assert_eq!(after.received_bytes, received);
    assert_eq!(after.sent_bytes, sent);
    // Nobody asked for them.
    assert_eq!(after.durations.count(), 0);
}

#[test]
fn what_is_under_way_is_active() {
    let _watchdog = watchdog();
    let go = Event::new();
    let wait = go.clone();
    let server = serve(move |_env, start_response| {
        wait.wait();
        start_response.send(StatusCode::OK, "x")
    });
    let mut clients: Vec<_> = (0..3)
        .map(|_| Client::with(server.local_addr(), get("/")))
        .collect();
    until("three requests", || server.metrics().active_requests == 3);
    assert_eq!(server.metrics().open_connections, 3);
    go.set();
    for client in &mut clients {
        assert_eq!(client.response().status, 200);
    }
    until("no requests", || server.metrics().active_requests == 0);
    assert_eq!(server.metrics().requests, 3);
}

#[test]
fn a_killed_request_is_active_no_more() {
    let _watchdog = watchdog();
    let server = serve(|_env, start_response| {
        maypole::sleep(Duration::MAX);
        start_response.send(StatusCode::OK, "x")
    });
    let mut client = Client::with(server.local_addr(), get("/"));
    until("the request", || server.metrics().active_requests == 1);
    server.stop(Duration::ZERO);
    assert_eq!(client.response().status, 503);
    client.expect_end();
    let after = server.metrics();
    assert_eq!(after.active_requests, 0);
    assert_eq!(after.by_class, [0, 0, 0, 0, 1]);
    assert_eq!(after.open_connections, 0);
}

#[test]
fn prometheus_can_read_them() {
    let _watchdog = watchdog();
    let metrics = Metrics::new();
    let shown = metrics.clone();
    let builder = builder().metrics(metrics.clone());
    let server = serve_with(builder, move |env, start_response| match env.path_info() {
        "/metrics" => shown.answer(start_response),
        _ => start_response.send(StatusCode::OK, "x"),
    });
    let mut client = Client::connect(server.local_addr());
    for _ in 0..5 {
        client.ask(get("/"));
    }
    let response = client.ask(get("/metrics"));
    let kind = response.header("content-type").unwrap();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let value = |name: &str| -> f64 {
        let mut lines = response.text().lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value
            .unwrap_or_else(|| panic!("{name}: {}", response.text()))
            .parse()
            .unwrap()
    };
    assert_eq!(value("maypole_http_requests_total{class=\"2xx\"}"), 5.0);
    assert_eq!(value("maypole_http_requests_active"), 1.0);
    assert_eq!(value("maypole_http_connections_open"), 1.0);
    assert_eq!(value("maypole_http_request_duration_seconds_count"), 5.0);
    assert!(value("maypole_http_request_duration_seconds_sum") > 0.0);
    until("its own end", || metrics.snapshot().durations.count() == 6);
}
