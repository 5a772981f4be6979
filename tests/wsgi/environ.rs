//! The request as the application sees it.

use std::fmt::Write;
use std::net::SocketAddr;

use maypole::http::{Environ, StatusCode, Version};

use crate::support::{Client, watchdog};
use crate::{builder, get, serve, serve_with};

/// Asks a server whose application answers with what `look` makes of it.
#[track_caller]
fn seen(request: impl AsRef<[u8]>, look: fn(&mut Environ<'_>) -> String) -> String {
    let server = serve(move |env, start_response| {
        let text = look(env);
        start_response.send(StatusCode::OK, text)
    });
    let response = Client::connect(server.local_addr()).ask(request);
    assert_eq!(response.status, 200);
    response.text().to_owned()
}

#[test]
fn cgi_names() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let mut text = String::new();
        for name in NAMES {
            let _ = writeln!(
                text,
                "{name}={}",
                env.var(name).as_deref().unwrap_or("(none)")
            );
        }
        start_response.send(StatusCode::OK, text)
    });
    let mut client = Client::connect(server.local_addr());
    let request = "POST /a%20b/%C3%A9?x=1&y=%20 HTTP/1.1\r\nHost: example.org:81\r\n\
                   Content-Type: text/plain\r\nContent-Length: 2\r\n\
                   X-Custom-Name: first\r\nX-CUSTOM-NAME: second\r\n\
                   X_Under_Score: spoof\r\nX-Sp_oof: spoof\r\nAccept: a\r\n\
                   Cookie: a=1\r\nCookie: b=2\r\nProxy: evil\r\n\
                   X-Latin: \u{e9}\r\nX-Empty:\r\n\r\nhi";
    // As bytes, since that is one byte of Latin-1.
    let request: Vec<u8> = request.chars().map(|c| u8::try_from(c).unwrap()).collect();
    let response = client.ask(request);
    let got: Vec<_> = response.text().lines().collect();
    let (here, there) = (server.local_addr(), client.addr());
    let expected = [
        "REQUEST_METHOD=POST".to_owned(),
        "SCRIPT_NAME=".to_owned(),
        "PATH_INFO=/a b/Ã\u{a9}".to_owned(),
        "QUERY_STRING=x=1&y=%20".to_owned(),
        "REQUEST_URI=/a%20b/%C3%A9?x=1&y=%20".to_owned(),
        "SERVER_PROTOCOL=HTTP/1.1".to_owned(),
        "SERVER_NAME=127.0.0.1".to_owned(),
        format!("SERVER_PORT={}", here.port()),
        "REMOTE_ADDR=127.0.0.1".to_owned(),
        format!("REMOTE_PORT={}", there.port()),
        "GATEWAY_INTERFACE=CGI/1.1".to_owned(),
        concat!("SERVER_SOFTWARE=maypole/", env!("CARGO_PKG_VERSION")).to_owned(),
        "wsgi.version=1.0".to_owned(),
        "wsgi.url_scheme=http".to_owned(),
        format!("wsgi.multithread={}", maypole::Hub::count() > 1),
        "wsgi.multiprocess=false".to_owned(),
        "wsgi.run_once=false".to_owned(),
        "wsgi.input_terminated=true".to_owned(),
        "CONTENT_TYPE=text/plain".to_owned(),
        "CONTENT_LENGTH=2".to_owned(),
        "HTTP_HOST=example.org:81".to_owned(),
        "HTTP_ACCEPT=a".to_owned(),
        "HTTP_X_CUSTOM_NAME=first,second".to_owned(),
        "HTTP_COOKIE=a=1; b=2".to_owned(),
        "HTTP_X_LATIN=é".to_owned(),
        "HTTP_X_EMPTY=".to_owned(),
        "HTTP_X_UNDER_SCORE=(none)".to_owned(),
        "HTTP_X_SP_OOF=(none)".to_owned(),
        "HTTP_X-CUSTOM-NAME=(none)".to_owned(),
        "HTTP_accept=(none)".to_owned(),
        "HTTP_PROXY=(none)".to_owned(),
        "HTTP_CONTENT_TYPE=(none)".to_owned(),
        "HTTP_CONTENT_LENGTH=(none)".to_owned(),
        "HTTP_ABSENT=(none)".to_owned(),
        "X_CUSTOM_NAME=(none)".to_owned(),
        "UNKNOWN=(none)".to_owned(),
    ];
    assert_eq!(got, expected);
}

const NAMES: [&str; 36] = [
    "REQUEST_METHOD",
    "SCRIPT_NAME",
    "PATH_INFO",
    "QUERY_STRING",
    "REQUEST_URI",
    "SERVER_PROTOCOL",
    "SERVER_NAME",
    "SERVER_PORT",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "GATEWAY_INTERFACE",
    "SERVER_SOFTWARE",
    "wsgi.version",
    "wsgi.url_scheme",
    "wsgi.multithread",
    "wsgi.multiprocess",
    "wsgi.run_once",
    "wsgi.input_terminated",
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "HTTP_HOST",
    "HTTP_ACCEPT",
    "HTTP_X_CUSTOM_NAME",
    "HTTP_COOKIE",
    "HTTP_X_LATIN",
    "HTTP_X_EMPTY",
    "HTTP_X_UNDER_SCORE",
    "HTTP_X_SP_OOF",
    "HTTP_X-CUSTOM-NAME",
    "HTTP_accept",
    "HTTP_PROXY",
    "HTTP_CONTENT_TYPE",
    "HTTP_CONTENT_LENGTH",
    "HTTP_ABSENT",
    "X_CUSTOM_NAME",
    "UNKNOWN",
];

#[test]
fn paths_are_decoded() {
    let _watchdog = watchdog();
    for (target, path) in [
        ("/", "/"),
        ("/plain/path", "/plain/path"),
        ("/a%20b", "/a b"),
        ("/%41%2f%2F", "/A//"),
        ("/%c3%a9", "/é"),
        ("/%ff", "/\u{fffd}"),
        ("/100%", "/100%"),
        ("/%zz", "/%zz"),
        ("/a+b", "/a+b"),
        ("/../x//y", "/../x//y"),
        ("/?a?b", "/"),
        ("http://host/p?q", "/p"),
        ("http://host", "/"),
    ] {
        let got = seen(get(target), |env| env.path_info().to_owned());
        assert_eq!(got, path, "{target}");
        let raw = seen(get(target), |env| env.target().to_owned());
        assert_eq!(raw, target);
    }
}

#[test]
fn queries_stay_as_they_are() {
    let _watchdog = watchdog();
    for (target, query) in [
        ("/", ""),
        ("/?", ""),
        ("/?a=b&c=%20", "a=b&c=%20"),
        ("/?a?b", "a?b"),
        ("http://host?q", "q"),
    ] {
        let got = seen(get(target), |env| env.query_string().to_owned());
        assert_eq!(got, query, "{target}");
    }
}

#[test]
fn the_host_is_that_of_the_target_or_the_header_line() {
    let _watchdog = watchdog();
    let look = |env: &mut Environ<'_>| format!("{:?}", env.host());
    assert_eq!(seen(get("/"), look), "Some(\"x\")");
    assert_eq!(seen(get("http://other:1/"), look), "Some(\"other:1\")");
    assert_eq!(seen("GET / HTTP/1.0\r\n\r\n", look), "None");
    // RFC 9112 section 3.2.2: the header line is ignored then.
    let look = |env: &mut Environ<'_>| env.var("HTTP_HOST").unwrap().into_owned();
    assert_eq!(seen(get("/"), look), "x");
    assert_eq!(seen(get("http://other:1/"), look), "other:1");
}

#[test]
fn header_lines_in_order_and_in_any_case() {
    let _watchdog = watchdog();
    let request = "GET / HTTP/1.1\r\nHost: x\r\nB: 1\r\na:  2 \t\r\nb: 3\r\n\r\n";
    let all = seen(request, |env| {
        env.headers()
            .map(|(name, value)| format!("{name}={};", String::from_utf8_lossy(value)))
            .collect()
    });
    assert_eq!(all, "Host=x;B=1;a=2;b=3;");
    let first = seen(request, |env| {
        let value = env.header("b").unwrap();
        format!(
            "{} {}",
            String::from_utf8_lossy(value),
            env.header("c").is_none()
        )
    });
    assert_eq!(first, "1 true");
}

#[test]
fn the_versions() {
    let _watchdog = watchdog();
    let look = |env: &mut Environ<'_>| match env.version() {
        Version::HTTP_10 => format!("1.0 {}", env.var("SERVER_PROTOCOL").unwrap()),
        Version::HTTP_11 => format!("1.1 {}", env.var("SERVER_PROTOCOL").unwrap()),
        other => panic!("{other:?}"),
    };
    assert_eq!(seen(get("/"), look), "1.1 HTTP/1.1");
    assert_eq!(seen("GET / HTTP/1.0\r\n\r\n", look), "1.0 HTTP/1.0");
}

#[test]
fn what_is_secret_stays_out_of_debug() {
    let _watchdog = watchdog();
    let request = "GET /?token=secret HTTP/1.1\r\nHost: x\r\nCookie: secret\r\n\
                   Authorization: secret\r\n\r\n";
    let text = seen(request, |env| {
        let input = format!("{:?}", env.input());
        format!("{env:?} {input}")
    });
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn asterisk_form() {
    let _watchdog = watchdog();
    let request = "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n";
    let path = seen(request, |env| env.path_info().to_owned());
    assert_eq!(path, "*");
}

#[test]
fn the_server_s_owner_adds_to_the_environ() {
    let _watchdog = watchdog();
    let builder = builder()
        .environ("SERVER_NAME", "overridden")
        .environ("SERVER_NAME", "example.org")
        .environ("SCRIPT_NAME", "/app")
        .environ("REQUEST_METHOD", "never")
        .environ("HTTP_X_PRESET", "preset")
        .environ("HTTP_X_SENT", "preset")
        .environ("wsgi.url_scheme", "https")
        .environ("my.own", "thing");
    let names = [
        "SERVER_NAME",
        "SCRIPT_NAME",
        "REQUEST_METHOD",
        "HTTP_X_PRESET",
        "HTTP_X_SENT",
        "wsgi.url_scheme",
        "my.own",
    ];
    let server = serve_with(builder, move |env, start_response| {
        let values = names.map(|name| env.var(name).unwrap().into_owned());
        let text = format!("{} {}", values.join(" "), env.scheme());
        start_response.send(StatusCode::OK, text)
    });
    let request = "GET / HTTP/1.1\r\nHost: x\r\nX-Sent: sent\r\n\r\n";
    let response = Client::connect(server.local_addr()).ask(request);
    let expected = "example.org /app GET preset sent https thing https";
    assert_eq!(response.text(), expected);
}

#[test]
fn as_a_request_of_the_http_crate() {
    let _watchdog = watchdog();
    let request = "PUT /a%20b?x=1 HTTP/1.1\r\nHost: x\r\nB: 1\r\na: 2\r\nb: 3\r\n\
                   Cookie: secret\r\nAuthorization: secret\r\n\r\n";
    let text = seen(request, |env| {
        let request = env.to_request().unwrap();
        let debug = format!("{request:?}");
        assert!(!debug.contains("secret"), "{debug}");
        let peer = *request.extensions().get::<SocketAddr>().unwrap();
        assert_eq!(Some(peer), env.peer_addr());
        let headers = request.headers();
        assert_eq!(headers.len(), 6);
        let all: Vec<_> = headers.get_all("b").iter().collect();
        format!(
            "{} {} {:?} {all:?}",
            request.method(),
            request.uri(),
            request.version()
        )
    });
    assert_eq!(text, r#"PUT /a%20b?x=1 HTTP/1.1 ["1", "3"]"#);
    let uri = |env: &mut Environ<'_>| env.to_request().unwrap().uri().to_string();
    assert_eq!(seen(get("http://host:1/p?q"), uri), "http://host:1/p?q");
    let request = "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(seen(request, uri), "*");
}

#[test]
fn authority_form() {
    let _watchdog = watchdog();
    let request = "CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\n\r\n";
    let server = serve(|env, start_response| {
        let text = format!("{:?} {:?} {}", env.host(), env.path_info(), env.target());
        start_response.send(StatusCode::FORBIDDEN, text)
    });
    let response = Client::connect(server.local_addr()).ask(request);
    assert_eq!(response.text(), r#"Some("host:443") "" host:443"#);
}
