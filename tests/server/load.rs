//! Draining under load, and clients that reset in every phase.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use maypole::pool::Pool;
use maypole::server::{Stream, StreamServer};

use crate::check_echo;
use crate::support::{Client, LONG, PATIENCE, capture_log, logged, noise, until, watchdog};

/// Requests and answers of this many bytes.
const REQUEST: usize = 8;

/// Clients that keep a server busy.
const CLIENTS: usize = 8;

/// Answers each request of [`REQUEST`] bytes; when the server drains, ends after
/// the one at hand.
fn answer(mut stream: Stream, _peer: SocketAddr) -> io::Result<()> {
    let mut request = [0; REQUEST];
    while stream.wait_request()? {
        match stream.read_exact(&mut request) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            read => read?,
        }
        maypole::yield_now();
        stream.write_all(&request)?;
    }
    Ok(())
}

#[test]
fn no_request_is_lost_when_a_busy_server_drains() {
    let _watchdog = watchdog();
    // With a smaller pool, idle connections would make room for waiting clients.
    for pool in [Pool::new(CLIENTS), Pool::unlimited()] {
        let server = StreamServer::builder()
            .pool(pool)
            .bind("127.0.9.1:0", answer)
            .unwrap();
        server.start().unwrap();
        let addr = server.local_addr();
        let stopping = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let stopping = stopping.clone();
                thread::spawn(move || ask_until_closed(addr, &stopping))
            })
            .collect();
        until("some load", || server.counters().accepted >= 4);
        stopping.store(true, Ordering::SeqCst);
        server.stop(LONG);
        assert_eq!(server.active(), 0);
        for client in clients {
            client.join().unwrap();
        }
        assert_eq!(server.counters().errors, 0);
    }
}

/// Asks again and again. Whatever the server has begun to answer is complete.
fn ask_until_closed(addr: SocketAddr, stopping: &AtomicBool) {
    let Ok(mut stream) = TcpStream::connect_timeout(&addr, PATIENCE) else {
        assert!(stopping.load(Ordering::SeqCst));
        return;
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    loop {
        let sent = stream.write_all(&[7; REQUEST]);
        let mut answer = Vec::new();
        let got = sent.and_then(|()| (&stream).take(REQUEST as u64).read_to_end(&mut answer));
        match got {
            Ok(REQUEST) => assert_eq!(answer, [7; REQUEST]),
            // Closed between two requests, or before the first.
            Ok(0) | Err(_) if stopping.load(Ordering::SeqCst) => {
                assert!(answer.is_empty(), "half an answer");
                return;
            }
            other => panic!("{other:?} from a server that does not stop"),
        }
    }
}

/// Closes with a reset.
fn reset(client: &Client) {
    let linger = rustix::net::sockopt::set_socket_linger;
    linger(client.stream(), Some(std::time::Duration::ZERO)).unwrap();
}

#[test]
fn clients_that_reset_in_any_phase_hurt_nobody() {
    let _watchdog = watchdog();
    capture_log();
    let server = StreamServer::builder()
        .pool(Pool::new(2))
        .bind("127.0.9.2:0", |mut stream, _peer| {
            let mut request = [0; REQUEST];
            stream.read_exact(&mut request)?;
            // More than the socket holds: the client has to read.
            stream.write_all(&noise(8 << 20))
        })
        .unwrap();
    // Before it is accepted.
    for _ in 0..5 {
        let client = Client::with(server.local_addr(), [0; REQUEST]);
        reset(&client);
    }
    server.start().unwrap();
    for phase in 0..4 {
        for _ in 0..5 {
            let mut client = Client::connect(server.local_addr());
            match phase {
                // Before it says anything; in the middle of its request.
                0 => {}
                1 => client.send([0; REQUEST / 2]),
                // When it waits for the answer; in the middle of that.
                2 => client.send([0; REQUEST]),
                _ => {
                    client.send([0; REQUEST]);
                    client.read_exact(1000);
                }
            }
            reset(&client);
        }
    }
    until("all handlers' ends", || server.active() == 0);
    let mut client = Client::with(server.local_addr(), [0; REQUEST]);
    assert_eq!(client.read_to_end().len(), 8 << 20);
    // What clients do is no news.
    assert_eq!(server.counters().errors, 0);
    let mut records = logged(&server.local_addr().to_string());
    records.retain(|record| record.level <= log::Level::Warn);
    assert!(records.is_empty(), "{records:?}");
    let fine = crate::serve(crate::echo);
    check_echo(&mut Client::connect(fine.local_addr()));
}
