//! Random and mangled bytes: no panic, nothing read beyond the input, and the same answer in
//! pieces as at once.

use super::*;
use crate::proto::chunked::Decoder;
use crate::proto::grammar;
use crate::proto::response::{Content, Exchange, ResponseHead};

const ROUNDS: usize = if cfg!(debug_assertions) {
    20_000
} else {
    100_000
};

/// Bytes that matter to the grammar, and some that should not occur.
const BYTES: &[u8] = b"\r\n\r\n :,;\t\0\x0b\x7f\xe9#?/*@[]%0159afgzAZ_-\"";

const HEADS: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /a?b HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    b"PUT http://a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
    b"OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nUpgrade: x\r\n\r\n",
];

const BODIES: &[&[u8]] = &[
    b"5\r\nhello\r\n0\r\n\r\n",
    b"a;x=y\r\n0123456789\r\n0\r\nX: y\r\nContent-Length: 1\r\n\r\n",
];

/// Replaces, inserts, removes or repeats a few bytes.
fn mangle(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        match random.below(4) {
            0 => bytes[at] = *random.pick(BYTES),
            1 => bytes.insert(at, *random.pick(BYTES)),
            2 if bytes.len() > 1 => drop(bytes.remove(at)),
            _ => {
                let end = at + random.below(bytes.len() - at);
                bytes.extend_from_within(at..end);
            }
        }
    }
    bytes
}

fn noise(random: &mut Random) -> Vec<u8> {
    (0..random.below(60)).map(|_| *random.pick(BYTES)).collect()
}

/// What holds of every head that is accepted.
fn check(bytes: &[u8], head: &Parsed) {
    let text = &bytes[..head.len];
    assert!(text.ends_with(b"\r\n\r\n"));
    assert_eq!(
        text.windows(4).position(|end| end == b"\r\n\r\n"),
        Some(head.len - 4)
    );
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'\r' => assert_eq!(text.get(at + 1), Some(&b'\n')),
            b'\n' => assert_eq!(text[at - 1], b'\r'),
            byte => assert!(grammar::is_value_byte(*byte)),
        }
    }
    for (name, value) in &head.headers {
        assert!(grammar::is_token(name.as_bytes()));
        assert_eq!(grammar::trim(value), value);
    }
    assert!(head.host.is_some() || head.request.ends_with("HTTP/1.0"));
}

#[test]
fn heads() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let limits = Limits {
        request_line: 60,
        header_lines: 5,
        header_line: 50,
        head: 160,
        ..Limits::DEFAULT
    };
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let bytes = if round % 8 == 0 {
            noise(&mut random)
        } else {
            let head = *random.pick(HEADS);
            mangle(&mut random, head)
        };
        let whole = parse_on(&mut HeadParser::default(), &bytes, &limits);
        if let Ok(Some(head)) = &whole {
            accepted += 1;
            check(&bytes, head);
        }
        // In pieces: the same head; or a refusal, if not always for the same reason, because a
        // limit may strike first.
        let mut parser = HeadParser::default();
        let mut end = 0;
        let mut pieces = Ok(None);
        while end < bytes.len() && pieces == Ok(None) {
            end += 1 + random.below(bytes.len() - end);
            pieces = parse_on(&mut parser, &bytes[..end], &limits);
        }
        match (&whole, &pieces) {
            // Only what comes before the end of the head is a fault at once.
            (Err(_), Err(_)) => {}
            (Err(_), Ok(None)) => assert!(!bytes.windows(4).any(|end| end == b"\r\n\r\n")),
            _ => assert_eq!(whole, pieces, "{:?}", String::from_utf8_lossy(&bytes)),
        }
    }
    assert!(
        accepted > ROUNDS / 50,
        "the cases are not all nonsense: {accepted}"
    );
}

#[test]
fn chunked_bodies() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let bytes = if round % 8 == 0 {
            noise(&mut random)
        } else {
            let body = *random.pick(BODIES);
            mangle(&mut random, body)
        };
        let mut outcomes = Vec::new();
        for whole in [true, false] {
            let mut decoder = Decoder::default();
            let mut content = Vec::new();
            let mut start = 0;
            let mut end = if whole { bytes.len() } else { 0 };
            outcomes.push(loop {
                match decoder.decode(&bytes[start..end], &Limits::DEFAULT) {
                    Err(error) => break Err(error),
                    Ok(step) => {
                        let data = start + step.skip;
                        start = data + step.data;
                        content.extend_from_slice(&bytes[data..start]);
                        if step.done {
                            break Ok(Some((content, start)));
                        }
                        if start == end && end == bytes.len() {
                            break Ok(None);
                        }
                        if start == end {
                            end += 1 + random.below(bytes.len() - end);
                        }
                    }
                }
            });
            for (name, value) in decoder.trailers().iter() {
                assert!(grammar::is_token(name.as_bytes()));
                assert!(grammar::is_value(value));
            }
        }
        accepted += usize::from(matches!(outcomes[0], Ok(Some(_))));
        assert_eq!(
            outcomes[0],
            outcomes[1],
            "{:?}",
            String::from_utf8_lossy(&bytes)
        );
    }
    assert!(
        accepted > ROUNDS / 50,
        "the cases are not all nonsense: {accepted}"
    );
}

#[test]
fn responses_hold_no_line_that_was_not_set() {
    let mut random = Random(0xd134_2543_de82_ef95);
    let date = crate::proto::date::DateCache::new().at(std::time::UNIX_EPOCH);
    let exchange = Exchange {
        version: http::Version::HTTP_11,
        head: false,
        connect: false,
        upgrade: false,
        keep_alive: true,
    };
    for _ in 0..ROUNDS {
        let name: Vec<u8> = (0..random.below(3)).map(|_| *random.pick(BYTES)).collect();
        let name = String::from_utf8_lossy(&name).into_owned();
        let value: Vec<u8> = (0..random.below(4)).map(|_| *random.pick(BYTES)).collect();
        let mut response = ResponseHead::default();
        response.header(&name, &value);
        let mut out = Vec::new();
        let started = response.start(
            &mut out,
            http::StatusCode::OK,
            Content::Complete(0),
            &exchange,
            &date,
        );
        if started.is_ok() {
            let lines = out.iter().filter(|&&byte| byte == b'\n').count();
            assert_eq!(lines, 5, "{:?}", String::from_utf8_lossy(&out));
            assert_eq!(out.iter().filter(|&&byte| byte == b'\r').count(), 5);
        } else {
            assert_eq!(out, b"");
        }
    }
}
