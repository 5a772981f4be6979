//! Requests on a connection that is kept cost no allocations.
//!
//! In a binary of its own: what counts is every allocation of the process. The
//! client below makes none.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests, on plain threads and std's sockets"
)]

mod support;

use std::alloc::System;
use std::io::{self, Read, Write};
use std::net::TcpStream;

use maypole::http::{Environ, StartResponse, StatusCode};
use maypole::pywsgi::WsgiServer;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use support::{PATIENCE, pause, watchdog};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Until buffers have their size and lists their room.
const WARM_UP: usize = 100;

const MEASURED: usize = 1000;

/// Rounds that are measured, of which one must do without allocations: the
/// process has other threads, the test harness's among them, which may allocate
/// once in a while. What a request costs is paid in every round.
const ROUNDS: usize = 10;

fn application(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    match env.path_info() {
        "/send" => start_response
            .header("Content-Type", "text/plain")
            .send(StatusCode::OK, b"hello, world"),
        "/write" => {
            let mut body = start_response.start(StatusCode::OK)?;
            body.write_all(b"hello, ")?;
            body.write_all(b"world")
        }
        "/chunks" => start_response.send_chunks(StatusCode::OK, ["hello, ", "world"]),
        "/echo" => {
            let mut body = [0; 12];
            env.input().read_exact(&mut body)?;
            start_response.send(StatusCode::OK, body)
        }
        other => panic!("{other}"),
    }
}

/// Sends a batch of requests and reads as many bytes as their answers have.
fn ask(stream: &mut TcpStream, requests: &[u8], answers: &mut [u8]) {
    stream.write_all(requests).unwrap();
    stream.read_exact(answers).unwrap();
}

/// How many bytes the answers to these requests have.
fn answered(stream: &mut TcpStream, requests: &[u8], count: usize) -> usize {
    stream.write_all(requests).unwrap();
    let mut got = Vec::new();
    let mut buffer = [0; 4096];
    let ends = |got: &[u8]| {
        let text = String::from_utf8_lossy(got).into_owned();
        let worlds = text.matches("world").count();
        worlds == count && (!text.contains("chunked") || text.ends_with("0\r\n\r\n"))
    };
    while !ends(&got) {
        let n = stream.read(&mut buffer).unwrap();
        assert!(n > 0, "{}", String::from_utf8_lossy(&got));
        got.extend_from_slice(&buffer[..n]);
    }
    got.len()
}

/// How many allocations the fewest of a thousand batches take.
fn fewest(server: &WsgiServer, requests: &[u8], count: usize) -> usize {
    let mut stream = TcpStream::connect(server.local_addr()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut answers = vec![0; answered(&mut stream, requests, count)];
    for _ in 0..WARM_UP {
        ask(&mut stream, requests, &mut answers);
    }
    let round = |stream: &mut TcpStream, answers: &mut [u8]| {
        let before = ALLOCATOR.stats();
        for _ in 0..MEASURED {
            ask(stream, requests, answers);
        }
        let after = ALLOCATOR.stats() - before;
        after.allocations + after.reallocations
    };
    let mut fewest = usize::MAX;
    for _ in 0..ROUNDS {
        fewest = fewest.min(round(&mut stream, &mut answers));
        if fewest == 0 {
            break;
        }
        pause();
    }
    fewest
}

#[test]
fn requests_on_a_kept_connection() {
    let _watchdog = watchdog();
    let server = WsgiServer::bind("127.0.0.1:0", application).unwrap();
    server.start().unwrap();
    for path in ["/send", "/write", "/chunks"] {
        let one = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: test\r\n\
             Accept: */*\r\nCookie: a=b\r\n\r\n"
        );
        assert_eq!(fewest(&server, one.as_bytes(), 1), 0, "{path}");
        if path != "/chunks" {
            let pipelined = one.repeat(16);
            assert_eq!(fewest(&server, pipelined.as_bytes(), 16), 0, "{path}");
        }
    }
    let post = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\nhello, world";
    assert_eq!(fewest(&server, post.as_bytes(), 1), 0, "/echo");
}
