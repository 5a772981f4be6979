//! Clients that go away while the application works.

use std::time::Duration;

use maypole::Event;
use maypole::http::StatusCode;

use crate::support::{Client, Counter, LONG, watchdog};
use crate::{GET, WsgiServer, builder, get, serve, serve_with};

/// A server whose `/poll` waits for news or for its client to leave. Counts those
/// that have `begun`, and whose client has `left`.
fn polls(news: &Event, begun: &Counter, left: &Counter) -> WsgiServer {
    let (news, begun, left) = (news.clone(), begun.clone(), left.clone());
    serve(move |env, start_response| {
        if env.path_info() == "/" {
            return start_response.send(StatusCode::OK, "plain");
        }
        // Who ends its side with the request may be seen to have done so.
        assert!(env.path_info() == "/half" || !env.is_disconnected());
        let gone = env.disconnected()?;
        begun.add();
        maypole::iwait([&news, gone.event()]).next();
        if gone.event().is_set() {
            assert!(env.is_disconnected());
            left.add();
        }
        start_response.send(StatusCode::OK, "news")
    })
}

#[test]
fn a_long_poll_ends_when_its_client_leaves() {
    let _watchdog = watchdog();
    let (news, begun, left) = (Event::new(), Counter::default(), Counter::default());
    let server = polls(&news, &begun, &left);
    // With and without more requests that nobody has read.
    for more in ["", &get("/").repeat(3), "\r\n"] {
        let before = left.get();
        let mut client = Client::with(server.local_addr(), get("/poll"));
        client.send(more);
        begun.reaches(before + 1);
        client.expect_silence();
        drop(client);
        left.reaches(before + 1);
    }
}

#[test]
fn a_client_that_stays_is_answered_and_so_are_its_next_requests() {
    let _watchdog = watchdog();
    let (news, begun, left) = (Event::new(), Counter::default(), Counter::default());
    let server = polls(&news, &begun, &left);
    let mut client = Client::with(server.local_addr(), get("/poll"));
    client.expect_silence();
    client.send([GET, GET].concat());
    client.expect_silence();
    news.set();
    assert_eq!(client.response().text(), "news");
    assert_eq!(client.response().text(), "plain");
    assert_eq!(client.response().text(), "plain");
    assert_eq!(client.ask(get("/poll")).text(), "news");
    assert_eq!(left.get(), 0);
}

#[test]
fn a_client_that_ends_its_side_looks_the_same_and_gets_its_answer() {
    let _watchdog = watchdog();
    let (news, begun, left) = (Event::new(), Counter::default(), Counter::default());
    let server = polls(&news, &begun, &left);
    let mut client = Client::with(server.local_addr(), get("/half"));
    client.end_sending();
    assert_eq!(client.response().text(), "news");
    assert_eq!(left.get(), 1);
}

#[test]
fn a_watch_ends_with_the_application() {
    let _watchdog = watchdog();
    let builder = builder().keep_alive_timeout(LONG).head_timeout(LONG);
    let server = serve_with(builder, |env, start_response| {
        let gone = env.disconnected()?;
        assert!(!gone.event().wait_timeout(Duration::from_millis(1)));
        drop(gone);
        start_response.send(StatusCode::OK, "")
    });
    let mut client = Client::connect(server.local_addr());
    for _ in 0..50 {
        assert_eq!(client.ask(GET).status, 200);
    }
}
