//! Behaviours of gevent's test__select.py, test__socket.py (wait_read and the
//! like) and test_socket.py (sendall, sendfile), written anew.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of tests, and what the suites share"
)]

use std::cell::Cell;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use maypole_runtime::net::{TcpListener, TcpStream, UdpSocket, UnixStream};
use maypole_runtime::select::{Events, PollFd, poll, poll_timeout, select, select_timeout};
use maypole_runtime::{io, sleep, spawn, spawn_local, with_timeout};

mod support;

use support::{begin, in_greenlet};

/// A limit that is to be reached.
const MOMENT: Duration = Duration::from_millis(5);

/// More bytes than a connection's buffers take.
const MUCH: usize = 16 << 20;

#[test]
fn nothing_ready_is_waited_for_within_the_limit() {
    let waits = || {
        let (near, _far) = UnixStream::pair().unwrap();
        let begun = Instant::now();
        let selected = select_timeout(&[&near], &[], MOMENT).unwrap();
        assert!(selected.is_empty());
        assert!(begun.elapsed() >= MOMENT);
        assert!(
            select_timeout(&[&near], &[], Duration::ZERO)
                .unwrap()
                .is_empty()
        );
        let mut fds = [PollFd::new(&near, Events::READ)];
        assert_eq!(poll_timeout(&mut fds, MOMENT).unwrap(), 0);
        assert!(fds[0].found().is_empty());
        assert!(select_timeout(&[], &[], MOMENT).unwrap().is_empty());
    };
    in_greenlet(waits);
    waits();
}

#[test]
fn the_ready_are_told_by_their_places() {
    let waits = || {
        let pairs: Vec<_> = (0..10).map(|_| UnixStream::pair().unwrap()).collect();
        let fds: Vec<&dyn AsFd> = pairs.iter().map(|(near, _)| near as &dyn AsFd).collect();
        for chosen in [7, 3] {
            let mut far = &pairs[chosen].1;
            far.write_all(b"x").unwrap();
            assert_eq!(select(&fds, &[]).unwrap().readable, [chosen]);
            assert_eq!((&pairs[chosen].0).read(&mut [0; 4]).unwrap(), 1);
        }
        // In both lists, and twice in one.
        let near = fds[0];
        let selected = select(&[near, near], &[near]).unwrap();
        assert_eq!((selected.readable, selected.writable), (vec![], vec![0]));
    };
    in_greenlet(waits);
    waits();
}

#[test]
fn one_who_waits_is_woken() {
    in_greenlet(|| {
        let (one, _far) = UnixStream::pair().unwrap();
        let (two, mut far) = UnixStream::pair().unwrap();
        let waiting = begin(move || select(&[&one, &two, &one], &[]).unwrap().readable);
        far.write_all(b"x").unwrap();
        assert_eq!(waiting.get().unwrap(), [1]);
    });
}

/// Again and again, so that news are told after they were seen.
#[test]
fn each_byte_is_told_of() {
    in_greenlet(|| {
        let (mut near, mut far) = UnixStream::pair().unwrap();
        let reader = spawn(move || {
            for _ in 0..500 {
                assert_eq!(select(&[&near], &[]).unwrap().readable, [0]);
                near.read_exact(&mut [0]).unwrap();
            }
        });
        for n in 0..500 {
            far.write_all(b"x").unwrap();
            if n % 3 == 0 {
                maypole_runtime::yield_now();
            }
        }
        reader.get().unwrap();
    });
}

#[test]
fn the_ready_let_others_run() {
    in_greenlet(|| {
        let ran = Rc::new(Cell::new(0));
        let theirs = ran.clone();
        let other = spawn_local(move || {
            for _ in 0..3 {
                theirs.set(theirs.get() + 1);
                maypole_runtime::yield_now();
            }
        });
        let (near, _far) = UnixStream::pair().unwrap();
        for _ in 0..20 {
            assert_eq!(select(&[], &[&near]).unwrap().writable, [0]);
        }
        assert_eq!(ran.get(), 3);
        other.get().unwrap();
    });
}

#[test]
fn a_peer_that_is_gone_is_told_of() {
    in_greenlet(|| {
        let (near, far) = UnixStream::pair().unwrap();
        let waiting = begin(move || {
            let mut fds = [PollFd::new(&near, Events::NONE)];
            assert_eq!(poll(&mut fds).unwrap(), 1);
            fds[0].found()
        });
        drop(far);
        let found = waiting.get().unwrap();
        assert_eq!(found, Events::HANG_UP);
        assert_eq!(format!("{found:?}"), "Events(HANG_UP)");
    });
}

#[test]
fn files_are_always_ready() {
    in_greenlet(|| {
        let file = File::open("/proc/self/exe").unwrap();
        let selected = select(&[&file], &[&file]).unwrap();
        assert_eq!((selected.readable, selected.writable), (vec![0], vec![0]));
        io::wait_read(&file).unwrap();
    });
}

#[test]
fn kills_and_time_outs_interrupt() {
    in_greenlet(|| {
        let (near, _far) = UnixStream::pair().unwrap();
        assert!(with_timeout(MOMENT, || select(&[&near], &[])).is_err());
        assert!(with_timeout(MOMENT, || io::wait_read(&near)).is_err());
        let near = Arc::new(near);
        for n in 0..2 {
            let near = near.clone();
            let waiting = begin(move || match n {
                0 => select(&[&*near], &[]).map(drop),
                _ => io::wait_read(&*near),
            });
            waiting.kill();
            assert!(waiting.get().unwrap_err().is_killed());
        }
    });
}

#[test]
fn descriptors_that_block_are_waited_for() {
    let waits = || {
        let (near, mut far) = std::os::unix::net::UnixStream::pair().unwrap();
        io::wait_write(&near).unwrap();
        let late = io::wait_read_timeout(&near, MOMENT).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        let near = Arc::new(near);
        // Both wake.
        let waiting = [(); 2].map(|()| {
            let near = near.clone();
            begin(move || io::wait_read(&*near))
        });
        far.write_all(b"x").unwrap();
        for waiting in waiting {
            waiting.get().unwrap().unwrap();
        }
        io::wait_read_timeout(&*near, MOMENT).unwrap();
        select(&[], &[&*near]).unwrap();
        // The flags are shared with other processes.
        let flags = rustix::fs::fcntl_getfl(&*near).unwrap();
        assert!(!flags.contains(rustix::fs::OFlags::NONBLOCK));
    };
    in_greenlet(waits);
    waits();
}

/// One that the hub knows already, while another reads it.
#[test]
fn a_socket_of_ours_can_be_waited_for() {
    in_greenlet(|| {
        let (near, mut far) = UnixStream::pair().unwrap();
        let near = Arc::new(near);
        let reader = begin({
            let near = near.clone();
            move || (&*near).read(&mut [0; 1]).unwrap()
        });
        let waiting = begin({
            let near = near.clone();
            move || io::wait_read(&*near)
        });
        let selecting = begin(move || select(&[&*near], &[]).unwrap().readable);
        far.write_all(b"xy").unwrap();
        assert_eq!(reader.get().unwrap(), 1);
        waiting.get().unwrap().unwrap();
        assert_eq!(selecting.get().unwrap(), [0]);
    });
}

#[test]
fn room_is_waited_for() {
    in_greenlet(|| {
        let (near, mut far) = UnixStream::pair().unwrap();
        near.set_write_timeout(Some(MOMENT)).unwrap();
        (&near).write_all(&vec![0; MUCH]).unwrap_err();
        let late = io::wait_write_timeout(&near, MOMENT).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        let waiting = begin(move || io::wait_write(&near));
        let drain = spawn(move || {
            let mut buf = vec![0; 1 << 20];
            while far.read(&mut buf).unwrap() > 0 {}
        });
        waiting.get().unwrap().unwrap();
        drain.get().unwrap();
    });
}

#[test]
fn datagrams_and_connections_are_told_of() {
    in_greenlet(|| {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (to, addr) = (udp.local_addr().unwrap(), listener.local_addr().unwrap());
        let waiting = begin(move || {
            let first = select(&[&udp, &listener], &[]).unwrap().readable;
            udp.recv(&mut [0; 4]).unwrap();
            (first, select(&[&udp, &listener], &[]).unwrap().readable)
        });
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.send_to(b"x", to).unwrap();
        maypole_runtime::yield_now();
        let _client = thread::spawn(move || TcpStream::connect(addr).unwrap());
        let (first, second) = waiting.get().unwrap();
        assert!(first.contains(&0));
        assert_eq!(second, [1]);
    });
}

/// The two ends of a connection.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (near, listener.accept().unwrap().0)
}

#[test]
fn one_limit_for_all_that_is_sent() {
    let sends = || {
        let (near, mut far) = pair();
        let reader = thread::spawn(move || {
            // Each write goes on in time; all of them together do not.
            let mut buf = vec![0; 64 << 10];
            let mut n = 0;
            loop {
                match far.read(&mut buf).unwrap() {
                    0 => return n,
                    more => n += more,
                }
                sleep(Duration::from_millis(1));
            }
        });
        let begun = Instant::now();
        let data = vec![0; 64 * MUCH];
        let late = near.write_all_timeout(&data, MOMENT * 10).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() >= MOMENT * 10);
        drop(near);
        assert!(reader.join().unwrap() > 0);
    };
    in_greenlet(sends);
    let (near, mut far) = UnixStream::pair().unwrap();
    near.write_all_timeout(b"hello", support::PATIENCE).unwrap();
    drop(near);
    let mut text = String::new();
    far.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
}

#[test]
fn a_file_is_sent_by_the_kernel() {
    let sends = || {
        let mut file = tempfile::tempfile().unwrap();
        let data: Vec<u8> = (0..MUCH / 4).map(|n| (n / 7) as u8).collect();
        file.write_all(&data).unwrap();
        file.seek(std::io::SeekFrom::Start(3)).unwrap();
        let ((near, mut far), end) = (pair(), data.len() as u64);
        let mut position = file.try_clone().unwrap();
        let sender = spawn(move || {
            let sent = [
                near.send_file(&file, ..).unwrap(),
                near.send_file(&file, 10..20).unwrap(),
                near.send_file(&file, ..=4).unwrap(),
                near.send_file(&file, end - 3..).unwrap(),
                near.send_file(&file, end + 3..).unwrap(),
            ];
            let (reader, _writer) = std::io::pipe().unwrap();
            let error = near.send_file(&reader, ..).unwrap_err();
            (sent, error.kind())
        });
        let mut all = Vec::new();
        far.read_to_end(&mut all).unwrap();
        let expected = [
            &data[..],
            &data[10..20],
            &data[..5],
            &data[data.len() - 3..],
        ];
        assert!(all == expected.concat());
        let (sent, error) = sender.get().unwrap();
        assert_eq!(sent, [end, 10, 5, 3, 0]);
        assert!(error != ErrorKind::WouldBlock);
        assert_eq!(position.stream_position().unwrap(), 3);
    };
    in_greenlet(sends);
    sends();
}

#[test]
fn a_file_waits_for_who_receives_it() {
    in_greenlet(|| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; MUCH]).unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        near.set_write_timeout(Some(MOMENT)).unwrap();
        let late = near.send_file(&file, ..).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        near.set_write_timeout(None).unwrap();
        let sender = begin(move || near.send_file(&file, ..));
        drop(far);
        let error = sender.get().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}
