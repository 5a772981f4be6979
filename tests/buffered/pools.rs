//! A pool of requests, and who finds it full.

use std::sync::mpsc;

use maypole::Event;
use maypole::http::StatusCode;
use maypole::pool::Pool;

use crate::support::{Client, Counter, Response, until, watchdog};
use crate::{GET, WsgiServer, get, patient, post, serve_with};

#[track_caller]
fn check_503(response: &Response) {
    assert_eq!(response.status, 503);
    assert_eq!(response.header("retry-after"), Some("1"));
    assert_eq!(response.header("connection"), Some("close"));
    assert_eq!(response.header("content-type"), Some("text/plain"));
    assert_eq!(response.text(), "Service Temporarily Unavailable");
}

/// A server with one place, whose `/wait` takes it until `go`.
fn serve_one(go: &Event, begun: &Counter) -> (WsgiServer, Pool) {
    let (go, begun) = (go.clone(), begun.clone());
    let pool = Pool::new(1);
    let server = serve_with(patient().pool(pool.clone()), move |env, start_response| {
        begun.add();
        if env.path_info() == "/wait" {
            go.wait();
        }
        start_response.send(StatusCode::OK, "served")
    });
    (server, pool)
}

#[test]
fn who_finds_it_full_is_told_so_at_once() {
    let _watchdog = watchdog();
    let (go, begun) = (Event::new(), Counter::default());
    let (server, pool) = serve_one(&go, &begun);
    let mut idle = Client::connect(server.local_addr());
    // A connection that waits takes no place.
    assert_eq!(idle.ask(GET).text(), "served");
    let mut busy = Client::with(server.local_addr(), get("/wait"));
    begun.reaches(2);
    for request in [GET, &post("/", b"body")] {
        let mut client = Client::with(server.local_addr(), request);
        check_503(&client.response());
        client.expect_end();
    }
    check_503(&idle.ask(GET));
    idle.expect_end();
    assert_eq!(begun.get(), 2);
    go.set();
    assert_eq!(busy.response().text(), "served");
    until("a free place", || pool.free_slots() == 1);
    assert_eq!(busy.ask(GET).text(), "served");
}

#[test]
fn a_body_on_its_way_takes_no_place() {
    let _watchdog = watchdog();
    let (go, begun) = (Event::new(), Counter::default());
    let (server, _pool) = serve_one(&go, &begun);
    let request = post("/", b"slow body");
    let (first, last) = request.split_at(request.len() - 1);
    let mut slow = Client::with(server.local_addr(), first);
    slow.expect_silence();
    let mut other = Client::connect(server.local_addr());
    assert_eq!(other.ask(GET).text(), "served");
    slow.send(last);
    assert_eq!(slow.response().text(), "served");
}

#[test]
fn failures_give_the_place_back() {
    let _watchdog = watchdog();
    let pool = Pool::new(1);
    let server = serve_with(
        patient().pool(pool.clone()),
        |env, _start_response| match env.path_info() {
            "/panic" => panic!("on purpose"),
            "/kill" => {
                maypole::current().unwrap().start_kill();
                maypole::yield_now();
                Ok(())
            }
            _ => Ok(()),
        },
    );
    for path in ["/panic", "/kill", "/nothing"] {
        let mut client = Client::with(server.local_addr(), get(path));
        assert!([500, 503].contains(&client.response().status));
        client.expect_end();
        until("a free place", || pool.free_slots() == 1);
    }
}

#[test]
fn a_late_answer_keeps_its_place() {
    let _watchdog = watchdog();
    let (sender, responses) = mpsc::channel();
    let pool = Pool::new(1);
    let server = serve_with(patient().pool(pool.clone()), move |_env, start_response| {
        sender.send(start_response.later()).unwrap();
        Ok(())
    });
    let mut first = Client::with(server.local_addr(), GET);
    let response = responses.recv().unwrap();
    let mut second = Client::with(server.local_addr(), GET);
    check_503(&second.response());
    response.send(StatusCode::OK, "late");
    assert_eq!(first.response().text(), "late");
    until("a free place", || pool.free_slots() == 1);
}
