//! Request smuggling: what servers in a row are known to disagree about. A
//! request for `/smuggled` hides in what is a body to one of them; here it must
//! never be answered.

use crate::support::{Client, watchdog};
use crate::{serve, tell_target};

/// What hides, long enough to be a request.
const HIDDEN: &str = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

/// The statuses of all answers to these bytes, on a connection of their own.
#[track_caller]
fn statuses(addr: std::net::SocketAddr, bytes: &[u8]) -> Vec<u16> {
    let mut client = Client::with(addr, bytes);
    client.end_sending();
    let answers = String::from_utf8(client.read_to_end()).unwrap();
    assert!(
        !answers.contains("/smuggled"),
        "{}\n{answers}",
        bytes.escape_ascii()
    );
    answers
        .match_indices("HTTP/1.1 ")
        .map(|(at, mark)| answers[at + mark.len()..][..3].parse().unwrap())
        .collect()
}

/// Each head is refused, with what follows it.
#[track_caller]
fn refused(heads: &[&str], body: &str) {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        std::io::copy(env.input(), &mut std::io::sink())?;
        tell_target(env, start_response)
    });
    for head in heads {
        let bytes = format!("POST /a HTTP/1.1\r\nHost: x\r\n{head}\r\n{body}");
        let seen = statuses(server.local_addr(), bytes.as_bytes());
        assert!(matches!(seen[..], [400 | 501]), "{head:?}: {seen:?}");
    }
}

#[test]
fn both_length_and_coding() {
    let chunked = format!("0\r\n\r\n{HIDDEN}");
    let heads = [
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 6\r\nTransfer-Encoding: identity\r\n",
        "Content-Length: 6\r\nTransfer-Encoding:\r\n",
        "content-length:6\r\nTRANSFER-ENCODING:chunked\r\n",
    ];
    refused(&heads, &chunked);
    // The other way round: what the coding would hide, the length would not.
    let hidden = format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len());
    refused(&heads, &hidden);
}

#[test]
fn codings_that_some_take_for_chunked() {
    let body = format!("0\r\n\r\n{HIDDEN}");
    refused(
        &[
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding: chunkedx\r\n",
            "Transfer-Encoding: chunked-ish\r\n",
            "Transfer-Encoding: x chunked\r\n",
            "Transfer-Encoding: chunked x\r\n",
            "Transfer-Encoding: chunked, identity\r\n",
            "Transfer-Encoding: identity, chunked\r\n",
            "Transfer-Encoding: chunked, chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: cow\r\n",
            "Transfer-Encoding: ,chunked\r\n",
            "Transfer-Encoding: chunked,\r\n",
            "Transfer-Encoding: chunked;q=1\r\n",
            "Transfer-Encoding: \"chunked\"\r\n",
            "Transfer-Encoding: 'chunked'\r\n",
            "Transfer-Encoding: [chunked]\r\n",
            "Transfer-Encoding: \u{b}chunked\r\n",
            "Transfer-Encoding: chunked\u{c}\r\n",
            "Transfer-Encoding: \u{a0}chunked\r\n",
            "Transfer-Encoding: chunked\0\r\n",
            "Transfer-Encoding: c\u{200b}hunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n",
            "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n",
        ],
        &body,
    );
}

#[test]
fn names_that_some_take_for_a_coding() {
    let body = format!("0\r\n\r\n{HIDDEN}");
    refused(
        &[
            "Transfer-Encoding : chunked\r\n",
            "Transfer-Encoding\t: chunked\r\n",
            "Transfer-Encoding\u{b}: chunked\r\n",
            " Transfer-Encoding: chunked\r\n",
            "\tTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding\r\n: chunked\r\n",
            "Transfer-Encoding:\r\n chunked\r\n",
            "Transfer-Encoding:\r\n\tchunked\r\n",
            "Transfer-Encoding:\n chunked\r\n",
            "X: a\nTransfer-Encoding: chunked\r\n",
            "X: a\rTransfer-Encoding: chunked\r\n",
            "X: a\0\r\nTransfer-Encoding: chunked\r\n",
            "X: a\r\r\nTransfer-Encoding: chunked\r\n",
            "\r\r\nTransfer-Encoding: chunked\r\n",
            "\0Transfer-Encoding: chunked\r\n",
            "Transfer-Encoding;: chunked\r\n",
            "Transfer Encoding: chunked\r\n",
            "Transfer-Encoding chunked\r\n",
            ": chunked\r\n",
        ],
        &body,
    );
}

#[test]
fn lengths_that_some_read_otherwise() {
    refused(
        &[
            "Content-Length: +5\r\n",
            "Content-Length: -5\r\n",
            "Content-Length: -0\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length: 5.0\r\n",
            "Content-Length: 5e1\r\n",
            "Content-Length: 1_0\r\n",
            "Content-Length: 5 5\r\n",
            "Content-Length: 5,5\r\n",
            "Content-Length: 5, 6\r\n",
            "Content-Length: 5;x\r\n",
            "Content-Length: \"5\"\r\n",
            "Content-Length: 5\u{b}\r\n",
            "Content-Length: \u{665}\r\n",
            "Content-Length:\r\n",
            "Content-Length: 18446744073709551616\r\n",
            "Content-Length: 4294967296999999999999\r\n",
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: 0\r\nContent-Length: 44\r\n",
            "Content-Length: 5\r\n 0\r\n",
            "Content-Length : 5\r\n",
            "Content-Length\t: 5\r\n",
        ],
        HIDDEN,
    );
}

#[test]
fn chunks_that_some_read_otherwise() {
    let hidden = format!("0\r\n\r\n{HIDDEN}");
    for chunk in [
        "0x0\r\n",
        "+0\r\n",
        "-1\r\n",
        " 0\r\n",
        "0 \r\n",
        "0\t\r\n",
        "0\n",
        "0\r",
        "0\r\r\n",
        "0;\n",
        "0;a\rb\r\n",
        "0;a\nb\r\n",
        "0;\0\r\n",
        "\r\n",
        ";\r\n",
        "g\r\n",
        "1_\r\n",
        "00000000000000000\r\n",
        "10000000000000005\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\n",
        "5\r\nhello\r",
        "5\r\nhelloXX",
        "5\nhello\r\n",
        "1\r\nhello\r\n",
        "0\r\nX\r\n",
        "0\r\nX : a\r\n",
        "0\r\n a: b\r\n",
        "0\r\nX: a\r\n b\r\n",
        "0\r\nX: a\n",
        "0\r\nX: a\rb\r\n",
        "0\r\nX: \0\r\n",
        "0\r\n: a\r\n",
        "0\r\n\n",
        "0\r\n\r\r\n",
    ] {
        refused(
            &["Transfer-Encoding: chunked\r\n"],
            &format!("{chunk}{hidden}"),
        );
    }
}

#[test]
fn lines_that_some_read_otherwise() {
    let _watchdog = watchdog();
    let server = serve(tell_target);
    for request in [
        // More or less than three words.
        "GET /a\r\n\r\n",
        "GET  /a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a  HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a HTTP/1.1 \r\nHost: x\r\n\r\n",
        "GET\t/a\tHTTP/1.1\r\nHost: x\r\n\r\n",
        " GET /a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a\u{b}HTTP/1.1\r\nHost: x\r\n\r\n",
        // Line ends.
        "GET /a HTTP/1.1\nHost: x\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\n\n",
        "GET /a HTTP/1.1\rHost: x\r\r",
        "GET /a HTTP/1.1\r\nHost: x\r\n\n",
        "GET /a HTTP/1.1\r\nHost: x\r\n\r\r\n",
        // Versions.
        "GET /a HTTP/1.1x\r\nHost: x\r\n\r\n",
        "GET /a HTTP/01.1\r\nHost: x\r\n\r\n",
        "GET /a http/1.1\r\nHost: x\r\n\r\n",
        "GET /a HTTP/1\r\nHost: x\r\n\r\n",
        // Hosts.
        "GET /a HTTP/1.1\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x, y\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x y\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x/y\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: u@x\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x:y\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET /a HTTP/1.1\r\n Host: x\r\n\r\n",
        "GET http://u@x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
        // Bodies of HTTP/1.0.
        "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /a HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let bytes = format!("{request}{HIDDEN}");
        let seen = statuses(server.local_addr(), bytes.as_bytes());
        assert!(matches!(seen[..], [400]), "{request:?}: {seen:?}");
    }
}

#[test]
fn bodies_where_some_expect_none() {
    let _watchdog = watchdog();
    // The application looks at none of them.
    let server = serve(tell_target);
    let len = HIDDEN.len();
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        let head = format!("{method} /a HTTP/1.1\r\nHost: x\r\n");
        let last = "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        for body in [
            format!("Content-Length: {len}\r\n\r\n{HIDDEN}"),
            format!("Transfer-Encoding: chunked\r\n\r\n{len:x}\r\n{HIDDEN}\r\n0\r\n\r\n"),
            format!("Content-Length: 00{len}\r\n\r\n{HIDDEN}"),
        ] {
            let bytes = format!("{head}{body}{last}");
            let seen = statuses(server.local_addr(), bytes.as_bytes());
            assert_eq!(seen, [200, 200], "{method} {body:?}");
        }
    }
}

#[test]
fn trailers_are_no_headers() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        std::io::copy(env.input(), &mut std::io::sink())?;
        assert!(env.header("Content-Length").is_none() && env.header("X").is_none());
        tell_target(env, start_response)
    });
    let len = HIDDEN.len();
    let bytes = format!(
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
         0\r\nContent-Length: {len}\r\nX: a\r\nTransfer-Encoding: chunked\r\n\r\n\
         GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    );
    let seen = statuses(server.local_addr(), bytes.as_bytes());
    assert_eq!(seen, [200, 200]);
}

#[test]
fn the_target_outranks_the_host_line() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let host = env.host().unwrap_or_default().to_owned();
        start_response.send(maypole::http::StatusCode::OK, host)
    });
    let mut client = Client::connect(server.local_addr());
    let response = client.ask("GET http://target/a HTTP/1.1\r\nHost: line\r\n\r\n");
    assert_eq!(response.text(), "target");
}
