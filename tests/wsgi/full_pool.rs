//! A full pool: connections that only wait make room for clients that wait too.

use std::thread;

use maypole::pool::Pool;
use maypole::{Event, Hub, spawn_on};

use crate::support::{Client, Counter, until, watchdog};
use crate::{WsgiServer, get, patient, serve_with, tell_target};

/// A server for so many connections, which close only when they have to.
fn serve_few(size: usize) -> WsgiServer {
    serve_with(patient().pool(Pool::new(size)), tell_target)
}

/// A client that has had an answer and waits.
#[track_caller]
fn idle(server: &WsgiServer, target: &str) -> Client {
    let mut client = Client::connect(server.local_addr());
    ask(&mut client, target);
    client
}

/// Has an answer, and the server knows that the client waits.
#[track_caller]
fn ask(client: &mut Client, target: &str) {
    assert_eq!(client.ask(get(target)).text(), target);
    // An answer is on its way before its connection counts as idle, and another
    // hub may be faster. What runs on a hub now has been suspended when this has.
    for hub in 0..Hub::count() {
        spawn_on(hub, || ()).join();
    }
}

#[test]
fn the_longest_idle_connection_closes_first() {
    let _watchdog = watchdog();
    let server = serve_few(3);
    let mut first = idle(&server, "/1");
    let mut second = idle(&server, "/2");
    let mut third = idle(&server, "/3");
    // Not idle for longest any more.
    ask(&mut second, "/2");
    let mut fourth = idle(&server, "/4");
    first.expect_end();
    let mut fifth = idle(&server, "/5");
    third.expect_end();
    for client in [&mut second, &mut fourth, &mut fifth] {
        assert_eq!(client.ask(get("/still")).text(), "/still");
    }
}

#[test]
fn nobody_makes_room_for_nobody() {
    let _watchdog = watchdog();
    let server = serve_few(1);
    let mut only = idle(&server, "/1");
    only.expect_silence();
    assert_eq!(only.ask(get("/2")).text(), "/2");
}

#[test]
fn a_client_s_first_request_is_waited_for() {
    let _watchdog = watchdog();
    let server = serve_few(2);
    let mut unused = Client::connect(server.local_addr());
    until("it", || server.active() == 1);
    let mut used = idle(&server, "/1");
    let mut third = idle(&server, "/2");
    used.expect_end();
    assert_eq!(unused.ask(get("/3")).text(), "/3");
    assert_eq!(third.ask(get("/4")).text(), "/4");
}

#[test]
fn who_is_served_stays_until_it_is_idle() {
    let _watchdog = watchdog();
    let go = Event::new();
    let begun = Counter::default();
    let (wait, count) = (go.clone(), begun.clone());
    let builder = patient().pool(Pool::new(2));
    let server = serve_with(builder, move |env, start_response| {
        count.add();
        if env.path_info() == "/wait" {
            wait.wait();
        }
        tell_target(env, start_response)
    });
    let mut busy = [0; 2].map(|_| Client::with(server.local_addr(), get("/wait")));
    begun.reaches(2);
    let mut waiting = Client::with(server.local_addr(), get("/next"));
    waiting.expect_silence();
    go.set();
    // Whose answer was complete first has made room, the other one stays.
    assert_eq!(waiting.response().text(), "/next");
    for client in &mut busy {
        assert_eq!(client.response().text(), "/wait");
    }
    until("two", || server.active() == 2);
    waiting.expect_silence();
}

#[test]
fn what_has_come_is_answered_before_it_closes() {
    let _watchdog = watchdog();
    let server = serve_few(1);
    for _ in 0..100 {
        let mut first = idle(&server, "/1");
        let addr = server.local_addr();
        // At the same time as a request of the first.
        let other = thread::spawn(move || {
            let mut other = Client::connect(addr);
            let close = "GET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            assert_eq!(other.ask(close).text(), "/2");
        });
        if first.try_send(get("/3")).is_ok() {
            // All of an answer, or nothing.
            let mut answer = Vec::new();
            let mut part = [0; 1024];
            while let Ok(n @ 1..) = std::io::Read::read(&mut first.stream(), &mut part) {
                answer.extend_from_slice(&part[..n]);
            }
            assert!(answer.is_empty() || answer.ends_with(b"/3"));
        }
        other.join().unwrap();
    }
}

#[test]
fn a_crowd_is_served_by_few() {
    let _watchdog = watchdog();
    let server = serve_few(4);
    let addr = server.local_addr();
    let clients: Vec<_> = (0..40)
        .map(|_| {
            thread::spawn(move || {
                let mut client = Client::connect(addr);
                assert_eq!(client.ask(get("/1")).text(), "/1");
                // Held open until all have been served.
                client
            })
        })
        .collect();
    let clients: Vec<_> = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .collect();
    assert!(server.active() <= 4);
    drop(clients);
    until("no handlers", || server.active() == 0);
}
