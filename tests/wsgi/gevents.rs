//! What is left of gevent's `test__pywsgi.py` (MIT licence), written anew: the
//! behaviours that no other file here has.

use std::io::{BufRead, Read};

use maypole::http::StatusCode;

use crate::support::{Client, watchdog};
use crate::{GET, differs, get, post, post_chunked, serve, tell_target};

/// `TestInputRaw.test_32bit_overflow`, and 64 bits as well.
#[test]
fn lengths_beyond_the_machine_s_words() {
    if differs("gevents::lengths_beyond_the_machine_s_words") {
        return;
    }
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let len = env.content_length().unwrap();
        let mut begun = [0; 4];
        env.input().read_exact(&mut begun)?;
        start_response
            .header("Connection", "close")
            .send(StatusCode::OK, format!("{len} {begun:?}"))
    });
    for len in [4, u64::from(u32::MAX) + 1, u64::MAX] {
        let request = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\nbody");
        let mut client = Client::with(server.local_addr(), request);
        let expected = format!("{len} {:?}", b"body");
        assert_eq!(client.response().text(), expected);
    }
    let request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551616\r\n\r\n";
    assert_eq!(
        Client::with(server.local_addr(), request).response().status,
        400
    );
}

/// `BadRequestTests.test_bad_request_line_with_percent`: what a client sent is
/// never taken for a format, and shown to nobody.
#[test]
fn percent_signs_in_a_request_line() {
    let _watchdog = watchdog();
    let server = serve(tell_target);
    let mut client = Client::connect(server.local_addr());
    assert_eq!(client.ask(get("/%s%n%99{}")).text(), "/%s%n%99{}");
    let response = client.ask("GET / HTTP/1.1 %s{}\r\n\r\n");
    assert_eq!((response.status, response.text()), (400, "Bad Request"));
}

/// `TestContentLength304`, `TestBody304`, `TestWrite304`, `TestEmptyYield304`.
#[test]
fn a_length_where_there_is_no_body() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let status = StatusCode::from_bytes(&env.path_info().as_bytes()[1..]).unwrap();
        let start_response = start_response.header("Content-Length", "100");
        match env.query_string() {
            "none" => start_response.send_chunks(status, [""; 2]),
            _ => start_response.send_chunks(status, ["body"; 25]),
        }
    });
    let mut client = Client::connect(server.local_addr());
    for query in ["none", "some"] {
        // That of the answer to a GET without conditions: RFC 9110 section 8.6.
        let response = client.ask(get(&format!("/304?{query}")));
        assert_eq!(response.header("content-length"), Some("100"));
        let response = client.ask(get(&format!("/204?{query}")));
        assert_eq!(response.header("content-length"), None);
    }
    client.send(get("/200").replace("GET", "HEAD"));
    assert_eq!(
        client.response_to_head().header("content-length"),
        Some("100")
    );
    assert_eq!(client.ask(get("/200?some")).body.len(), 100);
}

/// `TestChunkedPost.test_trailers_request_smuggling_…`, CVE-2023-41419.
#[test]
fn trailers_are_no_requests() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let mut body = String::new();
        env.input().read_to_string(&mut body)?;
        start_response.send(StatusCode::OK, format!("{} {body}", env.target()))
    });
    let head = "POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    for body in [
        // No last chunk: the request is where a chunk's size should be.
        format!("2\r\noh\r\n{hidden}"),
        // A request where trailers should be.
        format!("2\r\noh\r\n0\r\n{hidden}"),
        // Behind a proper trailer.
        format!("2\r\noh\r\n0\r\nX-Trailer: a\r\n{hidden}"),
    ] {
        let mut client = Client::with(server.local_addr(), head.to_owned() + &body);
        assert_eq!(client.response().status, 400, "{body:?}");
        client.expect_end();
    }
    // What follows a body that is complete is a request, of course.
    let all = format!("{head}2\r\noh\r\n0\r\nX-Trailer: a\r\n\r\n{}", post_text());
    let mut client = Client::with(server.local_addr(), all);
    assert_eq!(client.response().text(), "/first oh");
    assert_eq!(client.response().text(), "/second hello");
}

fn post_text() -> String {
    String::from_utf8(post("/second", b"hello")).unwrap()
}

/// `TestInputReadline`, `TestInputN`, `TestNegativeRead`: every way to read
/// comes to the same end, and stays there.
#[test]
fn reading_at_the_end_goes_on_to_say_so() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let mut lines = Vec::new();
        let input = env.input();
        let mut line = String::new();
        while input.read_line(&mut line)? > 0 {
            lines.push(std::mem::take(&mut line));
        }
        assert_eq!(input.read(&mut [0; 8])?, 0);
        assert_eq!(input.read_to_end(&mut Vec::new())?, 0);
        assert!(input.fill_buf()?.is_empty());
        start_response.send(StatusCode::OK, format!("{lines:?}"))
    });
    let mut client = Client::connect(server.local_addr());
    let body = b"hello\n\nworld\n123";
    let expected = r#"["hello\n", "\n", "world\n", "123"]"#;
    assert_eq!(client.ask(post("/", body)).text(), expected);
    for size in 1..=body.len() {
        assert_eq!(client.ask(post_chunked("/", body, size)).text(), expected);
    }
    assert_eq!(client.ask(GET).text(), "[]");
}

/// Fields about the connection are the server's, in any case and list.
#[test]
fn hop_by_hop_fields_are_not_doubled() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let start_response = start_response
            .header("connection", "Keep-Alive, x-other")
            .header("Keep-Alive", "timeout=5")
            .header("Proxy-Connection", "keep-alive")
            .header("TE", "trailers");
        match env.path_info() {
            "/close" => start_response.header("Connection", "x-other , CLOSE"),
            _ => start_response,
        }
        .send(StatusCode::OK, "")
    });
    let mut client = Client::connect(server.local_addr());
    let names = |response: &crate::support::Response| {
        let dateless = response.dateless();
        let names = dateless.into_iter().map(|(name, _)| name);
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&client.ask(GET)), "content-length");
    let response = client.ask(get("/close"));
    assert_eq!(names(&response), "connection content-length");
    assert_eq!(response.header("connection"), Some("close"));
    client.expect_end();
}
