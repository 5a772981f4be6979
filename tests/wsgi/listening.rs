//! Where HTTP is served: Unix sockets, several listeners, inherited ones; pauses
//! and restarts.

use std::fs;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use maypole::Event;
use maypole::http::{Environ, StartResponse, StatusCode, TrustedProxies};
use maypole::server::{Addr, Listener, WhenFull};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{
    Child, Client, Counter, LONG, PATIENCE, capture_log, in_child, is_refused, logged, until,
    watchdog,
};
use crate::{GET, WsgiServer, builder, get, hello, patient, serve, tell_target};

/// Tells what the environ says about the two ends of a connection.
fn tell_ends(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    let names = ["SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "REMOTE_PORT"];
    let vars = names.map(|name| {
        env.var(name)
            .map_or_else(|| "absent".into(), |var| format!("{var:?}"))
    });
    assert_eq!(env.peer_addr().is_none(), env.var("REMOTE_ADDR").is_none());
    let text = format!("{} {}", env.local_addr(), vars.join(" "));
    start_response.send(StatusCode::OK, text)
}

/// A client of a Unix socket.
#[track_caller]
fn connect(path: &Path) -> UnixStream {
    let client = UnixStream::connect(path).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.set_write_timeout(Some(PATIENCE)).unwrap();
    client
}

/// What is answered at the path to a request, and what follows until the end.
#[track_caller]
fn ask_unix(path: &Path, request: &str) -> String {
    let mut client = connect(path);
    client.write_all(request.as_bytes()).unwrap();
    io::read_to_string(client).unwrap()
}

/// A GET after whose answer the connection closes.
fn last(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

/// The IP addresses of a server.
fn inet(server: &WsgiServer) -> Vec<SocketAddr> {
    server.local_addrs().iter().filter_map(Addr::inet).collect()
}

#[test]
fn a_unix_socket_has_no_addresses() {
    let _watchdog = watchdog();
    capture_log();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http");
    let server = builder()
        .server(|server| server.unix_mode(0o600))
        .bind_unix(&path, tell_ends)
        .unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    server.start().unwrap();
    assert_eq!(server.local_addrs()[0].path(), Some(&*path));
    let both = get("/listening/unix") + &last("/listening/unix");
    let answers = ask_unix(&path, &both);
    let told = format!("unix:{} \"\" \"\" absent absent", path.display());
    assert_eq!(answers.matches(&told).count(), 2, "{answers}");
    let refused = ask_unix(&path, "GET /listening/unix\r\n\r\n");
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    let lines = || logged("GET /listening/unix");
    until("access lines", || lines().len() >= 3);
    for line in lines() {
        assert!(line.text.starts_with("- - - ["), "{}", line.text);
    }
    server.stop(LONG);
    assert!(!path.exists());
}

#[test]
fn curl_speaks_to_a_unix_socket() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http");
    let server = builder().bind_unix(&path, hello).unwrap();
    server.start().unwrap();
    let curl = Command::new("curl")
        .args(["-s", "--max-time", "60", "--unix-socket"])
        .arg(&path)
        .args(["http://localhost/", "http://localhost/none"])
        .output();
    match curl {
        Ok(said) => {
            let said = String::from_utf8(said.stdout).unwrap();
            assert_eq!(said, "<b>hello world</b><h1>Not Found</h1>");
        }
        Err(error) => println!("skipped: no curl here, {error}"),
    }
}

#[test]
fn a_proxy_on_a_unix_socket_may_be_trusted() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let serve_at = |name, proxies: TrustedProxies| {
        let path = folder.path().join(name);
        let builder = builder().trusted_proxies(proxies.x_forwarded());
        let server = builder.bind_unix(&path, tell_ends).unwrap();
        server.start().unwrap();
        let request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                       X-Forwarded-For: 6.6.6.6, 192.0.2.7\r\n\r\n";
        ask_unix(&path, request)
    };
    let trusted = serve_at("trusted", TrustedProxies::new(["unix:"]).unwrap());
    assert!(trusted.ends_with("\"192.0.2.7\" \"0\""), "{trusted}");
    let stranger = serve_at("stranger", TrustedProxies::new(["0.0.0.0/0"]).unwrap());
    assert!(stranger.ends_with("absent absent"), "{stranger}");
}

#[test]
fn each_listener_has_its_port_in_the_environ() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b"].map(|name| folder.path().join(name));
    let everywhere = Listener::bind(":0").unwrap();
    let listeners = [
        Listener::bind("127.0.0.1:0").unwrap(),
        everywhere,
        Listener::bind_unix(&paths[0]).unwrap(),
        Listener::bind_unix(&paths[1]).unwrap(),
    ];
    let server = builder()
        .server(|server| server.listeners(listeners))
        .serve(tell_ends)
        .unwrap();
    server.start().unwrap();
    let addrs = inet(&server);
    assert_eq!((server.local_addrs().len(), addrs.len()), (4, 2));
    for listener in addrs {
        let target = SocketAddr::from(([127, 0, 0, 1], listener.port()));
        let mut client = Client::connect(target);
        let (name, port) = (listener.ip(), listener.port());
        let expected = format!("{listener} \"{name}\" \"{port}\" \"127.0.0.1\"");
        for _ in 0..2 {
            let told = client.ask(GET);
            assert!(told.text().starts_with(&expected), "{}", told.text());
        }
    }
    for path in &paths {
        let told = ask_unix(path, &last("/"));
        let expected = format!("unix:{} \"\" \"\" absent absent", path.display());
        assert!(told.ends_with(&expected), "{told}");
    }
}

#[test]
fn it_starts_again_where_it_was() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http");
    let listeners = [
        Listener::bind("127.0.6.1:0").unwrap(),
        Listener::bind_unix(&path).unwrap(),
    ];
    let server = builder()
        .server(|server| server.listeners(listeners))
        .serve(tell_target)
        .unwrap();
    let addr = server.local_addr();
    for round in 1..=5 {
        server.start().unwrap();
        assert!(server.is_started() && !server.is_closed());
        let mut client = Client::connect(addr);
        assert_eq!(client.ask(get("/again")).text(), "/again");
        assert!(ask_unix(&path, &last("/again")).ends_with("/again"));
        assert_eq!(server.counters().accepted, 2 * round);
        server.stop(LONG);
        client.expect_end();
        assert!(server.is_closed() && !server.is_started());
        assert!(is_refused(addr));
        assert!(!path.exists());
    }
}

#[test]
fn a_pause_lets_clients_wait() {
    let _watchdog = watchdog();
    let server = serve(tell_target);
    let mut open = Client::connect(server.local_addr());
    assert_eq!(open.ask(get("/1")).text(), "/1");
    server.stop_accepting();
    assert!(server.is_started() && !server.is_closed());
    let mut waiting = Client::with(server.local_addr(), get("/2"));
    waiting.expect_silence();
    assert_eq!(open.ask(get("/3")).text(), "/3");
    server.start_accepting().unwrap();
    assert_eq!(waiting.response().text(), "/2");
}

#[test]
fn a_close_lets_connections_live() {
    let _watchdog = watchdog();
    let server = patient().bind("127.0.6.2:0", tell_target).unwrap();
    server.start().unwrap();
    let addr = server.local_addr();
    let mut open = Client::connect(addr);
    assert_eq!(open.ask(get("/1")).text(), "/1");
    server.close();
    assert!(server.is_closed() && !server.is_started());
    assert!(is_refused(addr));
    assert_eq!(open.ask(get("/2")).text(), "/2");
    assert_eq!(server.active(), 1);
    server.stop(LONG);
    open.expect_end();
}

#[test]
fn all_listeners_drain() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http");
    let listeners = [
        Listener::bind("127.0.6.3:0").unwrap(),
        Listener::bind("127.0.6.4:0").unwrap(),
        Listener::bind_unix(&path).unwrap(),
    ];
    let (go, begun) = (Event::new(), Counter::default());
    let (wait, count) = (go.clone(), begun.clone());
    let server = patient()
        .server(|server| server.listeners(listeners))
        .serve(move |env, start_response| {
            if env.path_info() == "/busy" {
                count.add();
                wait.wait();
            }
            tell_target(env, start_response)
        })
        .unwrap();
    server.start().unwrap();
    let addrs = inet(&server);
    let mut idle: Vec<_> = addrs.iter().map(|addr| Client::connect(*addr)).collect();
    for client in &mut idle {
        assert_eq!(client.ask(get("/idle")).text(), "/idle");
    }
    let mut busy: Vec<_> = addrs
        .iter()
        .map(|addr| Client::with(*addr, get("/busy")))
        .collect();
    let mut unix = connect(&path);
    unix.write_all(get("/busy").as_bytes()).unwrap();
    begun.reaches(3);
    let stopping = {
        let server = server.clone();
        thread::spawn(move || server.stop(LONG))
    };
    for client in &mut idle {
        client.expect_end();
    }
    until("the end of all listeners", || {
        addrs.iter().all(|addr| is_refused(*addr)) && !path.exists()
    });
    go.set();
    for client in &mut busy {
        let answer = client.response();
        assert_eq!(answer.text(), "/busy");
        assert_eq!(answer.header("connection"), Some("close"));
        client.expect_end();
    }
    let mut answer = String::new();
    unix.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("/busy"), "{answer}");
    stopping.join().unwrap();
    assert_eq!(server.active(), 0);
}

#[test]
fn options_of_the_server_below_count() {
    let _watchdog = watchdog();
    let shared = || builder().server(|server| server.reuse_port(true).backlog(16));
    let first = shared().bind("127.0.0.1:0", hello).unwrap();
    let second = shared().bind(first.local_addr(), hello).unwrap();
    assert_eq!(second.local_addr(), first.local_addr());

    let one = builder()
        .server(|server| server.max_connections(1).when_full(WhenFull::Refuse))
        .bind("127.0.0.1:0", tell_target)
        .unwrap();
    one.start().unwrap();
    let mut served = Client::connect(one.local_addr());
    assert_eq!(served.ask(get("/1")).text(), "/1");
    Client::connect(one.local_addr()).expect_closed();
    assert_eq!(served.ask(get("/2")).text(), "/2");
    assert_eq!(one.counters().refused, 1);

    for error in [
        builder().serve(hello).unwrap_err(),
        builder()
            .server(|server| server.max_accept(0))
            .bind("127.0.0.1:0", hello)
            .unwrap_err(),
        builder()
            .server(|server| server.listener(Listener::bind("127.0.0.1:0").unwrap()))
            .bind("127.0.0.1:0", hello)
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
    }
}

/// Hands its stdin and stderr over as systemd would.
const SUPERVISOR: &str = "exec 3<&0 4<&2 0</dev/null 2>&1
export LISTEN_FDS=2 LISTEN_PID=$$
exec \"$0\" \"$@\"";

#[test]
fn http_is_served_on_inherited_sockets() {
    let _watchdog = watchdog();
    const NAME: &str = "listening::http_is_served_on_inherited_sockets";
    if in_child(NAME) {
        let server = builder()
            .server(|server| server.listeners(Listener::inherited().unwrap()))
            .serve(tell_target)
            .unwrap();
        println!("serving on {}", server.local_addrs().len());
        return server.serve_forever().unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http");
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = tcp.local_addr().unwrap();
    let unix = UnixListener::bind(&path).unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", SUPERVISOR])
        .arg(std::env::current_exe().unwrap())
        .stdin(OwnedFd::from(tcp.try_clone().unwrap()))
        .stderr(OwnedFd::from(unix.try_clone().unwrap()));
    let mut child = Child::of_test_by(&mut command, NAME);
    child.line("serving on 2");
    assert_eq!(Client::connect(addr).ask(get("/tcp")).text(), "/tcp");
    assert!(ask_unix(&path, &last("/unix")).ends_with("/unix"));
    let process = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(process, Signal::TERM).unwrap();
    assert!(child.wait());
    // The supervisor has them still.
    assert!(!is_refused(addr));
    assert!(path.exists());
}

#[test]
fn a_server_given_its_socket_does_not_start_again() {
    let _watchdog = watchdog();
    let given = OwnedFd::from(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let listener = Listener::try_from(given).unwrap();
    let server = builder()
        .server(|server| server.listener(listener))
        .serve(hello)
        .unwrap();
    server.start().unwrap();
    assert_eq!(Client::connect(server.local_addr()).ask(GET).status, 200);
    server.stop(Duration::ZERO);
    let error = server.start().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
}
