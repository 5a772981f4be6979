//! Applications that fail.

use std::io::{self, Write};

use maypole::http::{Environ, StartResponse, StatusCode};

use crate::support::{Client, Response, watchdog};
use crate::{GET, differs, get, serve};

#[track_caller]
fn check_500(response: &Response) {
    assert_eq!(response.status, 500, "{}", response.head);
    assert_eq!(response.text(), "Internal Server Error");
    let names: Vec<_> = response
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        names,
        ["connection", "content-type", "date", "content-length"]
    );
    assert_eq!(response.header("connection"), Some("close"));
    assert_eq!(response.header("content-type"), Some("text/plain"));
}

/// Everything that can go wrong before a byte of the answer is out.
fn fails_early(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    let start_response = start_response.header("X-Secret", "secret");
    let ok = StatusCode::OK;
    match env.path_info() {
        "/error" => Err(io::Error::other("secret")),
        "/panic" => panic!("secret, on purpose"),
        "/nothing" => Ok(()),
        "/error-after-start" => {
            let mut body = start_response.start(ok)?;
            body.write_all(b"secret")?;
            Err(io::Error::other("secret"))
        }
        "/panic-after-start" => {
            let mut body = start_response.start(ok)?;
            body.write_all(b"secret")?;
            panic!("secret, on purpose");
        }
        "/name" => start_response.header("Bad Name", "v").send(ok, "secret"),
        "/name-colon" => start_response.header("Bad:", "v").send(ok, "secret"),
        "/name-empty" => start_response.header("", "v").send(ok, "secret"),
        "/name-crlf" => start_response.header("X\r\nY", "v").send(ok, "secret"),
        "/value-crlf" => start_response
            .header("Location", "/\r\nSet-Cookie: secret=1")
            .send(ok, "secret"),
        "/value-lf" => start_response.header("X", "a\nb").send(ok, "secret"),
        "/value-cr" => start_response.header("X", "a\rb").send(ok, "secret"),
        "/value-nul" => start_response.header("X", "a\0b").send(ok, "secret"),
        "/coding" => start_response
            .header("Transfer-Encoding", "chunked")
            .send(ok, "secret"),
        "/length-text" => start_response
            .header("Content-Length", "x")
            .send(ok, "secret"),
        "/length-short" => start_response
            .header("Content-Length", "5")
            .send(ok, "secret"),
        "/length-twice" => start_response
            .header("Content-Length", "6")
            .header("Content-Length", "7")
            .send(ok, "secret"),
        "/status" => start_response.send(StatusCode::CONTINUE, "secret"),
        "/switch" => start_response.send(StatusCode::SWITCHING_PROTOCOLS, "secret"),
        "/start-name" => start_response.header("Bad Name", "v").start(ok).map(drop),
        "/start-flush" => start_response.header("Bad Name", "v").start(ok)?.flush(),
        "/start-length" => start_response
            .header("Content-Length", "7")
            .start(ok)?
            .write_all(b"secret"),
        other => panic!("{other}"),
    }
}

const EARLY: &[&str] = &[
    "/error",
    "/panic",
    "/nothing",
    "/error-after-start",
    "/panic-after-start",
    "/name",
    "/name-colon",
    "/name-empty",
    "/name-crlf",
    "/value-crlf",
    "/value-lf",
    "/value-cr",
    "/value-nul",
    "/coding",
    "/length-text",
    "/length-short",
    "/length-twice",
    "/status",
    "/switch",
    "/start-name",
    "/start-flush",
    "/start-length",
];

#[test]
fn a_failure_before_the_head_is_out_is_answered_500() {
    let _watchdog = watchdog();
    let server = serve(fails_early);
    for path in EARLY {
        println!("{path}");
        let mut client = Client::with(server.local_addr(), get(path));
        check_500(&client.response());
        client.expect_end();
    }
}

#[test]
fn a_500_to_head_has_no_body() {
    let _watchdog = watchdog();
    let server = serve(fails_early);
    // To HEAD, a length may differ from that of the body that is not sent.
    let lengths = ["/length-short", "/start-length"];
    for path in EARLY.iter().filter(|path| !lengths.contains(path)) {
        let request = get(path).replace("GET", "HEAD");
        let mut client = Client::with(server.local_addr(), request);
        let response = client.response_to_head();
        assert_eq!(response.status, 500, "{path}");
        assert_eq!(response.header("content-length"), Some("21"), "{path}");
        client.expect_end();
    }
}

#[test]
fn a_500_comes_in_its_turn() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| match env.path_info() {
        "/" => start_response.send(StatusCode::OK, "fine"),
        _ => fails_early(env, start_response),
    });
    let all = [GET, GET, get("/error").as_bytes(), GET].concat();
    let mut client = Client::with(server.local_addr(), all);
    assert_eq!(client.response().text(), "fine");
    assert_eq!(client.response().text(), "fine");
    check_500(&client.response());
    client.expect_end();
    assert_eq!(Client::connect(server.local_addr()).ask(GET).text(), "fine");
}

#[test]
fn a_body_that_fails_on_the_way_is_cut() {
    if differs("errors::a_body_that_fails_on_the_way_is_cut") {
        return;
    }
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let mut body = start_response.start(StatusCode::OK)?;
        body.write_all(b"begun")?;
        body.flush()?;
        body.write_all(b"never seen")?;
        match env.path_info() {
            "/error" => Err(io::Error::other("on purpose")),
            _ => panic!("on purpose"),
        }
    });
    for path in ["/error", "/panic"] {
        let mut client = Client::with(server.local_addr(), get(path));
        assert_eq!(client.response_head().status, 200);
        assert_eq!(client.chunk(), b"begun");
        // No last chunk, so the client knows.
        client.expect_end();
    }
}

#[test]
fn a_failure_after_a_complete_answer_leaves_the_answer() {
    let _watchdog = watchdog();
    let server = serve(|_env, start_response| {
        start_response.send(StatusCode::OK, "complete")?;
        Err(io::Error::other("on purpose"))
    });
    let mut client = Client::with(server.local_addr(), GET);
    assert_eq!(client.response().text(), "complete");
    client.expect_end();
}

#[test]
fn a_failure_with_an_unread_body_is_answered_500() {
    let _watchdog = watchdog();
    let server = serve(fails_early);
    let request = crate::post("/error", &crate::support::noise(100_000));
    let mut client = Client::with(server.local_addr(), request);
    check_500(&client.response());
    client.expect_end();
}
