//! Requests that break the rules: refused, and never seen by the application.

use std::thread;
use std::time::Duration;

use crate::support::{Client, Counter, LONG, Response, noise, pause, watchdog};
use crate::{GET, builder, hello, serve, serve_with};

/// Short enough to wait for, where the wait is what is tested.
const SHORT: Duration = Duration::from_millis(50);

/// What is sent, and the status that it earns.
const TABLE: &[(&[u8], u16)] = &[
    // Request lines.
    (b"GARBAGE\r\n\r\n", 400),
    (b"GET /\r\n\r\n", 400),
    (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400),
    (b" GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /#part HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET / HTTPS/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET / http/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET / HTTP/1.1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505),
    (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    (b"GET / HTTP/0.9\r\nHost: x\r\n\r\n", 505),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    // Line ends.
    (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\n\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n", 400),
    (b"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    // Header lines.
    (b"GET / HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nName : v\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\n: v\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nN@me: v\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nName: a\x00b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nName: a\x7fb\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nName: a\r\n b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400),
    // Host.
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
    // Framing of the body.
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551616\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n", 501),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", 501),
    // Expectations.
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: more\r\n\r\n", 417),
];

#[track_caller]
fn check_refusal(response: &Response, status: u16) {
    let Response { head, body, .. } = response;
    assert_eq!(response.status, status, "{head}");
    assert_eq!(response.header("connection"), Some("close"), "{head}");
    assert_eq!(response.header("content-type"), Some("text/plain"));
    assert!(response.header("date").is_some(), "{head}");
    let status_line = head.split_once("\r\n").unwrap().0;
    let reason = status_line.splitn(3, ' ').nth(2).unwrap();
    assert_eq!(body, reason.as_bytes());
}

#[test]
fn each_is_refused_and_closed() {
    let _watchdog = watchdog();
    let calls = Counter::default();
    let counted = calls.clone();
    let server = serve(move |env, start_response| {
        counted.add();
        hello(env, start_response)
    });
    for (request, status) in TABLE {
        println!("{}", request.escape_ascii());
        let mut client = Client::with(server.local_addr(), request);
        let response = client.response();
        check_refusal(&response, *status);
        client.expect_end();
    }
    assert_eq!(calls.get(), 0);
    assert_eq!(Client::connect(server.local_addr()).ask(GET).status, 200);
}

#[test]
fn the_refusal_arrives_although_input_is_unread() {
    let _watchdog = watchdog();
    let server = serve(hello);
    let junk = noise(200 * 1024);
    for head in [&b"BAD\r\n\r\n"[..], b"GET / HTTP/3.0\r\nHost: x\r\n\r\n"] {
        let mut client = Client::with(server.local_addr(), head);
        client.send(&junk);
        assert!(client.response().status >= 400);
        client.expect_end();
    }
}

#[test]
fn who_goes_on_sending_after_a_refusal_is_cut_off() {
    let _watchdog = watchdog();
    let server = serve(hello);
    let mut client = Client::with(server.local_addr(), "BAD\r\n\r\n");
    check_refusal(&client.response(), 400);
    let junk = noise(64 * 1024);
    while client.try_send(&junk).is_ok() {}
}

#[test]
fn half_a_head_is_answered_408_in_time() {
    let _watchdog = watchdog();
    let builder = builder()
        .head_timeout(SHORT)
        .keep_alive_timeout(LONG)
        .stall_timeout(LONG);
    let server = serve_with(builder, hello);
    let mut client = Client::with(server.local_addr(), "GET / HTTP/1.1\r\nHo");
    check_refusal(&client.response(), 408);
    client.expect_end();
    // Also behind a request that was answered.
    let mut client = Client::connect(server.local_addr());
    assert_eq!(client.ask(GET).status, 200);
    client.send("G");
    check_refusal(&client.response(), 408);
    client.expect_end();
    // And when it came together with one.
    let mut client = Client::with(server.local_addr(), [GET, b"GET /"].concat());
    assert_eq!(client.response().status, 200);
    check_refusal(&client.response(), 408);
    client.expect_end();
}

#[test]
fn a_head_that_dribbles_in_is_answered_408_in_time() {
    let _watchdog = watchdog();
    let builder = builder().head_timeout(SHORT);
    let server = serve_with(builder, hello);
    let mut client = Client::with(server.local_addr(), "GET / HTTP/1.1\r\nX: ");
    let mut dribble = client.stream().try_clone().unwrap();
    let dribbling = thread::spawn(move || {
        while std::io::Write::write_all(&mut dribble, b"x").is_ok() {
            pause();
        }
    });
    check_refusal(&client.response(), 408);
    client.expect_closed();
    dribbling.join().unwrap();
}

#[test]
fn empty_lines_alone_are_no_request() {
    let _watchdog = watchdog();
    let builder = builder().head_timeout(SHORT);
    let server = serve_with(builder, hello);
    Client::with(server.local_addr(), "\r\n\r\n").expect_end();
    // Before a request they are nothing.
    let mut client = Client::connect(server.local_addr());
    client.send("\r\n\r\n");
    assert_eq!(client.ask(GET).status, 200);
}

#[test]
fn the_end_within_a_head_is_no_request() {
    let _watchdog = watchdog();
    let calls = Counter::default();
    let counted = calls.clone();
    let server = serve(move |env, start_response| {
        counted.add();
        hello(env, start_response)
    });
    for head in ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\n"] {
        let mut client = Client::with(server.local_addr(), head);
        client.end_sending();
        client.expect_end();
    }
    assert_eq!(calls.get(), 0);
}
