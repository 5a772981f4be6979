//! Examples that are no servers, or servers with a life of their own.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::support::{is_refused, until};
use super::{Client, binary, echo_server, run, start, start_with, watchdog, wsgi_server};

#[test]
fn concurrent_download_fetches_all() {
    let _watchdog = watchdog();
    let mut own = run("concurrent_download", &[]);
    own.line("5 of 5 in ");
    assert!(own.wait());

    let server = wsgi_server();
    let page = format!("{}/", server.addr);
    let mut program = run("concurrent_download", &[&page, "127.0.0.1:1/"]);
    assert_eq!(program.line(&format!("{page}: ")), "18 bytes");
    assert!(program.line("127.0.0.1:1/: ").contains("refused"));
    program.line("1 of 2 in ");
    assert!(program.wait());
}

#[test]
fn dns_mass_resolve_stops_when_the_time_is_up() {
    let _watchdog = watchdog();
    let mut patient = run("dns_mass_resolve", &["--seconds", "60"]);
    assert_eq!(
        patient.line("found within 60 s: "),
        "1000 of 1000 (all were tried)"
    );
    assert!(patient.wait());
    let mut named = run("dns_mass_resolve", &["127.0.0.9", "none.invalid"]);
    assert_eq!(named.line("127.0.0.9: "), "127.0.0.9");
    named.line("found within 2 s: 1 of 2");
    assert!(named.wait());
    let mut hasty = run("dns_mass_resolve", &["--seconds", "0.000001"]);
    let said = hasty.line("found within 0.000001 s: ");
    assert!(said.ends_with(" of 1000 (the time is up)"), "{said}");
    assert!(hasty.wait());
}

#[test]
fn processes_run_side_by_side() {
    let _watchdog = watchdog();
    let mut program = run("processes", &[]);
    program.line("2 of 2 ended");
    assert_eq!(
        program.line("\"uname -s\" said "),
        "\"Linux\" (exit status: 0)"
    );
    assert!(program.wait());
    let mut program = run("processes", &["exec sleep 1000", "exit 3"]);
    program.line("1 of 2 ended");
    program.line("\"exec sleep 1000\" was given up: ");
    program.line("\"exit 3\" said \"\" (exit status: 3)");
    assert!(program.wait());
}

#[test]
fn wrong_arguments_are_explained() {
    let _watchdog = watchdog();
    for (name, args, said) in [
        ("dns_mass_resolve", &["--seconds", "soon"][..], "usage: "),
        ("pool_limit", &["127.0.0.1:0", "0"], "usage: "),
        ("port_forwarder", &["127.0.0.1:0"], "usage: "),
        ("thread_pool", &["many"], "usage: "),
        ("sendfile", &["127.0.0.1:0", "/no/file"], "/no/file: "),
        ("unix_socket_client", &["/no/file", "hi"], "/no/file: "),
    ] {
        let mut program = Command::new(binary(name));
        let output = program.args(args).stdin(Stdio::null()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with(said), "{name}: {stderr}");
        assert!(!output.status.success(), "{name}");
    }
}

#[test]
fn thread_pool_leaves_the_hub_free() {
    let _watchdog = watchdog();
    let mut program = run("thread_pool", &["4"]);
    program.line("tick 1");
    program.line("squares: [1, 4, 9, 16]");
    assert!(program.wait());
}

#[test]
fn resource_pool_keeps_what_works() {
    let _watchdog = watchdog();
    let mut program = run("resource_pool", &["insert", "fail", "insert", "insert"]);
    program.line("fail: rolled back");
    program.line("2 connections are kept");
    assert!(program.wait());
    let mut program = run("resource_pool", &["break"]);
    assert_eq!(program.line("break: closed, "), "broken pipe");
    program.line("0 connections are kept");
    assert!(program.wait());
}

#[test]
fn pool_limit_lets_the_next_in_when_one_leaves() {
    let _watchdog = watchdog();
    let example = start_with("pool_limit", &["1"], " at once on ");
    let mut first = Client::connect(example.addr);
    first.expect(b"you are one of 1 of 1\n");
    let mut second = Client::with(example.addr, "hello\n");
    second.expect_silence();
    first.send("bye\n");
    first.expect(b"bye\n");
    drop(first);
    second.expect(b"you are one of 1 of 1\nhello\n");
}

#[test]
fn long_poll_holds_nobody_up() {
    let _watchdog = watchdog();
    let example = start("long_poll", "Serving on http://");
    let request = |line: &str| format!("{line} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut waits = Client::with(example.addr, request("GET /long"));
    let mut other = Client::connect(example.addr);
    assert_eq!(other.ask(request("GET /")).text(), "at once\n");
    waits.expect_silence();
    // It may not wait yet when the first post comes.
    waits.stream().set_nonblocking(true).unwrap();
    until("the answer to the long poll", || {
        let answer = other.ask(request("POST /wake"));
        assert!(answer.head.starts_with("HTTP/1.1 204 "));
        waits.stream().peek(&mut [0]).is_ok()
    });
    waits.stream().set_nonblocking(false).unwrap();
    assert_eq!(waits.response().text(), "woken\n");
}

#[test]
fn port_forwarder_finishes_what_is_connected() {
    let _watchdog = watchdog();
    let echo = echo_server();
    let mut example = start_with("port_forwarder", &[&echo.addr.to_string()], " from ");
    let mut client = Client::connect(example.addr);
    client.read_until(b"quit to exit.\r\n");
    client.send("before\n");
    client.expect(b"before\n");

    let process = Pid::from_raw(example.process.id().try_into().unwrap()).unwrap();
    kill_process(process, Signal::TERM).unwrap();
    until("the listener's end", || {
        std::net::TcpStream::connect(example.addr).is_err()
    });
    client.send("after\n");
    client.expect(b"after\n");
    // Nobody else is let in, and when the last has left it ends well.
    client.end_sending();
    client.expect_end();
    drop(client);
    assert!(example.process.wait());
}

#[test]
fn prefork_serves_by_several_processes() {
    let _watchdog = watchdog();
    let mut example = start_with("prefork", &["3"], "Serving on http://");
    let mut processes = BTreeSet::new();
    until("an answer of each process", || {
        let mut client = Client::with(
            example.addr,
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        );
        let answer = client.response();
        let id = answer.text().strip_prefix("process ").unwrap();
        processes.insert(id.trim().to_owned());
        processes.len() == 3
    });
    let first = example.process.id();
    assert!(processes.remove(&first.to_string()));
    let first = Pid::from_raw(first.try_into().unwrap()).unwrap();
    kill_process(first, Signal::TERM).unwrap();
    for other in processes {
        let ended = example.process.line(&format!("Process {other} ended: "));
        assert_eq!(ended, "exit status: 0");
    }
    assert!(example.process.wait());
    assert!(is_refused(example.addr));
}
