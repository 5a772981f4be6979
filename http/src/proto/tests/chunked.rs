//! Chunked request bodies.

use super::*;
use crate::proto::chunked::{Decoder, write_chunk_head, write_last_chunk};
use crate::proto::framing::Step;
use ProtoError as E;

type Outcome = Result<(Vec<u8>, Vec<(String, Vec<u8>)>, usize), ProtoError>;

/// Decodes the pieces as a reader would. Returns content, trailers and the length of the body, or
/// the error. `None`: the body is not complete.
fn decode_pieces(pieces: &[&[u8]], limits: &Limits) -> Option<Outcome> {
    let mut decoder = Decoder::default();
    let mut content = Vec::new();
    let mut consumed = 0;
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let step = match decoder.decode(rest, limits) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(decoder.decode(rest, limits), Err(error), "errors stick");
                    return Some(Err(error));
                }
            };
            content.extend_from_slice(&rest[step.skip..step.skip + step.data]);
            consumed += step.skip + step.data;
            rest = &rest[step.skip + step.data..];
            if step.done {
                assert!(decoder.is_done());
                assert_eq!(
                    decoder.decode(b"GET", limits),
                    Ok(Step {
                        skip: 0,
                        data: 0,
                        done: true
                    })
                );
                let trailers = decoder.trailers().iter();
                let trailers = trailers.map(|(name, value)| (name.to_owned(), value.to_owned()));
                return Some(Ok((content, trailers.collect(), consumed)));
            }
            if step.data == 0 {
                assert!(rest.is_empty());
                break;
            }
        }
    }
    None
}

fn decode(bytes: impl AsRef<[u8]>) -> Option<Outcome> {
    decode_pieces(&[bytes.as_ref()], &Limits::DEFAULT)
}

const BODIES: &[(&str, &str)] = &[
    ("0\r\n\r\n", ""),
    ("0000000000000000\r\n\r\n", ""),
    ("5\r\nhello\r\n0\r\n\r\n", "hello"),
    ("05\r\nhello\r\n0\r\n\r\n", "hello"),
    ("2\r\nhe\r\n3\r\nllo\r\n00\r\n\r\n", "hello"),
    (
        "a\r\n0123456789\r\nB\r\n01234567890\r\n0\r\n\r\n",
        "012345678901234567890",
    ),
    ("2;a=b;c=\"d, \u{e9}\t\"\r\n\r\n\r\n0;x\r\n\r\n", "\r\n"),
    ("5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"),
    ("1\r\na\r\n0\r\nX: y\r\nZ:\t w \r\n\r\n", "a"),
];

#[test]
fn bodies_cut_at_every_byte() {
    for (bytes, content) in BODIES {
        let whole = decode(format!("{bytes}GET")).unwrap().unwrap();
        assert_eq!(whole.0, content.as_bytes());
        assert_eq!(whole.2, bytes.len(), "nothing behind the body is consumed");
        let bytes = bytes.as_bytes();
        for first in 0..=bytes.len() {
            assert!(first == bytes.len() || decode(&bytes[..first]).is_none());
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                let outcome = decode_pieces(&pieces, &Limits::DEFAULT);
                assert_eq!(outcome, Some(Ok(whole.clone())), "{first} {second}");
            }
        }
        let pieces: Vec<_> = bytes.chunks(1).collect();
        assert_eq!(decode_pieces(&pieces, &Limits::DEFAULT), Some(Ok(whole)));
    }
}

#[test]
fn lends_data_without_copying() {
    let mut decoder = Decoder::default();
    let step = |skip, data| {
        Ok(Step {
            skip,
            data,
            done: false,
        })
    };
    assert_eq!(decoder.decode(b"a\r\n01234", &Limits::DEFAULT), step(3, 5));
    assert_eq!(
        decoder.decode(b"56789\r\n3\r\nabc", &Limits::DEFAULT),
        step(0, 5)
    );
    assert_eq!(
        decoder.decode(b"\r\n3\r\nabc", &Limits::DEFAULT),
        step(5, 3)
    );
}

#[test]
fn malformed() {
    for (bytes, error) in [
        ("\r\n", E::ChunkSize),
        ("\n", E::ChunkSize),
        (" 5\r\nhello\r\n", E::ChunkSize),
        ("5 \r\nhello\r\n", E::ChunkSize),
        ("5 ;a\r\nhello\r\n", E::ChunkSize),
        ("5\t\r\nhello\r\n", E::ChunkSize),
        ("+5\r\n", E::ChunkSize),
        ("-5\r\n", E::ChunkSize),
        ("0x5\r\n", E::ChunkSize),
        ("5_\r\n", E::ChunkSize),
        ("g\r\n", E::ChunkSize),
        (";a\r\n", E::ChunkSize),
        ("5\n", E::ChunkSize),
        ("5\0\r\n", E::ChunkSize),
        ("\u{665}\r\n", E::ChunkSize),
        ("00000000000000005\r\n", E::ChunkSize),
        ("10000000000000000\r\n", E::ChunkSize),
        ("5\r\r\n", E::BareCr),
        ("5\rhello", E::BareCr),
        ("5;a\rb\r\n", E::BareCr),
        ("5;a\nb\r\n", E::BareLf),
        ("5;a\0b\r\n", E::ChunkExtension),
        ("5;a\u{7f}\r\n", E::ChunkExtension),
        ("5;\u{b}\r\n", E::ChunkExtension),
        ("5\r\nhelloworld", E::ChunkEnd),
        ("5\r\nhello\n", E::ChunkEnd),
        ("5\r\nhello\r0", E::ChunkEnd),
        ("5\r\nhello\r\r\n", E::ChunkEnd),
        ("5\r\nhello0\r\n", E::ChunkEnd),
        ("5\r\nhello\r\n\r\n", E::ChunkSize),
        ("0\r\n\n", E::BareLf),
        ("0\r\n\rX", E::BareCr),
        ("0\r\nX: a\n\r\n", E::BareLf),
        ("0\r\nX: a\rb\r\n\r\n", E::BareCr),
        ("0\r\nX\r\n\r\n", E::MissingColon),
        ("0\r\n: a\r\n\r\n", E::FieldName),
        ("0\r\nX\0: a\r\n\r\n", E::FieldName),
        ("0\r\nX(: a\r\n\r\n", E::FieldName),
        ("0\r\nX : a\r\n\r\n", E::SpaceInName),
        ("0\r\nX Y\r\n\r\n", E::SpaceInName),
        ("0\r\n X: a\r\n\r\n", E::Folded),
        ("0\r\nX: a\r\n b\r\n\r\n", E::Folded),
        ("0\r\nX: a\0\r\n\r\n", E::FieldValue),
        ("0\r\nGET / HTTP/1.1\r\n\r\n", E::SpaceInName),
    ] {
        assert_eq!(decode(bytes), Some(Err(error)), "{bytes:?}");
        let pieces: Vec<_> = bytes.as_bytes().chunks(1).collect();
        let outcome = decode_pieces(&pieces, &Limits::DEFAULT);
        assert_eq!(outcome, Some(Err(error)), "{bytes:?} byte by byte");
    }
    // The largest size is a size.
    assert_eq!(decode("ffffffffffffffff\r\nhello"), None);
}

#[test]
fn trailers_are_kept_apart_and_checked() {
    let body = "0\r\nX-Sum:\t 1 2 \t\r\nContent-Length: 7\r\nx-empty:\r\nTRANSFER-ENCODING: chunked\r\n\
                Host: b\r\nX-Sum: \u{e9}\r\n\r\n";
    let (content, trailers, len) = decode(body).unwrap().unwrap();
    assert_eq!(content, b"");
    assert_eq!(len, body.len());
    let kept = [("X-Sum", "1 2"), ("x-empty", ""), ("X-Sum", "\u{e9}")];
    assert_eq!(
        trailers,
        kept.map(|(name, value)| (name.to_owned(), value.as_bytes().to_owned()))
    );
}

#[test]
fn limits() {
    let limits = Limits {
        chunk_extension: 5,
        trailer_line: 6,
        trailer_lines: 2,
        head: 10,
        ..Limits::DEFAULT
    };
    let decode = |bytes: &str| {
        decode_pieces(&[bytes.as_bytes()], &limits).map(|outcome| outcome.map(|_| ()))
    };
    assert_eq!(decode("0;abcde\r\n\r\n"), Some(Ok(())));
    assert_eq!(decode("0;abcdef"), Some(Err(E::ChunkExtensionTooLong)));
    // Each chunk has its own allowance.
    assert_eq!(decode("1;abcde\r\n1\r\n0;abcde\r\n\r\n"), Some(Ok(())));
    assert_eq!(decode("0\r\nX:abcd\r\n\r\n"), Some(Ok(())));
    assert_eq!(decode("0\r\nX:abcde"), Some(Err(E::TrailerLineTooLong)));
    assert_eq!(decode("0\r\nX:\r\nY:\r\n\r\n"), Some(Ok(())));
    assert_eq!(decode("0\r\nX:\r\nY:\r\nZ"), Some(Err(E::TooManyTrailers)));
    // Dropped lines count, and so do their bytes.
    assert_eq!(
        decode("0\r\nTE:\r\nTE:\r\nTE:\r\n"),
        Some(Err(E::TooManyTrailers))
    );
    assert_eq!(
        decode("0\r\nTE:abc\r\nTE:abc\r\n"),
        Some(Err(E::TooManyTrailers))
    );
}

#[test]
fn reads_what_we_write() {
    let mut out = Vec::new();
    for len in [1, 15, 16, 4096, 70_000] {
        write_chunk_head(&mut out, len);
        out.resize(out.len() + len, b'x');
        out.extend_from_slice(b"\r\n");
    }
    let mut with_trailers = out.clone();
    write_last_chunk(b"", &mut out);
    assert_eq!(decode(&out).unwrap().unwrap().0.len(), 74_128);
    with_trailers.extend_from_slice(b"0\r\nX: y\r\n\r\n");
    let (content, trailers, len) = decode(&with_trailers).unwrap().unwrap();
    assert_eq!((content.len(), len), (74_128, with_trailers.len()));
    assert_eq!(trailers, [("X".to_owned(), b"y".to_vec())]);
}
