//! Bodies that break off or break the rules.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use maypole::http::{Environ, StartResponse, StatusCode};
use parking_lot::Mutex; // ThreadSanitizer can follow it

use crate::support::{Client, LONG, until, watchdog};
use crate::{GET, builder, differs, serve_with, tell_target};

type Kinds = Arc<Mutex<Vec<io::ErrorKind>>>;

/// Reads the body, and takes down the error that it meets.
fn noting(
    kinds: &Kinds,
) -> impl Fn(&mut Environ<'_>, StartResponse<'_>) -> io::Result<()> + Send + Sync + 'static {
    let kinds = kinds.clone();
    move |env, start_response| {
        let mut body = Vec::new();
        if let Err(error) = env.input().read_to_end(&mut body) {
            kinds.lock().push(error.kind());
            return Err(error);
        }
        start_response.send(StatusCode::OK, body)
    }
}

fn chunked(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

#[test]
fn the_end_within_a_body_is_an_error() {
    if differs("input_errors::the_end_within_a_body_is_an_error") {
        return;
    }
    let _watchdog = watchdog();
    let kinds = Kinds::default();
    let server = serve_with(builder(), noting(&kinds));
    let by_length = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf".to_owned();
    for request in [
        by_length,
        chunked(""),
        chunked("a"),
        chunked("a\r\nhalf"),
        chunked("4\r\nhalf\r\n"),
        chunked("4\r\nhalf\r\n0\r\n"),
        chunked("4\r\nhalf\r\n0\r\nTrailer: x\r\n"),
    ] {
        let mut client = Client::with(server.local_addr(), &request);
        client.end_sending();
        let answer = client.read_to_end();
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{request:?}");
        let kind = kinds.lock().pop();
        assert_eq!(kind, Some(io::ErrorKind::UnexpectedEof), "{request:?}");
    }
}

#[test]
fn a_body_that_is_framed_wrongly_is_answered_400() {
    if differs("input_errors::a_body_that_is_framed_wrongly_is_answered_400") {
        return;
    }
    let _watchdog = watchdog();
    let kinds = Kinds::default();
    let server = serve_with(builder(), noting(&kinds));
    for body in [
        "x\r\n",
        "-1\r\n",
        "0x4\r\nbody\r\n",
        " 4\r\nbody\r\n",
        "4 \r\nbody\r\n",
        "4\nbody\r\n",
        "\r\n",
        ";a\r\n",
        "11111111111111111\r\n",
        "4\r\nbodyX\r\n0\r\n\r\n",
        "4\r\nbody\n0\r\n\r\n",
        "4;a\rb\r\nbody\r\n0\r\n\r\n",
        "0\r\nTrailer : x\r\n\r\n",
        "0\r\nno colon\r\n\r\n",
        "0\r\n folded: x\r\n\r\n",
    ] {
        let request = chunked(body) + "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
        let mut client = Client::with(server.local_addr(), &request);
        let response = client.response();
        assert_eq!(response.status, 400, "{body:?}");
        assert_eq!(response.header("connection"), Some("close"), "{body:?}");
        client.expect_end();
        let kind = kinds.lock().pop();
        assert_eq!(kind, Some(io::ErrorKind::InvalidData), "{body:?}");
    }
}

#[test]
fn nothing_behind_a_body_that_is_framed_wrongly_is_a_request() {
    if differs("input_errors::nothing_behind_a_body_that_is_framed_wrongly_is_a_request") {
        return;
    }
    let _watchdog = watchdog();
    // Both do not care about the error; one does not even read.
    let servers = [
        serve_with(builder(), tell_target),
        serve_with(builder(), |env, start_response| {
            let _ = env.input().read_to_end(&mut Vec::new());
            tell_target(env, start_response)
        }),
    ];
    for server in servers {
        for body in ["x\r\n", "4\r\nbodyX\r\n0\r\n\r\n", "0\r\nno colon\r\n\r\n"] {
            let request = chunked(body) + "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
            let mut client = Client::with(server.local_addr(), request);
            assert_eq!(client.response().text(), "/", "{body:?}");
            client.expect_end();
        }
    }
}

#[test]
fn a_body_that_stalls_is_given_up() {
    if differs("input_errors::a_body_that_stalls_is_given_up") {
        return;
    }
    let _watchdog = watchdog();
    let kinds = Kinds::default();
    let builder = builder()
        .stall_timeout(Duration::from_millis(30))
        .head_timeout(LONG)
        .keep_alive_timeout(LONG);
    let server = serve_with(builder, noting(&kinds));
    let request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf";
    let mut client = Client::with(server.local_addr(), request);
    let answer = client.read_to_end();
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    assert_eq!(*kinds.lock(), [io::ErrorKind::TimedOut]);
    // The limit is for a connection's bodies only.
    let mut client = Client::connect(server.local_addr());
    assert_eq!(client.ask(GET).status, 200);
    client.expect_silence();
    assert_eq!(client.ask(GET).status, 200);
}

#[test]
fn a_client_that_resets_is_an_error_in_the_application() {
    if differs("input_errors::a_client_that_resets_is_an_error_in_the_application") {
        return;
    }
    let _watchdog = watchdog();
    let kinds = Kinds::default();
    let server = serve_with(builder(), noting(&kinds));
    let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\
                Expect: 100-continue\r\n\r\n";
    let client = Client::with(server.local_addr(), head);
    // With the interim answer unread, closing resets.
    until("the interim answer", || {
        client.stream().peek(&mut [0]).unwrap() == 1
    });
    drop(client);
    until("the error", || !kinds.lock().is_empty());
    assert_eq!(*kinds.lock(), [io::ErrorKind::ConnectionReset]);
    until("no handlers", || server.active() == 0);
}
