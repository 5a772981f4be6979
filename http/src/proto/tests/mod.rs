//! Cases as bytes, one file per concern.

mod chunked;
mod exchange;
mod head;
mod interim;
mod limits;
mod random;
mod response;
mod smuggling;
mod split;

use super::error::ProtoError;
use super::framing::BodyFraming;
use super::head::{HeadParser, HeaderTable};
use super::limits::Limits;

/// What a head came to, without its borrows.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Parsed {
    request: String,
    headers: Vec<(String, Vec<u8>)>,
    host: Option<String>,
    len: usize,
    framing: BodyFraming,
    keep_alive: bool,
    expect_continue: bool,
    upgrade: bool,
}

/// Parses with a parser that may have seen parts of the bytes before.
fn parse_on(
    parser: &mut HeadParser,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Option<Parsed>, ProtoError> {
    let mut table = HeaderTable::new(limits);
    let Some(head) = parser.parse(bytes, limits, &mut table)? else {
        return Ok(None);
    };
    Ok(Some(Parsed {
        request: format!("{} {} {:?}", head.method, head.target.raw, head.version),
        headers: head
            .headers
            .iter()
            .map(|line| (line.name.to_owned(), line.value.to_owned()))
            .collect(),
        host: head.host().map(str::to_owned),
        len: head.len,
        framing: head.framing,
        keep_alive: head.keep_alive,
        expect_continue: head.expect_continue,
        upgrade: head.upgrade,
    }))
}

fn parse(bytes: impl AsRef<[u8]>) -> Result<Option<Parsed>, ProtoError> {
    parse_on(&mut HeadParser::default(), bytes.as_ref(), &Limits::DEFAULT)
}

/// Parses a head that is valid and complete.
#[track_caller]
fn parsed(bytes: impl AsRef<[u8]>) -> Parsed {
    parse(bytes).unwrap().unwrap()
}

/// A GET request with these lines, each complete with its end, behind a valid `Host`.
fn get(lines: impl AsRef<[u8]>) -> Vec<u8> {
    [b"GET / HTTP/1.1\r\nHost: a\r\n", lines.as_ref(), b"\r\n"].concat()
}

/// A request of HTTP/1.0 with these lines.
fn get_10(lines: &str) -> Vec<u8> {
    format!("GET / HTTP/1.0\r\n{lines}\r\n").into_bytes()
}

/// Marsaglia's xorshift: good enough to pick bytes, and the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}
