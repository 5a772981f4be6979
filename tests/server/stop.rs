//! Stopping: no more connections, time for those that are served, then the end.

use std::io::Write;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use maypole::Event;
use maypole::pool::Pool;
use maypole::server::StreamServer;

use crate::support::{Client, Counter, LONG, MOMENT, is_refused, until, watchdog};
use crate::{check_echo, echo};

#[test]
fn running_handlers_get_their_time() {
    let _watchdog = watchdog();
    let finish = Event::new();
    let begun = Counter::default();
    let (wait, count) = (finish.clone(), begun.clone());
    let server = StreamServer::bind("127.0.4.1:0", move |mut stream, _peer| {
        count.add();
        wait.wait();
        stream.write_all(b"finished")
    })
    .unwrap();
    server.start().unwrap();
    let mut client = Client::connect(server.local_addr());
    begun.reaches(1);
    let stopping = {
        let server = server.clone();
        thread::spawn(move || server.stop(LONG))
    };
    until("the listener's end", || is_refused(server.local_addr()));
    client.expect_silence();
    assert!(!stopping.is_finished());
    finish.set();
    assert_eq!(client.read_to_end(), b"finished");
    stopping.join().unwrap();
    assert_eq!(server.active(), 0);
}

#[test]
fn a_kill_of_serve_forever_stops_the_server() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.4.9:0", echo).unwrap();
    let serving = {
        let server = server.clone();
        maypole::spawn(move || server.serve_forever())
    };
    let mut client = Client::connect(server.local_addr());
    check_echo(&mut client);
    serving.kill();
    assert!(serving.get().unwrap_err().is_killed());
    until("the listener's end", || is_refused(server.local_addr()));
    // Its handler had a second, and is killed.
    client.expect_end();
    until("the end", || !server.is_started() && server.active() == 0);
}

#[test]
fn handlers_that_do_not_end_are_killed() {
    let _watchdog = watchdog();
    let (begun, cleaned) = (Counter::default(), Counter::default());
    let (count, clean) = (begun.clone(), cleaned.clone());
    let server = StreamServer::bind("127.0.4.2:0", move |_stream, _peer| {
        let _clean = clean.on_drop();
        count.add();
        maypole::sleep(Duration::MAX);
        Ok(())
    })
    .unwrap();
    server.start().unwrap();
    let mut clients = [(); 3].map(|()| Client::connect(server.local_addr()));
    begun.reaches(3);
    server.stop(MOMENT);
    assert_eq!(cleaned.get(), 3);
    assert_eq!(server.active(), 0);
    for client in &mut clients {
        client.expect_end();
    }
    assert!(is_refused(server.local_addr()));
}

#[test]
fn stopping_again_does_no_harm() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.4.3:0", echo).unwrap();
    server.start().unwrap();
    let mut client = Client::connect(server.local_addr());
    check_echo(&mut client);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let server = server.clone();
            thread::spawn(move || server.stop(MOMENT))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    client.expect_end();
    server.stop(LONG);
    assert!(!server.is_started());
    assert!(is_refused(server.local_addr()));
}

#[test]
fn each_stop_returns_after_the_listener_has_closed() {
    let _watchdog = watchdog();
    for _ in 0..50 {
        let server = StreamServer::bind("127.0.4.8:0", echo).unwrap();
        server.start().unwrap();
        let threads = [(); 3].map(|()| {
            let server = server.clone();
            thread::spawn(move || {
                server.stop(Duration::ZERO);
                is_refused(server.local_addr())
            })
        });
        for thread in threads {
            assert!(thread.join().unwrap());
        }
    }
}

#[test]
fn a_second_stop_shortens_the_first() {
    let _watchdog = watchdog();
    let server = StreamServer::bind("127.0.4.4:0", echo).unwrap();
    server.start().unwrap();
    let mut client = Client::connect(server.local_addr());
    check_echo(&mut client);
    let patient = {
        let server = server.clone();
        thread::spawn(move || server.stop(LONG))
    };
    until("the listener's end", || is_refused(server.local_addr()));
    check_echo(&mut client);
    server.stop(Duration::ZERO);
    client.expect_end();
    patient.join().unwrap();
}

#[test]
fn connections_that_wait_for_a_slot_are_let_go() {
    let _watchdog = watchdog();
    let server = StreamServer::builder()
        .pool(Pool::new(1))
        .bind("127.0.4.5:0", echo)
        .unwrap();
    server.start().unwrap();
    let mut first = Client::connect(server.local_addr());
    check_echo(&mut first);
    let mut second = Client::with(server.local_addr(), "x");
    second.expect_silence();
    let stopping = thread::spawn(move || server.stop(LONG));
    second.expect_closed();
    check_echo(&mut first);
    first.end_sending();
    first.expect_end();
    stopping.join().unwrap();
}

#[test]
fn a_handler_may_stop_its_server() {
    let _watchdog = watchdog();
    let own: Arc<OnceLock<StreamServer>> = Arc::default();
    let theirs = own.clone();
    let server = StreamServer::bind("127.0.4.6:0", move |_stream, _peer| {
        // Waits for itself, in vain, and is killed with the others.
        theirs.wait().stop(MOMENT);
        unreachable!("it was killed");
    })
    .unwrap();
    assert!(own.set(server.clone()).is_ok());
    let forever = server.clone();
    let serving = thread::spawn(move || forever.serve_forever());
    let mut client = Client::connect(server.local_addr());
    client.expect_end();
    serving.join().unwrap().unwrap();
    assert_eq!(server.active(), 0);
    assert!(is_refused(server.local_addr()));
}

#[test]
fn a_handler_that_survives_its_kill_does_not_hold_the_stop_up() {
    let _watchdog = watchdog();
    let finish = Event::new();
    let begun = Counter::default();
    let (wait, count) = (finish.clone(), begun.clone());
    let server = StreamServer::bind("127.0.4.7:0", move |mut stream, _peer| {
        count.add();
        let killed = std::panic::catch_unwind(|| maypole::sleep(Duration::MAX));
        assert!(killed.is_err());
        wait.wait();
        stream.write_all(b"alive")
    })
    .unwrap();
    server.start().unwrap();
    let mut client = Client::connect(server.local_addr());
    begun.reaches(1);
    server.stop(Duration::ZERO);
    assert_eq!(server.active(), 1);
    finish.set();
    assert_eq!(client.read_to_end(), b"alive");
}
