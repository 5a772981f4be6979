//! Accepting pauses and goes on; after gevent's `test__server.py`.

use std::io;
use std::thread;

use maypole::pool::Pool;
use maypole::server::StreamServer;

use crate::support::{Client, LONG, is_refused, until, watchdog};
use crate::{check_echo, echo, serve};

#[test]
fn clients_wait_while_it_accepts_nothing() {
    let _watchdog = watchdog();
    let server = serve(echo);
    let mut early = Client::connect(server.local_addr());
    check_echo(&mut early);
    for _ in 0..5 {
        server.stop_accepting();
        server.stop_accepting();
        assert!(server.is_started() && !server.is_closed());
        let mut waiting = Client::with(server.local_addr(), "patience");
        waiting.expect_silence();
        check_echo(&mut early);
        server.start_accepting().unwrap();
        server.start_accepting().unwrap();
        waiting.expect(b"patience");
    }
}

#[test]
fn a_server_that_is_not_started_cannot_accept() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.5.1:0", echo).unwrap();
    server.stop_accepting();
    let error = server.start_accepting().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotConnected);
    server.start().unwrap();
    server.stop_accepting();
    server.stop(LONG);
    assert!(server.start_accepting().is_err());
    assert!(is_refused(server.local_addr()));
}

#[test]
fn a_close_leaves_handlers_alone() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.5.2:0", echo).unwrap();
    server.start().unwrap();
    let mut client = Client::connect(server.local_addr());
    check_echo(&mut client);
    let mut waiting = {
        server.stop_accepting();
        Client::connect(server.local_addr())
    };
    server.close();
    server.close();
    assert!(server.is_closed() && !server.is_started());
    assert!(is_refused(server.local_addr()));
    waiting.expect_closed();
    check_echo(&mut client);
    // They are still its own: a stop waits for them, and kills them.
    server.stop(std::time::Duration::ZERO);
    client.expect_end();
}

#[test]
fn serve_forever_ends_with_a_close() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.5.3:0", echo).unwrap();
    let forever = server.clone();
    let serving = thread::spawn(move || forever.serve_forever());
    let mut client = Client::connect(server.local_addr());
    check_echo(&mut client);
    server.close();
    // Its handler has a second, and is killed.
    client.expect_end();
    serving.join().unwrap().unwrap();
}

#[test]
fn nothing_is_lost_while_it_pauses_and_goes_on() {
    let _watchdog = watchdog();
    let server = StreamServer::builder()
        .pool(Pool::new(2))
        .max_accept(1)
        .bind("127.0.0.1:0", echo)
        .unwrap();
    server.start().unwrap();
    let addr = server.local_addr();
    let clients: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(move || {
                for _ in 0..50 {
                    let mut client = Client::connect(addr);
                    check_echo(&mut client);
                    client.end_sending();
                    client.expect_end();
                }
            })
        })
        .collect();
    while !clients.iter().all(thread::JoinHandle::is_finished) {
        server.stop_accepting();
        server.start_accepting().unwrap();
    }
    for client in clients {
        client.join().unwrap();
    }
    until("no handlers", || server.active() == 0);
    assert_eq!(server.counters().accepted, 200);
}
