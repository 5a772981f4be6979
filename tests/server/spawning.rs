//! Ways to spawn handlers, and limits on them.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use maypole::server::{Builder, StreamServer, WhenFull};

use crate::support::{Client, Counter, capture_log, logged, until, watchdog};
use crate::{check_echo, echo};

/// A server that is started, with options.
fn serve_with(builder: Builder) -> StreamServer {
    let server = builder.bind("127.0.0.1:0", echo).unwrap();
    server.start().unwrap();
    server
}

#[test]
fn a_number_is_a_pool_of_that_size() {
    let _watchdog = watchdog();
    let server = serve_with(StreamServer::builder().pool_size(1));
    let mut first = Client::connect(server.local_addr());
    check_echo(&mut first);
    let mut second = Client::with(server.local_addr(), "x");
    second.expect_silence();
    first.end_sending();
    first.expect_end();
    second.expect(b"x");
}

#[test]
fn a_limit_on_connections_makes_the_next_wait() {
    let _watchdog = watchdog();
    let server = serve_with(StreamServer::builder().max_connections(2));
    let mut clients = [(); 2].map(|()| Client::connect(server.local_addr()));
    clients.iter_mut().for_each(check_echo);
    let mut third = Client::with(server.local_addr(), "x");
    third.expect_silence();
    assert_eq!(server.active(), 2);
    clients[1].end_sending();
    third.expect(b"x");
    assert_eq!(server.counters().refused, 0);
}

#[test]
fn or_closes_it_when_told_so() {
    let _watchdog = watchdog();
    for builder in [
        StreamServer::builder().max_connections(1),
        StreamServer::builder().pool_size(1),
    ] {
        let server = serve_with(builder.when_full(WhenFull::Refuse));
        let mut first = Client::connect(server.local_addr());
        check_echo(&mut first);
        for refused in 1..=3 {
            Client::with(server.local_addr(), "x").expect_closed();
            until("the count", || server.counters().refused == refused);
        }
        check_echo(&mut first);
        first.end_sending();
        first.expect_end();
        until("its place", || server.active() == 0);
        check_echo(&mut Client::connect(server.local_addr()));
        let counters = server.counters();
        assert_eq!((counters.accepted, counters.refused), (5, 3));
    }
}

#[test]
fn options_that_cannot_be_are_errors_of_bind() {
    let _watchdog = watchdog();
    let second = Duration::from_secs(1);
    for builder in [
        StreamServer::builder().pool_size(0),
        StreamServer::builder().max_connections(0),
        StreamServer::builder().max_accept(0),
        StreamServer::builder().accept_delays(second, Duration::ZERO),
    ] {
        let error = builder.bind("127.0.0.1:0", echo).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
    }
}

#[test]
fn a_spawner_of_the_user_s_is_called_for_each() {
    let _watchdog = watchdog();
    let spawned = Counter::default();
    let count = spawned.clone();
    let server = serve_with(StreamServer::builder().spawner(move |body| {
        count.add();
        let greenlet = maypole::Builder::new().name("mine").spawn(body)?;
        Ok(greenlet.handle().clone())
    }));
    let mut clients = [(); 3].map(|()| Client::connect(server.local_addr()));
    clients.iter_mut().for_each(check_echo);
    assert_eq!(spawned.get(), 3);
    assert_eq!(server.active(), 3);
    // They are killed like others.
    server.stop(Duration::ZERO);
    assert_eq!(server.active(), 0);
    clients.iter_mut().for_each(Client::expect_end);
}

#[test]
fn a_spawner_that_fails_closes_the_connection_and_the_server_goes_on() {
    let _watchdog = watchdog();
    capture_log();
    let calls = Counter::default();
    let server = serve_with(StreamServer::builder().spawner(move |body| {
        match calls.add() {
            1 => return Err(io::Error::other("no greenlet today")),
            2 => panic!("a spawner on purpose"),
            _ => {}
        }
        Ok(maypole::spawn(body).handle().clone())
    }));
    let label = server.local_addr().to_string();
    for _ in 0..2 {
        Client::connect(server.local_addr()).expect_closed();
    }
    check_echo(&mut Client::connect(server.local_addr()));
    let counters = server.counters();
    assert_eq!((counters.accepted, counters.refused), (3, 2));
    assert_eq!((counters.errors, counters.accept_errors), (0, 2));
    for why in ["no greenlet today", "a spawner on purpose"] {
        let records = logged(why);
        assert_eq!(records.len(), 1, "{records:?}");
        assert_eq!(records[0].level, log::Level::Warn);
        assert!(records[0].text.contains(&label), "{records:?}");
    }
}

#[test]
fn a_listener_that_fails_for_good_closes_the_server() {
    let _watchdog = watchdog();
    capture_log();
    let listener = TcpListener::bind("127.0.6.1:0").unwrap();
    let also = listener.try_clone().unwrap();
    let server = StreamServer::builder()
        .from_listener(listener, echo)
        .unwrap();
    let forever = server.clone();
    let serving = thread::spawn(move || forever.serve_forever());
    let mut client = Client::connect(server.local_addr());
    check_echo(&mut client);
    // From here on accept is EINVAL.
    rustix::net::shutdown(&also, rustix::net::Shutdown::Both).unwrap();
    let error = serving.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
    assert!(server.is_closed() && !server.is_started());
    client.expect_end();
    let label = server.local_addr().to_string();
    let mut records = logged(&label);
    records.retain(|record| record.level == log::Level::Error);
    assert_eq!(records.len(), 1, "{records:?}");
}

#[test]
fn no_release_of_a_slot_is_missed() {
    let _watchdog = watchdog();
    // Slots are released by handlers, and by others who share the pool, in the
    // very moment in which the server finds it full.
    let pool = maypole::pool::Pool::new(2);
    let server = serve_with(StreamServer::builder().pool(pool.clone()));
    let addr = server.local_addr();
    let left = Arc::new(AtomicUsize::new(4));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let left = left.clone();
            thread::spawn(move || {
                for _ in 0..300 {
                    let mut client = Client::with(addr, "x");
                    client.expect(b"x");
                }
                left.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    let others: Vec<_> = (0..2)
        .map(|_| {
            let (pool, left) = (pool.clone(), left.clone());
            maypole::spawn(move || {
                while left.load(Ordering::SeqCst) > 0 {
                    pool.spawn(maypole::yield_now).join();
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    for other in others {
        other.join();
    }
    until("free slots", || pool.free_slots() == 2);
    assert_eq!(server.counters().accepted, 1200);
}
