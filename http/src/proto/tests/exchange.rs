//! The life of an exchange: the example of the front page, as a test.

use std::time::UNIX_EPOCH;

use http::StatusCode;

use super::*;
use crate::proto::BodyDecoder;
use crate::proto::date::DateCache;
use crate::proto::refusal::write_refusal;
use crate::proto::response::{CONTINUE, Content, Exchange, ResponseHead};

const DATE: &str = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";

/// Serves what is in `input`: each request is answered with its own body, in upper case. Returns
/// what was sent, and whether the connection would live on.
fn serve(input: &[u8]) -> (String, bool) {
    let limits = Limits::default();
    let date = DateCache::new().at(UNIX_EPOCH);
    let mut parser = HeadParser::default();
    let mut response = ResponseHead::default();
    let mut out = Vec::new();
    let mut keep_alive = true;
    let mut rest = input;

    while keep_alive && !rest.is_empty() {
        let mut table = HeaderTable::new(&limits);
        let head = match parser.parse(rest, &limits, &mut table) {
            Ok(Some(head)) => head,
            Ok(None) => break, // read more
            Err(error) => {
                write_refusal(&mut out, error.status(), false, &date);
                keep_alive = false;
                break;
            }
        };
        let exchange = Exchange::of(&head);
        rest = &rest[head.len..];
        if head.expect_continue {
            out.extend_from_slice(CONTINUE);
        }

        let mut request_body = BodyDecoder::new(head.framing);
        let mut content = Vec::new();
        while !request_body.is_done() {
            let step = request_body.decode(rest, &limits).unwrap();
            let (data, behind) = rest[step.skip..].split_at(step.data);
            content.extend_from_slice(data);
            rest = behind;
        }

        response.clear();
        response.header("Content-Type", b"text/plain");
        if head.target.path() == "/stream" {
            let mut started = response
                .start(&mut out, StatusCode::OK, Content::Stream, &exchange, &date)
                .unwrap();
            for word in content.split(|&byte| byte == b' ') {
                started
                    .body
                    .write(&word.to_ascii_uppercase(), &mut out)
                    .unwrap();
            }
            started.body.finish(&mut out).unwrap();
            keep_alive = started.keep_alive;
        } else {
            let content = content.to_ascii_uppercase();
            keep_alive = response
                .send(&mut out, StatusCode::OK, &content, &exchange, &date)
                .unwrap();
        }
    }
    (String::from_utf8(out).unwrap(), keep_alive)
}

#[test]
fn pipelined_requests() {
    let (sent, keep_alive) = serve(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\r\n\
          POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
          Expect: 100-continue\r\n\r\n3\r\nab \r\n2\r\ncd\r\n0\r\n\r\n\
          GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n\
          GET /never HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert!(!keep_alive);
    let expected = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{DATE}Content-Length: 5\r\n\r\nHELLO\
         HTTP/1.1 100 Continue\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{DATE}Transfer-Encoding: chunked\r\n\r\n\
         2\r\nAB\r\n2\r\nCD\r\n0\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n{DATE}Content-Length: 0\r\n\r\n"
    );
    assert_eq!(sent, expected);
}

#[test]
fn a_refusal_ends_the_connection() {
    let (sent, keep_alive) = serve(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(!keep_alive);
    assert!(sent.starts_with("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"));
    assert!(sent.ends_with("\r\n\r\nBad Request"));
    assert_eq!(sent.matches("HTTP/1.1").count(), 1);
}
