//! SIGINT and SIGTERM, in processes of their own.

use std::net::SocketAddr;
use std::time::Duration;

use maypole::server::StreamServer;
use maypole::signal::{self, Signal};
use rustix::process::{Pid, kill_process};

use crate::support::{Child, Client, LONG, in_child, is_refused, until, watchdog};
use crate::{check_echo, echo};

/// Sends a signal to a child of ours.
fn send(child: &Child, signal: Signal) {
    let process = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    let signal = rustix::process::Signal::from_named_raw(signal.as_raw()).unwrap();
    kill_process(process, signal).unwrap();
}

/// Says where it listens, and serves until a signal comes.
fn serve_and_say(builder: maypole::server::Builder) -> StreamServer {
    let server = builder.bind("127.0.0.1:0", echo).unwrap();
    println!("listening on {}", server.local_addr());
    server
}

#[track_caller]
fn address(child: &Child) -> SocketAddr {
    child.line("listening on ").parse().unwrap()
}

#[test]
fn either_signal_ends_serve_forever() {
    let _watchdog = watchdog();
    if in_child("signals::either_signal_ends_serve_forever") {
        serve_and_say(StreamServer::builder())
            .serve_forever()
            .unwrap();
        println!("served");
        return;
    }
    for signal in [Signal::INT, Signal::TERM] {
        let mut child = Child::of_test("signals::either_signal_ends_serve_forever");
        let mut client = Client::connect(address(&child));
        check_echo(&mut client);
        send(&child, signal);
        child.line("served");
        client.expect_end();
        assert!(child.wait(), "not a success after {signal}");
    }
}

#[test]
fn handlers_finish_after_a_signal_and_a_second_one_ends_the_process() {
    let _watchdog = watchdog();
    const NAME: &str = "signals::handlers_finish_after_a_signal_and_a_second_one_ends_the_process";
    if in_child(NAME) {
        serve_and_say(StreamServer::builder().stop_timeout(LONG))
            .serve_forever()
            .unwrap();
        return;
    }
    for patient in [true, false] {
        let mut child = Child::of_test(NAME);
        let addr = address(&child);
        let mut client = Client::connect(addr);
        check_echo(&mut client);
        send(&child, Signal::TERM);
        until("the listener's end", || is_refused(addr));
        check_echo(&mut client);
        if patient {
            client.end_sending();
            client.expect_end();
        } else {
            send(&child, Signal::TERM);
            client.expect_closed();
        }
        assert_eq!(child.wait(), patient);
    }
}

#[test]
fn several_servers_hear_of_one_signal() {
    let _watchdog = watchdog();
    if in_child("signals::several_servers_hear_of_one_signal") {
        let servers = [(); 3].map(|()| serve_and_say(StreamServer::builder()));
        let serving = servers
            .clone()
            .map(|server| maypole::spawn(move || server.serve_forever()));
        until("all starts", || {
            servers.iter().all(StreamServer::is_started)
        });
        println!("all serve");
        for greenlet in serving {
            greenlet.get().unwrap().unwrap();
        }
        println!("served");
        return;
    }
    let mut child = Child::of_test("signals::several_servers_hear_of_one_signal");
    check_echo(&mut Client::connect(address(&child)));
    child.line("all serve");
    send(&child, Signal::INT);
    child.line("served");
    assert!(child.wait());
}

#[test]
fn a_program_may_handle_them_itself() {
    let _watchdog = watchdog();
    if in_child("signals::a_program_may_handle_them_itself") {
        let signals = signal::Signals::new(&[Signal::TERM]).unwrap();
        let server = serve_and_say(StreamServer::builder().handle_signals(false));
        let stopper = server.clone();
        let _detached = maypole::spawn(move || {
            signals.wait().unwrap();
            println!("told");
            signals.wait().unwrap();
            stopper.stop(Duration::ZERO);
        });
        return server.serve_forever().unwrap();
    }
    let mut child = Child::of_test("signals::a_program_may_handle_them_itself");
    let addr = address(&child);
    check_echo(&mut Client::connect(addr));
    send(&child, Signal::TERM);
    child.line("told");
    check_echo(&mut Client::connect(addr));
    send(&child, Signal::TERM);
    assert!(child.wait());
}
