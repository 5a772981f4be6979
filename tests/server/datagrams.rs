//! `DatagramServer` with clients of std's; after gevent's
//! `test__server.py` and `udp_server.py`, written anew.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use maypole::Event;
use maypole::pool::Pool;
use maypole::server::{DatagramServer, WhenFull};

use crate::support::{Counter, LONG, MOMENT, PATIENCE, capture_log, logged, until, watchdog};

/// A client of std's that is connected to the server.
fn client_of(addr: SocketAddr) -> UdpSocket {
    let any = if addr.is_ipv6() {
        "[::1]:0"
    } else {
        "127.0.0.1:0"
    };
    let client = UdpSocket::bind(any).unwrap();
    client.connect(addr).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

#[track_caller]
fn ask(client: &UdpSocket, question: &[u8]) -> Vec<u8> {
    client.send(question).unwrap();
    let mut answer = vec![0; 65536];
    let len = client.recv(&mut answer).unwrap();
    answer.truncate(len);
    answer
}

fn echoing(addr: &str) -> DatagramServer {
    let server = DatagramServer::bind(addr, |socket, data, peer| {
        socket.send_to(data, peer).map(drop)
    })
    .unwrap();
    server.start().unwrap();
    server
}

#[test]
fn datagrams_are_answered() {
    let _watchdog = watchdog();
    let has_v6 = UdpSocket::bind("[::1]:0").is_ok();
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        if addr.starts_with('[') && !has_v6 {
            continue;
        }
        let server = echoing(addr);
        let client = client_of(server.local_addr());
        assert_eq!(ask(&client, b"ping"), b"ping");
        // Empty ones are delivered too.
        assert_eq!(ask(&client, b""), b"");
        assert_eq!(server.counters().accepted, 2);
    }
}

#[test]
fn what_is_longer_than_the_buffer_is_cut() {
    let _watchdog = watchdog();
    let long = vec![b'x'; 9000];
    let server = echoing("127.0.0.1:0");
    assert_eq!(ask(&client_of(server.local_addr()), &long).len(), 8192);
    for size in [1, 65536] {
        let server = DatagramServer::builder()
            .buffer_size(size)
            .bind("127.0.0.1:0", |socket, data, peer| {
                socket.send_to(data, peer).map(drop)
            })
            .unwrap();
        server.start().unwrap();
        let got = ask(&client_of(server.local_addr()), &long);
        assert_eq!(got.len(), size.min(9000));
    }
    let none = DatagramServer::builder()
        .buffer_size(0)
        .bind("127.0.0.1:0", |_, _, _| Ok(()));
    assert_eq!(none.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn unix_clients_are_answered_if_they_are_bound() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let (path, own) = (folder.path().join("server"), folder.path().join("client"));
    // Left behind by another.
    drop(UnixDatagram::bind(&path).unwrap());
    let server = DatagramServer::builder()
        .unix_mode(0o600)
        .bind_unix(&path, |socket, data, peer| {
            socket.send_to_addr(data, &peer).map(drop)
        })
        .unwrap();
    assert_eq!(server.addr().path(), Some(&*path));
    let client = UnixDatagram::bind(&own).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..3 {
        server.start().unwrap();
        client.send_to(b"ping", &path).unwrap();
        let mut answer = [0; 8];
        assert_eq!(client.recv(&mut answer).unwrap(), 4);
        let in_use = DatagramServer::builder().bind_unix(&path, |_, _, _| Ok(()));
        assert_eq!(in_use.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        server.stop(LONG);
        assert!(!path.exists());
    }
}

#[test]
fn a_full_pool_receives_nothing() {
    let _watchdog = watchdog();
    for when_full in [WhenFull::Wait, WhenFull::Refuse] {
        let release = Event::new();
        let begun = Counter::default();
        let (released, count) = (release.clone(), begun.clone());
        let server = DatagramServer::builder()
            .pool(Pool::new(1))
            .when_full(when_full)
            .bind("127.0.0.1:0", move |socket, data, peer| {
                count.add();
                released.wait();
                socket.send_to(data, peer).map(drop)
            })
            .unwrap();
        server.start().unwrap();
        let client = client_of(server.local_addr());
        client.send(b"1").unwrap();
        begun.reaches(1);
        client.send(b"2").unwrap();
        if when_full == WhenFull::Refuse {
            until("one is dropped", || server.counters().refused == 1);
        } else {
            std::thread::sleep(MOMENT);
            assert_eq!(server.counters().accepted, 1);
        }
        assert_eq!(server.active(), 1);
        release.set();
        let mut answer = [0; 8];
        client.recv(&mut answer).unwrap();
        assert_eq!(&answer[..1], b"1");
        if when_full == WhenFull::Wait {
            client.recv(&mut answer).unwrap();
            assert_eq!(&answer[..1], b"2");
        }
    }
}

#[test]
fn failures_are_reported_and_end_one_datagram_only() {
    let _watchdog = watchdog();
    capture_log();
    let server = DatagramServer::bind("127.0.0.1:0", |socket, data, peer| match data {
        b"panic" => panic!("a datagram on purpose"),
        b"fail" => Err(io::Error::other("a datagram on purpose")),
        _ => socket.send_to(data, peer).map(drop),
    })
    .unwrap();
    server.start().unwrap();
    let client = client_of(server.local_addr());
    client.send(b"panic").unwrap();
    client.send(b"fail").unwrap();
    assert_eq!(ask(&client, b"fine"), b"fine");
    until("both reports", || server.counters().errors == 2);
    let label = server.local_addr().to_string();
    let mut records = logged("a datagram on purpose");
    records.retain(|record| record.text.contains(&label));
    let mut levels: Vec<_> = records.iter().map(|record| record.level).collect();
    levels.sort_unstable();
    assert_eq!(levels, [log::Level::Error, log::Level::Warn], "{records:?}");
}

#[test]
fn it_pauses_stops_and_starts_again() {
    let _watchdog = watchdog();
    let server = echoing("127.0.8.1:0");
    let client = client_of(server.local_addr());
    assert_eq!(ask(&client, b"1"), b"1");
    server.stop_accepting();
    client.send(b"2").unwrap();
    std::thread::sleep(MOMENT);
    assert_eq!(server.counters().accepted, 1);
    server.start_accepting().unwrap();
    let mut answer = [0; 8];
    assert_eq!(client.recv(&mut answer).unwrap(), 1);
    server.stop(Duration::ZERO);
    assert!(server.is_closed() && !server.is_started());
    server.start().unwrap();
    // What was sent meanwhile was refused, which the client hears of once.
    assert_eq!(ask(&client_of(server.local_addr()), b"3"), b"3");
    let forever = server.clone();
    let serving = std::thread::spawn(move || forever.serve_forever());
    assert_eq!(ask(&client_of(server.local_addr()), b"4"), b"4");
    server.stop(LONG);
    serving.join().unwrap().unwrap();
}
