//! What clients do to a server: what they should, and all the rest.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::PATIENCE;

/// What clients saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Things done.
    pub(crate) actions: u64,
    /// Answers that were checked and right.
    pub(crate) answers: u64,
    /// Connections that ended between two answers, as a full pool may do it.
    pub(crate) closed: u64,
    /// Answers that were wrong.
    pub(crate) wrong: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.actions += other.actions;
        self.answers += other.answers;
        self.closed += other.closed;
        self.wrong += other.wrong;
    }

    /// Whether what must have happened has, and nothing else.
    pub(crate) fn is_balanced(&self) -> bool {
        self.wrong == 0 && self.answers > 0 && self.actions > 0
    }
}

/// Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// One client after the other, until told to stop.
pub(crate) fn work(addr: SocketAddr, seed: u64, stop: &AtomicBool) -> Tally {
    let mut random = Random(seed);
    let mut tally = Tally::default();
    while !stop.load(Ordering::Relaxed) {
        let Ok(stream) = TcpStream::connect_timeout(&addr, PATIENCE) else {
            continue;
        };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        tally.actions += 1;
        match random.below(4) {
            0 => hostile(&stream, &mut random),
            _ => good(&stream, &mut random, &mut tally),
        }
    }
    tally
}

/// Some requests on one connection, each answer checked.
fn good(stream: &TcpStream, random: &mut Random, tally: &mut Tally) {
    for _ in 0..=random.below(20) {
        let (request, status, end): (Vec<u8>, &[u8], &[u8]) = match random.below(7) {
            0 => (get("/sleep"), b"200", b"slept"),
            1 => (get("/missing"), b"404", b"nothing"),
            2 => (get("/stream"), b"200", b"s\r\n0\r\n\r\n"),
            3 => (post("/echo", b"an echo"), b"200", b"an echo"),
            4 => (chunked("/echo", b"an echo"), b"200", b"an echo"),
            5 => (post("/unread", &vec![b'u'; 20_000]), b"200", b"unread"),
            _ => {
                let requests = get("/missing").repeat(8);
                (requests, b"404", b"nothing")
            }
        };
        let answers = if request.len() > 200 && status == b"404" {
            8
        } else {
            1
        };
        if (&*stream).write_all(&request).is_err() {
            tally.closed += 1;
            return;
        }
        match read(stream, status, end, answers) {
            Outcome::Right => tally.answers += answers as u64,
            Outcome::Closed => {
                tally.closed += 1;
                return;
            }
            Outcome::Wrong => {
                tally.wrong += 1;
                return;
            }
        }
    }
}

enum Outcome {
    Right,
    /// Before the first byte.
    Closed,
    Wrong,
}

/// Reads so many answers with this status, the last of which has this end.
fn read(stream: &TcpStream, status: &[u8], end: &[u8], answers: usize) -> Outcome {
    let mut seen = Vec::new();
    let mut part = vec![0; 64 * 1024];
    loop {
        match (&*stream).read(&mut part) {
            Ok(n @ 1..) => seen.extend_from_slice(&part[..n]),
            // Some of several may be missing, none may be cut.
            Ok(_) | Err(_) if seen.is_empty() || answers > 1 && seen.ends_with(end) => {
                return Outcome::Closed;
            }
            Ok(_) | Err(_) => return Outcome::Wrong,
        }
        let mark = [b"HTTP/1.1 ", status].concat();
        if !seen.starts_with(&mark) {
            return Outcome::Wrong;
        }
        if seen.ends_with(end) {
            let found = seen.windows(mark.len()).filter(|at| *at == mark).count();
            if found == answers {
                return Outcome::Right;
            }
        }
    }
}

/// Something that no good client does. What comes back is not looked at.
fn hostile(mut stream: &TcpStream, random: &mut Random) {
    let head = "HTTP/1.1\r\nHost: x\r\n";
    let sent = match random.below(14) {
        // Garbage, of any length.
        0 => {
            let bytes: Vec<u8> = (0..random.below(5_000))
                .map(|_| random.below(256) as u8)
                .collect();
            stream.write_all(&bytes)
        }
        1 => stream.write_all(b"GET / HT"),
        2 => write!(stream, "POST /echo {head}Content-Length: 1000\r\n\r\nhalf"),
        3 => write!(
            stream,
            "POST /echo {head}Transfer-Encoding: chunked\r\n\r\nffff\r\nhalf"
        ),
        4 => write!(
            stream,
            "POST /echo {head}Transfer-Encoding: chunked\r\n\r\nxyz\r\n"
        ),
        5 => write!(
            stream,
            "GET / {head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        ),
        6 => write!(stream, "GET / {head}X: {}\r\n\r\n", "x".repeat(10_000)),
        7 => write!(stream, "GET /{} {head}\r\n", "x".repeat(10_000)),
        // Does not read.
        8 => write!(stream, "GET /stream {head}\r\n").map(|()| {
            thread::sleep(Duration::from_millis(50));
        }),
        // A head in drops.
        9 => (0..20).try_for_each(|_| {
            thread::sleep(Duration::from_millis(3));
            stream.write_all(b"G")
        }),
        10 => stream.write_all(&get("/error")),
        11 => stream.write_all(&get("/late")),
        12 => stream.write_all(&get("/panic")),
        // Says nothing.
        _ => {
            thread::sleep(Duration::from_millis(10));
            Ok(())
        }
    };
    if sent.is_err() {
        return;
    }
    match random.below(3) {
        // Gone at once; with a reset if something was unread.
        0 => {}
        1 => {
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read(&mut [0; 100]);
        }
        _ => {
            let _ = stream.shutdown(Shutdown::Write);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    }
}

fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes()
}

fn post(target: &str, body: &[u8]) -> Vec<u8> {
    let len = body.len();
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn chunked(target: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunks = format!("{:x}\r\n", body.len());
    [head.as_bytes(), chunks.as_bytes(), body, b"\r\n0\r\n\r\n"].concat()
}
