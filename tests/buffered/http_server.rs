//! Handlers that get each request as one value.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;

use maypole::http::{HttpRequest, HttpServer, StatusCode, Version};
use maypole::pool::Pool;
use maypole::server::Listener;
use maypole::wsgi::WsgiServer;

use crate::support::{Client, PATIENCE, watchdog};
use crate::{GET, builder, get, post, post_chunked};

fn serve<F>(handler: F) -> HttpServer
where
    F: Fn(HttpRequest) -> io::Result<()> + Send + Sync + 'static,
{
    let server = HttpServer::bind_with(builder(), "127.0.0.1:0", handler).unwrap();
    server.start().unwrap();
    server
}

#[test]
fn a_request_tells_all_about_itself() {
    let _watchdog = watchdog();
    let server = serve(|mut request| {
        assert_eq!(request.method().as_str(), "POST");
        assert_eq!(request.target(), "/a%20b?c=d");
        assert_eq!((request.path(), request.query()), ("/a b", "c=d"));
        assert_eq!(request.version(), Version::HTTP_11);
        assert!(request.peer_addr().unwrap().ip().is_loopback());
        assert_eq!(request.header("HOST"), Some(&b"x"[..]));
        assert_eq!(request.header("X-None"), None);
        assert_eq!(request.headers().count(), 2);
        assert_eq!(request.body(), b"body");
        assert!(!format!("{request:?}").contains("Host"));
        request.add_header("X-Own", "1");
        let body = request.take_body();
        request.send_reply(StatusCode::CREATED, body);
        Ok(())
    });
    let mut client = Client::connect(server.local_addr());
    let requests = [
        post("/a%20b?c=d", b"body"),
        post_chunked("/a%20b?c=d", b"body", 3),
    ];
    for request in requests {
        let response = client.ask(request);
        assert_eq!(response.status, 201);
        assert_eq!(response.header("x-own"), Some("1"));
        assert_eq!(response.header("content-length"), Some("4"));
        assert_eq!(response.text(), "body");
    }
}

#[test]
fn it_listens_at_several_places() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http");
    let listeners = [
        Listener::bind("127.0.0.1:0").unwrap(),
        Listener::bind_unix(&path).unwrap(),
    ];
    let builder = builder().server(|server| server.listeners(listeners));
    let server = HttpServer::serve_with(builder, |request| {
        let is_inet = request.peer_addr().is_some();
        request.send_reply(StatusCode::OK, is_inet.to_string());
        Ok(())
    })
    .unwrap();
    server.start().unwrap();
    assert_eq!(server.local_addrs().len(), 2);
    assert_eq!(Client::connect(server.local_addr()).ask(GET).text(), "true");
    let mut client = UnixStream::connect(&path).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let answer = io::read_to_string(client).unwrap();
    assert!(answer.ends_with("\r\n\r\nfalse"), "{answer}");
    assert_eq!(server.counters().accepted, 2);
}

#[test]
fn a_request_that_is_not_answered_becomes_a_500() {
    let _watchdog = watchdog();
    let server = serve(|request| match request.path() {
        "/error" => Err(io::Error::other("on purpose")),
        "/panic" => panic!("on purpose"),
        "/answered" => {
            request.send_reply(StatusCode::OK, "answered");
            Err(io::Error::other("on purpose"))
        }
        _ => Ok(()),
    });
    for path in ["/error", "/panic", "/dropped"] {
        let mut client = Client::with(server.local_addr(), get(path));
        let response = client.response();
        assert_eq!(response.status, 500, "{path}");
        assert_eq!(response.text(), "Internal Server Error");
        client.expect_end();
    }
    let mut client = Client::with(server.local_addr(), get("/answered"));
    assert_eq!(client.response().text(), "answered");
}

#[test]
fn errors_have_their_reason_as_text() {
    let _watchdog = watchdog();
    let server = serve(|request| {
        request.send_error(StatusCode::NOT_FOUND);
        Ok(())
    });
    let response = Client::connect(server.local_addr()).ask(GET);
    assert_eq!(response.status, 404);
    assert_eq!(response.header("content-type"), Some("text/plain"));
    assert_eq!(response.text(), "Not Found");
}

#[test]
fn a_request_may_be_answered_elsewhere_and_later() {
    let _watchdog = watchdog();
    let (sender, requests) = mpsc::channel();
    let server = serve(move |request| sender.send(request).map_err(io::Error::other));
    let mut clients: Vec<_> = (0..10)
        .map(|n| Client::with(server.local_addr(), get(&format!("/{n}"))))
        .collect();
    let mut held: Vec<HttpRequest> = (0..10).map(|_| requests.recv().unwrap()).collect();
    clients[0].expect_silence();
    held.reverse();
    for request in held {
        drop(maypole::spawn(move || {
            let path = request.path().to_owned();
            request.send_reply(StatusCode::OK, path);
        }));
    }
    for (n, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.response().text(), format!("/{n}"));
    }
}

#[test]
fn it_has_the_options_of_the_buffered_server() {
    let _watchdog = watchdog();
    let builder = WsgiServer::builder().pool(Pool::new(1)).max_body(3);
    let (sender, requests) = mpsc::channel();
    let server = HttpServer::bind_with(builder, "127.0.0.1:0", move |request| {
        sender.send(request).map_err(io::Error::other)
    })
    .unwrap();
    server.start().unwrap();
    let ask = |request: &[u8]| Client::with(server.local_addr(), request);
    assert_eq!(ask(&post("/", b"four")).response().status, 413);
    let mut first = ask(GET);
    let request: HttpRequest = requests.recv().unwrap();
    assert_eq!(ask(GET).response().status, 503);
    request.send_reply(StatusCode::OK, "");
    assert_eq!(first.response().header("connection"), Some("close"));
}
