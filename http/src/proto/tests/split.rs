//! Heads that arrive in pieces come to the same end as heads that arrive whole.

use super::*;

const HEADS: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST http://b/c?d HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    "PUT /long HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX:\t\r\nY: \u{e9}\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    // Refused.
    "GET / HTTP/2.0\r\n\r\n",
    "GET / HTTP/1.1x\r\n\r\n",
    "GET /\r\n\r\n",
    "GET  / HTTP/1.1\r\n\r\n",
    "GET /\u{e9} HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\rX: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost\r\n\r\n",
    "GET / HTTP/1.1\r\n: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n",
    "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
];

#[test]
fn at_every_byte() {
    for head in HEADS {
        let bytes = head.as_bytes();
        let whole = parse(bytes);
        assert_ne!(whole, Ok(None), "{head:?}");
        for cut in 0..bytes.len() {
            let mut parser = HeadParser::default();
            let outcome = match parse_on(&mut parser, &bytes[..cut], &Limits::DEFAULT) {
                Ok(None) => parse_on(&mut parser, bytes, &Limits::DEFAULT),
                early => early,
            };
            assert_eq!(outcome, whole, "{head:?} cut at {cut}");
        }
    }
}

#[test]
fn byte_by_byte() {
    for head in HEADS {
        let bytes = head.as_bytes();
        let mut parser = HeadParser::default();
        let outcome = (0..=bytes.len())
            .map(|end| parse_on(&mut parser, &bytes[..end], &Limits::DEFAULT))
            .find(|outcome| *outcome != Ok(None));
        assert_eq!(outcome, Some(parse(bytes)), "{head:?}");
    }
}

#[test]
fn one_parser_serves_many_heads() {
    let first = get("X: 1\r\n");
    let bytes = [&first[..], &get("X: 2\r\n")].concat();
    for cut in 0..bytes.len() {
        let mut parser = HeadParser::default();
        let mut start = 0;
        let mut values = Vec::new();
        for end in [cut, bytes.len()] {
            while let Some(head) =
                parse_on(&mut parser, &bytes[start..end], &Limits::DEFAULT).unwrap()
            {
                start += head.len;
                values.push(head.headers[1].1.clone());
            }
        }
        assert_eq!(values, [b"1", b"2"], "cut at {cut}");
        assert_eq!(start, bytes.len());
    }
}

#[test]
fn every_host_is_checked() {
    let long = "a".repeat(100);
    let mut parser = HeadParser::default();
    for (host, good) in [
        ("a:80", true),
        ("a:80", true),
        ("", true),
        ("a:8", true),
        ("a:8/", false),
        ("a:80", true),
        ("a:80 b", false),
        (&long, true),
        (&long, true),
        (&long[..99], true),
        ("a@b", false),
        ("a@b", false),
        ("a:8", true),
    ] {
        let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let parsed = parse_on(&mut parser, head.as_bytes(), &Limits::DEFAULT);
        assert_eq!(parsed.is_ok(), good, "{host}");
    }
}

#[test]
fn garbage_is_refused_before_its_line_ends() {
    // A TLS handshake on a plain port, a shell, a truncated look at HTTP/2.
    assert_eq!(parse(b"\x16\x03\x01\x02\x00"), Err(ProtoError::RequestLine));
    assert_eq!(parse("GET / FTP"), Err(ProtoError::Version));
    assert_eq!(parse("GET / HTTP/2"), Ok(None));
    assert_eq!(
        parse("GET / HTTP/1.1\r\nHost: a\r\n x"),
        Err(ProtoError::Folded)
    );
}
