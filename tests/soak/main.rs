//! Good and hostile clients, mixed, for a while: afterwards the server has the
//! memory, the descriptors and the greenlets that it had before.
//!
//! Ten seconds by default; `MAYPOLE_SOAK_SECONDS=600` makes a real soak of it.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests, on plain threads and std's sockets"
)]

#[path = "../support/mod.rs"]
mod support;

mod clients;

use std::env;
use std::fs;
use std::io::{self, Read, Write, stdin};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use maypole::http::{Environ, Metrics, StartResponse, StatusCode};
use maypole::inspect;
use maypole::pool::Pool;
use maypole::pywsgi::WsgiServer;

use clients::Tally;
use support::{Child, Client, in_child, until};

/// Threads of clients: enough to keep two processors busy.
const CLIENTS: u64 = 12;

/// Fewer places than clients open connections, so the pool is full at times.
const POOL: usize = 40;

/// What stays after the first time: buffers that are kept, tables that grew, and
/// what the allocator holds back. A leak of a hundred bytes a connection is more
/// in a soak of ten minutes.
const SLACK: u64 = 8 * 1024 * 1024;

/// How long a server's client may be idle or slow: short, so that many are.
const SHORT: Duration = Duration::from_millis(300);

#[test]
fn what_was_there_before_is_there_after() {
    const NAME: &str = "what_was_there_before_is_there_after";
    if in_child(NAME) {
        return serve();
    }
    let seconds = env::var("MAYPOLE_SOAK_SECONDS").map_or(10, |text| text.parse().unwrap());
    let mut child = Child::of_test(NAME);
    let addr: SocketAddr = child.line("listening on ").parse().unwrap();
    // What is made once is made before the first look.
    let first = run(addr, Duration::from_secs(3));
    let before = Figures::of(&child, addr);
    let tally = run(addr, Duration::from_secs(seconds));
    let after = Figures::of(&child, addr);
    println!("warm-up: {first:?}\n{seconds} s: {tally:?}\nbefore: {before:?}\nafter:  {after:?}");
    println!("{}", ask(addr, "/metrics"));
    assert!(tally.is_balanced(), "{tally:?}");
    assert_eq!(after.greenlets, before.greenlets);
    // The last who looked may still be about to leave.
    until("the descriptors that were there before", || {
        descriptors(&child) == before.descriptors
    });
    let grown = after.memory.saturating_sub(before.memory);
    assert!(grown <= SLACK, "{grown} bytes more");
    assert!(child.wait());
}

/// All clients at work for so long.
fn run(addr: SocketAddr, time: Duration) -> Tally {
    let stop = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let stop = Arc::clone(&stop);
            let begun = Instant::now().elapsed().subsec_nanos();
            let seed = (number + 1) * 0x9e37_79b9 + u64::from(begun);
            thread::spawn(move || clients::work(addr, seed, &stop))
        })
        .collect();
    thread::sleep(time);
    stop.store(true, Ordering::Relaxed);
    let mut tally = Tally::default();
    for thread in threads {
        tally.add(&thread.join().unwrap());
    }
    tally
}

/// What a server holds on to.
#[derive(Debug)]
struct Figures {
    memory: u64,
    descriptors: usize,
    greenlets: usize,
}

impl Figures {
    /// As soon as nobody is connected.
    fn of(child: &Child, addr: SocketAddr) -> Self {
        let alone = || ask(addr, "/active") == "1";
        until("the ends of connections", alone);
        let process = child.id();
        let statm = fs::read_to_string(format!("/proc/{process}/statm")).unwrap();
        let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
        let greenlets = ask(addr, "/greenlets").parse().unwrap();
        until("the end of the last one", alone);
        Self {
            memory: pages * 4096,
            descriptors: descriptors(child),
            greenlets,
        }
    }
}

fn descriptors(child: &Child) -> usize {
    let folder = format!("/proc/{}/fd", child.id());
    fs::read_dir(folder).unwrap().count()
}

#[track_caller]
fn ask(addr: SocketAddr, target: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let mut client = Client::with(addr, request);
    let response = client.response();
    assert_eq!(response.status, 200);
    // Its descriptor is closed, or as good as: no other look counts it.
    client.expect_end();
    response.text().to_owned()
}

/// The child: a server until its input ends.
fn serve() {
    // Panics on purpose are no news.
    std::panic::set_hook(Box::new(|_| ()));
    inspect::start_tracking();
    let metrics = Metrics::new();
    let shown = metrics.clone();
    let server = WsgiServer::builder()
        .pool(Pool::new(POOL))
        .metrics(metrics)
        .head_timeout(SHORT)
        .keep_alive_timeout(SHORT)
        .stall_timeout(SHORT)
        .discard_timeout(SHORT)
        .bind("127.0.0.1:0", move |env, start_response| {
            match env.path_info() {
                "/active" => {
                    let open = shown.snapshot().open_connections;
                    start_response.send(StatusCode::OK, open.to_string())
                }
                "/greenlets" => {
                    let alive = inspect::run_info().greenlets().len();
                    start_response.send(StatusCode::OK, alive.to_string())
                }
                "/metrics" => shown.answer(start_response),
                _ => answer(env, start_response),
            }
        })
        .unwrap();
    server.start().unwrap();
    println!("listening on {}", server.local_addr());
    stdin().read_to_end(&mut Vec::new()).unwrap();
    server.stop(Duration::from_secs(5));
    assert_eq!(server.active(), 0);
}

fn answer(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    match env.path_info() {
        "/echo" => {
            let mut body = Vec::new();
            env.input().read_to_end(&mut body)?;
            start_response.send(StatusCode::OK, body)
        }
        "/unread" => start_response.send(StatusCode::OK, "unread"),
        "/stream" => {
            let mut body = start_response.start(StatusCode::OK)?;
            for _ in 0..200 {
                body.write_all(&[b's'; 5_000])?;
                body.flush()?;
            }
            Ok(())
        }
        "/sleep" => {
            maypole::sleep(Duration::from_millis(5));
            start_response.send(StatusCode::OK, "slept")
        }
        "/error" => Err(io::Error::other("on purpose")),
        "/late" => {
            let mut body = start_response.start(StatusCode::OK)?;
            body.write_all(b"late")?;
            body.flush()?;
            Err(io::Error::other("on purpose"))
        }
        "/panic" => panic!("on purpose"),
        _ => start_response.send(StatusCode::NOT_FOUND, "nothing"),
    }
}
