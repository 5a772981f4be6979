//! Response heads and their framing.

use std::time::UNIX_EPOCH;

use http::{StatusCode, Version};

use crate::proto::body::BodyEncoder;
use crate::proto::date::{DateCache, DateLine};
use crate::proto::error::ResponseError as E;
use crate::proto::response::{Content, Exchange, ResponseHead, Started};

const DATE: &str = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";

fn date() -> DateLine {
    DateCache::new().at(UNIX_EPOCH)
}

const GET: Exchange = Exchange {
    version: Version::HTTP_11,
    head: false,
    connect: false,
    upgrade: false,
    keep_alive: true,
};
const HEAD: Exchange = Exchange { head: true, ..GET };
const CLOSING: Exchange = Exchange {
    keep_alive: false,
    ..GET
};
const OLD: Exchange = Exchange {
    version: Version::HTTP_10,
    keep_alive: false,
    ..GET
};
const OLD_KEPT: Exchange = Exchange {
    version: Version::HTTP_10,
    ..GET
};
const CONNECT: Exchange = Exchange {
    connect: true,
    ..GET
};
const UPGRADE: Exchange = Exchange {
    upgrade: true,
    ..GET
};

fn response(lines: &[(&str, &str)]) -> ResponseHead {
    let mut response = ResponseHead::default();
    for (name, value) in lines {
        response.header(name, value.as_bytes());
    }
    response
}

fn send(
    status: u16,
    lines: &[(&str, &str)],
    body: &str,
    exchange: &Exchange,
) -> Result<(String, bool), E> {
    let mut out = Vec::new();
    let status = StatusCode::from_u16(status).unwrap();
    let result = response(lines).send(&mut out, status, body.as_bytes(), exchange, &date());
    assert!(
        result.is_ok() || out.is_empty(),
        "nothing is sent of a faulty response"
    );
    Ok((String::from_utf8(out).unwrap(), result?))
}

fn start(status: u16, lines: &[(&str, &str)], exchange: &Exchange) -> Result<(String, Started), E> {
    let mut out = Vec::new();
    let status = StatusCode::from_u16(status).unwrap();
    let result = response(lines).start(&mut out, status, Content::Stream, exchange, &date());
    assert!(
        result.is_ok() || out.is_empty(),
        "nothing is sent of a faulty response"
    );
    Ok((String::from_utf8(out).unwrap(), result?))
}

#[test]
fn complete_responses() {
    let length = |length: usize| format!("{DATE}Content-Length: {length}\r\n\r\n");
    let two = length(2);
    // status, lines, exchange, head behind the status line and body, kept
    for (status, lines, exchange, expected, kept) in [
        (200, &[][..], GET, format!("{two}ab"), true),
        (
            200,
            &[],
            CLOSING,
            format!("Connection: close\r\n{two}ab"),
            false,
        ),
        (
            200,
            &[],
            OLD,
            format!("Connection: close\r\n{two}ab"),
            false,
        ),
        (
            200,
            &[],
            OLD_KEPT,
            format!("Connection: keep-alive\r\n{two}ab"),
            true,
        ),
        (200, &[], HEAD, two.clone(), true),
        (
            200,
            &[("X", "y"), ("x", "")],
            GET,
            format!("X: y\r\nx: \r\n{two}ab"),
            true,
        ),
        (
            200,
            &[("X", " \ty z\t")],
            GET,
            format!("X: y z\r\n{two}ab"),
            true,
        ),
        (
            200,
            &[("content-length", "2")],
            GET,
            format!("{two}ab"),
            true,
        ),
        (
            200,
            &[("Content-Length", "2"), ("Content-Length", "02")],
            GET,
            format!("{two}ab"),
            true,
        ),
        (200, &[("Content-Length", "9")], HEAD, length(9), true),
        (
            200,
            &[("Connection", "close")],
            GET,
            format!("Connection: close\r\n{two}ab"),
            false,
        ),
        (
            200,
            &[("connection", "x, Close")],
            OLD_KEPT,
            format!("Connection: close\r\n{two}ab"),
            false,
        ),
        (
            200,
            &[("Connection", "keep-alive")],
            CLOSING,
            format!("Connection: close\r\n{two}ab"),
            false,
        ),
        (
            200,
            &[
                ("Keep-Alive", "timeout=5"),
                ("TE", "x"),
                ("Proxy-Connection", "y"),
            ],
            GET,
            format!("{two}ab"),
            true,
        ),
        (
            200,
            &[("date", "now")],
            GET,
            "date: now\r\nContent-Length: 2\r\n\r\nab".to_owned(),
            true,
        ),
        (
            200,
            &[("Date", "a"), ("Date", "b")],
            GET,
            "Date: a\r\nContent-Length: 2\r\n\r\nab".to_owned(),
            true,
        ),
        (
            200,
            &[("Server", "x")],
            GET,
            format!("Server: x\r\n{two}ab"),
            true,
        ),
        (
            426,
            &[("Upgrade", "h2c")],
            GET,
            format!("Upgrade: h2c\r\nConnection: upgrade\r\n{two}ab"),
            true,
        ),
        (
            426,
            &[("Upgrade", "h2c")],
            CLOSING,
            format!("Upgrade: h2c\r\nConnection: close, upgrade\r\n{two}ab"),
            false,
        ),
        (404, &[], GET, format!("{two}ab"), true),
        (599, &[], GET, format!("{two}ab"), true),
        // Without a body, whatever the application sends.
        (204, &[], GET, format!("{DATE}\r\n"), true),
        (
            204,
            &[("Content-Length", "2")],
            GET,
            format!("{DATE}\r\n"),
            true,
        ),
        (205, &[], GET, length(0), true),
        (304, &[], GET, format!("{DATE}\r\n"), true),
        (304, &[("Content-Length", "9")], GET, length(9), true),
        (304, &[], HEAD, format!("{DATE}\r\n"), true),
        // Failure of CONNECT is an answer like others, success is a tunnel.
        (404, &[], CONNECT, format!("{two}ab"), true),
        (200, &[], CONNECT, format!("{DATE}\r\nab"), false),
        (
            200,
            &[("Content-Length", "2")],
            CONNECT,
            format!("{DATE}\r\nab"),
            false,
        ),
    ] {
        let (text, keep_alive) = send(status, lines, "ab", &exchange).unwrap();
        let (line, rest) = text.split_once("\r\n").unwrap();
        assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{line}");
        assert_eq!(rest, expected, "{status} {lines:?} {exchange:?}");
        assert_eq!(keep_alive, kept, "{status} {lines:?} {exchange:?}");
    }
}

#[test]
fn status_lines() {
    for (status, line) in [
        (200, "HTTP/1.1 200 OK\r\n"),
        (414, "HTTP/1.1 414 URI Too Long\r\n"),
        (599, "HTTP/1.1 599 \r\n"),
        (999, "HTTP/1.1 999 \r\n"),
    ] {
        assert!(send(status, &[], "", &GET).unwrap().0.starts_with(line));
    }
}

#[test]
fn streamed_responses() {
    use BodyEncoder::{Chunked, CloseDelimited, Length, None};
    for (status, lines, exchange, expected, body, keep_alive) in [
        (
            200,
            &[][..],
            GET,
            "Transfer-Encoding: chunked\r\n",
            Chunked,
            true,
        ),
        (
            200,
            &[],
            CLOSING,
            "Transfer-Encoding: chunked\r\n",
            Chunked,
            false,
        ),
        (200, &[], OLD, "", CloseDelimited, false),
        (200, &[], OLD_KEPT, "", CloseDelimited, false),
        (200, &[], HEAD, "", None, true),
        (
            200,
            &[("Content-Length", "7")],
            GET,
            "Content-Length: 7\r\n",
            Length(7),
            true,
        ),
        (
            200,
            &[("Content-Length", "7")],
            OLD_KEPT,
            "Content-Length: 7\r\n",
            Length(7),
            true,
        ),
        (
            200,
            &[("Content-Length", "7")],
            HEAD,
            "Content-Length: 7\r\n",
            None,
            true,
        ),
        (204, &[], GET, "", None, true),
        (204, &[], OLD_KEPT, "", None, true),
        (205, &[], GET, "Content-Length: 0\r\n", None, true),
        (
            304,
            &[("Content-Length", "7")],
            GET,
            "Content-Length: 7\r\n",
            None,
            true,
        ),
        (200, &[], CONNECT, "", CloseDelimited, false),
        (
            101,
            &[("Upgrade", "websocket")],
            UPGRADE,
            "",
            CloseDelimited,
            false,
        ),
    ] {
        let (text, started) = start(status, lines, &exchange).unwrap();
        let tail = format!("{DATE}{expected}\r\n");
        assert!(
            text.ends_with(&tail),
            "{text} for {status} {lines:?} {exchange:?}"
        );
        assert_eq!(
            started,
            Started { body, keep_alive },
            "{status} {lines:?} {exchange:?}"
        );
        let tunnel = status == 101 || exchange.connect;
        assert_eq!(
            text.contains("Connection: close"),
            !keep_alive && !tunnel,
            "{text}"
        );
    }
    let (text, _) = start(
        101,
        &[("Upgrade", "websocket"), ("Connection", "Upgrade")],
        &UPGRADE,
    )
    .unwrap();
    assert_eq!(
        text,
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n{DATE}\r\n"
        )
    );
}

#[test]
fn faults() {
    for (lines, error) in [
        (&[("X\r\nY", "a")][..], E::HeaderName),
        (&[("X Y", "a")], E::HeaderName),
        (&[("X:", "a")], E::HeaderName),
        (&[("", "a")], E::HeaderName),
        (&[("X\0", "a")], E::HeaderName),
        (&[("\u{e9}", "a")], E::HeaderName),
        (&[("X", "a\r\nSet-Cookie: b")], E::HeaderValue),
        (&[("X", "a\rb")], E::HeaderValue),
        (&[("X", "a\nb")], E::HeaderValue),
        (&[("X", "a\0b")], E::HeaderValue),
        (&[("X", "a\u{7f}b")], E::HeaderValue),
        (&[("X", "a\u{1b}b")], E::HeaderValue),
        (&[("X", "a\r\n")], E::HeaderValue),
        (&[("Date", "a\r\nb")], E::HeaderValue),
        (&[("Content-Length", "2\r\n")], E::HeaderValue),
        (&[("Transfer-Encoding", "chunked")], E::TransferEncoding),
        (&[("transfer-encoding", "identity")], E::TransferEncoding),
        (&[("Content-Length", "")], E::ContentLength),
        (&[("Content-Length", "-2")], E::ContentLength),
        (&[("Content-Length", "2, 2")], E::ContentLength),
        (
            &[("Content-Length", "18446744073709551616")],
            E::ContentLength,
        ),
        (
            &[("Content-Length", "2"), ("Content-Length", "3")],
            E::ContentLength,
        ),
        // The first fault counts.
        (&[("X", "\0"), ("", "a")], E::HeaderValue),
        (&[("", "a"), ("X", "\0"), ("Y", "b")], E::HeaderName),
    ] {
        assert_eq!(send(200, lines, "ab", &GET), Err(error), "{lines:?}");
        assert_eq!(start(200, lines, &GET), Err(error), "{lines:?}");
        assert_eq!(send(204, lines, "", &HEAD), Err(error), "{lines:?}");
    }
    for length in ["1", "3"] {
        let lines = [("Content-Length", length)];
        assert_eq!(send(200, &lines, "ab", &GET), Err(E::LengthMismatch));
    }
    for status in [100, 102, 103, 150] {
        assert_eq!(send(status, &[], "", &UPGRADE), Err(E::Status));
        assert_eq!(start(status, &[], &GET), Err(E::Status));
    }
    // Nobody asked, or nobody says for what.
    assert_eq!(start(101, &[("Upgrade", "a")], &GET), Err(E::Status));
    assert_eq!(start(101, &[], &UPGRADE), Err(E::Status));
}

#[test]
fn obs_text_and_tabs_pass() {
    let mut response = ResponseHead::default();
    response.header("X", b"\xe9\tb");
    let mut out = Vec::new();
    response
        .send(&mut out, StatusCode::OK, b"", &GET, &date())
        .unwrap();
    assert!(out.windows(8).any(|bytes| bytes == b"X: \xe9\tb\r\n"));
}

#[test]
fn cleared_heads_are_new_and_keep_their_memory() {
    let mut response = response(&[
        ("Date", "a"),
        ("Connection", "close"),
        ("Content-Length", "x"),
    ]);
    let mut out = Vec::new();
    response.header("Upgrade", b"x");
    assert_eq!(
        response.send(&mut out, StatusCode::OK, b"ab", &GET, &date()),
        Err(E::ContentLength)
    );
    response.clear();
    assert_eq!(
        response.send(&mut out, StatusCode::OK, b"ab", &GET, &date()),
        Ok(true)
    );
    let expected = format!("HTTP/1.1 200 OK\r\n{DATE}Content-Length: 2\r\n\r\nab");
    assert_eq!(out, expected.as_bytes());
    // Responses gather behind each other.
    response.clear();
    assert_eq!(
        response.send(&mut out, StatusCode::OK, b"ab", &GET, &date()),
        Ok(true)
    );
    assert_eq!(out, expected.repeat(2).as_bytes());
    let (capacity, start) = (out.capacity(), out.as_ptr());
    out.clear();
    response.clear();
    assert_eq!(
        response.send(&mut out, StatusCode::OK, b"ab", &GET, &date()),
        Ok(true)
    );
    assert_eq!((out.capacity(), out.as_ptr()), (capacity, start));
}

#[test]
fn lines_of_the_response_before_change_nothing() {
    let own: &[&[(&str, &str)]] = &[
        &[("A", "1"), ("B", "2")],
        &[("A", "1"), ("B", "2")],
        &[("A", "1")],
        &[("B", "2")],
        &[("A", "1"), ("B", "3")],
        &[],
        // Fields that the server looks at, after those that it does not and twice.
        &[("A", "1"), ("Date", "now")],
        &[("A", "1"), ("Date", "now")],
        &[("A", "1")],
        &[("Server", "s"), ("Server", "t"), ("A", "1")],
        &[("Server", "s"), ("Server", "t"), ("A", "1")],
        &[("A", "1"), ("Upgrade", "x")],
        &[("A", "1"), ("Upgrade", "x")],
        &[("A", "1"), ("Connection", "close"), ("B", "2")],
        &[("A", "1"), ("B", "2"), ("Connection", "close")],
        &[("A", "1"), ("Content-Length", "0"), ("B", "2")],
        &[("A", "1"), ("Content-Length", "1"), ("B", "2")],
        &[("A", "1\r\nB: 2")],
        &[("A: 1\r\nB", "2")],
        &[("A", "1"), ("Transfer-Encoding", "chunked")],
        &[("A", "1"), ("B", "2")],
    ];
    // Each kind after each other kind, on one head that is used for all.
    let mut kept = ResponseHead::default();
    for first in own {
        for lines in [first].into_iter().chain(own) {
            let mut out = Vec::new();
            kept.clear();
            for (name, value) in *lines {
                kept.header(name, value.as_bytes());
            }
            let sent = kept.send(&mut out, StatusCode::OK, b"", &GET, &date());
            let mut expected = Vec::new();
            let fresh = response(lines).send(&mut expected, StatusCode::OK, b"", &GET, &date());
            assert_eq!(
                (sent, &out),
                (fresh, &expected),
                "{lines:?} after {first:?}"
            );
        }
    }
}
