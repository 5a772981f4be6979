//! Clients that ask all the time, and count.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use super::get;
use super::support::{PATIENCE, until};

/// Clients with connections that they keep for as long as they are let.
pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

#[derive(Default)]
struct Shared {
    stops: AtomicBool,
    answers: AtomicUsize,
    /// Answers that said `Connection: close`.
    closed: AtomicUsize,
}

impl Load {
    pub(crate) fn start(addr: SocketAddr, clients: usize) -> Self {
        let shared = Arc::<Shared>::default();
        let client = |n| {
            let shared = Arc::clone(&shared);
            // Some of them are slow, so that requests are always under way.
            let target = if n % 4 == 0 { "/sleep?20" } else { "/pid" };
            thread::spawn(move || ask_on_and_on(addr, target, &shared))
        };
        let clients = (0..clients).map(client).collect();
        let load = Self { shared, clients };
        load.goes_on();
        load
    }

    pub(crate) fn answers(&self) -> usize {
        self.shared.answers.load(Ordering::SeqCst)
    }

    /// How many answers said that they are the last.
    pub(crate) fn closed(&self) -> usize {
        self.shared.closed.load(Ordering::SeqCst)
    }

    /// Waits for more answers.
    #[track_caller]
    pub(crate) fn goes_on(&self) {
        let enough = self.answers() + 300;
        until("more answers", || self.answers() >= enough);
    }

    /// Ends it; what has failed.
    pub(crate) fn finish(self) -> Vec<String> {
        self.shared.stops.store(true, Ordering::SeqCst);
        let ended = self.clients.into_iter();
        ended.flat_map(|client| client.join().unwrap()).collect()
    }
}

fn ask_on_and_on(addr: SocketAddr, target: &str, shared: &Shared) -> Vec<String> {
    let mut failures = Vec::new();
    while !shared.stops.load(Ordering::SeqCst) {
        if let Err(error) = keep_asking(addr, target, shared) {
            failures.push(error.to_string());
        }
    }
    failures
}

/// Asks over one connection until an answer says that it is the last.
fn keep_asking(addr: SocketAddr, target: &str, shared: &Shared) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let request = get(target);
    for n in 0.. {
        if shared.stops.load(Ordering::SeqCst) {
            break;
        }
        let told = |what: &str, error: io::Error| {
            io::Error::new(error.kind(), format!("{what} {n} on a connection: {error}"))
        };
        stream
            .write_all(request.as_bytes())
            .map_err(|error| told("request", error))?;
        let is_last = read_answer(&mut stream).map_err(|error| told("answer", error))?;
        shared.answers.fetch_add(1, Ordering::SeqCst);
        if is_last {
            shared.closed.fetch_add(1, Ordering::SeqCst);
            break;
        }
    }
    Ok(())
}

/// Reads an answer; whether it is the connection's last.
fn read_answer(stream: &mut TcpStream) -> io::Result<bool> {
    let mut answer = Vec::new();
    loop {
        let mut part = [0; 1024];
        let n = stream.read(&mut part)?;
        if n == 0 {
            let text = format!("the end after {} bytes", answer.len());
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        answer.extend_from_slice(&part[..n]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        if !head.starts_with("HTTP/1.1 200 ") {
            return Err(io::Error::other(head.to_owned()));
        }
        let length = head.split_once("Content-Length: ").unwrap().1;
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if body.len() == length {
            return Ok(head.contains("Connection: close"));
        }
    }
}
