//! How long a connection lives, and requests sent ahead.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::support::{Client, Counter, LONG, watchdog};
use crate::{GET, builder, get, hello, serve, serve_with, tell_target};

/// Short enough to wait for, where the wait is what is tested.
const SHORT: Duration = Duration::from_millis(30);

#[test]
fn several_requests_on_one_connection() {
    let _watchdog = watchdog();
    let server = serve(tell_target);
    let mut client = Client::connect(server.local_addr());
    for n in 0..50 {
        let response = client.ask(get(&format!("/{n}")));
        assert_eq!(response.text(), format!("/{n}"));
        assert_eq!(response.header("connection"), None);
    }
}

#[test]
fn who_closes() {
    let _watchdog = watchdog();
    let server = serve(hello);
    // version, Connection line, what the answer says
    for (version, line, answer) in [
        ("1.1", "", None),
        ("1.1", "Connection: keep-alive\r\n", None),
        ("1.1", "Connection: closed\r\n", None),
        ("1.1", "Connection: close\r\n", Some("close")),
        ("1.1", "Connection: CLOSE\r\n", Some("close")),
        ("1.1", "Connection: te, Close\r\n", Some("close")),
        ("1.1", "Connection: keep-alive, close\r\n", Some("close")),
        (
            "1.1",
            "Connection: te\r\nConnection: close\r\n",
            Some("close"),
        ),
        ("1.0", "", Some("close")),
        ("1.0", "Connection: close\r\n", Some("close")),
        ("1.0", "Connection: keep-alive\r\n", Some("keep-alive")),
        ("1.0", "Connection: Keep-Alive\r\n", Some("keep-alive")),
    ] {
        let mut client = Client::connect(server.local_addr());
        let request = format!("GET / HTTP/{version}\r\nHost: x\r\n{line}\r\n");
        let response = client.ask(request.as_bytes());
        assert_eq!(response.status, 200);
        assert_eq!(response.header("connection"), answer, "{request:?}");
        if answer == Some("close") {
            client.expect_end();
        } else {
            assert_eq!(client.ask(GET).status, 200, "{request:?}");
        }
    }
}

#[test]
fn http_1_0_needs_no_host() {
    let _watchdog = watchdog();
    let server = serve(hello);
    let mut client = Client::connect(server.local_addr());
    let response = client.ask("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(response.text(), "<b>hello world</b>");
    client.expect_end();
}

#[test]
fn pipelined_requests_are_answered_in_order_and_together() {
    let _watchdog = watchdog();
    let server = serve(tell_target);
    let mut client = Client::connect(server.local_addr());
    let requests: String = (0..16).map(|n| get(&format!("/{n}"))).collect();
    for _ in 0..5 {
        client.send(&requests);
        let mut reads = 0;
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"/15") {
            bytes.extend(client.read_some());
            reads += 1;
        }
        let text = String::from_utf8(bytes).unwrap();
        let bodies: Vec<_> = text
            .split("HTTP/1.1 200 OK\r\n")
            .skip(1)
            .map(|answer| answer.split_once("\r\n\r\n").unwrap().1)
            .collect();
        let expected: Vec<_> = (0..16).map(|n| format!("/{n}")).collect();
        assert_eq!(bodies, expected);
        // They came in one segment and are answered in one.
        assert!(reads <= 2, "{reads} reads");
    }
}

#[test]
fn an_answer_does_not_wait_for_half_a_request() {
    let _watchdog = watchdog();
    let server = serve(tell_target);
    let mut client = Client::connect(server.local_addr());
    let two = [get("/1"), get("/2")].concat();
    let (begin, end) = two.split_at(get("/1").len() + 10);
    client.send(begin);
    assert_eq!(client.response().text(), "/1");
    client.expect_silence();
    client.send(end);
    assert_eq!(client.response().text(), "/2");
}

#[test]
fn more_is_pipelined_than_the_client_reads() {
    let _watchdog = watchdog();
    let server = serve(tell_target);
    let mut client = Client::connect(server.local_addr());
    let count = 30_000;
    let requests: String = (0..count).map(|n| get(&format!("/{n}"))).collect();
    let mut writer = client.stream().try_clone().unwrap();
    let writing = thread::spawn(move || writer.write_all(requests.as_bytes()).unwrap());
    for n in 0..count {
        assert_eq!(client.response().text(), format!("/{n}"));
    }
    writing.join().unwrap();
}

#[test]
fn nothing_is_answered_after_a_close() {
    let _watchdog = watchdog();
    let calls = Counter::default();
    let counted = calls.clone();
    let server = serve(move |env, start_response| {
        counted.add();
        tell_target(env, start_response)
    });
    let last = "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let all = [&get("/1"), last, &get("/3"), &get("/4")].concat();
    let mut client = Client::with(server.local_addr(), all);
    assert_eq!(client.response().text(), "/1");
    let response = client.response();
    assert_eq!(response.text(), "/last");
    assert_eq!(response.header("connection"), Some("close"));
    client.expect_end();
    assert_eq!(calls.get(), 2);
}

#[test]
fn a_bad_request_behind_good_ones() {
    let _watchdog = watchdog();
    let server = serve(tell_target);
    let all = [&get("/1"), &get("/2"), "BAD\r\n\r\n", &get("/4")].concat();
    let mut client = Client::with(server.local_addr(), all);
    assert_eq!(client.response().text(), "/1");
    assert_eq!(client.response().text(), "/2");
    assert_eq!(client.response().status, 400);
    client.expect_end();
}

#[test]
fn the_application_may_close() {
    let _watchdog = watchdog();
    let server = serve(|_env, start_response| {
        start_response
            .header("Connection", "Close")
            .send(maypole::http::StatusCode::OK, "bye")
    });
    let mut client = Client::connect(server.local_addr());
    let response = client.ask(GET);
    assert_eq!(response.header("connection"), Some("close"));
    client.expect_end();
}

#[test]
fn an_idle_connection_is_closed() {
    let _watchdog = watchdog();
    let builder = builder().keep_alive_timeout(SHORT).head_timeout(LONG);
    let server = serve_with(builder, hello);
    let mut client = Client::connect(server.local_addr());
    assert_eq!(client.ask(GET).status, 200);
    client.expect_end();
}

#[test]
fn a_client_that_never_says_anything_is_closed() {
    let _watchdog = watchdog();
    let builder = builder().head_timeout(SHORT).keep_alive_timeout(LONG);
    let server = serve_with(builder, hello);
    Client::connect(server.local_addr()).expect_end();
}

#[test]
fn the_limit_on_idling_does_not_apply_to_the_application() {
    let _watchdog = watchdog();
    let builder = builder()
        .keep_alive_timeout(SHORT)
        .head_timeout(SHORT)
        .stall_timeout(SHORT);
    let server = serve_with(builder, |env, start_response| {
        maypole::sleep(SHORT * 3);
        hello(env, start_response)
    });
    let mut client = Client::with(server.local_addr(), [GET, GET].concat());
    assert_eq!(client.response().status, 200);
    assert_eq!(client.response().status, 200);
    client.expect_end();
}

#[test]
fn a_time_out_of_zero_is_refused() {
    let _watchdog = watchdog();
    for builder in [
        builder().keep_alive_timeout(Duration::ZERO),
        builder().head_timeout(Duration::ZERO),
        builder().stall_timeout(Duration::ZERO),
    ] {
        let error = builder.bind("127.0.0.1:0", hello).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}
