//! Framing: every way to make two servers disagree about the end of a request is refused.

use super::*;
use BodyFraming::{Chunked, Length};
use ProtoError as E;

#[test]
fn accepted_framings() {
    for (lines, framing) in [
        ("", BodyFraming::None),
        ("Content-Length: 0\r\n", Length(0)),
        ("content-length:5\r\n", Length(5)),
        ("Content-Length: \t 0005 \t\r\n", Length(5)),
        ("Content-Length: 18446744073709551615\r\n", Length(u64::MAX)),
        ("Transfer-Encoding: chunked\r\n", Chunked),
        ("transfer-ENCODING:\tChunked \t\r\n", Chunked),
    ] {
        assert_eq!(parsed(get(lines)).framing, framing, "{lines:?}");
    }
    assert_eq!(parsed(get_10("Content-Length: 5\r\n")).framing, Length(5));
}

#[test]
fn lengths() {
    for value in [
        "",
        " ",
        "-1",
        "+5",
        "5 5",
        "5,5",
        "5, 5",
        "5,",
        ",5",
        "0x5",
        "5.0",
        "5e0",
        "1_0",
        "five",
        "5;a",
        "\"5\"",
        "18446744073709551616",
        "99999999999999999999999999",
        "\u{665}",
        "5\t5",
    ] {
        let lines = format!("Content-Length: {value}\r\n");
        assert_eq!(parse(get(&lines)), Err(E::ContentLength), "{value:?}");
        assert_eq!(parse(get_10(&lines)), Err(E::ContentLength), "{value:?}");
    }
    for (first, second) in [("5", "5"), ("5", "6"), ("0", "0")] {
        let lines = format!("Content-Length: {first}\r\ncontent-length: {second}\r\n");
        assert_eq!(parse(get(lines)), Err(E::DuplicateContentLength));
    }
}

#[test]
fn encodings() {
    // More in framing.rs; here, that the lines reach it.
    for (lines, error) in [
        ("Transfer-Encoding: gzip, chunked\r\n", E::UnknownCoding),
        ("Transfer-Encoding: gzip\r\n", E::UnknownCoding),
        ("Transfer-Encoding: identity\r\n", E::UnknownCoding),
        ("Transfer-Encoding: xchunked\r\n", E::UnknownCoding),
        (
            "Transfer-Encoding: chunked, chunked\r\n",
            E::ChunkedNotFinal,
        ),
        ("Transfer-Encoding: chunked, gzip\r\n", E::ChunkedNotFinal),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
            E::ChunkedNotFinal,
        ),
        (
            "Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n",
            E::ChunkedNotFinal,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n",
            E::TransferEncoding,
        ),
        ("Transfer-Encoding:\r\n", E::TransferEncoding),
        ("Transfer-Encoding: \"chunked\"\r\n", E::TransferEncoding),
        ("Transfer-Encoding: ,chunked\r\n", E::TransferEncoding),
        ("Transfer-Encoding: chunked;q=1\r\n", E::TransferEncoding),
        ("Transfer-Encoding: \u{b}chunked\r\n", E::FieldValue),
        ("Transfer-Encoding: chunked\u{c}\r\n", E::FieldValue),
        ("Transfer-Encoding : chunked\r\n", E::SpaceInName),
        ("Transfer-Encoding\u{b}: chunked\r\n", E::FieldName),
        ("Transfer-Encoding:\r\n chunked\r\n", E::Folded),
        ("X: a\rTransfer-Encoding: chunked\r\n", E::BareCr),
        ("X: a\nTransfer-Encoding: chunked\r\n", E::BareLf),
    ] {
        assert_eq!(parse(get(lines)), Err(error), "{lines:?}");
    }
}

#[test]
fn length_and_encoding_together() {
    let length = "Content-Length: 5\r\n";
    for encoding in ["chunked", "gzip", "identity", "", "x"] {
        let encoding = format!("Transfer-Encoding: {encoding}\r\n");
        for lines in [format!("{length}{encoding}"), format!("{encoding}{length}")] {
            assert_eq!(parse(get(&lines)), Err(E::LengthAndEncoding), "{lines:?}");
            assert_eq!(parse(get_10(&lines)), Err(E::EncodingInHttp10), "{lines:?}");
        }
        assert_eq!(parse(get_10(&encoding)), Err(E::EncodingInHttp10));
    }
}

#[test]
fn lookalikes_are_other_fields() {
    // With an underscore, or with a letter that only looks like one: never the field itself.
    let head = parsed(get(
        "Content_Length: 5\r\nTransfer_Encoding: chunked\r\nX-Host: b\r\n",
    ));
    assert_eq!(head.framing, BodyFraming::None);
}

#[test]
fn no_body_leaves_the_next_request_alone() {
    let bytes = [get(""), get("X: 2\r\n")].concat();
    let first = parsed(&bytes);
    assert_eq!(first.framing, BodyFraming::None);
    assert_eq!(parsed(&bytes[first.len..]).len, bytes.len() - first.len);
}
