//! What is reported: failures of the application once, clients not at all.

use std::io::{self, Read, Write};

use maypole::http::StatusCode;

use crate::support::{Client, Record, capture_log, logged, logged_about, until, watchdog};
use crate::{differs, get, serve};

/// What is logged but access lines.
fn reported(part: &str) -> Vec<Record> {
    without_access(logged(part))
}

fn without_access(mut records: Vec<Record>) -> Vec<Record> {
    records.retain(|record| record.target != "maypole::access");
    records
}

/// What is logged about a request, after its connection has ended.
#[track_caller]
fn records(path: &str) -> Vec<Record> {
    until("a message", || !reported(path).is_empty());
    reported(path)
}

#[test]
fn a_failure_of_the_application_is_reported_once() {
    let _watchdog = watchdog();
    capture_log();
    let server = serve(|env, start_response| match env.path_info() {
        "/log/error" => Err(io::Error::other("reason")),
        "/log/panic" => panic!("on purpose"),
        "/log/silent" => Ok(()),
        "/log/header" => start_response.header("a b", "c").send(StatusCode::OK, ""),
        "/log/late" => {
            let mut body = start_response.start(StatusCode::OK)?;
            body.write_all(b"x")?;
            body.flush()?;
            Err(io::Error::other("reason"))
        }
        "/log/short" => {
            let start_response = start_response.header("Content-Length", "9");
            start_response.start(StatusCode::OK)?.flush()
        }
        other => panic!("{other}"),
    });
    for path in [
        "/log/error",
        "/log/panic",
        "/log/silent",
        "/log/header",
        "/log/late",
        "/log/short",
    ] {
        let mut client = Client::with(server.local_addr(), get(path));
        client.expect_closed();
        until("no handlers", || server.active() == 0);
        let records = records(path);
        assert_eq!(records.len(), 1, "{records:?}");
        let Record { level, text, .. } = &records[0];
        assert_eq!(*level, log::Level::Error, "{text}");
        assert!(text.contains(&format!("GET {path}")), "{text}");
        assert!(text.contains(&client.addr().to_string()), "{text}");
        let about = without_access(logged_about(server.local_addr(), client.addr()));
        assert_eq!(about.len(), 1, "{about:?}");
    }
    assert!(records("/log/error")[0].text.contains("reason"));
}

#[test]
fn secrets_are_not_reported() {
    let _watchdog = watchdog();
    capture_log();
    let server = serve(|env, _start_response| {
        let cookie = env.header("Cookie").unwrap_or_default();
        assert!(cookie.is_empty(), "{env:?}");
        Ok(())
    });
    let request = "GET /secret HTTP/1.1\r\nHost: x\r\nCookie: k=5ecret\r\n\
                   Authorization: Basic 5ecret\r\n\r\n";
    let mut client = Client::with(server.local_addr(), request);
    let response = client.response();
    assert_eq!(response.status, 500);
    assert!(!response.head.contains("5ecret") && !response.text().contains("5ecret"));
    assert!(records("/secret").len() == 1 && logged("5ecret").is_empty());
}

#[test]
fn a_client_that_leaves_is_no_news() {
    if differs("reports::a_client_that_leaves_is_no_news") {
        return;
    }
    let _watchdog = watchdog();
    capture_log();
    let server = serve(|env, start_response| {
        if env.path_info() == "/gone/body" {
            env.input().read_to_end(&mut Vec::new())?;
        }
        let mut body = start_response.start(StatusCode::OK)?;
        loop {
            body.write_all(b"more than a client reads")?;
        }
    });
    let addr = server.local_addr();
    let mut peers = Vec::new();
    let requests = [
        get("/gone/writing"),
        "POST /gone/body HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf".to_owned(),
        "GET /gone/head HTTP/1.1\r\n".to_owned(),
        "BAD\r\n\r\n".to_owned(),
    ];
    for request in &requests {
        let mut client = Client::with(addr, request);
        peers.push(client.addr());
        if request.contains("writing") {
            client.read_exact(100_000);
        } else {
            client.end_sending();
            client.expect_closed();
        }
    }
    until("no handlers", || server.active() == 0);
    let about = peers.iter().flat_map(|&peer| logged_about(addr, peer));
    for record in without_access(about.chain(logged("/gone/")).collect()) {
        assert!(record.level >= log::Level::Debug, "{record:?}");
    }
}

#[test]
fn what_an_application_has_to_do_with_others_is_news() {
    let _watchdog = watchdog();
    capture_log();
    // The kinds that a client causes, when it is not the client who does.
    let server = serve(|env, start_response| match env.path_info() {
        "/own/end" => (&b""[..]).read_exact(&mut [0]),
        "/own/slow" => Err(io::ErrorKind::TimedOut.into()),
        "/own/reset" => Err(io::ErrorKind::ConnectionReset.into()),
        "/own/excess" => {
            let start_response = start_response.header("Content-Length", "1");
            let mut body = start_response.start(StatusCode::OK)?;
            body.flush()?;
            let _ = body.write_all(b"excess").and_then(|()| body.flush());
            body.flush()
        }
        other => panic!("{other}"),
    });
    for path in ["/own/end", "/own/slow", "/own/reset", "/own/excess"] {
        Client::with(server.local_addr(), get(path)).expect_closed();
        let records = records(path);
        assert_eq!(records.len(), 1, "{records:?}");
        assert_eq!(records[0].level, log::Level::Error, "{records:?}");
    }
}
