//! Connections, from their first byte to their last.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use maypole::GreenletRef;
use maypole::server::StreamServer;
use parking_lot::Mutex;

use super::support::{Client, Counter, TlsClient, has_openssl, noise, openssl_tells, tls_config};
use super::support::{until, watchdog};
use super::{assert_echoes, echo_server, serve};

#[test]
fn echo_over_tls() {
    let _watchdog = watchdog();
    if !has_openssl() {
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
    if !has_openssl() {
        return;
    }
    let server = echo_server();
    exchange(TlsClient::connect(server.local_addr()));
}

/// The handler's two greenlets: what one reads the other writes, in any order.
#[test]
fn one_greenlet_reads_while_another_writes() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let builder = StreamServer::builder().tls(tls_config());
    let server = serve(builder, |mut stream| {
        let data = noise(4 << 20);
        let mut reader = stream.try_clone()?;
        let reading = maypole::spawn(move || {
            let mut received = vec![0; 4 << 20];
            reader.read_exact(&mut received).map(|()| received)
        });
        stream.write_all(&data)?;
        // The reader has all, or this would not be the same.
        assert!(reading.get().unwrap()? == data);
        stream.write_all(b"same")
    });
    let mut client = exchange(TlsClient::connect(server.local_addr()));
    client.expect(b"same");
}

/// Sends and receives 4 MiB at once.
fn exchange(mut client: TlsClient) -> TlsClient {
    let data = noise(4 << 20);
    let sent = data.clone();
    let mut stdin = client.stdin.take().unwrap();
    let writing = thread::spawn(move || {
        stdin.write_all(&sent).unwrap();
        stdin
    });
    assert!(client.read_exact(data.len()) == data);
    client.stdin = Some(writing.join().unwrap());
    client
}

/// gevent sends none, and strict clients complain about a complete answer.
#[test]
fn close_notify_comes_from_a_handler_that_just_returns() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let builder = StreamServer::builder().tls(tls_config());
    let server = serve(builder, |mut stream| stream.write_all(b"bye"));
    let seen = openssl_tells(server.local_addr(), &["-ign_eof", "-msg"]);
    let close_notify = "<<< TLS 1.2, Alert [length 0002], warning close_notify";
    assert!(seen.contains(close_notify), "{seen}");
}

#[test]
fn a_time_out_while_reading_leaves_the_connection_well() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let builder = StreamServer::builder().tls(tls_config());
    let server = serve(builder, |mut stream| {
        stream.set_read_timeout(Some(Duration::from_millis(5)))?;
        let error = stream.read(&mut [0; 10]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        stream.set_read_timeout(None)?;
        stream.write_all(b"say something")?;
        let mut heard = [0; 5];
        stream.read_exact(&mut heard)?;
        stream.write_all(&heard)
    });
    let mut client = TlsClient::connect(server.local_addr());
    client.expect(b"say something");
    client.send("hello");
    assert_eq!(client.read_to_end(), b"hello");
}

#[test]
fn kills_while_reading_and_writing() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let killed = Counter::default();
    let handler: Arc<Mutex<Option<GreenletRef>>> = Arc::default();
    let (at_end, current) = (killed.clone(), handler.clone());
    let builder = StreamServer::builder().tls(tls_config());
    let server = serve(builder, move |mut stream| {
        let _guard = at_end.on_drop();
        let mut what = [0; 6];
        stream.read_exact(&mut what)?;
        *current.lock() = Some(maypole::current().unwrap());
        if &what == b"write\n" {
            loop {
                stream.write_all(&noise(100_000))?;
            }
        }
        stream.read_exact(&mut what)
    });
    for (n, what) in ["write\n", "read!\n"].into_iter().enumerate() {
        let mut client = TlsClient::connect(server.local_addr());
        client.send(what);
        until("the handler", || handler.lock().is_some());
        handler.lock().take().unwrap().kill();
        killed.reaches(n + 1);
        // What had been sent, and then the end.
        client.read_to_end();
    }
    let mut client = TlsClient::connect(server.local_addr());
    client.send("bye..\n1234567");
    until("the end", || server.active() == 0);
}

#[test]
fn a_stop_ends_handshakes_and_connections() {
    let _watchdog = watchdog();
    let server = echo_server();
    let mut silent = Client::connect(server.local_addr());
    until("the silent one", || server.active() == 1);
    if has_openssl() {
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

#[test]
fn clients_that_break_off_hurt_nobody() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let server = echo_server();
    for _ in 0..5 {
        let mut client = TlsClient::connect(server.local_addr());
        client.send("line\n");
        client.expect(b"line\n");
        // The process is killed: no close_notify, and a reset if data is unread.
        client.send(noise(50_000));
    }
    until("all gone", || server.active() == 0);
    assert_echoes(server.local_addr());
}
