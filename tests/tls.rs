//! TLS on the wire, with the `openssl` command as a client that has nothing in
//! common with our code. (The handshake and the stream are also tested against
//! native-tls's own client, in `server/src/tls/tests/`; here it would make
//! every `cargo test` need OpenSSL's headers.) Without that command, which
//! Debian's and Ubuntu's `ca-certificates` bring along, these tests say so and
//! pass.
#![cfg(feature = "tls")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests, on plain threads and std's sockets"
)]

mod support;

use std::fs;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use maypole::http::StatusCode;
use maypole::pywsgi::WsgiServer;
use maypole::server::{Stream, StreamServer, TlsConfig};

use support::{Client, noise, until, watchdog};

fn testdata(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("server/src/tls/testdata").join(name)
}

fn config() -> TlsConfig {
    let read = |name| fs::read(testdata(name)).unwrap();
    TlsConfig::from_pem(&read("cert.pem"), &read("key.pem")).unwrap()
}

/// Whether these tests can be run here.
fn has_client() -> bool {
    let version = Command::new("openssl").arg("version").output();
    let there = version.is_ok_and(|output| output.status.success());
    if !there {
        println!("skipped: there is no `openssl` command");
    }
    there
}

/// A client process: what is written to it goes out encrypted, what comes in
/// can be read from it. Killed when dropped. The watchdog limits its waits.
struct TlsClient {
    process: Child,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
}

impl TlsClient {
    /// Connects and checks the server's certificate.
    fn connect(addr: SocketAddr) -> Self {
        let mut process = Command::new("openssl")
            .args(["s_client", "-quiet", "-no_ign_eof", "-nocommands"])
            .args(["-verify_return_error", "-verify_hostname", "localhost"])
            .arg("-CAfile")
            .arg(testdata("cert.pem"))
            .args(["-servername", "localhost", "-connect", &addr.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            stdin: process.stdin.take(),
            stdout: process.stdout.take().unwrap(),
            process,
        }
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(bytes.as_ref()).unwrap();
        stdin.flush().unwrap();
    }

    #[track_caller]
    fn expect(&mut self, bytes: &[u8]) {
        let mut got = vec![0; bytes.len()];
        self.stdout.read_exact(&mut got).unwrap();
        assert!(got == bytes, "{}", got.escape_ascii());
    }

    /// Reads to the end, which is the process's: the server has closed.
    fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.stdout.read_to_end(&mut bytes).unwrap();
        bytes
    }
}

impl Drop for TlsClient {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn echo(mut stream: Stream, _peer: SocketAddr) -> io::Result<()> {
    assert!(stream.is_tls());
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n])?;
    }
}

fn echo_server() -> StreamServer {
    let server = StreamServer::builder()
        .tls(config())
        .bind("127.0.0.1:0", echo)
        .unwrap();
    server.start().unwrap();
    server
}

fn https_server() -> WsgiServer {
    let application = |env: &mut maypole::http::Environ<'_>,
                       start_response: maypole::http::StartResponse<'_>| {
        let mut text = format!("{} {}|", env.scheme(), env.target());
        env.input().read_to_string(&mut text)?;
        start_response.send(StatusCode::OK, text)
    };
    let server = WsgiServer::builder()
        .tls(config())
        .bind("127.0.0.1:0", application)
        .unwrap();
    server.start().unwrap();
    server
}

#[test]
fn echo_over_tls() {
    let _watchdog = watchdog();
    if !has_client() {
        return;
    }
    let server = echo_server();
    let mut first = TlsClient::connect(server.local_addr());
    let mut second = TlsClient::connect(server.local_addr());
    for n in 0..5 {
        for client in [&mut first, &mut second] {
            let line = format!("line {n}\n");
            client.send(&line);
            client.expect(line.as_bytes());
        }
    }
    assert_eq!(server.active(), 2);
}

#[test]
fn much_data_in_both_directions() {
    let _watchdog = watchdog();
    if !has_client() {
        return;
    }
    let server = echo_server();
    let mut client = TlsClient::connect(server.local_addr());
    let data = noise(1 << 20);
    let sent = data.clone();
    let mut stdin = client.stdin.take().unwrap();
    let writing = thread::spawn(move || {
        stdin.write_all(&sent).unwrap();
        stdin
    });
    let mut got = vec![0; data.len()];
    client.stdout.read_exact(&mut got).unwrap();
    assert!(got == data);
    client.stdin = Some(writing.join().unwrap());
}

#[test]
fn https_requests() {
    let _watchdog = watchdog();
    if !has_client() {
        return;
    }
    let server = https_server();
    let mut client = TlsClient::connect(server.local_addr());
    client.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    client.send("POST /3 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
    client.send("GET /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answers = String::from_utf8(client.read_to_end()).unwrap();
    let bodies: Vec<_> = answers
        .split("HTTP/1.1 200 OK\r\n")
        .skip(1)
        .map(|answer| answer.split_once("\r\n\r\n").unwrap().1)
        .collect();
    assert_eq!(
        bodies,
        ["https /1|", "https /2|", "https /3|body", "https /4|"]
    );
}

#[test]
fn a_client_that_speaks_no_tls_hurts_nobody() {
    let _watchdog = watchdog();
    let server = https_server();
    let mut plain = Client::with(server.local_addr(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    plain.expect_closed();
    // Neither does one that says nothing, nor one that leaves at once.
    let _silent = Client::connect(server.local_addr());
    drop(Client::connect(server.local_addr()));
    until("the silent one only", || server.active() == 1);
    if !has_client() {
        return;
    }
    let mut client = TlsClient::connect(server.local_addr());
    client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(client.read_to_end().ends_with(b"https /|"));
}

#[test]
fn a_stop_ends_handshakes_and_connections() {
    let _watchdog = watchdog();
    let server = echo_server();
    let mut silent = Client::connect(server.local_addr());
    until("the silent one", || server.active() == 1);
    if has_client() {
        let mut client = TlsClient::connect(server.local_addr());
        client.send("ping");
        client.expect(b"ping");
        server.stop(Duration::ZERO);
        assert!(client.read_to_end().is_empty());
    }
    server.stop(Duration::ZERO);
    silent.expect_closed();
    assert_eq!(server.active(), 0);
}
