//! Datagrams, Unix sockets, files through sockets.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, UdpSocket};
use std::os::unix::net::UnixStream;

use rustix::process::{Pid, Signal, kill_process};

use super::support::{PATIENCE, noise, until};
use super::{Client, run, start, start_with, watchdog};

#[test]
fn udp_server_says_how_much_came() {
    let _watchdog = watchdog();
    let example = start("udp_server", "Receiving datagrams on ");
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(example.addr).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = [0; 64];
    for (message, expected) in [
        (&b"Test udp_server"[..], &b"Received 15 bytes"[..]),
        (b"", b"Received 0 bytes"),
    ] {
        client.send(message).unwrap();
        let len = client.recv(&mut answer).unwrap();
        assert_eq!(&answer[..len], expected);
    }
}

#[test]
fn udp_client_prints_the_answer() {
    let _watchdog = watchdog();
    let example = start("udp_server", "Receiving datagrams on ");
    let addr = example.addr.to_string();
    let mut client = run("udp_client", &[&addr, "Test udp_client"]);
    let answer = client.line(&format!("{addr} answered: "));
    assert_eq!(answer, "Received 15 bytes");
    assert!(client.wait());
    drop(example);
    let mut client = run("udp_client", &[&addr, "anybody?"]);
    client.line("no answer from ");
    assert!(!client.wait());
}

#[test]
fn unix_socket_server_and_client_talk() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let name = path.to_str().unwrap();
    // What an ended server has left behind is no obstacle.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let mut server = run("unix_socket_server", &[name]);
    assert_eq!(server.line("Serving on "), name);

    let mut slow = UnixStream::connect(&path).unwrap();
    slow.write_all(b"half ").unwrap();
    let mut client = run("unix_socket_client", &[name, "hello", "two words"]);
    client.line("HELLO");
    client.line("TWO WORDS");
    assert!(client.wait());
    slow.write_all(b"a line\n").unwrap();
    slow.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "HALF A LINE\n");

    let process = Pid::from_raw(server.id().try_into().unwrap()).unwrap();
    kill_process(process, Signal::TERM).unwrap();
    assert!(server.wait());
    assert!(!path.exists());
}

#[test]
fn sendfile_sends_all_to_all() {
    let _watchdog = watchdog();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let bytes = noise(5_000_000);
    file.write_all(&bytes).unwrap();
    let path = file.path().to_str().unwrap();
    let example = start_with("sendfile", &[path], &format!("Sending {path} on "));
    let mut slow = Client::connect(example.addr);
    let mut quick = Client::connect(example.addr);
    assert!(quick.read_to_end() == bytes);
    assert!(slow.read_to_end() == bytes);
    // A file that is gone ends the connection, and only that.
    let gone = fs::rename(path, file.path().with_extension("gone"));
    gone.unwrap();
    Client::connect(example.addr).expect_end();
    fs::rename(file.path().with_extension("gone"), path).unwrap();
    assert!(Client::connect(example.addr).read_to_end() == bytes);
}

#[test]
fn arbiter_echo_outlives_its_workers() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let control = folder.path().join("ctl");
    let args = ["2", control.to_str().unwrap()];
    let mut example = start_with("arbiter_echo", &args, " listens on ");
    let ctl = |command| maypole::server::arbiter::ctl(&control, command);
    let echoes = || {
        let mut client = Client::with(example.addr, "one\n");
        client.expect(b"one\n");
        client.send("two\n");
        client.expect(b"two\n");
    };
    echoes();
    assert_eq!(ctl("reload").unwrap(), "reloaded, with 2 workers\n");
    // An old worker that still accepts ends between two lines.
    until("the old workers' end", || {
        ctl("workers").unwrap().lines().count() == 3 // a heading, and two
    });
    echoes();
    assert!(ctl("stats").unwrap().contains("\necho_clients_total 2\n"));
    let process = Pid::from_raw(example.process.id().try_into().unwrap()).unwrap();
    kill_process(process, Signal::TERM).unwrap();
    assert!(example.process.wait());
    assert!(!control.exists());
}
