//! What a handler does with its stream, and how it may end.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use maypole::{Event, GreenletRef, Timeout};
use parking_lot::Mutex; // ThreadSanitizer can follow it

use crate::support::{Client, Counter, LONG, capture_log, logged_about, noise, until, watchdog};
use crate::{check_echo, echo, serve};

/// Runs `bad` for the first client and `echo` for others: the first sees its
/// connection closed, the others do not notice.
#[track_caller]
fn ends_only_itself(bad: fn(&mut dyn Read) -> io::Result<()>) {
    let calls = Counter::default();
    let server = serve(move |mut stream, peer| {
        if calls.add() == 1 {
            stream.write_all(b"hello")?;
            return bad(&mut stream);
        }
        echo(stream, peer)
    });
    let mut client = Client::connect(server.local_addr());
    client.expect(b"hello");
    client.expect_end();
    until("the handler's end", || server.active() == 0);
    check_echo(&mut Client::connect(server.local_addr()));
    assert!(server.is_started());
}

#[test]
fn the_connection_closes_when_a_handler_returns() {
    let _watchdog = watchdog();
    ends_only_itself(|_| Ok(()));
}

#[test]
fn the_connection_closes_when_a_handler_fails() {
    let _watchdog = watchdog();
    ends_only_itself(|_| Err(io::Error::other("on purpose")));
}

#[test]
fn the_connection_closes_when_a_handler_panics() {
    let _watchdog = watchdog();
    ends_only_itself(|_| panic!("on purpose"));
}

#[test]
fn the_connection_closes_when_a_handler_kills_itself() {
    let _watchdog = watchdog();
    ends_only_itself(|stream| {
        maypole::current().unwrap().start_kill();
        let _ = stream.read(&mut [0]);
        unreachable!("a killed greenlet does not read");
    });
}

#[test]
fn the_connection_closes_when_a_handler_times_out() {
    let _watchdog = watchdog();
    ends_only_itself(|stream| {
        let timeout = Timeout::new(Duration::from_millis(1));
        timeout.start();
        stream.read(&mut [0]).map(drop)
    });
}

#[test]
fn the_connection_closes_when_a_handler_is_killed() {
    let _watchdog = watchdog();
    let handler: Arc<Mutex<Option<GreenletRef>>> = Arc::default();
    let cleaned = Counter::default();
    let (theirs, clean) = (handler.clone(), cleaned.clone());
    let server = serve(move |stream, peer| {
        let _clean = clean.on_drop();
        *theirs.lock() = maypole::current();
        echo(stream, peer)
    });
    let mut client = Client::connect(server.local_addr());
    check_echo(&mut client);
    let greenlet = handler.lock().take().unwrap();
    greenlet.kill();
    assert_eq!(cleaned.get(), 1);
    assert_eq!(server.active(), 0);
    client.expect_end();
    check_echo(&mut Client::connect(server.local_addr()));
}

#[test]
fn failures_are_reported_once_and_clients_that_go_are_not_news() {
    let _watchdog = watchdog();
    capture_log();
    let server = serve(|mut stream, _peer| {
        let mut what = [0; 1];
        stream.read_exact(&mut what)?;
        match &what {
            b"p" => panic!("on purpose"),
            b"r" => Err(io::ErrorKind::ConnectionReset.into()),
            _ => Err(io::Error::other("on purpose")),
        }
    });
    for (what, level) in [
        ("p", log::Level::Error),
        ("e", log::Level::Warn),
        ("r", log::Level::Debug),
    ] {
        let mut client = Client::with(server.local_addr(), what);
        client.expect_end();
        let messages = || logged_about(server.local_addr(), client.addr());
        until("a message", || !messages().is_empty());
        until("the handler's end", || server.active() == 0);
        let records = messages();
        assert_eq!(records.len(), 1, "{records:?}");
        assert_eq!(records[0].level, level, "{records:?}");
        let told = &records[0].text;
        assert_eq!(told.contains("on purpose"), what != "r", "{told}");
    }
    assert_eq!(server.counters().errors, 2);
    assert_eq!(server.counters().accepted, 3);
}

#[test]
fn a_stream_that_is_moved_on_outlives_its_handler() {
    let _watchdog = watchdog();
    let returned = Counter::default();
    let counted = returned.clone();
    let server = serve(move |stream, peer| {
        let _detached = maypole::spawn(move || echo(stream, peer));
        let _returned = counted.on_drop();
        Ok(())
    });
    let mut client = Client::connect(server.local_addr());
    returned.reaches(1);
    until("the handler's end", || server.active() == 0);
    check_echo(&mut client);
    client.end_sending();
    client.expect_end();
}

/// Sends much and reads the same back, both at once.
#[track_caller]
fn check_both_directions(client: Client) {
    let data = noise(4 << 20);
    let sent = data.clone();
    let mut writer = client.stream().try_clone().unwrap();
    let writing = thread::spawn(move || {
        writer.write_all(&sent).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut client = client;
    let got = client.read_to_end();
    writing.join().unwrap();
    assert!(got == data, "{} of {} bytes", got.len(), data.len());
}

#[test]
fn one_greenlet_reads_a_clone_and_another_writes() {
    let _watchdog = watchdog();
    let server = serve(|mut stream, _peer| {
        let mut reader = stream.try_clone()?;
        let (read, written) = (Event::new(), Event::new());
        let queue: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (news, theirs) = (read.clone(), queue.clone());
        let done = written.clone();
        let reading = maypole::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                theirs.lock().extend_from_slice(&buffer[..n]);
                news.set();
            }
            done.set();
            news.set();
        });
        loop {
            read.wait();
            read.clear();
            let last = written.is_set();
            let data = std::mem::take(&mut *queue.lock());
            stream.write_all(&data)?;
            if last {
                reading.join();
                return Ok(());
            }
        }
    });
    check_both_directions(Client::connect(server.local_addr()));
}

#[test]
fn one_greenlet_reads_and_another_writes_by_reference() {
    let _watchdog = watchdog();
    let server = serve(|stream, _peer| {
        let data = noise(4 << 20);
        let stream = Arc::new(stream);
        let theirs = stream.clone();
        let sent = data.clone();
        let writing = maypole::spawn(move || theirs.get_ref().write_all(&sent));
        let mut got = vec![0; data.len()];
        stream.get_ref().read_exact(&mut got)?;
        assert!(got == data);
        writing.get().unwrap()
    });
    check_both_directions(Client::connect(server.local_addr()));
}

#[test]
fn a_read_time_out_is_an_error_in_the_handler() {
    let _watchdog = watchdog();
    let server = serve(|mut stream, _peer| {
        stream.set_read_timeout(Some(Duration::from_millis(1)))?;
        let error = stream.read(&mut [0]).unwrap_err();
        stream.set_read_timeout(Some(LONG))?;
        write!(stream, "{:?}", error.kind())?;
        stream.read(&mut [0]).map(drop)
    });
    let mut client = Client::connect(server.local_addr());
    client.expect(b"TimedOut");
    client.send("x");
    client.expect_end();
}

#[test]
fn a_handler_sees_the_end_that_its_client_sends() {
    let _watchdog = watchdog();
    let server = serve(|mut stream, _peer| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all)?;
        stream.write_all(&all)?;
        stream.shutdown(Shutdown::Write)?;
        // Still open on this side.
        maypole::sleep(Duration::MAX);
        Ok(())
    });
    let mut client = Client::with(server.local_addr(), "all of it");
    client.end_sending();
    assert_eq!(client.read_to_end(), b"all of it");
    assert_eq!(server.active(), 1);
    server.stop(Duration::ZERO);
    assert_eq!(server.active(), 0);
}

#[test]
fn small_writes_are_not_held_back() {
    let _watchdog = watchdog();
    let server = serve(|stream, _peer| {
        assert!(stream.get_ref().as_tcp().unwrap().nodelay()?);
        assert!(!stream.is_tls());
        Ok(())
    });
    Client::connect(server.local_addr()).expect_end();
}
