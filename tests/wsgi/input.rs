//! Bodies of requests, as the application reads them.

use std::io::{BufRead, Read};

use maypole::http::StatusCode;

use crate::support::{Client, noise, pause, watchdog};
use crate::{GET, differs, echo, get, post, post_chunked, serve, tell_target};

#[test]
fn bodies_of_all_sizes_come_through() {
    let _watchdog = watchdog();
    let server = serve(echo);
    let mut client = Client::connect(server.local_addr());
    for len in [0, 1, 100, 8191, 8192, 8193, 16_384, 100_000, 1_000_000] {
        let body = noise(len);
        let response = client.ask(post("/", &body));
        assert!(response.body == body, "{len} by length");
        for size in [1 << 20, 4096, 1000] {
            let response = client.ask(post_chunked("/", &body, size));
            assert!(response.body == body, "{len} in chunks of {size}");
        }
    }
    for size in 1..5 {
        let response = client.ask(post_chunked("/", b"small chunks", size));
        assert_eq!(response.text(), "small chunks");
    }
}

#[test]
fn a_body_may_come_byte_by_byte() {
    let _watchdog = watchdog();
    let server = serve(echo);
    let mut client = Client::connect(server.local_addr());
    for request in [post("/", b"slowly"), post_chunked("/", b"slowly", 4)] {
        for byte in request {
            client.send([byte]);
            pause();
        }
        assert_eq!(client.response().text(), "slowly");
    }
}

#[test]
fn a_request_without_a_body_reads_as_empty() {
    let _watchdog = watchdog();
    let server = serve(echo);
    let mut client = Client::connect(server.local_addr());
    assert_eq!(client.ask(GET).text(), "");
    assert_eq!(client.ask(post("/", b"")).text(), "");
    assert_eq!(client.ask(post_chunked("/", b"", 1)).text(), "");
    assert_eq!(client.ask("POST / HTTP/1.1\r\nHost: x\r\n\r\n").text(), "");
}

#[test]
fn reading_stops_at_the_end_of_the_body() {
    let _watchdog = watchdog();
    let server = serve(echo);
    let all = [
        post("/", b"first"),
        post_chunked("/", b"second", 3),
        post("/", b"third"),
        GET.to_vec(),
        post_chunked("/", b"fifth", 1),
    ]
    .concat();
    let mut client = Client::connect(server.local_addr());
    for _ in 0..2 {
        client.send(&all);
        for body in ["first", "second", "third", "", "fifth"] {
            assert_eq!(client.response().text(), body);
        }
    }
}

#[test]
fn a_body_is_read_line_by_line() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let lines: Vec<_> = env.input().lines().collect::<Result<_, _>>()?;
        start_response.send(StatusCode::OK, lines.join("|"))
    });
    let mut client = Client::connect(server.local_addr());
    let body = b"one\ntwo\r\n\nfour";
    assert_eq!(client.ask(post("/", body)).text(), "one|two||four");
    let response = client.ask(post_chunked("/", body, 2));
    assert_eq!(response.text(), "one|two||four");
}

#[test]
fn an_unread_body_is_dropped_and_the_connection_kept() {
    let _watchdog = watchdog();
    let server = serve(tell_target);
    let mut client = Client::connect(server.local_addr());
    for len in [1, 8192, 100_000, 200_000] {
        let body = noise(len);
        for request in [post("/unread", &body), post_chunked("/unread", &body, 1000)] {
            let response = client.ask(request);
            assert_eq!(response.text(), "/unread");
            assert_eq!(response.header("connection"), None);
            assert_eq!(client.ask(get("/next")).text(), "/next");
        }
    }
}

#[test]
fn the_rest_of_a_body_is_dropped() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let mut start = [0; 5];
        env.input().read_exact(&mut start)?;
        start_response.send(StatusCode::OK, start)
    });
    let mut client = Client::connect(server.local_addr());
    let body = [b"start", noise(50_000).as_slice()].concat();
    for request in [post("/", &body), post_chunked("/", &body, 3000)] {
        client.send([request.as_slice(), &request].concat());
        assert_eq!(client.response().text(), "start");
        assert_eq!(client.response().text(), "start");
    }
}

#[test]
fn an_unread_body_that_is_too_large_closes_the_connection() {
    if differs("input::an_unread_body_that_is_too_large_closes_the_connection") {
        return;
    }
    let _watchdog = watchdog();
    let server = serve(tell_target);
    let head = "POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n";
    let mut client = Client::with(server.local_addr(), head);
    assert_eq!(client.response().text(), "/large");
    let junk = noise(64 * 1024);
    while client.try_send(&junk).is_ok() {}
    client.expect_closed();
}

#[test]
fn an_unread_body_that_does_not_come_closes_the_connection() {
    if differs("input::an_unread_body_that_does_not_come_closes_the_connection") {
        return;
    }
    let _watchdog = watchdog();
    let server = serve(tell_target);
    for rest in [
        "Content-Length: 5\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
    ] {
        let request = format!("POST /half HTTP/1.1\r\nHost: x\r\n{rest}");
        let mut client = Client::with(server.local_addr(), request);
        assert_eq!(client.response().text(), "/half");
        client.expect_end();
    }
}

#[test]
fn trailers_are_there_after_the_body() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        assert_eq!(env.input().trailers().count(), 0);
        let mut body = String::new();
        env.input().read_to_string(&mut body)?;
        for (name, value) in env.input().trailers() {
            body += &format!("|{name}={}", String::from_utf8_lossy(value));
        }
        start_response.send(StatusCode::OK, body)
    });
    let mut client = Client::connect(server.local_addr());
    let request = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
                   4\r\nbody\r\n0\r\nSum: 1\r\nMore: x y\r\n\r\n";
    assert_eq!(client.ask(request).text(), "body|Sum=1|More=x y");
    assert_eq!(client.ask(GET).text(), "");
}

#[test]
fn chunk_extensions_are_ignored() {
    let _watchdog = watchdog();
    let server = serve(echo);
    let mut client = Client::connect(server.local_addr());
    let request = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n\
                   2;a=b\r\nxy\r\n0;last\r\n\r\n";
    assert_eq!(client.ask(request).text(), "xy");
    assert_eq!(client.ask(GET).text(), "");
}

#[test]
fn a_body_is_answered_while_it_arrives() {
    if differs("input::a_body_is_answered_while_it_arrives") {
        return;
    }
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let mut body = start_response.start(StatusCode::OK)?;
        loop {
            let piece = env.input().fill_buf()?;
            if piece.is_empty() {
                return Ok(());
            }
            let n = piece.len();
            std::io::Write::write_all(&mut body, piece)?;
            std::io::Write::flush(&mut body)?;
            env.input().consume(n);
        }
    });
    let mut client = Client::connect(server.local_addr());
    let head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.send(format!("{head}3\r\none\r\n"));
    assert_eq!(client.response_head().status, 200);
    assert_eq!(client.chunk(), b"one");
    client.send("3\r\ntwo\r\n");
    assert_eq!(client.chunk(), b"two");
    client.send("0\r\n\r\n");
    assert_eq!(client.chunk(), b"");
    assert_eq!(client.ask(post("/", b"again")).text(), "again");
}
