//! Connections hear that their server stops.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use maypole::server::{Stream, StreamServer};

use crate::check_echo;
use crate::support::{Client, Counter, LONG, until, watchdog};

/// Echoes while the server does not drain, then says good-bye.
fn echo_until_drained(mut stream: Stream, _peer: SocketAddr) -> io::Result<()> {
    let mut buffer = [0; 64];
    while stream.wait_request()? {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n])?;
    }
    stream.write_all(b"bye")
}

/// A look at the flag now and then, in a handler.
fn wait_until_it_drains(stream: &Stream) {
    while !stream.is_draining() {
        maypole::sleep(Duration::from_millis(1));
    }
}

#[test]
fn idle_connections_end_at_once() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.0.1:0", echo_until_drained).unwrap();
    server.start().unwrap();
    let mut clients: Vec<_> = (0..50)
        .map(|_| Client::connect(server.local_addr()))
        .collect();
    for client in &mut clients {
        check_echo(client);
    }
    // One more that has said nothing at all.
    clients.push(Client::connect(server.local_addr()));
    until("all handlers", || server.active() == clients.len());
    server.stop(LONG);
    for client in &mut clients {
        assert_eq!(client.read_to_end(), b"bye");
    }
}

#[test]
fn no_idle_connection_is_missed() {
    let _watchdog = watchdog();
    // `stop` comes at any moment of a handler's way into its wait.
    for _ in 0..300 {
        let server = StreamServer::bind("127.0.0.1:0", echo_until_drained).unwrap();
        server.start().unwrap();
        let mut clients = [(); 3].map(|()| Client::with(server.local_addr(), "ping"));
        clients[0].expect(b"ping");
        let begun = Instant::now();
        server.stop(LONG);
        assert!(begun.elapsed() < LONG, "a handler was killed");
        for client in &mut clients {
            client.expect_closed();
        }
    }
}

#[test]
fn a_request_that_has_come_is_answered() {
    let _watchdog = watchdog();
    let release = maypole::Event::new();
    let begun = Counter::default();
    let (released, count) = (release.clone(), begun.clone());
    let server = StreamServer::bind("127.0.0.1:0", move |stream, peer| {
        assert!(!stream.is_draining());
        count.add();
        released.wait();
        wait_until_it_drains(&stream);
        echo_until_drained(stream, peer)
    })
    .unwrap();
    server.start().unwrap();
    let mut client = Client::with(server.local_addr(), "here already");
    begun.reaches(1);
    let stopping = {
        let server = server.clone();
        thread::spawn(move || server.stop(LONG))
    };
    until("the stop", || !server.is_started());
    release.set();
    assert_eq!(client.read_to_end(), b"here alreadybye");
    stopping.join().unwrap();
}

#[test]
fn handlers_that_do_something_else_are_left_alone() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.0.1:0", |mut stream, _peer| {
        let mut clone = stream.try_clone()?;
        let mut byte = [0];
        // A plain read and a sleep are not for draining to end.
        clone.read_exact(&mut byte)?;
        wait_until_it_drains(&clone);
        stream.write_all(&byte)
    })
    .unwrap();
    server.start().unwrap();
    let mut client = Client::connect(server.local_addr());
    until("the handler", || server.active() == 1);
    let stopping = {
        let server = server.clone();
        thread::spawn(move || server.stop(LONG))
    };
    until("the stop", || !server.is_started());
    client.send("x");
    assert_eq!(client.read_to_end(), b"x");
    stopping.join().unwrap();
}

#[test]
fn waiting_for_a_request_times_out() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.0.1:0", |mut stream, _peer| {
        stream.set_read_timeout(Some(Duration::from_millis(5)))?;
        let begun = Instant::now();
        let error = stream.wait_request().unwrap_err();
        assert!(begun.elapsed() >= Duration::from_millis(5));
        write!(stream, "{:?}", error.kind())
    })
    .unwrap();
    server.start().unwrap();
    let mut client = Client::connect(server.local_addr());
    assert_eq!(client.read_to_end(), b"TimedOut");
}
