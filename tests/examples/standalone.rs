//! The stand-alone server of the quick start.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use rustix::process::{Pid, Signal, kill_process};

use super::run;
use super::support::{until, watchdog};

#[test]
fn standalone_follows_the_quick_start() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("http");
    let bind = format!("unix:{}", path.display());
    let mut example = run("standalone", &["-w", "4", "-b", &bind, "--accesslog", "-"]);
    let ask = |target: &str| {
        let mut client = UnixStream::connect(&path).unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        client.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    };
    until("the socket", || UnixStream::connect(&path).is_ok());
    let answer = ask("/");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nHello, World!\n"), "{answer}");
    example.line("\"GET / HTTP/1.1\" 200 14");
    let process = Pid::from_raw(example.id().try_into().unwrap()).unwrap();
    kill_process(process, Signal::HUP).unwrap();
    assert!(ask("/x").ends_with("Not Found\n"));
    kill_process(process, Signal::TERM).unwrap();
    assert!(example.wait());
    assert!(!path.exists());
}
