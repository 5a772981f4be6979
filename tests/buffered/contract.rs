//! What the buffered server does in its own way: one answer, whole.

use std::io::{self, Write};

use maypole::http::StatusCode;
use maypole::wsgi::WsgiServer;

use crate::support::{Client, noise, watchdog};
use crate::{GET, get, hello, serve};

/// A server with nothing but defaults.
fn plain() -> WsgiServer {
    let server = WsgiServer::bind("127.0.0.1:0", hello).unwrap();
    server.start().unwrap();
    server
}

#[test]
fn it_closes_and_names_itself_by_default() {
    let _watchdog = watchdog();
    let server = plain();
    for connection in ["", "Connection: keep-alive\r\n"] {
        for version in ["1.1", "1.0"] {
            let request = format!("GET / HTTP/{version}\r\nHost: x\r\n{connection}\r\n");
            // What is sent ahead is not answered.
            let mut client = Client::with(server.local_addr(), request.repeat(2));
            let response = client.response();
            assert_eq!(response.header("connection"), Some("close"));
            let name = concat!("maypole/", env!("CARGO_PKG_VERSION"));
            assert_eq!(response.header("server"), Some(name));
            assert_eq!(response.header("content-length"), Some("18"));
            assert_eq!(response.text(), "<b>hello world</b>");
            client.expect_end();
        }
    }
}

#[test]
fn however_it_is_written_the_answer_has_its_length() {
    let _watchdog = watchdog();
    let data = noise(300_000);
    let theirs = data.clone();
    let server = serve(move |env, start_response| match env.path_info() {
        "/pieces" => {
            let mut body = start_response.start(StatusCode::OK)?;
            let mut pieces = theirs.chunks(1000);
            pieces.try_for_each(|piece| body.write_all(piece))
        }
        "/chunks" => start_response.send_chunks(StatusCode::OK, theirs.chunks(1000)),
        "/parts" => start_response.send_parts(StatusCode::OK, &[&theirs[..10], &theirs[10..]]),
        _ => start_response.send(StatusCode::OK, &theirs),
    });
    for version in ["1.1", "1.0"] {
        for path in ["/pieces", "/chunks", "/parts", "/whole"] {
            let request = format!("GET {path} HTTP/{version}\r\nHost: x\r\n\r\n");
            let response = Client::with(server.local_addr(), request).response();
            assert_eq!(response.header("content-length"), Some("300000"), "{path}");
            assert_eq!(response.header("transfer-encoding"), None);
            assert!(response.body == data, "{path}");
        }
    }
}

#[test]
fn nothing_is_seen_of_an_answer_that_fails_before_its_end() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let mut body = start_response.start(StatusCode::OK)?;
        body.write_all(&noise(200_000))?;
        match env.path_info() {
            "/error" => Err(io::Error::other("on purpose")),
            _ => panic!("on purpose"),
        }
    });
    for path in ["/error", "/panic"] {
        let mut client = Client::with(server.local_addr(), get(path));
        assert_eq!(client.response().status, 500);
        client.expect_end();
    }
}

#[test]
fn what_it_does_not_do_is_an_error_that_names_pywsgi() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let error = match env.path_info() {
            "/flush" => start_response.start(StatusCode::OK)?.flush(),
            "/trailer" => start_response.start(StatusCode::OK)?.trailer("X", "y"),
            _ => start_response
                .header("Upgrade", "echo")
                .upgrade(env)
                .map(drop),
        };
        let error = error.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        assert!(error.to_string().contains("pywsgi"), "{error}");
        Err(error)
    });
    for path in ["/flush", "/trailer", "/upgrade"] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n"
        );
        let mut client = Client::with(server.local_addr(), request);
        assert_eq!(client.response().status, 500, "{path}");
        client.expect_end();
    }
}

#[cfg(feature = "tls")]
#[test]
fn tls_is_refused() {
    let _watchdog = watchdog();
    let config = crate::support::tls_config();
    let below = config.clone();
    for builder in [
        WsgiServer::builder().tls(config),
        WsgiServer::builder().server(|server| server.tls(below)),
    ] {
        let error = builder.bind("127.0.0.1:0", hello).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        assert!(error.to_string().contains("pywsgi"), "{error}");
    }
}

#[test]
fn it_tells_the_request_uri() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let uri = env.var("REQUEST_URI").unwrap().into_owned();
        start_response.send(StatusCode::OK, uri)
    });
    let mut client = Client::connect(server.local_addr());
    assert_eq!(client.ask(get("/a%20b?c")).text(), "/a%20b?c");
    assert_eq!(client.ask(GET).text(), "/");
}
