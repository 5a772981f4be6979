//! Binding, starting, `serve_forever`, the end of it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use maypole::server::StreamServer;

use crate::support::{Client, LONG, is_refused, until, watchdog};
use crate::{check_echo, echo, serve};

#[test]
fn the_port_that_was_chosen_is_told() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.0.1:0", echo).unwrap();
    let addr = server.local_addr();
    assert_eq!(addr.ip(), IpAddr::from(Ipv4Addr::LOCALHOST));
    assert_ne!(addr.port(), 0);
    assert!(!server.is_started());
    server.start().unwrap();
    assert_eq!(server.local_addr(), addr);
    assert!(server.is_started());
    check_echo(&mut Client::connect(addr));
}

#[test]
fn clients_wait_until_it_is_started() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.0.1:0", echo).unwrap();
    let mut client = Client::with(server.local_addr(), "early");
    client.expect_silence();
    assert_eq!(server.active(), 0);
    server.start().unwrap();
    client.expect(b"early");
    assert_eq!(server.active(), 1);
}

#[test]
fn starting_twice_does_no_harm() {
    let _watchdog = watchdog();
    let server = serve(echo);
    server.start().unwrap();
    assert!(server.is_started());
    check_echo(&mut Client::connect(server.local_addr()));
}

#[test]
fn two_clients_at_once() {
    let _watchdog = watchdog();
    let server = serve(echo);
    let mut first = Client::connect(server.local_addr());
    let mut second = Client::connect(server.local_addr());
    for _ in 0..10 {
        check_echo(&mut first);
        check_echo(&mut second);
    }
    assert_eq!(server.active(), 2);
    first.end_sending();
    first.expect_end();
    check_echo(&mut second);
    until("one handler less", || server.active() == 1);
}

#[test]
fn handlers_are_told_the_peer() {
    let _watchdog = watchdog();
    let server = serve(|mut stream, peer| {
        assert_eq!(stream.peer_addr()?, peer);
        io::Write::write_all(&mut stream, peer.to_string().as_bytes())
    });
    let mut client = Client::connect(server.local_addr());
    let told = client.read_to_end();
    assert_eq!(told, client.addr().to_string().as_bytes());
}

#[test]
fn a_busy_port_is_an_error_that_names_the_address() {
    let _watchdog = watchdog();
    let first = serve(echo);
    let error = StreamServer::bind(first.local_addr(), echo).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    let text = error.to_string();
    assert!(text.contains(&first.local_addr().to_string()), "{text}");
    check_echo(&mut Client::connect(first.local_addr()));
}

#[test]
fn a_listener_of_std_is_taken_over() {
    let _watchdog = watchdog();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let server = StreamServer::builder()
        .from_listener(listener, echo)
        .unwrap();
    server.start().unwrap();
    assert_eq!(server.local_addr(), addr);
    check_echo(&mut Client::connect(addr));
}

#[test]
fn serve_forever_ends_when_a_thread_stops_it() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.0.1:0", echo).unwrap();
    let forever = server.clone();
    let thread = thread::spawn(move || forever.serve_forever());
    let mut client = Client::connect(server.local_addr());
    check_echo(&mut client);
    client.end_sending();
    client.expect_end();
    assert!(!thread.is_finished());
    server.stop(LONG);
    thread.join().unwrap().unwrap();
    assert!(!server.is_started());
}

#[test]
fn serve_forever_ends_when_a_greenlet_stops_it() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.0.1:0", echo).unwrap();
    let forever = server.clone();
    let serving = maypole::spawn(move || forever.serve_forever());
    check_echo(&mut Client::connect(server.local_addr()));
    let stopping = maypole::spawn(move || server.stop(Duration::ZERO));
    serving.get().unwrap().unwrap();
    stopping.get().unwrap();
}

#[test]
fn dropping_the_last_handle_stops_accepting() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.3.3:0", echo).unwrap();
    server.start().unwrap();
    let addr = server.local_addr();
    let clone = server.clone();
    drop(server);
    let mut client = Client::connect(addr);
    check_echo(&mut client);
    drop(clone);
    until("the listener's end", || is_refused(addr));
    // Who is being served stays served.
    check_echo(&mut client);
}

#[test]
fn dropping_a_server_that_never_started_closes_it() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.3.4:0", echo).unwrap();
    let addr = server.local_addr();
    let mut waiting = Client::connect(addr);
    drop(server);
    waiting.expect_closed();
    assert!(is_refused(addr));
}

#[test]
fn the_address_is_free_after_a_stop() {
    let _watchdog = watchdog();
    let first = StreamServer::bind("127.0.3.5:0", echo).unwrap();
    first.start().unwrap();
    let addr: SocketAddr = first.local_addr();
    let mut client = Client::connect(addr);
    check_echo(&mut client);
    first.stop(Duration::ZERO);
    let second = StreamServer::bind(addr, echo).unwrap();
    second.start().unwrap();
    check_echo(&mut Client::connect(addr));
}
