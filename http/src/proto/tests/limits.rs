//! Limits: exactly at them is fine, one beyond is not, and waiting for the end helps nobody.

use super::*;
use ProtoError as E;

fn small() -> Limits {
    Limits {
        request_line: 30,
        header_lines: 3,
        header_line: 20,
        head: 90,
        ..Limits::DEFAULT
    }
}

/// Parses at once, and byte by byte; both must agree on valid input.
fn both(bytes: &[u8], limits: &Limits) -> Result<Option<Parsed>, ProtoError> {
    let whole = parse_on(&mut HeadParser::default(), bytes, limits);
    let mut parser = HeadParser::default();
    let mut pieces = Ok(None);
    for end in 0..=bytes.len() {
        pieces = parse_on(&mut parser, &bytes[..end], limits);
        if pieces != Ok(None) {
            break;
        }
    }
    assert_eq!(whole, pieces, "{:?}", String::from_utf8_lossy(bytes));
    whole
}

#[test]
fn request_line() {
    let target = |len: usize| format!("/{}", "a".repeat(len - "GET / HTTP/1.1".len()));
    let line = |len| format!("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", target(len));
    assert!(both(line(30).as_bytes(), &small()).unwrap().is_some());
    assert_eq!(
        both(line(31).as_bytes(), &small()),
        Err(E::RequestLineTooLong)
    );
    assert_eq!(
        both(line(3000).as_bytes(), &small()),
        Err(E::RequestLineTooLong)
    );
    // The default.
    assert!(parse(line(8190)).unwrap().is_some());
    assert_eq!(parse(line(8191)), Err(E::RequestLineTooLong));
    // Without an end.
    assert_eq!(parse(format!("GET /{}", "a".repeat(8185))), Ok(None));
    assert_eq!(
        parse(format!("GET /{}", "a".repeat(8186))),
        Err(E::RequestLineTooLong)
    );
    assert_eq!(parse("A".repeat(8191)), Err(E::RequestLineTooLong));
}

#[test]
fn header_line() {
    let head = |len: usize| get(format!("X:{}\r\n", "a".repeat(len - 2)));
    let open = |len: usize| format!("GET / HTTP/1.1\r\nX:{}", "a".repeat(len - 2));
    assert!(both(&head(20), &small()).unwrap().is_some());
    assert_eq!(both(&head(21), &small()), Err(E::HeaderLineTooLong));
    // White space counts.
    let blank = get(format!("X:{}\r\n", " ".repeat(19)));
    assert_eq!(both(&blank, &small()), Err(E::HeaderLineTooLong));
    assert!(parse(head(8190)).unwrap().is_some());
    assert_eq!(parse(head(8191)), Err(E::HeaderLineTooLong));
    assert_eq!(parse(open(8190)), Ok(None));
    assert_eq!(parse(open(8191)), Err(E::HeaderLineTooLong));
    assert_eq!(parse(open(8190) + "\r"), Ok(None));
}

#[test]
fn header_count() {
    let head = |lines: usize| get("X: a\r\n".repeat(lines - 1));
    assert!(both(&head(3), &small()).unwrap().is_some());
    assert_eq!(both(&head(4), &small()), Err(E::TooManyHeaders));
    assert!(parse(head(100)).unwrap().is_some());
    assert_eq!(parse(head(101)), Err(E::TooManyHeaders));
    let open = head(101);
    assert_eq!(parse(&open[..open.len() - 2]), Err(E::TooManyHeaders));
}

#[test]
fn header_count_beyond_the_table_on_the_stack() {
    let limits = Limits {
        header_lines: 300,
        ..Limits::DEFAULT
    };
    let head = |lines: usize| get("X: a\r\n".repeat(lines - 1));
    let parse = |bytes: Vec<u8>| parse_on(&mut HeadParser::default(), &bytes, &limits);
    assert_eq!(parse(head(300)).unwrap().unwrap().headers.len(), 300);
    assert_eq!(parse(head(301)), Err(E::TooManyHeaders));
    let none = Limits {
        header_lines: 0,
        ..Limits::DEFAULT
    };
    assert!(
        parse_on(&mut HeadParser::default(), &get_10(""), &none)
            .unwrap()
            .is_some()
    );
    let one = get_10("X: a\r\n");
    assert_eq!(
        parse_on(&mut HeadParser::default(), &one, &none),
        Err(E::TooManyHeaders)
    );
}

#[test]
fn whole_head() {
    let limits = Limits {
        head: 60,
        ..small()
    };
    let head = |len: usize| {
        let rest = len - get("X:\r\nY:\r\n").len();
        get(format!(
            "X:{}\r\nY:{}\r\n",
            "a".repeat(rest.min(18)),
            "a".repeat(rest - rest.min(18))
        ))
    };
    assert_eq!(head(60).len(), 60);
    assert!(both(&head(60), &limits).unwrap().is_some());
    assert_eq!(both(&head(61), &limits), Err(E::HeadTooLarge));
    // The default: a hundred lines that are fine each.
    let line = format!("X: {}\r\n", "a".repeat(8000));
    assert!(parse(get(line.repeat(8))).unwrap().is_some());
    assert_eq!(parse(get(line.repeat(9))), Err(E::HeadTooLarge));
    let open = get(line.repeat(9));
    assert_eq!(parse(&open[..65535]), Ok(None));
    assert_eq!(parse(&open[..65536]), Err(E::HeadTooLarge));
}

#[test]
fn a_large_body_behind_the_head_does_not_count() {
    let mut bytes = get("Content-Length: 100000\r\n");
    let len = bytes.len();
    bytes.resize(len + 100_000, b'x');
    assert_eq!(parsed(&bytes).len, len);
}

#[test]
fn announced_bodies() {
    let limits = Limits {
        body: Some(10),
        ..Limits::DEFAULT
    };
    let head =
        |length: &str| format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    assert!(both(head("10").as_bytes(), &limits).unwrap().is_some());
    assert_eq!(both(head("11").as_bytes(), &limits), Err(E::BodyTooLarge));
    assert!(parse(head("18446744073709551615")).unwrap().is_some());
}
