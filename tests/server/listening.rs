//! Where a server can listen: every form of an address, Unix sockets, sockets
//! that are handed over.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use maypole::server::{Addr, ListenAddr, ListenOptions, Listener, Stream, StreamServer};

use crate::support::{Child, Client, LONG, PATIENCE, in_child, is_refused, watchdog};
use crate::{check_echo, echo};

/// As [`echo`], for clients of whatever kind.
fn echo_any(stream: Stream, peer: Addr) -> io::Result<()> {
    let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
    echo(stream, peer.inet().unwrap_or(nobody))
}

/// A server at a path, started.
fn serve_at(path: &Path) -> io::Result<StreamServer> {
    let server = StreamServer::builder().bind_unix(path, echo_any)?;
    server.start()?;
    Ok(server)
}

/// Somebody listens at the path and echoes.
#[track_caller]
fn check_unix(path: &Path) {
    let mut client = UnixStream::connect(path).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(b"ping").unwrap();
    let mut got = [0; 4];
    client.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"ping");
}

#[test]
fn every_form_of_an_address_is_served() {
    let _watchdog = watchdog();
    fn check(addr: impl ListenAddr, expected: &str) {
        let server = StreamServer::bind(addr, echo).unwrap();
        server.start().unwrap();
        let mut local = server.local_addr();
        assert_ne!(local.port(), 0);
        assert_eq!(local.ip().to_string(), expected);
        // By IPv4, which the wildcards serve too.
        if local.ip().is_unspecified() {
            local.set_ip(IpAddr::from([127, 0, 0, 1]));
        }
        check_echo(&mut Client::connect(local));
    }
    let has_v6 = std::net::TcpListener::bind("[::1]:0").is_ok();
    let everywhere = if has_v6 { "::" } else { "0.0.0.0" };
    check("127.0.0.1:0", "127.0.0.1");
    check(("127.0.0.1", 0), "127.0.0.1");
    check(SocketAddr::from(([127, 0, 0, 1], 0)), "127.0.0.1");
    check(":0", "0.0.0.0");
    check("*:0", "0.0.0.0");
    check(0, everywhere);
    check("0", everywhere);
    check(("", 0), everywhere);
    if has_v6 {
        check("[::1]:0", "::1");
        check(("::", 0), "::");
    }
    let local = StreamServer::bind("localhost:0", echo).unwrap();
    assert!(local.local_addr().ip().is_loopback());
    let error = StreamServer::bind("abc:def", echo).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("abc:def"), "{error}");
}

#[test]
fn a_port_is_shared_only_if_all_agree() {
    let _watchdog = watchdog();
    let shared = || StreamServer::builder().reuse_port(true);
    let first = shared().bind("127.0.0.1:0", echo).unwrap();
    let addr = first.local_addr();
    let second = shared().bind(addr, echo).unwrap();
    assert_eq!(second.local_addr(), addr);
    let error = StreamServer::bind(addr, echo).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    first.start().unwrap();
    second.start().unwrap();
    for _ in 0..20 {
        check_echo(&mut Client::connect(addr));
    }
    let counts = [&first, &second].map(|server| server.counters().accepted);
    assert_eq!(counts.iter().sum::<u64>(), 20);
}

#[test]
fn one_server_has_many_listeners() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let server = StreamServer::builder()
        .pool_size(2)
        .listener(Listener::bind("127.0.0.1:0").unwrap())
        .listener(Listener::bind("127.0.0.2:0").unwrap())
        .listener(Listener::bind_unix(&path).unwrap())
        .serve(echo_any)
        .unwrap();
    let addrs: Vec<_> = server.local_addrs().iter().filter_map(Addr::inet).collect();
    assert_eq!(addrs.len(), 2);
    assert_eq!(server.local_addr(), addrs[0]);
    for _ in 0..3 {
        server.start().unwrap();
        check_echo(&mut Client::connect(addrs[0]));
        check_echo(&mut Client::connect(addrs[1]));
        check_unix(&path);
        server.stop(Duration::ZERO);
        assert!(is_refused(addrs[0]));
        assert!(is_refused(addrs[1]));
        assert!(!path.exists());
    }
    let error = StreamServer::builder().serve(echo_any).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn the_file_of_a_unix_socket_lives_as_long_as_the_server() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let server = serve_at(&path).unwrap();
    assert_eq!(server.local_addrs()[0].path(), Some(&*path));
    check_unix(&path);
    server.stop(LONG);
    assert!(!path.exists());
    server.start().unwrap();
    check_unix(&path);
    drop(server);
    crate::support::until("the file's end", || !path.exists());
}

#[test]
fn a_stale_socket_is_replaced_and_nothing_else() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    // Left behind.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let server = serve_at(&path).unwrap();
    check_unix(&path);
    // In use, by a server, and by one whose backlog is full.
    let error = serve_at(&path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains("socket"), "{error}");
    check_unix(&path);
    drop(server);
    crate::support::until("the file's end", || !path.exists());
    let busy = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&busy, 0).unwrap();
    let _waiting = UnixStream::connect(&path).unwrap();
    assert_eq!(
        serve_at(&path).unwrap_err().kind(),
        io::ErrorKind::AddrInUse
    );
    drop(busy);
    // Of another kind.
    fs::remove_file(&path).unwrap();
    let _datagrams = UnixDatagram::bind(&path).unwrap();
    assert_eq!(
        serve_at(&path).unwrap_err().kind(),
        io::ErrorKind::AddrInUse
    );
    // No socket at all.
    let file = folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    let error = serve_at(&file).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn a_file_that_took_the_place_of_ours_stays() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let old = serve_at(&path).unwrap();
    // As an upgrade does: the new one binds beside it and moves over it.
    let beside = folder.path().join("beside");
    let new = UnixListener::bind(&beside).unwrap();
    fs::rename(&beside, &path).unwrap();
    old.stop(LONG);
    assert!(path.exists());
    UnixStream::connect(&path).unwrap();
    new.accept().unwrap();
}

#[test]
fn permissions_are_set_before_it_listens() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    for mode in [0o600, 0o666] {
        let listener = ListenOptions::new().unix_mode(mode).bind_unix(&path);
        let found = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode);
        drop(listener);
        assert!(!path.exists());
    }
}

#[test]
fn peers_within_the_machine_have_addresses_too() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let server = StreamServer::builder()
        .bind_unix(&path, |mut stream, peer| {
            assert!(peer.inet().is_none() && peer.path().is_none());
            assert!(stream.get_ref().as_unix().is_some());
            let no_ip = stream.peer_addr().unwrap_err();
            assert_eq!(no_ip.kind(), io::ErrorKind::Unsupported);
            write!(stream, "{peer} {}", stream.get_ref().local_addr()?)
        })
        .unwrap();
    server.start().unwrap();
    let told = io::read_to_string(UnixStream::connect(&path).unwrap()).unwrap();
    assert_eq!(told, format!("unix: unix:{}", path.display()));
}

#[test]
fn idle_unix_connections_end_when_it_drains() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let server = StreamServer::builder()
        .bind_unix(&path, |mut stream, _peer| {
            stream.write_all(b"hello")?;
            assert!(!stream.wait_request()?);
            stream.write_all(b"bye")
        })
        .unwrap();
    server.start().unwrap();
    let mut client = UnixStream::connect(&path).unwrap();
    let mut hello = [0; 5];
    client.read_exact(&mut hello).unwrap();
    server.stop(LONG);
    assert_eq!(io::read_to_string(client).unwrap(), "bye");
}

#[test]
fn descriptors_of_whatever_kind_are_taken_over() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = tcp.local_addr().unwrap();
    let unix = UnixListener::bind(&path).unwrap();
    let listeners = [OwnedFd::from(tcp), OwnedFd::from(unix)]
        .map(|descriptor| Listener::try_from(descriptor).unwrap());
    let server = StreamServer::builder()
        .listeners(listeners)
        .serve(echo_any)
        .unwrap();
    server.start().unwrap();
    check_echo(&mut Client::connect(addr));
    check_unix(&path);
    server.stop(Duration::ZERO);
    // Whoever made the file removes it.
    assert!(path.exists());

    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let connected = UnixStream::pair().unwrap().0;
    let file = fs::File::open("/dev/null").unwrap();
    for (descriptor, why) in [
        (OwnedFd::from(udp), "streams"),
        (OwnedFd::from(connected), "listen"),
        (OwnedFd::from(file), "no socket"),
    ] {
        let error = Listener::try_from(descriptor).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains(why), "{error}");
    }
}

/// Hands its stdin and stderr over as systemd would.
const SUPERVISOR: &str = "exec 3<&0 4<&2 0</dev/null 2>&1
export LISTEN_FDS=2 LISTEN_PID=$$
exec \"$0\" \"$@\"";

#[test]
fn sockets_are_inherited_as_from_systemd() {
    let _watchdog = watchdog();
    const NAME: &str = "listening::sockets_are_inherited_as_from_systemd";
    if in_child(NAME) {
        return serve_what_was_inherited();
    }
    assert!(Listener::inherited().is_err());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let unix = UnixListener::bind(&path).unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", SUPERVISOR])
        .arg(std::env::current_exe().unwrap())
        .stdin(OwnedFd::from(tcp.try_clone().unwrap()))
        .stderr(OwnedFd::from(unix.try_clone().unwrap()));
    let mut child = Child::of_test_by(&mut command, NAME);
    child.line("serving on 2");
    check_echo(&mut Client::connect(tcp.local_addr().unwrap()));
    check_unix(&path);
    let process = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(process, Signal::TERM).unwrap();
    assert!(child.wait());
    // The supervisor has them still.
    assert!(!is_refused(tcp.local_addr().unwrap()));
    assert!(path.exists());
}

fn serve_what_was_inherited() {
    for fd in [3, 4] {
        let info = format!("/proc/self/fdinfo/{fd}");
        // Not yet told to close in programs that this one starts.
        assert_eq!(flags(&info) & CLOEXEC, 0);
    }
    let listeners = Listener::inherited().unwrap();
    for fd in [3, 4] {
        let info = format!("/proc/self/fdinfo/{fd}");
        assert_eq!(flags(&info) & CLOEXEC, CLOEXEC);
    }
    let server = StreamServer::builder()
        .listeners(listeners)
        .serve(echo_any)
        .unwrap();
    println!("serving on {}", server.local_addrs().len());
    server.serve_forever().unwrap();
}

/// `O_CLOEXEC` in `/proc/self/fdinfo`.
const CLOEXEC: u32 = 0o2_000_000;

fn flags(info: &str) -> u32 {
    let text = fs::read_to_string(info).unwrap();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    u32::from_str_radix(flags.unwrap().trim(), 8).unwrap()
}
