//! Limits and trust, as the settings have them.

use super::{Client, Server, get, watchdog};

#[test]
fn limits() {
    let _watchdog = watchdog();
    let file = "
        limit_request_line = 100
        limit_request_fields = 5
        limit_request_field_size = 50
        limit_request_body = 1000
    ";
    for kind in ["pywsgi", "wsgi"] {
        let server = Server::start_with(&[], file, &["--server", kind]);
        let status = |request: String| {
            let response = Client::connect(server.addr).ask(request);
            if response.status >= 400 {
                assert_eq!(response.header("connection"), Some("close"));
            }
            response.status
        };
        let post = |n: usize| {
            let body = "b".repeat(n);
            format!("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\r\n\r\n{body}")
        };
        let lines = |n| {
            let lines: String = (1..n).map(|n| format!("X-{n}: x\r\n")).collect();
            format!("GET / HTTP/1.1\r\nHost: x\r\n{lines}\r\n")
        };
        let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(50));
        for (request, expected) in [
            (get("/"), 200),
            (get(&format!("/{}", "a".repeat(100))), 414),
            (lines(5), 200),
            (lines(6), 431),
            (long, 431),
            (post(1000), 200),
            (post(1001), 413),
        ] {
            assert_eq!(status(request.clone()), expected, "{kind}: {request}");
        }
        server.end();
    }
}

#[test]
fn proxies_are_believed_if_they_are_trusted() {
    let _watchdog = watchdog();
    let asked = |server: &Server| {
        let lines = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https";
        let head = |name| format!("GET /environ?{name} HTTP/1.1\r\nHost: x\r\n{lines}\r\n\r\n");
        let ask = |name| {
            Client::connect(server.addr)
                .ask(head(name))
                .text()
                .to_owned()
        };
        (ask("REMOTE_ADDR"), ask("wsgi.url_scheme"))
    };
    let told = ("192.0.2.7".to_owned(), "https".to_owned());
    let direct = ("127.0.0.1".to_owned(), "http".to_owned());
    let header = "forwarded_header = \"x-forwarded\"\n";
    for (file, expected) in [
        (String::new(), &direct),
        (header.to_owned(), &told),
        (
            format!("{header}forwarded_allow_ips = [\"192.0.2.0/24\"]\n"),
            &direct,
        ),
        (format!("{header}forwarded_allow_ips = [\"*\"]\n"), &told),
    ] {
        let server = Server::start_with(&[], &file, &[]);
        assert_eq!(asked(&server), *expected, "{file}");
        server.end();
    }
}

#[test]
fn the_proxy_protocol() {
    let _watchdog = watchdog();
    let server = Server::start(&["--proxy-protocol"]);
    let mut client = Client::connect(server.addr);
    client.send("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n");
    let response = client.ask(get("/environ?REMOTE_ADDR"));
    assert_eq!(response.text(), "192.0.2.1");
    server.end();
    // Others are served as they are.
    let server = Server::start(&["--proxy-protocol", "--proxy-allow-ips", "192.0.2.9"]);
    assert_eq!(server.ask("/environ?REMOTE_ADDR").text(), "127.0.0.1");
    server.end();
}

#[test]
fn one_request_a_connection() {
    let _watchdog = watchdog();
    for kind in ["pywsgi", "wsgi"] {
        let server = Server::start(&["--keepalive", "0", "--server", kind]);
        let mut client = Client::connect(server.addr);
        let response = client.ask(get("/"));
        assert_eq!(response.header("connection"), Some("close"), "{kind}");
        client.expect_end();
        server.end();
    }
}

#[test]
fn the_server_s_name() {
    let _watchdog = watchdog();
    for kind in ["pywsgi", "wsgi"] {
        let server = Server::start(&["--server", kind]);
        assert_eq!(server.ask("/").header("server"), None, "{kind}");
        server.end();
        let server = Server::start(&["--server", kind, "--server-header", "shop"]);
        assert_eq!(server.ask("/").header("server"), Some("shop"), "{kind}");
        server.end();
    }
}
