//! Behaviours of gevent's test__socket.py, test__socket_timeout.py and
//! test__socket_errors.py, written anew. What the engine promises to sockets is
//! in `src/contract`.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of tests, and what the suites share"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv6Addr, Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use maypole_runtime::net::{TcpListener, TcpStream, lookup_host};
use maypole_runtime::{Greenlet, spawn, threadpool, with_timeout};

mod support;

use support::{begin, in_greenlet};

/// A limit that is to be reached.
const MOMENT: Duration = Duration::from_millis(5);

/// More bytes than a connection's buffers take.
const MUCH: usize = 16 << 20;

fn listening() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// The two ends of a connection.
fn pair() -> (TcpStream, TcpStream) {
    let (listener, addr) = listening();
    let near = TcpStream::connect(addr).unwrap();
    (near, listener.accept().unwrap().0)
}

#[test]
fn a_port_in_use_is_named() {
    let (_listener, addr) = listening();
    for builder in [
        TcpListener::builder(),
        TcpListener::builder().reuse_port(true),
        TcpListener::builder().reuse_addr(false),
    ] {
        let error = builder.bind(addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&addr.to_string()), "{error}");
    }
    let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let other = TcpListener::bind(&[addr, free][..]).unwrap();
    assert_ne!(other.local_addr().unwrap(), addr);
}

#[test]
fn those_who_agree_share_a_port() {
    in_greenlet(|| {
        let shared = TcpListener::builder().reuse_port(true);
        let first = shared.clone().bind("127.0.0.1:0").unwrap();
        let addr = first.local_addr().unwrap();
        let second = shared.bind(addr).unwrap();
        assert!(TcpListener::bind(addr).is_err());
        let accepting: Vec<_> = [first, second]
            .into_iter()
            .map(|listener| spawn(move || while listener.accept().is_ok() {}))
            .collect();
        for _ in 0..32 {
            drop(TcpStream::connect(addr).unwrap());
        }
        drop(accepting.iter().map(Greenlet::kill).collect::<Vec<_>>());
    });
}

#[test]
fn an_old_connection_does_not_hold_the_port() {
    in_greenlet(|| {
        let (listener, addr) = listening();
        let client = TcpStream::connect(addr).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.shutdown(Shutdown::Both).unwrap(); // first, so it lingers here
        drop((listener, server, client));
        TcpListener::bind(addr).unwrap();
    });
}

#[test]
fn the_backlog_is_the_kernel_s_queue() {
    in_greenlet(|| {
        // As many as the backlog says, and one.
        let listener = TcpListener::builder().backlog(1).bind("127.0.0.1:0");
        let listener = listener.unwrap();
        let addr = listener.local_addr().unwrap();
        let mut clients = Vec::new();
        for _ in 0..2 {
            clients.push(TcpStream::connect(addr).unwrap());
        }
        let late = TcpStream::connect_timeout(&addr, Duration::from_millis(50));
        assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(listener.accept().is_ok());
    });
}

#[test]
fn version_six_alone_or_with_four() {
    in_greenlet(|| {
        for (alone, reached) in [(true, false), (false, true)] {
            let listener = TcpListener::builder()
                .only_v6(alone)
                .bind((Ipv6Addr::UNSPECIFIED, 0))
                .unwrap();
            let port = listener.local_addr().unwrap().port();
            TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap();
            assert_eq!(TcpStream::connect(("127.0.0.1", port)).is_ok(), reached);
        }
    });
}

#[test]
fn much_arrives_whole() {
    in_greenlet(|| {
        let (mut near, mut far) = pair();
        let writer = spawn(move || {
            let data: Vec<u8> = (0..MUCH).map(|n| (n / 7) as u8).collect();
            near.write_all(&data).unwrap();
            data
        });
        let mut all = Vec::new();
        far.read_to_end(&mut all).unwrap();
        assert!(all == writer.get().unwrap());
    });
}

#[test]
fn limits_are_for_each_call() {
    let waits = || {
        let (near, _far) = pair();
        near.set_read_timeout(Some(MOMENT)).unwrap();
        near.set_write_timeout(Some(MOMENT)).unwrap();
        let begun = Instant::now();
        for _ in 0..3 {
            let error = (&near).read(&mut [0; 4]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        }
        assert!(begun.elapsed() >= MOMENT * 3);
        let error = (&near).write_all(&vec![0; MUCH]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(near.wait_read().unwrap_err().kind(), ErrorKind::TimedOut);
    };
    in_greenlet(waits);
    waits();
}

#[test]
fn a_shutdown_wakes_who_waits() {
    let wakes = || {
        let (near, far) = pair();
        let near = Arc::new(near);
        let reader = begin({
            let near = near.clone();
            move || (&*near).read(&mut [0; 4])
        });
        near.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reader.get().unwrap().unwrap(), 0);
        let writer = begin({
            let near = near.clone();
            move || (&*near).write_all(&vec![0; MUCH])
        });
        near.shutdown(Shutdown::Write).unwrap();
        let error = writer.get().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        drop(far);
    };
    in_greenlet(wakes);
    wakes();
}

#[test]
fn a_listener_that_is_shut_down_wakes_who_accepts() {
    let wakes = || {
        let (listener, addr) = listening();
        let listener = Arc::new(listener);
        let accepting = begin({
            let listener = listener.clone();
            move || listener.accept().map(drop)
        });
        listener.shutdown().unwrap();
        let ended = accepting.get().unwrap().unwrap_err();
        assert_eq!(ended.kind(), ErrorKind::InvalidInput);
        assert!(listener.accept().is_err());
        let refused = TcpStream::connect(addr).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    };
    in_greenlet(wakes);
    wakes();
}

/// A read ends at the mark that urgent data leave: no sign that nothing follows.
/// `may` does not tell of urgent data, see docs/engines.md.
#[cfg(feature = "native")]
#[test]
fn urgent_data_hide_no_bytes() {
    in_greenlet(|| {
        let (mut near, far) = pair();
        let reader = begin(move || {
            let mut all = Vec::new();
            let mut buf = [0; 64];
            while !all.ends_with(b"end") {
                let n = near.read(&mut buf).unwrap();
                all.extend_from_slice(&buf[..n]);
            }
            all
        });
        far.set_nodelay(true).unwrap();
        (&far).write_all(b"one").unwrap();
        maypole_runtime::sleep(MOMENT); // so that it waits with a short read behind it
        (&far).write_all(b"two").unwrap();
        socket2::SockRef::from(&far).send_out_of_band(b"!").unwrap();
        (&far).write_all(b"end").unwrap();
        assert_eq!(reader.get().unwrap(), b"onetwoend");
    });
}

#[test]
fn a_reset_is_an_error() {
    in_greenlet(|| {
        let (mut near, far) = pair();
        let reader = begin(move || near.read(&mut [0; 4]));
        socket2::SockRef::from(&far)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(far);
        let error = reader.get().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn nobody_there_is_refused() {
    in_greenlet(|| {
        let (listener, gone) = listening();
        drop(listener);
        let error = TcpStream::connect(gone).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        // All addresses are tried.
        let (_listener, addr) = listening();
        let stream = TcpStream::connect(&[gone, addr][..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
    });
}

#[test]
fn a_time_out_around_an_accept_leaves_the_connection() {
    in_greenlet(|| {
        let (listener, addr) = listening();
        assert!(with_timeout(MOMENT, || listener.accept()).is_err());
        let _client = TcpStream::connect(addr).unwrap();
        assert!(listener.accept().is_ok());
        let none = listener.try_accept().unwrap_err();
        assert_eq!(none.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn descriptors_go_to_std_and_back() {
    in_greenlet(|| {
        let (near, mut far) = pair();
        let fd = std::os::fd::OwnedFd::from(near);
        let mut near = TcpStream::try_from(std::net::TcpStream::from(fd)).unwrap();
        far.write_all(b"x").unwrap();
        assert_eq!(near.read(&mut [0; 4]).unwrap(), 1);
    });
}

#[test]
fn a_source_address_is_where_it_comes_from() {
    in_greenlet(|| {
        let (listener, addr) = listening();
        let source: SocketAddr = "127.0.0.9:0".parse().unwrap();
        let near = TcpStream::connect_from(source, addr).unwrap();
        assert_eq!(near.local_addr().unwrap().ip(), source.ip());
        assert_eq!(listener.accept().unwrap().1, near.local_addr().unwrap());
        let six: SocketAddr = "[::1]:0".parse().unwrap();
        assert!(TcpStream::connect_from(six, addr).is_err());
        let foreign: SocketAddr = "192.0.2.1:0".parse().unwrap();
        let error = TcpStream::connect_from(foreign, addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        assert!(error.to_string().contains("192.0.2.1"), "{error}");
    });
}

#[test]
fn more_lookups_than_threads_are_served() {
    in_greenlet(|| {
        let lookups: Vec<_> = (0..100)
            .map(|_| spawn(|| lookup_host(("localhost", 80)).unwrap().len()))
            .collect();
        let killed = spawn(|| lookup_host(("localhost", 80)));
        killed.kill();
        for lookup in lookups {
            assert!(lookup.get().unwrap() > 0);
        }
        // On a thread of the pool it does not wait for another one.
        let found = threadpool::run(|| lookup_host(("localhost", 80)));
        assert!(!found.unwrap().is_empty());
    });
    assert!(!lookup_host("localhost:80").unwrap().is_empty());
}
