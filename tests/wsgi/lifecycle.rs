//! Starting and stopping, with a pool and without.

use std::io;
use std::thread;
use std::time::Duration;

use maypole::Event;
use maypole::http::StatusCode;
use maypole::pool::Pool;

use crate::support::{Client, Counter, LONG, MOMENT, is_refused, until, watchdog};
use crate::{GET, WsgiServer, builder, get, hello, serve, serve_with, tell_target};

#[test]
fn half_a_request_stops_nobody() {
    let _watchdog = watchdog();
    let server = serve(hello);
    let mut slow = Client::with(server.local_addr(), "GET /xxx HTTP/1.0\r\n");
    for _ in 0..3 {
        let response = Client::connect(server.local_addr()).ask(GET);
        assert_eq!(response.text(), "<b>hello world</b>");
    }
    slow.expect_silence();
    slow.send("\r\n");
    let response = slow.response();
    assert!(response.head.starts_with("HTTP/1.1 404 Not Found\r\n"));
    slow.expect_end();
}

#[test]
fn a_busy_application_stops_nobody() {
    let _watchdog = watchdog();
    let go = Event::new();
    let wait = go.clone();
    let server = serve(move |env, start_response| {
        if env.path_info() == "/wait" {
            wait.wait();
        }
        tell_target(env, start_response)
    });
    let mut slow = Client::with(server.local_addr(), get("/wait"));
    let mut other = Client::connect(server.local_addr());
    for _ in 0..10 {
        assert_eq!(other.ask(get("/other")).text(), "/other");
    }
    slow.expect_silence();
    go.set();
    assert_eq!(slow.response().text(), "/wait");
}

#[test]
fn idle_connections_do_not_outlive_a_stop() {
    let _watchdog = watchdog();
    let builder = builder().keep_alive_timeout(LONG).head_timeout(LONG);
    let server = builder.bind("127.0.5.1:0", hello).unwrap();
    server.start().unwrap();
    let mut used = Client::connect(server.local_addr());
    assert_eq!(used.ask(GET).status, 200);
    let mut unused = Client::connect(server.local_addr());
    let mut half = Client::with(server.local_addr(), "GET / HTT");
    until("three connections", || server.active() == 3);
    server.stop(MOMENT);
    assert_eq!(server.active(), 0);
    used.expect_end();
    unused.expect_end();
    half.expect_closed();
    assert!(is_refused(server.local_addr()));
}

#[test]
fn a_request_that_is_answered_may_finish_after_a_stop() {
    let _watchdog = watchdog();
    let go = Event::new();
    let begun = Counter::default();
    let (wait, count) = (go.clone(), begun.clone());
    let server = WsgiServer::bind("127.0.5.2:0", move |env, start_response| {
        count.add();
        wait.wait();
        hello(env, start_response.header("Connection", "close"))
    })
    .unwrap();
    server.start().unwrap();
    let mut client = Client::with(server.local_addr(), GET);
    begun.reaches(1);
    let stopping = {
        let server = server.clone();
        thread::spawn(move || server.stop(LONG))
    };
    until("the listener's end", || is_refused(server.local_addr()));
    go.set();
    assert_eq!(client.response().text(), "<b>hello world</b>");
    client.expect_end();
    stopping.join().unwrap();
}

#[test]
fn an_idle_connection_gives_its_slot_up_in_time() {
    let _watchdog = watchdog();
    let builder = builder().pool(Pool::new(1)).keep_alive_timeout(MOMENT);
    let server = serve_with(builder, tell_target);
    let mut idle = Client::connect(server.local_addr());
    assert_eq!(idle.ask(get("/1")).text(), "/1");
    let mut next = Client::with(server.local_addr(), get("/2"));
    assert_eq!(next.response().text(), "/2");
    idle.expect_end();
}

#[test]
fn serve_forever_ends_with_a_stop() {
    let _watchdog = watchdog();
    let server = WsgiServer::bind("127.0.0.1:0", hello).unwrap();
    assert!(!server.is_started());
    let forever = server.clone();
    let serving = thread::spawn(move || forever.serve_forever());
    assert_eq!(Client::connect(server.local_addr()).ask(GET).status, 200);
    assert!(server.is_started());
    server.stop(Duration::ZERO);
    serving.join().unwrap().unwrap();
    assert!(!server.is_started());
}

#[test]
fn a_busy_port_is_an_error_that_names_the_address() {
    let _watchdog = watchdog();
    let server = serve(hello);
    let error = WsgiServer::bind(server.local_addr(), hello).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    let text = error.to_string();
    assert!(text.contains(&server.local_addr().to_string()), "{text}");
}

#[test]
fn an_application_may_keep_what_it_shares() {
    let _watchdog = watchdog();
    let dropped = Counter::default();
    let guard = dropped.on_drop();
    let server = serve(move |_env, start_response| {
        let _shared = &guard;
        start_response.send(StatusCode::OK, "x")
    });
    assert_eq!(Client::connect(server.local_addr()).ask(GET).text(), "x");
    server.stop(Duration::ZERO);
    drop(server);
    dropped.reaches(1);
}
