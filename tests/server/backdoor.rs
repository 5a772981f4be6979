//! Behaviours of gevent's own test__backdoor.py, written anew.

use std::io;
use std::time::Duration;

use maypole::server::BackdoorServer;

use super::support::{Client, watchdog};

fn server() -> BackdoorServer {
    let server = BackdoorServer::builder()
        .banner("welcome")
        .command("double", "twice a number", |rest, out| {
            let number: u32 = rest.parse().map_err(io::Error::other)?;
            maypole::sleep(Duration::from_millis(1)); // it may block
            writeln!(out, "{}", number * 2)
        })
        .command("fail", "panics", |_, _| panic!("on purpose"))
        .bind("127.0.0.1:0")
        .unwrap();
    server.start().unwrap();
    server
}

/// A console of a client, at its first prompt.
fn open(server: &BackdoorServer) -> Client {
    let mut console = Client::connect(server.local_addr());
    console.expect(b"welcome\n>>> ");
    console
}

/// Sends a line and reads the answer to it.
#[track_caller]
fn say(console: &mut Client, line: &str) -> String {
    console.send(line);
    let answer = String::from_utf8(console.read_until(b">>> ")).unwrap();
    answer.strip_suffix(">>> ").unwrap().to_owned()
}

#[test]
fn commands_are_run_and_their_faults_are_told() {
    let _watched = watchdog();
    let server = server();
    let mut console = open(&server);
    for (line, answer) in [
        ("double 21\n", "42\n"),
        ("  double   4 \r\n", "8\n"),
        (
            "double x\n",
            "double failed: invalid digit found in string\n",
        ),
        ("fail\n", "fail panicked\n"),
        ("\n", ""),
        (
            "nothing\n",
            "there is no command \"nothing\"; help shows what there is\n",
        ),
    ] {
        assert_eq!(say(&mut console, line), answer, "{line:?}");
    }
    let help = say(&mut console, "help\n");
    for name in ["double ", "fail ", "greenlets ", "help ", "quit "] {
        assert!(help.lines().any(|line| line.starts_with(name)), "{help}");
    }
    say(&mut console, "greenlets\n");
    console.send("quit\n");
    console.expect_end();
}

#[test]
fn consoles_are_independent_and_end_with_the_server() {
    let _watched = watchdog();
    let server = server();
    let mut consoles = [(); 3].map(|()| open(&server));
    for (number, console) in consoles.iter_mut().enumerate() {
        console.send(format!("double {number}\n"));
    }
    for (number, console) in consoles.iter_mut().enumerate() {
        console.expect(format!("{}\n>>> ", number * 2).as_bytes());
    }
    server.stop(Duration::ZERO);
    for mut console in consoles {
        console.expect_end();
    }
}

#[test]
fn a_line_without_end_is_refused() {
    let _watched = watchdog();
    let server = server();
    let mut console = open(&server);
    console.send("x".repeat(4096));
    console.expect(b"the line is too long\n");
    console.expect_end();
}
