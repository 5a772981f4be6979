//! Interim answers, and the server's own line.

use std::time::UNIX_EPOCH;

use http::{StatusCode, Version};

use crate::proto::date::DateCache;
use crate::proto::error::ResponseError as E;
use crate::proto::response::{Exchange, ResponseHead, ServerLine};

fn interim(status: u16, lines: &[(&str, &str)]) -> Result<String, E> {
    let mut head = ResponseHead::default();
    for (name, value) in lines {
        head.header(name, value.as_bytes());
    }
    let mut out = Vec::new();
    let result = head.interim(&mut out, StatusCode::from_u16(status).unwrap());
    assert!(result.is_ok() || out.is_empty(), "nothing is sent");
    result.map(|()| String::from_utf8(out).unwrap())
}

#[test]
fn interim_answers() {
    for (status, lines, expected) in [
        (103, &[][..], Ok("HTTP/1.1 103 Early Hints\r\n\r\n")),
        (
            103,
            &[("Link", "</a>; rel=preload"), ("link", " b ")],
            Ok("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nlink: b\r\n\r\n"),
        ),
        (102, &[], Ok("HTTP/1.1 102 Processing\r\n\r\n")),
        // What frames a final answer has no place here.
        (
            103,
            &[
                ("Content-Length", "3"),
                ("Connection", "close"),
                ("Keep-Alive", "a"),
            ],
            Ok("HTTP/1.1 103 Early Hints\r\n\r\n"),
        ),
        (
            103,
            &[("Transfer-Encoding", "chunked")],
            Err(E::TransferEncoding),
        ),
        (103, &[("a b", "c")], Err(E::HeaderName)),
        (
            103,
            &[("a", "b\r\n\r\nHTTP/1.1 200 OK")],
            Err(E::HeaderValue),
        ),
        (100, &[], Err(E::Status)),
        (101, &[], Err(E::Status)),
        (200, &[], Err(E::Status)),
        (404, &[], Err(E::Status)),
    ] {
        let expected = expected.map(str::to_owned);
        assert_eq!(interim(status, lines), expected, "{status} {lines:?}");
    }
}

fn sent_by(server_line: Option<ServerLine>, lines: &[(&str, &str)]) -> String {
    let exchange = Exchange {
        version: Version::HTTP_11,
        head: false,
        connect: false,
        upgrade: false,
        keep_alive: true,
    };
    let date = DateCache::new().at(UNIX_EPOCH);
    let mut out = Vec::new();
    let mut head = ResponseHead::new(server_line);
    head.header("Server", b"forgotten");
    head.clear();
    for (name, value) in lines {
        head.header(name, value.as_bytes());
    }
    head.send(&mut out, StatusCode::OK, b"", &exchange, &date)
        .unwrap();
    let head = String::from_utf8(out).unwrap();
    let (_, head) = head.split_once("200 OK\r\n").unwrap();
    let without_date = head.replace("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n", "");
    without_date.replace("Content-Length: 0\r\n\r\n", "")
}

#[test]
fn the_server_s_own_line() {
    let own = || Some(ServerLine::new(" maypole ").unwrap());
    assert_eq!(sent_by(None, &[]), "");
    assert_eq!(sent_by(own(), &[]), "Server: maypole\r\n");
    let lines = [("server", "app"), ("Server", "twice")];
    assert_eq!(sent_by(own(), &lines), "server: app\r\n");
    assert_eq!(sent_by(None, &lines), "server: app\r\n");
    for bad in ["", " ", "a\r\nb: c", "a\0"] {
        assert_eq!(ServerLine::new(bad).err(), Some(E::HeaderValue), "{bad:?}");
    }
}
