//! Request lines and header lines: what is accepted, and why the rest is not.

use super::*;
use ProtoError as E;

#[test]
fn a_plain_request() {
    let bytes = b"POST /a?b HTTP/1.1\r\nHost: a:80\r\nX-Empty:\r\nX-Tab:\t a\tb \t\r\n\
                  X-Obs: \xe9\r\nContent-Length: 3\r\n\r\nabcGET";
    let head = parsed(bytes);
    assert_eq!(head.request, "POST /a?b HTTP/1.1");
    assert_eq!(head.host.as_deref(), Some("a:80"));
    assert_eq!(head.framing, BodyFraming::Length(3));
    assert_eq!(&bytes[head.len..], b"abcGET");
    assert!(head.keep_alive && !head.expect_continue && !head.upgrade);
    let lines = [
        ("Host", &b"a:80"[..]),
        ("X-Empty", b""),
        ("X-Tab", b"a\tb"),
        ("X-Obs", b"\xe9"),
        ("Content-Length", b"3"),
    ];
    assert_eq!(
        head.headers,
        lines.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn finds_a_header_in_any_case() {
    let mut table = HeaderTable::new(&Limits::DEFAULT);
    let bytes = get("X-A: 1\r\nx-a: 2\r\n");
    let head = HeadParser::default().parse(&bytes, &Limits::DEFAULT, &mut table);
    let head = head.unwrap().unwrap();
    assert_eq!(head.header("x-A"), Some(&b"1"[..]));
    assert_eq!(head.header("x-b"), None);
}

#[test]
fn request_lines() {
    for good in [
        "GET / HTTP/1.1",
        "GET / HTTP/1.0",
        "get / HTTP/1.1",
        "F!O / HTTP/1.1",
        "A-VERY-LONG-METHOD-NAME / HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "CONNECT a:443 HTTP/1.1",
        "GET http://b/c?d HTTP/1.1",
    ] {
        assert_eq!(parsed(format!("{good}\r\nHost: a\r\n\r\n")).request, good);
    }
    for (line, error) in [
        // Not three words with one space between each.
        ("GET /", E::RequestLine),
        ("GET", E::RequestLine),
        ("GET ", E::RequestLine),
        ("GET / ", E::RequestLine),
        ("GET  / HTTP/1.1", E::RequestLine),
        ("GET /  HTTP/1.1", E::RequestLine),
        ("GET / HTTP/1.1 ", E::RequestLine),
        ("GET / HTTP/1.1 x", E::RequestLine),
        (" GET / HTTP/1.1", E::RequestLine),
        ("GET\t/ HTTP/1.1", E::RequestLine),
        ("GET /a b HTTP/1.1", E::Version),
        ("GET /\tHTTP/1.1", E::Target),
        // No token.
        ("G(T / HTTP/1.1", E::RequestLine),
        ("G\u{e9}T / HTTP/1.1", E::RequestLine),
        ("GE\0T / HTTP/1.1", E::RequestLine),
        ("GET: / HTTP/1.1", E::RequestLine),
        ("\"GET\" / HTTP/1.1", E::RequestLine),
        // Versions.
        ("GET / HTTP/2.0", E::UnsupportedVersion),
        ("GET / HTTP/0.9", E::UnsupportedVersion),
        ("GET / HTTP/1.2", E::UnsupportedVersion),
        ("GET / HTTP/3.1", E::UnsupportedVersion),
        ("PRI * HTTP/2.0", E::UnsupportedVersion),
        ("GET / HTTP/1", E::Version),
        ("GET / HTTP/2", E::Version),
        ("GET / HTTP/1.", E::Version),
        ("GET / HTTP/1.10", E::Version),
        ("GET / HTTP/11.1", E::Version),
        ("GET / HTTP/x.y", E::Version),
        ("GET / HTTP/1,1", E::Version),
        ("GET / http/1.1", E::Version),
        ("GET / FOO/1.1", E::Version),
        ("GET / HTTPS/1.1", E::Version),
        ("GET / HTTP/ 1.1", E::Version),
        ("GET / HTTP/1.1\0", E::Version),
        // Targets.
        ("GET * HTTP/1.1", E::Target),
        ("GET a HTTP/1.1", E::Target),
        ("GET a:80 HTTP/1.1", E::Target),
        ("GET /a#b HTTP/1.1", E::Target),
        ("GET /\u{e9} HTTP/1.1", E::Target),
        ("GET /\0 HTTP/1.1", E::Target),
        ("GET /\u{7f} HTTP/1.1", E::Target),
        ("GET /\u{b} HTTP/1.1", E::Target),
        ("GET ftp://a/ HTTP/1.1", E::Target),
        ("CONNECT / HTTP/1.1", E::Target),
        ("CONNECT a HTTP/1.1", E::Target),
    ] {
        assert_eq!(
            parse(format!("{line}\r\nHost: a\r\n\r\n")),
            Err(error),
            "{line:?}"
        );
    }
    // Bytes beyond ASCII that are not UTF-8.
    assert_eq!(
        parse(b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n"),
        Err(E::Target)
    );
}

#[test]
fn line_ends() {
    for (bytes, error) in [
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", E::BareLf),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", E::BareLf),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", E::BareLf),
        ("GET / HTTP/1.1\r\nHost: a\n\n", E::BareLf),
        ("GET / HTTP/1.1\nHost: a\n\n", E::BareLf),
        ("GET / HTTP/1.1\n\n", E::BareLf),
        ("GET / HTTP/1.0\r\n\n", E::BareLf),
        ("GET / HTTP/1.1\r\nHost: a\r\nX:\n\r\n", E::BareLf),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \n\r\n", E::BareLf),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\n\r\n", E::BareLf),
        ("GET\n/ HTTP/1.1\r\n\r\n", E::BareLf),
        ("GET /\nHTTP/1.1\r\n\r\n", E::BareLf),
        ("GET / HTTP/\n1.1\r\n\r\n", E::BareLf),
        ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", E::BareLf),
        ("\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", E::BareLf),
        ("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", E::BareCr),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n", E::BareCr),
        ("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", E::BareCr),
        ("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", E::BareCr),
        ("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", E::BareCr),
        ("GET / HTTP/1.1\r\nHost: a\r\nX:\rb\r\n\r\n", E::BareCr),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\r: b\r\n\r\n", E::BareCr),
        ("GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n", E::BareCr),
    ] {
        assert_eq!(parse(bytes), Err(error), "{bytes:?}");
    }
}

#[test]
fn empty_lines_before_the_request() {
    for lines in 0..=4 {
        let bytes = [&b"\r\n".repeat(lines)[..], &get("")].concat();
        assert_eq!(parsed(&bytes).len, bytes.len());
        assert_eq!(parse(b"\r\n".repeat(lines)), Ok(None));
    }
    let bytes = [&b"\r\n".repeat(5)[..], &get("")].concat();
    assert_eq!(parse(bytes), Err(E::EmptyLines));
}

#[test]
fn header_lines() {
    for (line, error) in [
        (&b"X : b\r\n"[..], E::SpaceInName),
        (b"X\t: b\r\n", E::SpaceInName),
        (b"X Y: b\r\n", E::SpaceInName),
        (b"X b\r\n", E::SpaceInName),
        (b" X: b\r\n", E::Folded),
        (b"\tb\r\n", E::Folded),
        (b"X: a\r\n b\r\n", E::Folded),
        (b"X: a\r\n\tb\r\n", E::Folded),
        (b"X: a\r\n \r\n", E::Folded),
        (b"X\r\n", E::MissingColon),
        (b": b\r\n", E::FieldName),
        (b":\r\n", E::FieldName),
        (b"X\0: b\r\n", E::FieldName),
        (b"\0X: b\r\n", E::FieldName),
        (b"X(: b\r\n", E::FieldName),
        (b"X\xe9: b\r\n", E::FieldName),
        (b"X\x7f: b\r\n", E::FieldName),
        (b"\"X\": b\r\n", E::FieldName),
        (b"X: a\0b\r\n", E::FieldValue),
        (b"X: \0\r\n", E::FieldValue),
        (b"X:\0\r\n", E::FieldValue),
        (b"X: a\x01\r\n", E::FieldValue),
        (b"X: a\x08b\r\n", E::FieldValue),
        (b"X: a\x0bb\r\n", E::FieldValue),
        (b"X: a\x0cb\r\n", E::FieldValue),
        (b"X: a\x1bb\r\n", E::FieldValue),
        (b"X: a\x7fb\r\n", E::FieldValue),
    ] {
        assert_eq!(parse(get(line)), Err(error), "{line:?}");
        let first = [b"GET / HTTP/1.1\r\n", line, b"Host: a\r\n\r\n"].concat();
        assert_eq!(parse(first), Err(error), "{line:?} as the first line");
    }
}

#[test]
fn hosts() {
    assert_eq!(parse("GET / HTTP/1.1\r\n\r\n"), Err(E::MissingHost));
    assert_eq!(parse("GET http://a/ HTTP/1.1\r\n\r\n"), Err(E::MissingHost));
    assert_eq!(parsed(get_10("")).host, None);
    assert_eq!(parsed(get_10("hOST: b\r\n")).host.as_deref(), Some("b"));
    assert_eq!(
        parsed("GET / HTTP/1.1\r\nHost:\r\n\r\n").host.as_deref(),
        Some("")
    );
    assert_eq!(parse(get("Host: a\r\n")), Err(E::DuplicateHost));
    assert_eq!(parse(get("hOST: b\r\n")), Err(E::DuplicateHost));
    assert_eq!(
        parse(get_10("Host: a\r\nHost: a\r\n")),
        Err(E::DuplicateHost)
    );
    for bad in [
        "a b", "a, b", "u@a", "a/b", "a:b", "a:65536", "[::1", "\u{e9}",
    ] {
        let request = |target| format!("GET {target} HTTP/1.1\r\nHost: {bad}\r\n\r\n");
        assert_eq!(parse(request("/")), Err(E::Host), "{bad}");
        assert_eq!(parse(request("http://a/")), Err(E::Host), "{bad}");
        assert_eq!(
            parse(get_10(&format!("Host: {bad}\r\n"))),
            Err(E::Host),
            "{bad}"
        );
    }
    // The target outranks the line.
    let head = parsed("GET http://b:81/ HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(head.host.as_deref(), Some("b:81"));
    let head = parsed("CONNECT b:81 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(head.host.as_deref(), Some("b:81"));
}

#[test]
fn persistence() {
    // The rules are tested in connection.rs; here, that the lines reach them.
    assert!(parsed(get("")).keep_alive);
    assert!(!parsed(get("Connection: TE, Close\r\n")).keep_alive);
    assert!(!parsed(get("Connection: keep-alive\r\nconnection: close\r\n")).keep_alive);
    assert!(!parsed(get_10("")).keep_alive);
    assert!(parsed(get_10("Connection: Keep-Alive\r\n")).keep_alive);
    assert!(
        parsed(get_10(
            "Proxy-Connection: close\r\nConnection: keep-alive\r\n"
        ))
        .keep_alive
    );
}

#[test]
fn expectations() {
    let body = "Content-Length: 1\r\n";
    for (lines, expected) in [
        ("Expect: 100-continue\r\n", Ok(true)),
        ("expect: 100-Continue\r\n", Ok(true)),
        ("Expect: 100-continue, 100-continue\r\n", Ok(true)),
        ("Expect: , 100-continue ,\r\n", Ok(true)),
        ("Expect:\r\n", Ok(false)),
        ("Expect: 200-ok\r\n", Err(E::Expectation)),
        ("Expect: 100-continue;a=b\r\n", Err(E::Expectation)),
        ("Expect: 100-continue, x\r\n", Err(E::Expectation)),
        ("Expect: 100-continue\r\nExpect: x\r\n", Err(E::Expectation)),
        ("Expect: 100\r\n", Err(E::Expectation)),
    ] {
        let head = parse(get(format!("{body}{lines}")));
        assert_eq!(
            head.map(|head| head.unwrap().expect_continue),
            expected,
            "{lines:?}"
        );
        let head = parsed(get_10(&format!("{body}{lines}")));
        assert!(!head.expect_continue, "{lines:?} in HTTP/1.0");
    }
    let expect = "Expect: 100-continue\r\n";
    assert!(!parsed(get(expect)).expect_continue, "without a body");
    assert!(!parsed(get(format!("Content-Length: 0\r\n{expect}"))).expect_continue);
    assert!(parsed(get(format!("Transfer-Encoding: chunked\r\n{expect}"))).expect_continue);
}

#[test]
fn upgrades() {
    let upgrade = "Upgrade: websocket\r\n";
    assert!(parsed(get(format!("Connection: keep-alive, Upgrade\r\n{upgrade}"))).upgrade);
    assert!(!parsed(get(upgrade)).upgrade);
    assert!(!parsed(get("Connection: upgrade\r\n")).upgrade);
    assert!(!parsed(get_10(&format!("Connection: upgrade\r\n{upgrade}"))).upgrade);
}
