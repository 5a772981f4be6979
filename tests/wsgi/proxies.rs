//! Trusted proxies: whom a request is from, and who may say so.

use std::net::Shutdown;

use maypole::http::{Environ, StartResponse, StatusCode, TrustedProxies};

use crate::support::{Client, capture_log, logged, until, watchdog};
use crate::{builder, get, serve, serve_with};

/// Answers with what the application knows about its client.
fn tell_client(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> std::io::Result<()> {
    let var = |name| env.var(name).unwrap_or_default().into_owned();
    let own = format!("{} {}", env.peer_addr().unwrap(), env.scheme());
    let cgi = ["REMOTE_ADDR", "REMOTE_PORT", "wsgi.url_scheme"].map(var);
    start_response.send(StatusCode::OK, format!("{own} {}", cgi.join(" ")))
}

fn trusting(networks: &[&str]) -> TrustedProxies {
    TrustedProxies::new(networks).unwrap()
}

const FORWARDED: &str = "GET /forwarded HTTP/1.1\r\nHost: x\r\n\
                         X-Forwarded-For: 6.6.6.6, 192.0.2.7\r\n\
                         X-Forwarded-Proto: https\r\n\r\n";

#[test]
fn nobody_is_trusted_unless_told() {
    let _watchdog = watchdog();
    for proxies in [
        None,
        Some(trusting(&["10.0.0.0/8"]).x_forwarded().forwarded()),
    ] {
        let builder = builder();
        let builder = match proxies {
            Some(proxies) => builder.trusted_proxies(proxies),
            None => builder,
        };
        let server = serve_with(builder, tell_client);
        let mut client = Client::connect(server.local_addr());
        let port = client.addr().port();
        let text = client.ask(FORWARDED);
        assert_eq!(
            text.text(),
            format!("127.0.0.1:{port} http 127.0.0.1 {port} http")
        );
    }
}

#[test]
fn a_trusted_proxy_is_believed() {
    let _watchdog = watchdog();
    capture_log();
    let proxies = trusting(&["127.0.0.0/8"]).x_forwarded();
    let server = serve_with(builder().trusted_proxies(proxies), tell_client);
    let mut client = Client::connect(server.local_addr());
    let response = client.ask(FORWARDED);
    assert_eq!(response.text(), "192.0.2.7:0 https 192.0.2.7 0 https");
    // Each request by itself.
    assert!(client.ask(get("/")).text().starts_with("127.0.0.1:"));
    until("an access line", || !logged("GET /forwarded").is_empty());
    assert!(
        logged("GET /forwarded")
            .iter()
            .any(|record| record.text.starts_with("192.0.2.7 - - "))
    );
}

#[test]
fn the_proxy_protocol_names_the_client() {
    let _watchdog = watchdog();
    let proxies = trusting(&["127.0.0.1"]).proxy_protocol();
    let server = serve_with(builder().trusted_proxies(proxies), tell_client);
    let v4 = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".to_vec();
    let v6 = b"PROXY TCP6 2001:db8::1 2001:db8::2 4 5\r\n".to_vec();
    let binary =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb\x04\0\0"
            .to_vec();
    for (header, client_is) in [
        (v4, "192.0.2.1:56324 "),
        (v6, "[2001:db8::1]:4 "),
        (binary, "192.0.2.1:56324 "),
    ] {
        // With the request in the same packet, and byte by byte.
        let mut client = Client::with(
            server.local_addr(),
            [&header[..], get("/").as_bytes()].concat(),
        );
        let text = client.response();
        assert!(text.text().starts_with(client_is), "{}", text.text());
        assert!(client.ask(get("/")).text().starts_with(client_is));
        let mut client = Client::connect(server.local_addr());
        for byte in header {
            client.send([byte]);
        }
        assert!(client.ask(get("/")).text().starts_with(client_is));
    }
    let mut client = Client::with(server.local_addr(), "PROXY UNKNOWN\r\n");
    assert!(client.ask(get("/")).text().starts_with("127.0.0.1:"));
}

#[test]
fn a_proxy_without_its_header_is_closed() {
    let _watchdog = watchdog();
    let proxies = trusting(&["127.0.0.1"]).proxy_protocol();
    let server = serve_with(builder().trusted_proxies(proxies), tell_client);
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 4430000\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\nGET / HTTP/1.1\r\n",
        &[b'A'; 200],
        b"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\x0c123456789012",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
        b"PROXY TCP4 half",
    ] {
        let mut client = Client::with(server.local_addr(), bytes);
        let _ = client.stream().shutdown(Shutdown::Write);
        client.expect_closed();
    }
    assert_eq!(server.metrics().requests, 0);
}

#[test]
fn a_stranger_s_header_is_no_http() {
    let _watchdog = watchdog();
    let server = serve(tell_client);
    let header = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";
    let mut client = Client::with(server.local_addr(), header);
    assert_eq!(client.response().status, 400);
    client.expect_end();
}
