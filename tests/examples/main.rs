//! Every example starts and answers; after gevent's tests of its examples.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests, on plain threads and std's sockets"
)]

mod http_server;
mod programs;
mod sockets;
#[cfg(feature = "standalone")]
mod standalone;
#[path = "../support/mod.rs"]
mod support;
mod web;
mod websocket;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use support::{Child, Client, watchdog};

/// The examples that a test here starts.
const TESTED: &[&str] = &[
    "arbiter_echo",
    "concurrent_download",
    "dns_mass_resolve",
    "echo_server",
    "http_server",
    "long_poll",
    "pool_limit",
    "port_forwarder",
    "prefork",
    "processes",
    "resource_pool",
    "sendfile",
    "standalone",
    "thread_pool",
    "udp_client",
    "udp_server",
    "unix_socket_client",
    "unix_socket_server",
    "web_chat",
    "web_proxy",
    "websocket",
    "wsgi_server",
    "wsgi_server_buffered",
    "wsgi_server_ssl",
];

/// The longest an example may be.
const MAX_LINES: usize = 59;

/// The two that are small applications, not examples of one thing.
const LONGER: &[(&str, usize)] = &[("web_chat", 249), ("web_proxy", 159)];

/// An example's process, on a port of its own.
struct Example {
    process: Child,
    addr: SocketAddr,
}

/// Starts an example; `before_addr` is what it prints before its address.
#[track_caller]
fn start(name: &str, before_addr: &str) -> Example {
    start_with(name, &[], before_addr)
}

/// The same, with more arguments behind the address.
#[track_caller]
fn start_with(name: &str, more: &[&str], before_addr: &str) -> Example {
    let args = [&["127.0.0.1:0"], more].concat();
    let process = run(name, &args);
    let addr = process.line(before_addr).trim().parse().unwrap();
    Example { process, addr }
}

/// Runs an example.
#[track_caller]
fn run(name: &str, args: &[&str]) -> Child {
    assert!(TESTED.contains(&name));
    let path = binary(name);
    assert!(
        path.exists(),
        "{} is not built: `cargo test` does that, `cargo test --test examples` \
         only after `cargo build --examples`",
        path.display()
    );
    Child::of_program(&path, args)
}

/// Where cargo puts an example: beside the folder of this test's binary.
fn binary(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    profile.join("examples").join(name)
}

fn sources() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = fs::read_dir(folder).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .collect()
}

#[test]
fn each_is_tested() {
    let sources = sources();
    let names: BTreeSet<_> = sources
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, TESTED.iter().copied().collect());
}

#[test]
fn each_is_on_the_page() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/README.md");
    let page = fs::read_to_string(page).unwrap();
    for name in TESTED {
        assert!(page.contains(&format!("[{name}]({name}.rs)")), "{name}");
    }
}

#[test]
fn each_is_short() {
    for path in sources() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        let longer = LONGER
            .iter()
            .find(|(name, _)| path.ends_with(format!("{name}.rs")));
        let most = longer.map_or(MAX_LINES, |(_, most)| *most);
        assert!(lines <= most, "{}: {lines} lines", path.display());
    }
}

fn echo_server() -> Example {
    start("echo_server", "Starting echo server on ")
}

/// A client that has been welcomed.
#[track_caller]
fn welcomed(example: &Example) -> Client {
    let mut client = Client::connect(example.addr);
    let welcome = client.read_until(b"\r\n");
    let welcome = String::from_utf8(welcome).unwrap();
    assert!(welcome.contains("Welcome"), "{welcome:?}");
    assert!(welcome.contains("quit"), "{welcome:?}");
    client
}

#[test]
fn echo_server_sends_lines_back() {
    let _watchdog = watchdog();
    let example = echo_server();
    let mut client = welcomed(&example);
    for line in [&b"hello\r\n"[..], b"\n", b"no text \xff\0\n", b"quit it\n"] {
        client.send(line);
        client.expect(line);
    }
    // Half a line is one when it is complete.
    client.send("half");
    client.expect_silence();
    client.send(" a line\n");
    client.expect(b"half a line\n");
    // The end ends the last line, too.
    client.send("no line end");
    client.end_sending();
    assert_eq!(client.read_to_end(), b"no line end");
}

#[test]
fn echo_server_takes_long_lines() {
    let _watchdog = watchdog();
    let example = echo_server();
    let mut client = welcomed(&example);
    let line = [vec![b'x'; 200_000], b"\n".to_vec()].concat();
    client.send(&line);
    client.expect(&line);
    client.send("short\n");
    client.expect(b"short\n");
}

#[test]
fn echo_server_ends_at_quit() {
    let _watchdog = watchdog();
    let example = echo_server();
    for quit in ["quit\r\n", "QUIT\n", "  Quit  \r\n"] {
        let mut client = welcomed(&example);
        client.send("line\n");
        client.expect(b"line\n");
        client.send(quit);
        client.expect_end();
    }
}

#[test]
fn echo_server_serves_two_clients_at_once() {
    let _watchdog = watchdog();
    let example = echo_server();
    let mut first = welcomed(&example);
    let mut second = welcomed(&example);
    for _ in 0..3 {
        for client in [&mut first, &mut second] {
            client.send("hello\n");
            client.expect(b"hello\n");
        }
    }
}

fn wsgi_server() -> Example {
    start("wsgi_server", "Serving on http://")
}

#[test]
fn wsgi_server_says_hello() {
    let _watchdog = watchdog();
    let example = wsgi_server();
    let mut client = Client::connect(example.addr);
    for _ in 0..3 {
        let response = client.ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(response.head.starts_with("HTTP/1.1 200 OK\r\n"));
        assert_eq!(response.header("content-type"), Some("text/html"));
        assert_eq!(response.text(), "<b>hello world</b>");
        let response = client.ask("GET /xxx HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(response.head.starts_with("HTTP/1.1 404 Not Found\r\n"));
        assert_eq!(response.text(), "<h1>Not Found</h1>");
    }
}

#[test]
fn wsgi_server_is_not_stopped_by_half_a_request() {
    let _watchdog = watchdog();
    let example = wsgi_server();
    let mut slow = Client::with(example.addr, "GET /xxx HTTP/1.0\r\n");
    let mut client = Client::connect(example.addr);
    let response = client.ask("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(response.text(), "<b>hello world</b>");
    client.expect_end();
    slow.send("\r\n");
    let response = slow.response();
    assert!(response.head.starts_with("HTTP/1.1 404 Not Found\r\n"));
    slow.expect_end();
}

#[cfg(feature = "tls")]
#[test]
fn wsgi_server_ssl_says_hello_and_renews_its_certificate() {
    use rustix::process::{Pid, Signal, kill_process};
    use support::{TlsClient, has_openssl, read_testdata};

    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = ("server.crt", "server.key");
    let (cert, key) = (folder.path().join(cert), folder.path().join(key));
    let put = |cert_file, key_file| {
        fs::write(&cert, read_testdata(cert_file)).unwrap();
        fs::write(&key, read_testdata(key_file)).unwrap();
    };
    put("cert.pem", "key.pem");
    let files = [cert.to_str().unwrap(), key.to_str().unwrap()];
    let example = start_with("wsgi_server_ssl", &files, "Serving on https://");
    let ask = |trusted| {
        let mut client = TlsClient::trusting(example.addr, trusted);
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.send("GET /xxx HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answers = client.read_to_end();
        String::from_utf8(answers).unwrap()
    };
    let answers = ask("cert.pem");
    assert!(answers.contains("<b>hello world</b>"), "{answers}");
    assert!(answers.ends_with("<h1>Not Found</h1>"), "{answers}");

    let process = Pid::from_raw(example.process.id().try_into().unwrap()).unwrap();
    let hang_up = || kill_process(process, Signal::HUP).unwrap();
    put("other-cert.pem", "key.pem");
    hang_up();
    example.process.line("The old certificate stays: ");
    assert!(ask("cert.pem").contains("<b>hello world</b>"));
    put("other-cert.pem", "other-key.pem");
    hang_up();
    example.process.line("Reloaded");
    assert!(ask("other-cert.pem").contains("<b>hello world</b>"));
}
