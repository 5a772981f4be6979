//! Behaviours of gevent's test__socket.py and test_socket.py that concern Unix
//! sockets, and of std's own tests for them, written anew.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of tests, and what the suites share"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use maypole_runtime::net::{UnixDatagram, UnixListener, UnixStream};
use maypole_runtime::{sleep, spawn, with_timeout, yield_now};

mod support;

use support::{begin, in_greenlet};

/// A limit that is to be reached.
const MOMENT: Duration = Duration::from_millis(5);

/// More bytes than a connection's buffers take.
const MUCH: usize = 8 << 20;

/// An abstract address that nobody else has.
fn abstract_addr() -> SocketAddr {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("maypole-unix-{}-{number}", std::process::id());
    SocketAddr::from_abstract_name(name).unwrap()
}

#[test]
fn a_path_is_an_address() {
    in_greenlet(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let gone = UnixStream::connect(&path).unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
        let listener = UnixListener::bind(&path).unwrap();
        let local = listener.local_addr().unwrap();
        assert_eq!(local.as_pathname(), Some(path.as_path()));
        let server = spawn(move || {
            let (mut stream, peer) = listener.accept().unwrap();
            assert!(peer.is_unnamed());
            stream.write_all(b"hello").unwrap();
        });
        let mut client = UnixStream::connect(&path).unwrap();
        assert_eq!(
            client.peer_addr().unwrap().as_pathname(),
            Some(path.as_path())
        );
        assert!(client.local_addr().unwrap().is_unnamed());
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        server.get().unwrap();
        // The listener is gone and its file is not.
        let refused = UnixStream::connect(&path).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let busy = UnixListener::bind(&path).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::AddrInUse);
        assert!(busy.to_string().contains(path.to_str().unwrap()), "{busy}");
    });
}

#[test]
fn a_peer_that_is_bound_has_a_name() {
    in_greenlet(|| {
        let (addr, mine) = (abstract_addr(), abstract_addr());
        let listener = UnixListener::bind_addr(&addr).unwrap();
        let socket = rustix::net::socket(
            rustix::net::AddressFamily::UNIX,
            rustix::net::SocketType::STREAM,
            None,
        );
        let socket = std::os::unix::net::UnixStream::from(socket.unwrap());
        let kernel = |addr: &SocketAddr| {
            rustix::net::SocketAddrUnix::new_abstract_name(addr.as_abstract_name().unwrap())
        };
        rustix::net::bind(&socket, &kernel(&mine).unwrap()).unwrap();
        rustix::net::connect(&socket, &kernel(&addr).unwrap()).unwrap();
        let (_stream, peer) = listener.accept().unwrap();
        assert_eq!(peer.as_abstract_name(), mine.as_abstract_name());
        let busy = UnixListener::bind_addr(&addr).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::AddrInUse);
        assert!(busy.to_string().contains("@maypole-unix-"), "{busy}");
    });
}

#[test]
fn much_goes_both_ways_at_once() {
    in_greenlet(|| {
        let (near, far) = UnixStream::pair().unwrap();
        let sides = [near, far].map(|side| {
            let side = Arc::new(side);
            let other = side.clone();
            let writer = spawn(move || {
                (&*other).write_all(&vec![b'x'; MUCH]).unwrap();
                other.shutdown(Shutdown::Write).unwrap();
            });
            let reader = spawn(move || {
                let mut all = Vec::new();
                (&*side).read_to_end(&mut all).unwrap()
            });
            (writer, reader)
        });
        for (writer, reader) in sides {
            writer.get().unwrap();
            assert_eq!(reader.get().unwrap(), MUCH);
        }
    });
}

#[test]
fn an_accept_waits_and_a_kill_leaves_the_connection() {
    in_greenlet(|| {
        let addr = abstract_addr();
        let listener = Arc::new(UnixListener::bind_addr(&addr).unwrap());
        let none = listener.try_accept().unwrap_err();
        assert_eq!(none.kind(), ErrorKind::WouldBlock);
        for _ in 0..50 {
            let accepting = spawn({
                let listener = listener.clone();
                move || listener.accept().map(drop)
            });
            yield_now();
            let _client = UnixStream::connect_addr(&addr).unwrap();
            accepting.kill();
            if accepting.get().is_err() {
                listener.wait_accept().unwrap();
                drop(listener.try_accept().unwrap());
            }
        }
        let clone = listener.try_clone().unwrap();
        let served = begin(move || clone.incoming().next().unwrap().map(drop));
        let _client = UnixStream::connect_addr(&addr).unwrap();
        served.get().unwrap().unwrap();
    });
}

#[test]
fn a_full_backlog_is_waited_for() {
    let fills = || {
        let addr = abstract_addr();
        let listener = UnixListener::bind_addr(&addr).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let first = UnixStream::connect_addr(&addr).unwrap();
        let waiting = |addr: SocketAddr| begin(move || UnixStream::connect_addr(&addr));
        let killed = waiting(addr.clone());
        let second = waiting(addr.clone());
        assert!(!second.is_finished());
        killed.kill();
        assert!(killed.get().unwrap_err().is_killed());
        let limited = with_timeout(MOMENT, || UnixStream::connect_addr(&addr));
        assert!(limited.is_err());
        drop(listener.accept().unwrap());
        drop(listener.accept().unwrap());
        drop(second.get().unwrap().unwrap());
        drop(first);
    };
    in_greenlet(fills);
    fills();
}

#[test]
fn time_outs_and_two_readers() {
    let waits = || {
        let (near, mut far) = UnixStream::pair().unwrap();
        near.set_read_timeout(Some(MOMENT)).unwrap();
        near.set_write_timeout(Some(MOMENT)).unwrap();
        let begun = Instant::now();
        let error = (&near).read(&mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() >= MOMENT);
        assert_eq!(near.wait_read().unwrap_err().kind(), ErrorKind::TimedOut);
        let error = (&near).write_all(&vec![0; MUCH]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let clone = near.try_clone().unwrap();
        assert_eq!(clone.read_timeout().unwrap(), Some(MOMENT));

        near.set_read_timeout(None).unwrap();
        let near = Arc::new(near);
        let reader = begin({
            let near = near.clone();
            move || (&*near).read(&mut [0; 4]).unwrap()
        });
        let busy = (&*near).read(&mut [0; 4]).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::ResourceBusy);
        far.write_all(b"four").unwrap();
        assert_eq!(reader.get().unwrap(), 4);
    };
    in_greenlet(waits);
    waits();
}

#[test]
fn a_kill_takes_no_bytes() {
    in_greenlet(|| {
        let (near, mut far) = UnixStream::pair().unwrap();
        let near = Arc::new(near);
        for n in 0..100 {
            let reader = spawn({
                let near = near.clone();
                move || (&*near).read(&mut [0; 1]).unwrap()
            });
            if n % 2 == 0 {
                yield_now();
            }
            far.write_all(b"x").unwrap();
            reader.kill();
            if reader.get().is_err() {
                assert_eq!((&*near).read(&mut [0; 1]).unwrap(), 1);
            }
        }
        drop(far);
        assert_eq!((&*near).read(&mut [0; 1]).unwrap(), 0);
        let broken = (&*near).write(b"x").unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_shutdown_wakes_who_waits() {
    in_greenlet(|| {
        let (near, far) = UnixStream::pair().unwrap();
        let near = Arc::new(near);
        let reader = begin({
            let near = near.clone();
            move || (&*near).read(&mut [0; 4])
        });
        near.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reader.get().unwrap().unwrap(), 0);
        let writer = begin(move || (&*near).write_all(&vec![0; MUCH]));
        far.shutdown(Shutdown::Read).unwrap();
        let error = writer.get().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

/// Descriptors that come along end a read early; nothing may be overlooked.
#[test]
fn a_descriptor_sent_along_hides_no_bytes() {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use std::io::IoSlice;
    use std::mem::MaybeUninit;
    use std::os::fd::AsFd;

    in_greenlet(|| {
        let (mut near, far) = UnixStream::pair().unwrap();
        let reader = begin(move || {
            let mut all = Vec::new();
            while all.len() < 11 {
                let mut buf = [0; 64];
                let n = near.read(&mut buf).unwrap();
                all.extend_from_slice(&buf[..n]);
            }
            all
        });
        (&far).write_all(b"one").unwrap();
        sleep(MOMENT); // so that the reader waits with a short read behind it
        let fds = [far.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut along = SendAncillaryBuffer::new(&mut space);
        assert!(along.push(SendAncillaryMessage::ScmRights(&fds)));
        let sent = sendmsg(
            &far,
            &[IoSlice::new(b"two")],
            &mut along,
            SendFlags::empty(),
        );
        assert_eq!(sent.unwrap(), 3);
        (&far).write_all(b"three").unwrap();
        assert_eq!(reader.get().unwrap(), b"onetwothree");
    });
}

#[test]
fn datagrams_come_whole_and_in_order() {
    in_greenlet(|| {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("near"), abstract_addr());
        let near = UnixDatagram::bind(&path).unwrap();
        let far = UnixDatagram::bind_addr(&other).unwrap();
        let unbound = UnixDatagram::unbound().unwrap();
        let receiver = begin(move || {
            let mut buf = [0; 16];
            let (n, from) = near.recv_from(&mut buf).unwrap();
            assert_eq!(from.as_abstract_name(), other.as_abstract_name());
            assert_eq!(&buf[..n], b"one");
            let (n, from) = near.recv_from(&mut buf).unwrap();
            assert!(from.is_unnamed());
            assert_eq!(&buf[..n], b"three");
        });
        assert_eq!(far.send_to(b"one", &path).unwrap(), 3);
        unbound.connect(&path).unwrap();
        assert_eq!(unbound.send(b"three").unwrap(), 5);
        receiver.get().unwrap();
        let gone = far.send_to(b"four", &path).unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::ConnectionRefused);
        let busy = UnixDatagram::bind(&path).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::AddrInUse);
    });
}

/// Fills `far`'s queue, to which `send` sends.
fn fills(send: impl Fn() -> std::io::Result<usize>) {
    loop {
        match with_timeout(MOMENT, &send) {
            Ok(sent) => assert_eq!(sent.unwrap(), 1),
            Err(_) => return,
        }
    }
}

#[test]
fn a_receiver_without_room_is_waited_for() {
    let waits = || {
        let addr = abstract_addr();
        let near = UnixDatagram::bind_addr(&addr).unwrap();
        let far = Arc::new(UnixDatagram::unbound().unwrap());
        fills(|| far.send_to_addr(b"x", &addr));
        far.set_write_timeout(Some(MOMENT)).unwrap();
        let begun = Instant::now();
        let late = far.send_to_addr(b"x", &addr).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() >= MOMENT);
        far.set_write_timeout(None).unwrap();
        let sender = begin({
            let far = far.clone();
            let addr = addr.clone();
            move || far.send_to_addr(b"y", &addr)
        });
        assert!(!sender.is_finished());
        let killed = begin({
            let (far, addr) = (far.try_clone().unwrap(), addr.clone());
            move || far.send_to_addr(b"z", &addr)
        });
        killed.kill();
        let mut buf = [0; 1];
        while buf != *b"y" {
            near.recv(&mut buf).unwrap();
        }
        assert_eq!(sender.get().unwrap().unwrap(), 1);
        // And so when they are connected, without asking again and again.
        far.connect_addr(&addr).unwrap();
        fills(|| far.send(b"x"));
        let sender = begin(move || far.send(b"w"));
        assert!(!sender.is_finished());
        while buf != *b"w" {
            near.recv(&mut buf).unwrap();
        }
        sender.get().unwrap().unwrap();
    };
    in_greenlet(waits);
    waits();
}

#[test]
fn a_listener_that_is_shut_down_wakes_who_accepts() {
    let wakes = || {
        let addr = abstract_addr();
        let listener = Arc::new(UnixListener::bind_addr(&addr).unwrap());
        let accepting = begin({
            let listener = listener.clone();
            move || listener.accept().map(drop)
        });
        listener.shutdown().unwrap();
        let ended = accepting.get().unwrap().unwrap_err();
        assert_eq!(ended.kind(), ErrorKind::ConnectionAborted);
        for _ in 0..3 {
            let ended = listener.accept().unwrap_err();
            assert_eq!(ended.kind(), ErrorKind::ConnectionAborted);
        }
        let refused = UnixStream::connect_addr(&addr).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    };
    in_greenlet(wakes);
    wakes();
}

#[test]
fn datagram_pairs_time_out_and_shut_down() {
    in_greenlet(|| {
        let (near, far) = UnixDatagram::pair().unwrap();
        near.set_read_timeout(Some(MOMENT)).unwrap();
        let late = near.recv(&mut [0; 4]).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        near.set_read_timeout(None).unwrap();
        let near = Arc::new(near);
        let receiver = begin({
            let near = near.clone();
            move || near.recv(&mut [0; 4])
        });
        let busy = near.recv(&mut [0; 4]).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::ResourceBusy);
        near.shutdown(Shutdown::Read).unwrap();
        let ended = receiver.get().unwrap().unwrap_err();
        assert_eq!(ended.kind(), ErrorKind::ConnectionAborted);
        for _ in 0..3 {
            let ended = near.recv(&mut [0; 4]).unwrap_err();
            assert_eq!(ended.kind(), ErrorKind::ConnectionAborted);
        }
        assert_eq!(far.send(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn threads_and_greenlets_talk() {
    let (mut near, mut far) = UnixStream::pair().unwrap();
    let thread = thread::spawn(move || {
        let mut buf = [0; 4];
        while far.read(&mut buf).unwrap() == 4 {
            far.write_all(&buf).unwrap();
        }
    });
    in_greenlet(move || {
        let mut buf = [0; 4];
        for n in 0_u32..200 {
            near.write_all(&n.to_be_bytes()).unwrap();
            near.read_exact(&mut buf).unwrap();
            assert_eq!(u32::from_be_bytes(buf), n);
        }
    });
    thread.join().unwrap();
}
