//! Clients that do not get through the handshake.

use std::io;
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use log::Level;
use maypole::pool::Pool;
use maypole::server::{Builder, StreamServer, TlsConfig};

use super::support::{
    Client, LONG, MOMENT, TlsClient, capture_log, has_openssl, logged_about, openssl_tells,
};
use super::support::{noise, tls_config, tls_config_with, until, watchdog};
use super::{assert_echoes, echo, echo_server, serve};

/// The beginning of a hello: a record of 512 bytes, and a few of them.
const HALF_A_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 twenty bytes or so";

/// Short, for a client that is to be given up.
const SHORT: Duration = Duration::from_millis(30);

fn within(limit: Duration) -> Builder {
    let options = TlsConfig::builder().handshake_timeout(limit);
    StreamServer::builder().tls(tls_config_with(&options))
}

#[test]
fn who_takes_too_long_is_disconnected() {
    let _watchdog = watchdog();
    capture_log();
    let server = serve(within(SHORT), echo);
    for hello in [&b""[..], b"\x16", HALF_A_HELLO] {
        let mut client = Client::with(server.local_addr(), hello);
        client.expect_closed();
        assert_quiet(&server, &client, "took too long");
    }
    assert_eq!(server.counters().handshake_failures, 3);
    assert_eq!(server.counters().errors, 0);
}

#[test]
fn a_thousand_silent_clients_starve_nobody() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let server = serve(within(LONG), echo);
    let _silent = silent(&server, 1000);
    assert_echoes(server.local_addr());
}

/// gevent's pool is full then.
#[test]
fn nor_those_who_wait_for_a_slot() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let pool = Pool::new(1);
    let server = serve(within(LONG).pool(pool.clone()), echo);
    let silent = silent(&server, 1000);
    assert_eq!(pool.len(), 0);
    assert_echoes(server.local_addr());
    drop(silent);
    until("all gone", || server.active() == 0);
    assert_eq!(server.counters().handshake_failures, 1000);
}

/// With a bound of their own: the others wait in the backlog.
#[test]
fn handshakes_are_limited() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let builder = within(LONG).pool(Pool::new(5)).max_handshakes(2);
    let server = serve(builder, echo);
    let silent: Vec<_> = (0..6)
        .map(|_| Client::with(server.local_addr(), HALF_A_HELLO))
        .collect();
    until("two", || server.active() == 2);
    thread::sleep(MOMENT);
    assert_eq!(server.counters().accepted, 2);
    drop(silent);
    assert_echoes(server.local_addr());
    assert_eq!(server.counters().accepted, 7);
    let none = StreamServer::builder().max_handshakes(0);
    let error = none.bind("127.0.0.1:0", |_, _| Ok(())).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

/// All get through the handshake; each is served when the one before it has
/// ended.
#[test]
fn the_pool_limits_handlers() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let pool = Pool::new(1);
    let theirs = pool.clone();
    let server = serve(within(LONG).pool(pool.clone()), move |stream| {
        assert!(theirs.contains(&maypole::current().unwrap()));
        assert_eq!(theirs.len(), 1);
        echo(stream)
    });
    let addr = server.local_addr();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || assert_echoes(addr));
        }
    });
    until("all gone", || server.active() == 0);
    assert_eq!(server.counters().errors, 0);
    assert!(pool.is_empty());
}

/// A slot is waited for after the handshake; a stop ends that too.
#[test]
fn a_stop_ends_waits_for_a_slot() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let pool = Pool::new(1);
    let server = serve(within(LONG).pool(pool.clone()), echo);
    let mut silent = Client::connect(server.local_addr());
    until("the silent one", || server.active() == 1);
    let slot = pool.acquire();
    server.stop(Duration::ZERO);
    silent.expect_closed();
    // One that was killed before it ran is dropped piece by piece.
    until("none is served", || server.active() == 0);
    drop(slot);
    assert_eq!(pool.free_slots(), 1);
}

/// So many clients, every second with half a hello, all accepted.
fn silent(server: &StreamServer, count: usize) -> Vec<Client> {
    let clients = (0..count)
        .map(|n| match n % 2 {
            0 => Client::connect(server.local_addr()),
            _ => Client::with(server.local_addr(), HALF_A_HELLO),
        })
        .collect();
    until("the silent ones", || server.active() == count);
    clients
}

#[test]
fn who_speaks_something_else_is_closed_quietly() {
    let _watchdog = watchdog();
    capture_log();
    let server = echo_server();
    let noise = noise(3000);
    for (bytes, reason) in [
        (&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], "http request"),
        (b"\x16\x03\x01\x00\x05hello", "handshake: "),
        (b"\x15\x03\x01\x00\x02\x02\x28", "handshake: "), // an alert
        (
            b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
            "handshake: ",
        ), // SSL 2
        (&noise, "handshake: "),
    ] {
        let mut client = Client::with(server.local_addr(), bytes);
        // It may be over before.
        let _ = client.stream().shutdown(Shutdown::Write);
        client.expect_closed();
        assert_quiet(&server, &client, reason);
    }
    // One that leaves at once.
    let client = Client::connect(server.local_addr());
    client.stream().shutdown(Shutdown::Write).unwrap();
    assert_quiet(&server, &client, "the peer closed");
}

/// Told once, for those who look, and not as an error.
#[track_caller]
fn assert_quiet(server: &StreamServer, client: &Client, reason: &str) {
    let messages = || logged_about(server.local_addr(), client.addr());
    until("a message", || !messages().is_empty());
    let messages = messages();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(messages[0].level >= Level::Debug, "{messages:?}");
    assert!(messages[0].text.contains(reason), "{messages:?}");
}

#[test]
fn a_client_of_an_old_version_is_told() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let server = echo_server();
    for version in ["-tls1", "-tls1_1"] {
        let args = [version, "-cipher", "DEFAULT@SECLEVEL=0"];
        let seen = openssl_tells(server.local_addr(), &args);
        assert!(seen.contains("alert protocol version"), "{seen}");
    }
    let seen = openssl_tells(server.local_addr(), &["-tls1_3"]);
    assert!(seen.contains("alert protocol version"), "{seen}");
    let seen = openssl_tells(server.local_addr(), &["-tls1_2"]);
    assert!(seen.contains("Verify return code: 0 (ok)"), "{seen}");
}

#[test]
fn a_client_without_a_common_cipher_is_told() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let server = echo_server();
    let args = ["-tls1_2", "-cipher", "PSK-AES128-GCM-SHA256", "-psk", "aa"];
    let seen = openssl_tells(server.local_addr(), &args);
    assert!(seen.contains("alert handshake failure"), "{seen}");
}

/// It is refused; nobody else notices.
#[test]
fn a_renegotiation_is_refused() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let server = echo_server();
    let mut other = TlsClient::connect(server.local_addr());
    let mut client = TlsClient::obeying(server.local_addr());
    client.send("line\n");
    client.expect(b"line\n");
    client.send("R\n");
    // An error for the client, which ends there.
    client.try_send("after it\n");
    assert!(client.read_to_end().is_empty());
    other.send("line\n");
    other.expect(b"line\n");
    until("its end", || server.active() == 1);
}

#[test]
fn no_certificate_is_asked_of_clients() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let server = serve(StreamServer::builder().tls(tls_config()), echo);
    let seen = openssl_tells(server.local_addr(), &[]);
    assert!(
        seen.contains("No client certificate CA names sent"),
        "{seen}"
    );
}
