//! Behaviours of gevent's test__socket.py and test_socket.py that concern
//! datagrams, written anew.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of tests, and what the suites share"
)]

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use maypole_runtime::net::UdpSocket;
use maypole_runtime::{spawn, with_timeout};

mod support;

use support::{begin, in_greenlet, until};

fn bound() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    (socket, addr)
}

#[test]
fn a_datagram_comes_whole_with_its_sender() {
    in_greenlet(|| {
        let ((near, near_addr), (far, far_addr)) = (bound(), bound());
        assert_eq!(far.send_to(b"hello", near_addr).unwrap(), 5);
        let mut buf = [0; 16];
        assert_eq!(near.peek_from(&mut buf).unwrap(), (5, far_addr));
        assert_eq!(near.recv_from(&mut buf).unwrap(), (5, far_addr));
        assert_eq!(&buf[..5], b"hello");
    });
}

#[test]
fn a_receiver_waits_and_others_run() {
    in_greenlet(|| {
        let ((near, near_addr), (far, far_addr)) = (bound(), bound());
        let receiver = begin(move || {
            let mut buf = [0; 16];
            near.recv_from(&mut buf).unwrap()
        });
        assert!(!receiver.is_finished());
        far.send_to(b"", near_addr).unwrap(); // empty datagrams are datagrams
        assert_eq!(receiver.get().unwrap(), (0, far_addr));
    });
}

#[test]
fn what_does_not_fit_is_lost() {
    in_greenlet(|| {
        let ((near, near_addr), (far, _)) = (bound(), bound());
        far.send_to(b"hello", near_addr).unwrap();
        far.send_to(b"world", near_addr).unwrap();
        let mut buf = [0; 2];
        assert_eq!(near.recv_from(&mut buf).unwrap().0, 2);
        assert_eq!(near.recv(&mut buf).unwrap(), 2);
        assert_eq!(&buf, b"wo");
    });
}

#[test]
fn the_connected_hear_their_peer_alone() {
    in_greenlet(|| {
        let ((near, near_addr), (peer, peer_addr), (other, _)) = (bound(), bound(), bound());
        assert_eq!(
            near.peer_addr().unwrap_err().kind(),
            ErrorKind::NotConnected
        );
        near.connect(peer_addr).unwrap();
        assert_eq!(near.peer_addr().unwrap(), peer_addr);
        other.send_to(b"other", near_addr).unwrap();
        peer.send_to(b"peer", near_addr).unwrap();
        let mut buf = [0; 16];
        assert_eq!(near.peek(&mut buf).unwrap(), 4);
        assert_eq!(near.recv(&mut buf).unwrap(), 4);
        assert_eq!(near.send(b"back").unwrap(), 4);
        assert_eq!(peer.recv_from(&mut buf).unwrap(), (4, near_addr));
    });
}

#[test]
fn nobody_there_is_refused() {
    in_greenlet(|| {
        let (near, _) = bound();
        let (gone, gone_addr) = bound();
        drop(gone);
        near.connect(gone_addr).unwrap();
        near.send(b"anybody").unwrap();
        let error = near.recv(&mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn time_outs_end_a_wait_and_lose_nothing() {
    let receives = || {
        let ((near, near_addr), (far, _)) = (bound(), bound());
        let limit = Duration::from_millis(5);
        near.set_read_timeout(Some(limit)).unwrap();
        assert_eq!(near.read_timeout().unwrap(), Some(limit));
        let begun = Instant::now();
        let error = near.recv_from(&mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() >= limit);
        near.set_read_timeout(None).unwrap();
        let zero = near.set_write_timeout(Some(Duration::ZERO)).unwrap_err();
        assert_eq!(zero.kind(), ErrorKind::InvalidInput);
        assert!(with_timeout(limit, || near.recv(&mut [0; 4])).is_err());
        far.send_to(b"late", near_addr).unwrap();
        near.wait_read().unwrap();
        assert_eq!(near.recv(&mut [0; 4]).unwrap(), 4);
    };
    in_greenlet(receives);
    receives();
}

#[test]
fn a_kill_takes_no_datagram() {
    in_greenlet(|| {
        let ((near, near_addr), (far, _)) = (bound(), bound());
        let near = Arc::new(near);
        for _ in 0..100 {
            let receiver = spawn({
                let near = near.clone();
                move || near.recv(&mut [0; 4]).unwrap()
            });
            maypole_runtime::yield_now();
            far.send_to(b"x", near_addr).unwrap();
            receiver.kill();
            if receiver.get().is_err() {
                // Killed: what came is there for the next.
                assert_eq!(near.recv(&mut [0; 4]).unwrap(), 1);
            }
        }
    });
}

#[test]
fn two_who_receive_are_one_too_many() {
    in_greenlet(|| {
        let (near, near_addr) = bound();
        let near = Arc::new(near);
        let first = begin({
            let near = near.clone();
            move || near.recv(&mut [0; 4])
        });
        let error = near.recv(&mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        near.send_to(b"self", near_addr).unwrap(); // sending is another matter
        assert_eq!(first.get().unwrap().unwrap(), 4);
        // A clone has a descriptor of its own.
        let (clone, also) = (near.try_clone().unwrap(), near.clone());
        let first = begin(move || also.recv(&mut [0; 4]));
        let second = begin(move || clone.recv(&mut [0; 4]));
        near.send_to(b"one", near_addr).unwrap();
        near.send_to(b"two", near_addr).unwrap();
        assert_eq!(first.get().unwrap().unwrap(), 3);
        assert_eq!(second.get().unwrap().unwrap(), 3);
    });
}

#[test]
fn a_shutdown_wakes_who_receives() {
    let wakes = || {
        for connected in [false, true] {
            let ((near, _), (_far, far_addr)) = (bound(), bound());
            if connected {
                near.connect(far_addr).unwrap();
            }
            let near = Arc::new(near);
            let receiver = begin({
                let near = near.clone();
                move || near.recv(&mut [0; 4])
            });
            near.shutdown(Shutdown::Both).unwrap();
            let ended = receiver.get().unwrap().unwrap_err();
            assert_eq!(ended.kind(), ErrorKind::ConnectionAborted);
            for _ in 0..3 {
                let ended = near.recv_from(&mut [0; 4]).unwrap_err();
                assert_eq!(ended.kind(), ErrorKind::ConnectionAborted);
            }
            let ended = near.send_to(b"x", far_addr).unwrap_err();
            assert_eq!(ended.kind(), ErrorKind::BrokenPipe);
        }
    };
    in_greenlet(wakes);
    wakes();
}

#[test]
fn threads_and_greenlets_talk() {
    let (near, _) = bound();
    let (far, far_addr) = bound();
    let thread = thread::spawn(move || {
        let mut buf = [0; 4];
        for _ in 0..200 {
            let (n, peer) = far.recv_from(&mut buf).unwrap();
            far.send_to(&buf[..n], peer).unwrap();
        }
    });
    in_greenlet(move || {
        near.connect(far_addr).unwrap();
        let mut buf = [0; 4];
        for n in 0_u32..200 {
            near.send(&n.to_be_bytes()).unwrap();
            assert_eq!(near.recv(&mut buf).unwrap(), 4);
            assert_eq!(u32::from_be_bytes(buf), n);
        }
    });
    until(|| thread.is_finished());
    thread.join().unwrap();
}

#[test]
fn a_port_in_use_is_named() {
    let (_near, addr) = bound();
    let error = UdpSocket::bind(addr).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&addr.to_string()), "{error}");
    // The next address is tried.
    let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let other = UdpSocket::bind(&[addr, free][..]).unwrap();
    assert_ne!(other.local_addr().unwrap(), addr);
}

#[test]
fn names_and_version_six() {
    in_greenlet(|| {
        let near = UdpSocket::bind("[::1]:0").unwrap();
        let far = UdpSocket::bind("[::1]:0").unwrap();
        let port = near.local_addr().unwrap().port();
        far.send_to(b"six", (Ipv6Addr::LOCALHOST, port)).unwrap();
        assert_eq!(near.recv(&mut [0; 4]).unwrap(), 3);
        let named = UdpSocket::bind(("localhost", 0)).unwrap();
        assert!(named.local_addr().unwrap().ip().is_loopback());
    });
}

#[test]
fn options_are_the_kernel_s() {
    let (near, _) = bound();
    near.set_broadcast(true).unwrap();
    assert!(near.broadcast().unwrap());
    near.set_ttl(7).unwrap();
    assert_eq!(near.ttl().unwrap(), 7);
    near.set_multicast_ttl_v4(3).unwrap();
    assert_eq!(near.multicast_ttl_v4().unwrap(), 3);
    near.set_multicast_loop_v4(false).unwrap();
    assert!(!near.multicast_loop_v4().unwrap());
    let six = UdpSocket::bind("[::1]:0").unwrap();
    six.set_multicast_loop_v6(false).unwrap();
    assert!(!six.multicast_loop_v6().unwrap());
    assert!(near.take_error().unwrap().is_none());
}

#[test]
fn groups_hear_what_is_sent_to_them() {
    in_greenlet(|| {
        let group = Ipv4Addr::new(239, 255, 71, 7);
        let near = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = near.local_addr().unwrap().port();
        near.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
            .unwrap();
        let far = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let sent = far.send_to(b"all", (group, port));
        if sent.is_ok() {
            near.set_read_timeout(Some(support::PATIENCE)).unwrap();
            assert_eq!(near.recv(&mut [0; 4]).unwrap(), 3);
        } // else this machine's loopback routes no groups
        near.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
            .unwrap();
    });
}
