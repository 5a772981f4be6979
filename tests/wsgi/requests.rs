//! Single requests and their answers.

use crate::support::{Client, pause, watchdog};
use crate::{GET, get, hello, serve, tell_target};

#[test]
fn hello_world() {
    let _watchdog = watchdog();
    let server = serve(hello);
    let response = Client::connect(server.local_addr()).ask(GET);
    let (before, after) = response.head.split_once("Date: ").unwrap();
    assert_eq!(before, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n");
    let (date, after) = after.split_once("\r\n").unwrap();
    assert!(date.ends_with(" GMT") && date.len() == 29, "{date:?}");
    assert_eq!(after, "Content-Length: 18\r\n\r\n");
    assert_eq!(response.text(), "<b>hello world</b>");
}

#[test]
fn not_found() {
    let _watchdog = watchdog();
    let server = serve(hello);
    let response = Client::connect(server.local_addr()).ask(get("/xxx"));
    assert!(response.head.starts_with("HTTP/1.1 404 Not Found\r\n"));
    assert_eq!(response.text(), "<h1>Not Found</h1>");
}

#[test]
fn head_is_get_without_a_body() {
    let _watchdog = watchdog();
    let server = serve(hello);
    let mut client = Client::connect(server.local_addr());
    for target in ["/", "/xxx"] {
        let full = client.ask(get(target));
        client.send(get(target).replace("GET", "HEAD"));
        let bare = client.response_to_head();
        assert_eq!(bare.status, full.status);
        assert_eq!(bare.dateless(), full.dateless());
    }
    // Had there been a body, this would be out of step.
    assert_eq!(client.ask(GET).status, 200);
}

#[test]
fn any_method_reaches_the_application() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let method = env.method().as_str().to_owned();
        start_response.send(maypole::http::StatusCode::OK, method)
    });
    let mut client = Client::connect(server.local_addr());
    for method in ["PUT", "DELETE", "OPTIONS", "get", "M-SEARCH", "X"] {
        let response = client.ask(format!("{method} / HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(response.text(), method);
    }
}

#[test]
fn a_request_may_be_split_anywhere() {
    let _watchdog = watchdog();
    let server = serve(tell_target);
    let mut client = Client::connect(server.local_addr());
    let request = b"GET /split HTTP/1.1\r\nHost: x\r\nX-Some: thing\r\n\r\n";
    for at in 1..request.len() {
        let (start, end) = request.split_at(at);
        client.send(start);
        pause();
        client.send(end);
        assert_eq!(client.response().text(), "/split", "split at {at}");
    }
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let _watchdog = watchdog();
    let server = serve(tell_target);
    let mut client = Client::connect(server.local_addr());
    for byte in b"\r\nGET /slow HTTP/1.1\r\nHost: x\r\n\r\n" {
        client.send([*byte]);
        pause();
    }
    assert_eq!(client.response().text(), "/slow");
}

#[test]
fn a_client_may_end_its_side_after_its_request() {
    let _watchdog = watchdog();
    let server = serve(hello);
    let mut client = Client::with(server.local_addr(), GET);
    client.end_sending();
    assert_eq!(client.response().status, 200);
    client.expect_end();
}

#[test]
fn many_connections_at_once() {
    let _watchdog = watchdog();
    let server = serve(tell_target);
    let mut clients: Vec<_> = (0..200)
        .map(|_| Client::connect(server.local_addr()))
        .collect();
    for round in 0..3 {
        for (n, client) in clients.iter_mut().enumerate() {
            client.send(get(&format!("/{round}/{n}")));
        }
        for (n, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.response().text(), format!("/{round}/{n}"));
        }
    }
    assert_eq!(server.active(), 200);
}
