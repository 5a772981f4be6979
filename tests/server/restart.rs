//! Stops that come early, and starts that come again; after the life-cycle
//! tests of gevent's `test__server.py`, written anew.

use std::io;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use maypole::Event;
use maypole::server::StreamServer;

use crate::support::{Client, Counter, LONG, MOMENT, is_refused, until, watchdog};
use crate::{check_echo, echo, serve};

#[test]
fn a_stop_before_serve_forever_is_remembered() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.3.1:0", echo).unwrap();
    server.stop(LONG);
    server.serve_forever().unwrap();
    assert!(!server.is_started());
    assert!(is_refused(server.local_addr()));
}

#[test]
fn so_is_one_between_start_and_serve_forever() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.3.2:0", echo).unwrap();
    server.start().unwrap();
    server.close();
    server.serve_forever().unwrap();
    assert!(server.is_closed());
    assert!(is_refused(server.local_addr()));
}

#[test]
fn a_stop_ends_one_serve_forever_and_not_the_next() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.3.6:0", echo).unwrap();
    for _ in 0..10 {
        let forever = server.clone();
        let serving = thread::spawn(move || forever.serve_forever());
        until("the start", || server.is_started());
        check_echo(&mut Client::connect(server.local_addr()));
        server.stop(Duration::ZERO);
        serving.join().unwrap().unwrap();
        assert!(server.is_closed());
    }
}

#[test]
fn a_start_makes_an_early_stop_undone() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.3.7:0", echo).unwrap();
    server.stop(LONG);
    server.start().unwrap();
    let forever = server.clone();
    let serving = thread::spawn(move || forever.serve_forever());
    check_echo(&mut Client::connect(server.local_addr()));
    assert!(!serving.is_finished());
    server.stop(Duration::ZERO);
    serving.join().unwrap().unwrap();
}

#[test]
fn it_starts_again_on_the_same_port() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.3.8:0", echo).unwrap();
    let addr = server.local_addr();
    for _ in 0..20 {
        assert!(!server.is_started());
        server.start().unwrap();
        assert!(server.is_started() && !server.is_closed());
        let mut client = Client::connect(addr);
        check_echo(&mut client);
        server.stop(Duration::ZERO);
        assert!(!server.is_started() && server.is_closed());
        client.expect_end();
        assert!(is_refused(addr));
    }
    assert_eq!(server.local_addr(), addr);
    assert_eq!(server.counters().accepted, 20);
}

#[test]
fn it_does_not_drain_after_it_has_started_again() {
    let _watchdog = watchdog();
    let server = serve(|stream, _peer| {
        use std::io::Write;
        let draining = stream.is_draining();
        write!(&mut { stream }, "{draining}")
    });
    for _ in 0..3 {
        let told = Client::connect(server.local_addr()).read_to_end();
        assert_eq!(told, b"false");
        server.stop(LONG);
        server.start().unwrap();
    }
}

#[test]
fn a_server_that_was_given_its_socket_says_why_it_cannot_start_again() {
    let _watchdog = watchdog();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = StreamServer::builder()
        .from_listener(listener, echo)
        .unwrap();
    assert!(!server.is_closed());
    server.start().unwrap();
    check_echo(&mut Client::connect(server.local_addr()));
    server.stop(Duration::ZERO);
    let error = server.start().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    assert!(error.to_string().contains("given its socket"), "{error}");
    assert!(!server.is_started());
}

#[test]
fn a_port_that_was_taken_meanwhile_is_an_error_of_start() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.3.9:0", echo).unwrap();
    server.start().unwrap();
    server.stop(LONG);
    let thief = TcpListener::bind(server.local_addr()).unwrap();
    let error = server.start().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(!server.is_started() && server.is_closed());
    drop(thief);
    server.start().unwrap();
    check_echo(&mut Client::connect(server.local_addr()));
}

#[test]
fn a_start_waits_for_the_stop_before_it() {
    let _watchdog = watchdog();
    let release = Event::new();
    let begun = Counter::default();
    let (released, count) = (release.clone(), begun.clone());
    let server = StreamServer::bind("127.0.3.10:0", move |_stream, _peer| {
        if count.add() == 1 {
            released.wait();
        }
        Ok(())
    })
    .unwrap();
    server.start().unwrap();
    let mut first = Client::connect(server.local_addr());
    begun.reaches(1);
    let stopping = {
        let server = server.clone();
        thread::spawn(move || server.stop(LONG))
    };
    until("the listener's end", || server.is_closed());
    let starting = {
        let server = server.clone();
        thread::spawn(move || server.start())
    };
    thread::sleep(MOMENT);
    assert!(!starting.is_finished() && !server.is_started());
    release.set();
    first.expect_end();
    stopping.join().unwrap();
    starting.join().unwrap().unwrap();
    Client::connect(server.local_addr()).expect_end();
}

#[test]
fn starts_and_stops_from_everywhere_leave_a_sound_server() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.3.11:0", echo).unwrap();
    let threads: Vec<_> = (0..6)
        .map(|which| {
            let server = server.clone();
            thread::spawn(move || {
                for _ in 0..30 {
                    match which {
                        0 | 1 => server.start().unwrap(),
                        2 => server.stop(Duration::ZERO),
                        3 => server.close(),
                        4 => server.stop_accepting(),
                        _ => drop(server.start_accepting()),
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    server.stop(Duration::ZERO);
    assert!(is_refused(server.local_addr()));
    server.start().unwrap();
    check_echo(&mut Client::connect(server.local_addr()));
}
