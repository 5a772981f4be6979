//! Out of descriptors, out of greenlets: in processes of their own.

use std::io::{Read, stdin};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use maypole::{Builder, Event, Greenlet};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::{Child, Client, capture_log, cpu_time, in_child, logged, until, watchdog};
use crate::{check_echo, echo, serve};

/// Descriptors that the child may have: a dozen for itself.
const DESCRIPTORS: u64 = 40;

/// More connections than that.
const CLIENTS: usize = 60;

/// How long the child's use of the processor is watched.
const WATCHED: Duration = Duration::from_secs(2);

/// One twentieth of a core.
const BUSY: u32 = 20;

/// More greenlets than there can be, and fewer than fill the memory.
const ENOUGH: usize = 100_000;

#[test]
fn out_of_descriptors() {
    let _watchdog = watchdog();
    if in_child("exhaustion::out_of_descriptors") {
        return serve_with_few_descriptors();
    }
    let mut child = Child::of_test("exhaustion::out_of_descriptors");
    let addr: SocketAddr = child.line("listening on ").parse().unwrap();
    let clients: Vec<_> = (0..CLIENTS).map(|_| Client::with(addr, "x")).collect();
    child.line("cannot accept");

    let before = cpu_time(child.id());
    thread::sleep(WATCHED);
    let used = cpu_time(child.id()) - before;
    println!("used {used:?} of the processor in {WATCHED:?}");
    assert!(used < WATCHED / BUSY, "{used:?} in {WATCHED:?}");

    // Those that have been accepted are served all the while.
    let mut served = 0;
    for mut client in clients {
        if served == 0 {
            client.expect(b"x");
            check_echo(&mut client);
            served += 1;
        }
    }
    // All are gone now, so descriptors are free.
    check_echo(&mut Client::connect(addr));
    assert!(child.wait());
}

fn serve_with_few_descriptors() {
    capture_log();
    let limit = Rlimit {
        current: Some(DESCRIPTORS),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    let server = serve(echo);
    println!("listening on {}", server.local_addr());
    until("an error of accept", || !logged("cannot accept").is_empty());
    println!("{}", logged("cannot accept")[0].text);
    // The parent says when it is done.
    stdin().read_to_end(&mut Vec::new()).unwrap();
    let messages = logged("cannot accept").len();
    assert!(messages < 20, "{messages} messages in a few seconds");
    assert!(server.is_started());
}

#[test]
fn out_of_greenlets() {
    let _watchdog = watchdog();
    if cfg!(feature = "native") {
        println!("skipped: the native engine has no limit but memory");
        return;
    }
    if in_child("exhaustion::out_of_greenlets") {
        return serve_with_no_greenlets();
    }
    assert!(Child::of_test("exhaustion::out_of_greenlets").wait());
}

fn serve_with_no_greenlets() {
    capture_log();
    let server = serve(echo);
    let mut early = Client::connect(server.local_addr());
    check_echo(&mut early);
    let release = Event::new();
    let mut greenlets: Vec<Greenlet<bool>> = Vec::new();
    let error = loop {
        assert!(greenlets.len() < ENOUGH, "no limit");
        let release = release.clone();
        match Builder::new().spawn(move || release.wait()) {
            Ok(greenlet) => greenlets.push(greenlet),
            Err(error) => break error,
        }
    };
    println!("{} greenlets, then: {error}", greenlets.len());
    // Nobody can serve it, so it is closed at once.
    Client::connect(server.local_addr()).expect_closed();
    until("a message", || !logged("cannot serve").is_empty());
    check_echo(&mut early);
    release.set();
    for greenlet in greenlets {
        greenlet.join();
    }
    check_echo(&mut Client::connect(server.local_addr()));
    assert!(server.is_started());
}
