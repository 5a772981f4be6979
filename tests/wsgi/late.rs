//! Answers from another greenlet or thread, when the application has returned.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use maypole::Event;
use maypole::http::{LateResponse, StatusCode};

use crate::support::{Client, Counter, LONG, until, watchdog};
use crate::{GET, WsgiServer, get, patient, post, serve, serve_with};

/// A server that hands the right to answer out.
fn handing_out() -> (WsgiServer, mpsc::Receiver<LateResponse>) {
    let (sender, receiver) = mpsc::channel();
    let server = serve_with(patient(), move |_env, start_response| {
        let start_response = start_response.header("X-Before", "1");
        sender.send(start_response.later()).unwrap();
        Ok(())
    });
    (server, receiver)
}

#[test]
fn whoever_has_it_answers() {
    let _watchdog = watchdog();
    let (server, responses) = handing_out();
    let mut client = Client::connect(server.local_addr());
    client.send(GET);
    let response = responses.recv().unwrap();
    client.expect_silence();
    thread::spawn(move || response.header("X-After", "2").send(StatusCode::OK, "late"));
    let answer = client.response();
    assert_eq!(answer.text(), "late");
    assert_eq!(answer.header("x-before"), Some("1"));
    assert_eq!(answer.header("x-after"), Some("2"));
    client.send(post("/", b"body"));
    let response = responses.recv().unwrap();
    drop(maypole::spawn(move || {
        response.send(StatusCode::ACCEPTED, vec![b'x'; 100_000]);
    }));
    let answer = client.response();
    assert_eq!((answer.status, answer.body.len()), (202, 100_000));
    client.send(get("/").replace("GET", "HEAD"));
    responses.recv().unwrap().send(StatusCode::OK, "four");
    let answer = client.response_to_head();
    assert_eq!(answer.header("content-length"), Some("4"));
}

#[test]
fn answers_stay_in_order() {
    let _watchdog = watchdog();
    let (first, told) = (Event::new(), Counter::default());
    let (wait, count) = (first.clone(), told.clone());
    let server = serve(move |env, start_response| {
        count.add();
        if env.path_info() != "/late" {
            return start_response.send(StatusCode::OK, "at once");
        }
        let response = start_response.later();
        let wait = wait.clone();
        drop(maypole::spawn(move || {
            wait.wait();
            response.send(StatusCode::OK, "late");
        }));
        Ok(())
    });
    let all = [GET, get("/late").as_bytes(), GET].concat();
    let mut client = Client::with(server.local_addr(), all);
    // What is ready does not wait for what is not.
    assert_eq!(client.response().text(), "at once");
    client.expect_silence();
    assert_eq!(told.get(), 2);
    first.set();
    assert_eq!(client.response().text(), "late");
    assert_eq!(client.response().text(), "at once");
}

#[test]
fn who_drops_it_makes_a_500() {
    let _watchdog = watchdog();
    let (server, responses) = handing_out();
    let mut client = Client::with(server.local_addr(), GET);
    drop(responses.recv().unwrap());
    let response = client.response();
    assert_eq!(response.status, 500);
    assert_eq!(response.header("x-before"), None);
    client.expect_end();
}

#[test]
fn what_cannot_be_sent_makes_a_500() {
    let _watchdog = watchdog();
    let (server, responses) = handing_out();
    for (name, value) in [("Bad Name", "v"), ("X", "a\r\nSet-Cookie: b=c")] {
        let mut client = Client::with(server.local_addr(), GET);
        let response = responses.recv().unwrap();
        response.header(name, value).send(StatusCode::OK, "secret");
        assert_eq!(client.response().status, 500);
        client.expect_end();
    }
    let mut client = Client::with(server.local_addr(), GET);
    responses.recv().unwrap().send(StatusCode::CONTINUE, "");
    assert_eq!(client.response().status, 500);
}

#[test]
fn a_failure_counts_unless_it_was_answered() {
    let _watchdog = watchdog();
    let server = serve(|env, start_response| {
        let response = start_response.later();
        match env.path_info() {
            "/answered" => response.send(StatusCode::OK, "answered"),
            "/panic" => panic!("on purpose"),
            _ => {}
        }
        Err(io::Error::other("on purpose"))
    });
    for (path, status) in [("/answered", 200), ("/panic", 500), ("/error", 500)] {
        let mut client = Client::with(server.local_addr(), get(path));
        let response = client.response();
        assert_eq!(response.status, status, "{path}");
        assert_eq!(response.header("connection"), Some("close"));
        client.expect_end();
    }
}

#[test]
fn nothing_happens_when_the_client_has_gone() {
    let _watchdog = watchdog();
    let (server, responses) = handing_out();
    let client = Client::with(server.local_addr(), GET);
    let response = responses.recv().unwrap();
    drop(client);
    response.send(StatusCode::OK, "to nobody");
    until("no connections", || server.active() == 0);
}

#[test]
fn a_stop_does_not_wait_for_it_for_ever() {
    let _watchdog = watchdog();
    let (server, responses) = handing_out();
    let mut client = Client::with(server.local_addr(), GET);
    let response = responses.recv().unwrap();
    server.stop(Duration::ZERO);
    assert_eq!(client.response().status, 503);
    client.expect_end();
    response.send(StatusCode::OK, "to nobody");
}

#[test]
fn a_stop_waits_for_it() {
    let _watchdog = watchdog();
    let (server, responses) = handing_out();
    let mut client = Client::with(server.local_addr(), GET);
    let response = responses.recv().unwrap();
    let stopping = thread::spawn(move || server.stop(LONG));
    response.send(StatusCode::OK, "late");
    assert_eq!(client.response().text(), "late");
    client.expect_end();
    stopping.join().unwrap();
}
