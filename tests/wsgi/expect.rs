//! `Expect: 100-continue`: the client waits to be asked for its body.

use std::io::Read;

use maypole::Event;
use maypole::http::StatusCode;

use crate::support::{Client, watchdog};
use crate::{GET, differs, echo, serve, tell_target};

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

const HEAD: &str = "POST /expecting HTTP/1.1\r\nHost: x\r\n\
                    Content-Length: 4\r\nExpect: 100-continue\r\n\r\n";

#[test]
fn the_body_is_asked_for_at_the_first_read_and_once() {
    if differs("expect::the_body_is_asked_for_at_the_first_read_and_once") {
        return;
    }
    let _watchdog = watchdog();
    let (go, second) = (Event::new(), Event::new());
    let (wait, wait_second) = (go.clone(), second.clone());
    let server = serve(move |env, start_response| {
        wait.wait();
        let mut half = [0; 2];
        env.input().read_exact(&mut half)?;
        wait_second.wait();
        let mut rest = [0; 2];
        env.input().read_exact(&mut rest)?;
        start_response.send(StatusCode::OK, [half, rest].concat())
    });
    let mut client = Client::with(server.local_addr(), HEAD);
    client.expect_silence();
    go.set();
    client.expect(CONTINUE);
    client.send("bo");
    client.expect_silence();
    second.set();
    client.expect_silence();
    client.send("dy");
    assert_eq!(client.response().text(), "body");
    // And so for the next request.
    client.send(HEAD);
    client.expect(CONTINUE);
    client.send("next");
    assert_eq!(client.response().text(), "next");
}

#[test]
fn chunked_bodies_are_asked_for_too() {
    let _watchdog = watchdog();
    let server = serve(echo);
    let head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\
                Expect: 100-Continue\r\n\r\n";
    let mut client = Client::with(server.local_addr(), head);
    client.expect(CONTINUE);
    client.send("4\r\nbody\r\n0\r\n\r\n");
    assert_eq!(client.response().text(), "body");
    assert_eq!(client.ask(GET).text(), "");
}

#[test]
fn a_body_that_is_not_wanted_is_not_asked_for() {
    if differs("expect::a_body_that_is_not_wanted_is_not_asked_for") {
        return;
    }
    let _watchdog = watchdog();
    let server = serve(tell_target);
    let mut client = Client::with(server.local_addr(), HEAD);
    let response = client.response();
    assert_eq!(response.text(), "/expecting");
    // Nobody can tell whether the body comes, so there is no next request.
    assert_eq!(response.header("connection"), Some("close"));
    client.expect_end();
}

#[test]
fn a_body_that_comes_unasked_is_read() {
    let _watchdog = watchdog();
    let server = serve(echo);
    let mut client = Client::with(server.local_addr(), format!("{HEAD}body"));
    let response = client.response();
    assert_eq!(response.text(), "body");
    client.expect_silence();
}

#[test]
fn nobody_is_asked_for_nothing() {
    let _watchdog = watchdog();
    let server = serve(echo);
    let mut client = Client::connect(server.local_addr());
    for head in [
        "GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
    ] {
        assert_eq!(client.ask(head).status, 200);
    }
}

#[test]
fn http_1_0_is_not_asked() {
    let _watchdog = watchdog();
    let server = serve(echo);
    let head = "POST / HTTP/1.0\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    let mut client = Client::with(server.local_addr(), head);
    client.expect_silence();
    client.send("body");
    assert_eq!(client.response().text(), "body");
    client.expect_end();
}
