//! The access log: a line for each answer, and no other.

use std::io::{self, Write};

use maypole::http::{AccessLog, StatusCode};

use crate::support::{Client, Record, capture_log, logged, until, watchdog};
use crate::{builder, differs, get, serve, serve_with};

/// The access lines in which `part` occurs, when there are `n`.
#[track_caller]
fn lines(part: &str, n: usize) -> Vec<String> {
    let of_access = |record: &Record| record.target == "maypole::access";
    let found = || -> Vec<_> { logged(part).into_iter().filter(of_access).collect() };
    until("access lines", || found().len() >= n);
    let found = found();
    assert_eq!(found.len(), n, "{found:?}");
    for record in &found {
        assert_eq!(record.level, log::Level::Info);
    }
    found.into_iter().map(|record| record.text).collect()
}

/// Takes the time out of a line in gevent's format, and the duration off it.
#[track_caller]
fn timeless(line: &str) -> String {
    let (client, rest) = line.split_once('[').unwrap();
    let (time, rest) = rest.split_once("] ").unwrap();
    let shape: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '9' } else { c })
        .collect();
    assert_eq!(shape, "9999-99-99 99:99:99", "{line}");
    let (rest, duration) = rest.rsplit_once(' ').unwrap();
    if duration != "-" {
        let (_, decimals) = duration.split_once('.').unwrap();
        assert!(duration.parse::<f64>().is_ok() && decimals.len() == 6);
    }
    format!("{client}{rest}")
}

#[test]
fn a_line_is_gevent_s() {
    if differs("access_log::a_line_is_gevent_s") {
        return;
    }
    let _watchdog = watchdog();
    capture_log();
    let server = serve(|_env, start_response| {
        let mut body = start_response.start(StatusCode::OK)?;
        body.write_all(b"0123456789")?;
        body.flush()
    });
    let mut client = Client::connect(server.local_addr());
    let response = client.ask(get("/access/chunked?a=b"));
    let framing = "a\r\n".len() + 10 + "\r\n".len() + "0\r\n\r\n".len();
    let len = response.head.len() + framing;
    let line = &lines("/access/chunked", 1)[0];
    let expected = format!("127.0.0.1 - - \"GET /access/chunked?a=b HTTP/1.1\" 200 {len}");
    assert_eq!(timeless(line), expected);
}

#[test]
fn requests_of_a_connection_each_have_their_line() {
    let _watchdog = watchdog();
    capture_log();
    let server = serve(|env, start_response| match env.path_info() {
        "/access/each/3" => Err(io::Error::other("on purpose")),
        _ => start_response.send(StatusCode::ACCEPTED, "x"),
    });
    let pipelined = [1, 2, 3, 4].map(|n| get(&format!("/access/each/{n}")));
    let mut client = Client::with(server.local_addr(), pipelined.concat());
    assert_eq!(client.response().status, 202);
    assert_eq!(client.response().status, 202);
    assert_eq!(client.response().status, 500);
    client.expect_end();
    let lines = lines("/access/each/", 3);
    for (line, (n, status)) in lines.iter().zip([(1, 202), (2, 202), (3, 500)]) {
        let expected = format!("\"GET /access/each/{n} HTTP/1.1\" {status} ");
        assert!(line.contains(&expected), "{line}");
    }
}

#[test]
fn a_malformed_request_has_a_line_of_its_own() {
    let _watchdog = watchdog();
    capture_log();
    let server = serve(|_env, start_response| start_response.send(StatusCode::OK, "x"));
    let mut client = Client::connect(server.local_addr());
    assert_eq!(client.ask(get("/access/good")).status, 200);
    // gevent shows the status of the request before.
    let bad = client.ask("GET /access/bad\"\x1b HTTP/1.1\r\nsecret: x\r\n\r\n");
    assert_eq!(bad.status, 400);
    client.expect_end();
    let line = &lines("/access/bad", 1)[0];
    let len = bad.head.len() + bad.body.len();
    let expected = format!(r#"127.0.0.1 - - "GET /access/bad\"\x1b HTTP/1.1" 400 {len}"#);
    assert_eq!(timeless(line), expected);
    assert!(line.ends_with(" -"), "{line}");
}

#[test]
fn gunicorn_s_atoms() {
    let _watchdog = watchdog();
    capture_log();
    let format = "%(h)s|%(l)s|%(u)s|%(r)s|%(m)s|%(U)s|%(q)s|%(H)s|%(s)s|%(B)s|%(b)s|%(f)s|%(a)s|\
                  %({x-one}i)s|%({x-two}o)s|%({x-none}o)s|%({SERVER_PORT}e)s|%(T)s|100%%";
    let log = AccessLog::new(format).unwrap();
    let server = serve_with(builder().access_log(log), |env, start_response| {
        let start_response = start_response.header("X-Two", "out");
        match env.path_info() {
            "/access/atoms/none" => start_response.send(StatusCode::NO_CONTENT, ""),
            _ => start_response.send(StatusCode::OK, "12345"),
        }
    });
    let port = server.local_addr().port();
    let mut client = Client::connect(server.local_addr());
    client.ask(
        "GET /access/atoms/a%20b?q=%22 HTTP/1.1\r\nHost: x\r\nReferer: http://r/\r\n\
         User-Agent: a \"b\"\r\nX-One: in\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\
         \r\n",
    );
    client.ask(get("/access/atoms/none"));
    let lines = lines("/access/atoms/", 2);
    assert_eq!(
        lines[0],
        format!(
            "127.0.0.1|-|Aladdin|GET /access/atoms/a%20b?q=%22 HTTP/1.1|GET|/access/atoms/a%20b|\
             q=%22|HTTP/1.1|200|5|5|http://r/|a \\\"b\\\"|in|out|-|{port}|0|100%"
        )
    );
    assert_eq!(
        lines[1],
        format!(
            "127.0.0.1|-|-|GET /access/atoms/none HTTP/1.1|GET|/access/atoms/none|\
             |HTTP/1.1|204|0|-|-|-|-|out|-|{port}|0|100%"
        )
    );
}

#[test]
fn it_can_be_off() {
    let _watchdog = watchdog();
    capture_log();
    let server = serve_with(builder().access_log(None), |_env, start_response| {
        start_response.send(StatusCode::OK, "x")
    });
    let mut client = Client::connect(server.local_addr());
    assert_eq!(client.ask(get("/access/off")).status, 200);
    assert_eq!(client.ask("/access/off\r\n\r\n").status, 400);
    client.expect_end();
    until("no handlers", || server.active() == 0);
    assert!(logged("/access/off").is_empty());
}
