//! The standard streams: each test runs in a process of its own, whose streams
//! are of the kind that it is about. After gevent's test__fileobject.py and
//! test__issues461_471.py, written anew.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of tests, and what the suites share"
)]

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use maypole_runtime::{io, spawn, yield_now};
use rustix::fs::{OFlags, fcntl_getfl};

#[path = "support/again.rs"]
mod again;
mod support;

use again::{command, is_alone};
use support::{begin, in_greenlet};

/// More than a pipe or a socket takes.
const MUCH: usize = 1 << 20;

fn is_nonblocking(fd: impl AsFd) -> bool {
    fcntl_getfl(fd).unwrap().contains(OFlags::NONBLOCK)
}

/// In the child: says "waiting" on stderr while it waits for its input, which it
/// then copies there, line by line.
fn echo_lines() {
    in_greenlet(|| {
        let done = Arc::new(AtomicBool::new(false));
        let flag = done.clone();
        // Runs only if reading suspends.
        let other = spawn(move || {
            writeln!(io::stderr(), "waiting").unwrap();
            while !flag.load(Ordering::SeqCst) {
                yield_now();
            }
        });
        for line in BufReader::new(io::stdin()).lines() {
            let line = line.unwrap();
            writeln!(io::stderr(), "line {line}").unwrap();
            if line == "end" {
                break; // a terminal has no other end
            }
        }
        done.store(true, Ordering::SeqCst);
        other.join();
        assert!(!is_nonblocking(io::stdin()));
        assert!(!is_nonblocking(io::stderr()));
    });
}

/// Runs `name` with this as its input; `feed` then writes to the other side.
fn lines_from(name: &str, input: impl Into<Stdio>, feed: impl FnOnce()) {
    let mut child = command(name)
        .stdin(input)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    told.read_line(&mut text).unwrap();
    feed();
    told.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success(), "{text}");
    // A file may be read before anybody else has run.
    let rest = text.replacen("waiting\n", "", 1);
    assert_ne!(rest, text);
    assert_eq!(rest, "line one\nline two\nline end\n");
}

const LINES: &[u8] = b"one\ntwo\nend\n";

#[test]
fn input_from_a_pipe() {
    let name = "input_from_a_pipe";
    if is_alone(name) {
        return echo_lines();
    }
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mine = reader.try_clone().unwrap();
    lines_from(name, reader, || writer.write_all(LINES).unwrap());
    assert!(!is_nonblocking(&mine)); // which the child had too
}

#[test]
fn input_from_a_socket() {
    let name = "input_from_a_socket";
    if is_alone(name) {
        return echo_lines();
    }
    let (near, mut far) = std::os::unix::net::UnixStream::pair().unwrap();
    let mine = near.try_clone().unwrap();
    lines_from(name, OwnedFd::from(near), || far.write_all(LINES).unwrap());
    assert!(!is_nonblocking(&mine));
}

#[test]
fn input_from_a_file() {
    let name = "input_from_a_file";
    if is_alone(name) {
        return echo_lines();
    }
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(LINES).unwrap();
    file.rewind().unwrap();
    lines_from(name, file, || {});
}

#[test]
fn input_from_a_terminal() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let name = "input_from_a_terminal";
    if is_alone(name) {
        return echo_lines();
    }
    let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&near).unwrap();
    unlockpt(&near).unwrap();
    let path = ptsname(&near, Vec::new()).unwrap();
    let far = rustix::fs::open(
        path,
        OFlags::RDWR | OFlags::NOCTTY,
        rustix::fs::Mode::empty(),
    );
    let far = File::from(far.unwrap());
    let mine = far.try_clone().unwrap();
    let mut near = File::from(near);
    lines_from(name, far, || near.write_all(LINES).unwrap());
    assert!(!is_nonblocking(&mine));
}

#[test]
fn output_that_nobody_reads_stops_only_who_writes() {
    let name = "output_that_nobody_reads_stops_only_who_writes";
    if is_alone(name) {
        return in_greenlet(|| {
            let writers = ["a", "b"].map(|byte| {
                begin(move || {
                    io::stdout()
                        .write_all(byte.repeat(MUCH).as_bytes())
                        .unwrap()
                })
            });
            assert!(writers.iter().all(|writer| !writer.is_finished()));
            writeln!(io::stderr(), "waiting").unwrap();
            for writer in writers {
                writer.get().unwrap();
            }
            assert!(!is_nonblocking(io::stdout()));
        });
    }
    let socket = || {
        let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        (OwnedFd::from(near), OwnedFd::from(far))
    };
    let pipe = || {
        let (reader, writer) = std::io::pipe().unwrap();
        (OwnedFd::from(reader), OwnedFd::from(writer))
    };
    for (reader, writer) in [socket(), pipe()] {
        let mut child = command(name)
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        told.read_line(&mut first).unwrap();
        assert_eq!(first, "waiting\n");
        let mut all = Vec::new();
        File::from(reader).read_to_end(&mut all).unwrap();
        let text = String::from_utf8(all).unwrap();
        // Each stays together.
        assert!(text.contains(&("a".repeat(MUCH) + &"b".repeat(MUCH))));
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn output_into_a_file_goes_on_where_others_have_written() {
    let name = "output_into_a_file_goes_on_where_others_have_written";
    if is_alone(name) {
        println!("first"); // std's is written at the end of the line
        writeln!(io::stdout(), "second").unwrap();
        println!("third");
        return;
    }
    let mut file = tempfile::tempfile().unwrap();
    let mut child = command(name)
        .stdout(file.try_clone().unwrap())
        .spawn()
        .unwrap();
    assert!(child.wait().unwrap().success());
    file.rewind().unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert!(text.contains("first\nsecond\nthird\n"), "{text}");
}

#[test]
fn an_interrupted_read_takes_no_input() {
    let name = "an_interrupted_read_takes_no_input";
    if is_alone(name) {
        return in_greenlet(|| {
            let waiting = begin(|| io::stdin().read(&mut [0; 64]).unwrap());
            // Takes its turn, and is interrupted too.
            let behind = begin(|| io::stdin().read(&mut [0; 64]).unwrap());
            waiting.kill();
            behind.kill();
            writeln!(io::stderr(), "waiting").unwrap();
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).unwrap();
            assert_eq!(text, "hello");
        });
    }
    let mut child = command(name)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    told.read_line(&mut first).unwrap();
    child.stdin.take().unwrap().write_all(b"hello").unwrap();
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{rest}");
}
