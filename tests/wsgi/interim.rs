//! Answers before the answer, and lines behind it.

use std::io::{self, Write};

use maypole::Event;
use maypole::http::StatusCode;

use crate::support::{Client, watchdog};
use crate::{GET, differs, get, serve};

const HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";

#[test]
fn early_hints_come_while_the_application_works() {
    let _watchdog = watchdog();
    let go = Event::new();
    let wait = go.clone();
    let server = serve(move |_env, start_response| {
        let start_response = start_response.early_hints([("Link", "</a.css>; rel=preload")])?;
        wait.wait();
        let start_response = start_response.early_hints([("Link", "</b.css>")])?;
        start_response
            .header("X-Own", "1")
            .send(StatusCode::OK, "done")
    });
    let mut client = Client::with(server.local_addr(), GET);
    client.expect(HINTS);
    client.expect_silence();
    go.set();
    client.expect(b"HTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n");
    let response = client.response();
    assert_eq!(response.text(), "done");
    assert_eq!(response.header("link"), None);
    assert_eq!(response.header("x-own"), Some("1"));
    // Nothing that a client of HTTP/1.0 would take for the answer.
    let response = client.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!((response.status, response.text()), (200, "done"));
    client.send(GET);
    client.expect(HINTS);
}

#[test]
fn hints_that_cannot_be_sent_are_not() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let (name, value) = match env.path_info() {
            "/name" => ("a b", "c"),
            "/value" => ("a", "b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
            _ => ("Transfer-Encoding", "chunked"),
        };
        start_response
            .early_hints([(name, value)])?
            .send(StatusCode::OK, "")
    });
    for path in ["/name", "/value", "/coding"] {
        for version in ["1.0", "1.1"] {
            let request = get(path).replace("HTTP/1.1", &format!("HTTP/{version}"));
            let mut client = Client::with(server.local_addr(), request);
            assert_eq!(client.response().status, 500);
            client.expect_end();
        }
    }
}

#[test]
fn trailers_come_behind_the_body() {
    if differs("interim::trailers_come_behind_the_body") {
        return;
    }
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let start_response = start_response.header("Trailer", "X-Sum");
        let mut body = start_response.start(StatusCode::OK)?;
        body.write_all(b"data")?;
        body.trailer("X-Sum", "410")?;
        match env.path_info() {
            "/flushed" => body.flush()?,
            "/empty" => {}
            other => assert_eq!(other, "/"),
        }
        // A fault is an error, and the rest goes on.
        for (name, value) in [("a b", "c"), ("a", "b\r\nc: d"), ("Set-Cookie", "a=b")] {
            let error = body.trailer(name, value).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
        body.trailer("x-more", "")
    });
    let mut client = Client::connect(server.local_addr());
    for path in ["/", "/flushed"] {
        client.send(get(path));
        let head = client.response_head();
        assert_eq!(head.header("transfer-encoding"), Some("chunked"));
        assert_eq!(head.header("trailer"), Some("X-Sum"));
        client.expect(b"4\r\ndata\r\n0\r\nX-Sum: 410\r\nx-more: \r\n\r\n");
    }
    // Left out where there are no chunks.
    let response = client.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(response.header("content-length"), Some("4"));
    assert_eq!(response.text(), "data");
    client.send(get("/").replace("GET", "HEAD"));
    client.response_to_head();
    client.send(get("/"));
    assert_eq!(client.response_head().status, 200);
}

#[test]
fn a_body_of_declared_length_has_no_trailers() {
    let _watchdog = watchdog();
    let server = serve(|_env, start_response| {
        let start_response = start_response.header("Content-Length", "4");
        let mut body = start_response.start(StatusCode::OK)?;
        assert!(body.trailer("X-Sum", "410").is_err());
        body.write_all(b"data")
    });
    let mut client = Client::with(server.local_addr(), GET);
    assert_eq!(client.response().text(), "data");
}
