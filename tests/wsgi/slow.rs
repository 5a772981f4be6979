//! Clients that are slow on purpose: each costs one greenlet, for a while.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use maypole::http::StatusCode;

use crate::support::{Client, Counter, MOMENT, noise, pause, until, watchdog};
use crate::{GET, WsgiServer, builder, differs, get, patient, post, serve_with, tell_target};

#[test]
fn a_head_in_drops_ends_on_time() {
    let _watchdog = watchdog();
    let server = serve_with(patient().head_timeout(MOMENT), tell_target);
    let begun = Instant::now();
    let mut client = Client::with(server.local_addr(), "GET / HTTP/1.1\r\nX: ");
    assert_eq!(server_greenlets(&server), 1);
    // Each drop comes long before the limit, and does not move it.
    while client.try_send("a").is_ok() && begun.elapsed() < MOMENT * 2 {
        pause();
    }
    assert_eq!(client.response().status, 408);
    assert!(begun.elapsed() >= MOMENT);
    until("its end", || server.active() == 0);
    // On a connection that was used before it is the same.
    let mut client = Client::connect(server.local_addr());
    assert_eq!(client.ask(GET).status, 200);
    client.send("GET");
    assert_eq!(client.response().status, 408);
    client.expect_end();
}

/// Waits for the connection; how many greenlets it costs.
fn server_greenlets(server: &WsgiServer) -> usize {
    until("a connection", || server.active() > 0);
    server.active()
}

#[test]
fn a_body_that_stands_still_ends_on_time() {
    if differs("slow::a_body_that_stands_still_ends_on_time") {
        return;
    }
    let _watchdog = watchdog();
    let ended = Counter::default();
    let count = ended.clone();
    let server = serve_with(
        patient().read_timeout(MOMENT),
        move |env, start_response| {
            let read = env.input().read_to_end(&mut Vec::new());
            let error = read.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            count.add();
            drop(start_response);
            Err(error)
        },
    );
    for request in [
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5",
    ] {
        let begun = Instant::now();
        let mut client = Client::with(server.local_addr(), request);
        assert_eq!(server_greenlets(&server), 1);
        assert_eq!(client.response().status, 408);
        assert!(begun.elapsed() >= MOMENT);
        client.expect_end();
        until("its end", || server.active() == 0);
    }
    assert_eq!(ended.get(), 3);
}

#[test]
fn a_client_that_does_not_read_ends_on_time() {
    if differs("slow::a_client_that_does_not_read_ends_on_time") {
        return;
    }
    let _watchdog = watchdog();
    let ended = Counter::default();
    let count = ended.clone();
    let server = serve_with(
        patient().write_timeout(MOMENT),
        move |_env, start_response| {
            let mut body = start_response.start(StatusCode::OK)?;
            let error = loop {
                if let Err(error) = body.write_all(&[b'x'; 10_000]) {
                    break error;
                }
            };
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            count.add();
            Err(error)
        },
    );
    let begun = Instant::now();
    let mut client = Client::with(server.local_addr(), GET);
    assert_eq!(server_greenlets(&server), 1);
    ended.reaches(1);
    assert!(begun.elapsed() >= MOMENT);
    until("its end", || server.active() == 0);
    client.expect_closed();
}

#[test]
fn pipelined_answers_that_nobody_reads_are_bounded() {
    let _watchdog = watchdog();
    let begun = Counter::default();
    let count = begun.clone();
    let builder = patient().write_timeout(MOMENT).max_queued(1000);
    let server = serve_with(builder, move |_env, start_response| {
        count.add();
        start_response.send(StatusCode::OK, vec![b'x'; 100_000])
    });
    let mut client = Client::with(server.local_addr(), get("/").repeat(1000));
    until("its end", || {
        server.metrics().connections == 1 && server.active() == 0
    });
    // Of a hundred megabytes, no more than sockets hold.
    assert!(begun.get() < 200, "{}", begun.get());
    client.expect_closed();
}

#[test]
fn an_unread_body_is_bounded() {
    if differs("slow::an_unread_body_is_bounded") {
        return;
    }
    let _watchdog = watchdog();
    let builder = patient().max_discard(1000).discard_timeout(MOMENT);
    let server = serve_with(builder, tell_target);
    // Small enough to be dropped: the connection stays.
    let mut client = Client::connect(server.local_addr());
    assert_eq!(client.ask(post("/1", &noise(900))).status, 200);
    assert_eq!(client.ask(get("/2")).text(), "/2");
    // Larger: it closes.
    assert_eq!(client.ask(post("/3", &noise(20_000))).status, 200);
    client.expect_closed();
    // Small and late: it closes as well.
    let late = "POST /4 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n";
    let begun = Instant::now();
    let mut client = Client::with(server.local_addr(), late);
    assert_eq!(client.response().status, 200);
    client.expect_end();
    assert!(begun.elapsed() >= MOMENT);
}

#[test]
fn time_outs_of_zero_are_refused() {
    let _watchdog = watchdog();
    for builder in [
        builder().keep_alive_timeout(Duration::ZERO),
        builder().head_timeout(Duration::ZERO),
        builder().read_timeout(Duration::ZERO),
        builder().write_timeout(Duration::ZERO),
        builder().discard_timeout(Duration::ZERO),
    ] {
        let error = builder.bind("127.0.0.1:0", tell_target).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
