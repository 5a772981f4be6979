//! Bodies of requests: whole before the application is called, or refused.

use std::io::Read;

use maypole::http::StatusCode;

use crate::support::{Client, Counter, MOMENT, noise, watchdog};
use crate::{GET, WsgiServer, builder, get, patient, post, post_chunked, serve_with};

/// A server that takes bodies of up to `most` bytes, answers with their
/// lengths, and counts calls.
fn counting(most: usize) -> (WsgiServer, Counter) {
    let calls = Counter::default();
    let count = calls.clone();
    let server = serve_with(patient().max_body(most), move |env, start_response| {
        count.add();
        let mut body = Vec::new();
        env.input().read_to_end(&mut body)?;
        start_response.send(StatusCode::OK, body.len().to_string())
    });
    (server, calls)
}

const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn the_application_is_called_when_the_body_is_whole() {
    let _watchdog = watchdog();
    let (server, calls) = counting(100_000);
    let mut client = Client::connect(server.local_addr());
    let body = noise(50_000);
    let requests = [post("/", &body), post_chunked("/", &body, 999)];
    for (n, request) in requests.into_iter().enumerate() {
        let (first, last) = request.split_at(request.len() - 3);
        client.send(first);
        client.expect_silence();
        assert_eq!(calls.get(), n);
        client.send(last);
        assert_eq!(client.response().text(), "50000");
    }
}

#[test]
fn what_follows_a_body_is_the_next_request() {
    let _watchdog = watchdog();
    let (server, _) = counting(100_000);
    let lengths = [0, 1, 8000, 8192, 50_000, 100_000];
    let mut all = Vec::new();
    for len in lengths {
        all.extend(post("/", &noise(len)));
        all.extend(post_chunked("/", &noise(len), 5000));
        all.extend(GET);
    }
    let mut client = Client::with(server.local_addr(), all);
    for len in lengths {
        assert_eq!(client.response().text(), len.to_string());
        assert_eq!(client.response().text(), len.to_string());
        assert_eq!(client.response().text(), "0");
    }
    client.expect_silence();
}

#[test]
fn a_body_that_is_too_large_never_reaches_the_application() {
    let _watchdog = watchdog();
    let (server, calls) = counting(1000);
    let behind = get("/behind");
    for len in [1001, 5000, 100_000] {
        for request in [post("/", &noise(len)), post_chunked("/", &noise(len), 300)] {
            let all = [&request, behind.as_bytes()].concat();
            let mut client = Client::with(server.local_addr(), all);
            let response = client.response();
            assert_eq!(response.status, 413);
            assert_eq!(response.header("connection"), Some("close"));
            client.expect_closed();
        }
    }
    assert_eq!(calls.get(), 0);
    for request in [
        post("/", &noise(1000)),
        post_chunked("/", &noise(1000), 300),
    ] {
        let mut client = Client::with(server.local_addr(), request);
        assert_eq!(client.response().text(), "1000");
    }
}

#[test]
fn a_mebibyte_is_taken_by_default() {
    let _watchdog = watchdog();
    let server = serve_with(builder(), |env, start_response| {
        let len = std::io::copy(env.input(), &mut std::io::sink())?;
        start_response.send(StatusCode::OK, len.to_string())
    });
    let mut client = Client::connect(server.local_addr());
    let most = 1024 * 1024;
    assert_eq!(client.ask(post("/", &noise(most))).text(), "1048576");
    let announced = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        most + 1
    );
    assert_eq!(client.ask(announced).status, 413);
}

#[test]
fn a_client_that_waits_is_invited_before_the_application_is_called() {
    let _watchdog = watchdog();
    let (server, calls) = counting(1000);
    let head = |len: usize| {
        format!(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    let mut client = Client::with(server.local_addr(), head(4));
    client.expect(b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(calls.get(), 0);
    client.send("body");
    assert_eq!(client.response().text(), "4");
    // Too large: it is not.
    client.send(head(1001));
    assert_eq!(client.response().status, 413);
    client.expect_end();
}

#[test]
fn a_body_that_fails_never_reaches_the_application() {
    let _watchdog = watchdog();
    let (server, calls) = counting(1000);
    let post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf";
    for request in [post, CHUNKED, &format!("{CHUNKED}5\r\nha")] {
        let mut client = Client::with(server.local_addr(), request);
        client.end_sending();
        assert_eq!(client.response().status, 400, "{request:?}");
        client.expect_end();
    }
    for body in ["x\r\n", "5\r\nhello!", "-1\r\n", "0x1\r\n", "5\nhello"] {
        let smuggled = format!("{CHUNKED}{body}{}", get("/smuggled"));
        let mut client = Client::with(server.local_addr(), smuggled);
        assert_eq!(client.response().status, 400, "{body:?}");
        client.expect_closed();
    }
    assert_eq!(calls.get(), 0);
}

#[test]
fn a_body_that_stands_still_ends_on_time() {
    let _watchdog = watchdog();
    let calls = Counter::default();
    let count = calls.clone();
    let server = serve_with(
        patient().read_timeout(MOMENT),
        move |_env, start_response| {
            count.add();
            start_response.send(StatusCode::OK, "")
        },
    );
    let post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf";
    for request in [post, CHUNKED] {
        let mut client = Client::with(server.local_addr(), request);
        assert_eq!(client.response().status, 408);
        client.expect_end();
    }
    assert_eq!(calls.get(), 0);
}
