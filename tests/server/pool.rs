//! A limit on handlers: the slot first, then the connection.

use std::io;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use maypole::pool::Pool;
use maypole::server::StreamServer;

use crate::support::{Client, Counter, until, watchdog};
use crate::{check_echo, echo};

fn server_with(pool: &Pool) -> StreamServer {
    let server = StreamServer::builder()
        .pool(pool.clone())
        .bind("127.0.0.1:0", echo)
        .unwrap();
    server.start().unwrap();
    server
}

#[test]
fn the_second_client_waits_for_the_first() {
    let _watchdog = watchdog();
    let server = server_with(&Pool::new(1));
    let mut first = Client::connect(server.local_addr());
    check_echo(&mut first);
    let mut second = Client::with(server.local_addr(), "patience");
    second.expect_silence();
    assert_eq!(server.active(), 1);
    check_echo(&mut first);
    first.end_sending();
    first.expect_end();
    second.expect(b"patience");
    check_echo(&mut second);
}

#[test]
fn a_server_that_waits_for_clients_holds_no_slot() {
    let _watchdog = watchdog();
    let pool = Pool::new(1);
    // Two servers share the only slot.
    let (one, other) = (server_with(&pool), server_with(&pool));
    for server in [&one, &other, &one] {
        let mut client = Client::connect(server.local_addr());
        check_echo(&mut client);
        client.end_sending();
        client.expect_end();
    }
    until("the slot's return", || pool.free_slots() == 1);
}

#[test]
fn nothing_is_accepted_without_a_slot() {
    let _watchdog = watchdog();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let also = listener.try_clone().unwrap();
    let pool = Pool::new(1);
    let server = StreamServer::builder()
        .pool(pool.clone())
        .from_listener(listener, echo)
        .unwrap();
    server.start().unwrap();
    let mut first = Client::connect(server.local_addr());
    check_echo(&mut first);
    assert!(pool.is_full());
    let second = Client::connect(server.local_addr());
    // The server has not taken it, so we can.
    let (_, peer) = accept(&also).unwrap();
    assert_eq!(peer, second.addr());
}

/// Accepts from a listener that the server has made non-blocking.
fn accept(listener: &TcpListener) -> io::Result<(std::net::TcpStream, std::net::SocketAddr)> {
    let mut accepted = listener.accept();
    until("a connection in the backlog", || {
        if matches!(&accepted, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            accepted = listener.accept();
            return false;
        }
        true
    });
    accepted
}

#[test]
fn a_slot_is_given_back_however_a_handler_ends() {
    let _watchdog = watchdog();
    let calls = Counter::default();
    let counted = calls.clone();
    let pool = Pool::new(1);
    let server = StreamServer::builder()
        .pool(pool.clone())
        .bind("127.0.0.1:0", move |stream, peer| match counted.add() {
            1 => Ok(()),
            2 => Err(io::Error::other("on purpose")),
            3 => panic!("on purpose"),
            4 => {
                maypole::current().unwrap().start_kill();
                maypole::sleep(Duration::MAX);
                Ok(())
            }
            _ => echo(stream, peer),
        })
        .unwrap();
    server.start().unwrap();
    for _ in 0..4 {
        Client::connect(server.local_addr()).expect_end();
    }
    check_echo(&mut Client::connect(server.local_addr()));
    assert_eq!(calls.get(), 5);
    until("a free pool", || pool.is_empty());
}

#[test]
fn two_servers_share_a_pool() {
    let _watchdog = watchdog();
    // Each of them holds one slot for a client and one for its next client.
    let pool = Pool::new(4);
    let one = server_with(&pool);
    let other = server_with(&pool);
    let mut first = Client::connect(one.local_addr());
    check_echo(&mut first);
    let mut second = Client::connect(other.local_addr());
    check_echo(&mut second);
    assert_eq!((one.active(), other.active()), (1, 1));
    assert_eq!(pool.len(), 2);
    // A stop ends the server's own handlers only.
    one.stop(Duration::ZERO);
    first.expect_end();
    check_echo(&mut second);
    check_echo(&mut Client::connect(other.local_addr()));
}

#[test]
fn many_clients_pass_through_a_small_pool() {
    let _watchdog = watchdog();
    let server = server_with(&Pool::new(3));
    let addr = server.local_addr();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(move || {
                for _ in 0..25 {
                    let mut client = Client::connect(addr);
                    check_echo(&mut client);
                    client.end_sending();
                    client.expect_end();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    until("no handlers", || server.active() == 0);
}
