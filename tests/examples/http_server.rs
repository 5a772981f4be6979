//! The other kinds of HTTP servers: `http_server`, `wsgi_server_buffered`.

use crate::start;
use crate::support::{Client, watchdog};

#[test]
fn it_answers_now_and_later() {
    let _watchdog = watchdog();
    let example = start("http_server", "Serving on http://");
    let ask = |request: &str| {
        let mut client = Client::connect(example.addr);
        let response = client.ask(request);
        client.expect_end();
        response
    };
    let mut slow = Client::with(example.addr, "GET /xxx HTTP/1.0\r\n");
    let later = "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(ask(later).text(), "you sent 5 bytes");
    let response = ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(response.header("content-type"), Some("text/html"));
    assert_eq!(response.text(), "<b>hello world</b>");
    slow.send("\r\n");
    let response = slow.response();
    assert!(response.head.starts_with("HTTP/1.1 404 Not Found\r\n"));
    slow.expect_end();
}

#[test]
fn the_buffered_server_takes_whole_requests() {
    let _watchdog = watchdog();
    let example = start("wsgi_server_buffered", "Serving on http://");
    let ask = |request: &str| {
        let mut client = Client::connect(example.addr);
        let response = client.ask(request);
        client.expect_end();
        response
    };
    let mut slow = Client::with(example.addr, "GET /xxx HTTP/1.0\r\n");
    let response = ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(response.header("content-type"), Some("text/html"));
    assert_eq!(response.text(), "<b>hello world</b>");
    let chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let response = ask(&format!("{chunked}5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"));
    assert_eq!(response.text(), "hello!");
    let long = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n";
    assert_eq!(ask(long).status, 413);
    slow.send("\r\n");
    let response = slow.response();
    assert!(response.head.starts_with("HTTP/1.1 404 Not Found\r\n"));
    slow.expect_end();
}
