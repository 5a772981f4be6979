//! How much a head may hold.

use maypole::http::Limits;

use crate::common::{post, post_chunked};
use crate::support::{Client, watchdog};
use crate::{WsgiServer, builder, differs, echo, hello, serve, serve_with, tell_target};

/// The status that a request earns on a server of its own connection.
#[track_caller]
fn status(server: &WsgiServer, request: &str) -> u16 {
    let mut client = Client::with(server.local_addr(), request);
    let response = client.response();
    if ![200, 404].contains(&response.status) {
        assert_eq!(response.header("connection"), Some("close"));
        client.expect_end();
    }
    response.status
}

fn line_of(len: usize) -> String {
    let fixed = "GET / HTTP/1.1".len();
    format!(
        "GET /{} HTTP/1.1\r\nHost: x\r\n\r\n",
        "a".repeat(len - fixed)
    )
}

fn headers(count: usize) -> String {
    let lines: String = (1..count).map(|n| format!("X-{n}: v\r\n")).collect();
    format!("GET / HTTP/1.1\r\nHost: x\r\n{lines}\r\n")
}

fn header_of(len: usize) -> String {
    let value = "v".repeat(len - "X: ".len());
    format!("GET / HTTP/1.1\r\nHost: x\r\nX: {value}\r\n\r\n")
}

#[test]
fn the_defaults() {
    let _watchdog = watchdog();
    let server = serve(tell_target);
    assert_eq!(status(&server, &line_of(8190)), 200);
    assert_eq!(status(&server, &line_of(8191)), 414);
    assert_eq!(status(&server, &header_of(8190)), 200);
    assert_eq!(status(&server, &header_of(8191)), 431);
    assert_eq!(status(&server, &headers(100)), 200);
    assert_eq!(status(&server, &headers(101)), 431);
    let head = |lines: usize| {
        let line = format!("X: {}\r\n", "v".repeat(8000));
        format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", line.repeat(lines))
    };
    assert_eq!(status(&server, &head(8)), 200);
    assert_eq!(status(&server, &head(9)), 431);
}

#[test]
fn what_does_not_end_is_refused_before_its_end() {
    let _watchdog = watchdog();
    let server = serve(hello);
    let line = format!("GET /{}", "a".repeat(9000));
    assert_eq!(status(&server, &line), 414);
    let header = format!("GET / HTTP/1.1\r\nX: {}", "v".repeat(9000));
    assert_eq!(status(&server, &header), 431);
    let many = headers(110);
    assert_eq!(status(&server, many.trim_end()), 431);
}

#[test]
fn other_limits_can_be_set() {
    let _watchdog = watchdog();
    let mut limits = Limits::default();
    limits.request_line = 20;
    limits.header_line = 30;
    limits.header_lines = 3;
    limits.head = 70;
    let server = serve_with(builder().limits(limits), hello);
    assert_eq!(status(&server, &line_of(20)), 404);
    assert_eq!(status(&server, &line_of(21)), 414);
    assert_eq!(status(&server, &header_of(30)), 200);
    assert_eq!(status(&server, &header_of(31)), 431);
    assert_eq!(status(&server, &headers(3)), 200);
    assert_eq!(status(&server, &headers(4)), 431);
    let long = "GET / HTTP/1.1\r\nHost: x\r\nA: 01234567890123456\r\nB: 01234567890123456\r\n\r\n";
    assert_eq!(status(&server, long), 431);
}

#[test]
fn more_header_lines_than_usual_can_be_allowed() {
    let _watchdog = watchdog();
    let mut limits = Limits::default();
    limits.header_lines = 1000;
    let server = serve_with(builder().limits(limits), hello);
    assert_eq!(status(&server, &headers(1000)), 200);
    assert_eq!(status(&server, &headers(1001)), 431);
}

#[test]
fn bodies() {
    let _watchdog = watchdog();
    let mut limits = Limits::default();
    limits.body = Some(1000);
    let server = serve_with(builder().limits(limits), echo);
    for (size, expected) in [(1000, 200), (1001, 413), (100_000, 413)] {
        let body = vec![b'b'; size];
        for request in [post("/", &body), post_chunked("/", &body, 300)] {
            let mut client = Client::connect(server.local_addr());
            client.send(&request);
            let response = client.response();
            assert_eq!(response.status, expected, "{size}");
        }
    }
}

#[test]
fn a_body_that_is_not_read_has_no_limit() {
    if differs("limits::a_body_that_is_not_read_has_no_limit") {
        return;
    }
    let _watchdog = watchdog();
    let mut limits = Limits::default();
    limits.body = Some(1000);
    let server = serve_with(builder().limits(limits), hello);
    let mut client = Client::connect(server.local_addr());
    client.send(post_chunked("/", &[b'b'; 5000], 300));
    assert_eq!(client.response().status, 200);
}
