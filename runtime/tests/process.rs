//! Behaviours of gevent's own test__subprocess.py, test__subprocess_poll.py and
//! test__subprocess_interrupted.py, written anew.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of tests, and what the suites share"
)]

use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use maypole_runtime::process::{Child, Command, PartialOutput};
use maypole_runtime::signal::Signal;
use maypole_runtime::{sleep, spawn, with_timeout};
use rustix::process::{Pid, test_kill_process};

#[path = "support/again.rs"]
mod again;
mod support;

use support::{PATIENCE, in_greenlet, until};

/// Much more than a pipe holds.
const MUCH: usize = 1 << 20;

/// So short that it always passes before the child does anything more.
const MOMENT: Duration = Duration::from_millis(5);

/// Runs `body` in a greenlet and on a plain thread.
#[track_caller]
fn everywhere(body: fn()) {
    in_greenlet(body);
    let thread = thread::spawn(body);
    until(|| thread.is_finished());
    thread.join().unwrap();
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// A shell whose three streams are pipes.
fn piped(script: &str) -> Child {
    shell(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A child that says "ready", waits for SIGUSR1, and goes on with `then`.
fn waits_for_usr1(then: &str) -> Child {
    piped(&format!(
        "trap go=1 USR1; echo ready; while [ -z \"$go\" ]; do sleep 0.01; done; {then}"
    ))
}

/// Communicates again and again until the child has said "ready".
#[track_caller]
fn communicate_until_ready(child: &mut Child) {
    until(|| {
        let late = child.communicate_timeout(b"", MOMENT).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        child.output_so_far().0.starts_with(b"ready\n")
    });
}

/// Bytes whose order shows.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i / 7 % 251) as u8).collect()
}

/// Whether there is such a process; a zombie is one.
fn exists(pid: u32) -> bool {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    test_kill_process(pid).is_ok()
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

// The end of a child.

#[test]
fn the_status_is_that_of_the_child() {
    everywhere(|| {
        let mut child = shell("exit 10").spawn().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(10));
        assert_eq!(child.wait().unwrap().code(), Some(10));
        assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(10));
        assert_eq!(child.handle().wait().unwrap().code(), Some(10));
        assert!(!exists(child.id()));
    });
}

#[test]
fn try_wait_tells_whether_it_has_ended() {
    everywhere(|| {
        let mut child = piped("read line; exit 3");
        assert_eq!(child.try_wait().unwrap(), None);
        child.stdin = None;
        until(|| child.try_wait().unwrap().is_some());
        assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(3));
    });
}

#[test]
fn all_who_wait_are_told() {
    in_greenlet(|| {
        let mut child = piped("read line; exit 10");
        let greenlets: Vec<_> = (0..3)
            .map(|_| {
                let child = child.handle().clone();
                spawn(move || child.wait().unwrap().code())
            })
            .collect();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let child = child.handle().clone();
                thread::spawn(move || child.wait().unwrap().code())
            })
            .collect();
        sleep(MOMENT);
        assert!(greenlets.iter().all(|greenlet| !greenlet.is_finished()));
        child.stdin = None;
        for greenlet in greenlets {
            assert_eq!(greenlet.get().unwrap(), Some(10));
        }
        until(|| threads.iter().all(thread::JoinHandle::is_finished));
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Some(10));
        }
    });
}

#[test]
fn a_waiter_that_is_killed_leaves_its_place_to_the_next() {
    in_greenlet(|| {
        let mut child = piped("read line; exit 10");
        let first = child.handle().clone();
        let first = spawn(move || first.wait().map(drop));
        let second = child.handle().clone();
        let second = spawn(move || second.wait().unwrap().code());
        sleep(MOMENT);
        first.kill();
        assert!(first.get().unwrap_err().is_killed());
        child.stdin = None;
        assert_eq!(second.get().unwrap(), Some(10));
    });
}

#[test]
fn waiting_has_a_limit() {
    everywhere(|| {
        let mut child = shell("exec sleep 1000").spawn().unwrap();
        assert_eq!(child.wait_timeout(Duration::ZERO).unwrap(), None);
        assert_eq!(child.wait_timeout(MOMENT).unwrap(), None);
        assert!(with_timeout(MOMENT, || child.wait().unwrap()).is_err());
        child.kill().unwrap();
        let status = child.wait_timeout(PATIENCE).unwrap().unwrap();
        assert_eq!(status.signal(), Some(9));
        child.kill().unwrap(); // has ended: left alone
    });
}

#[test]
fn waiting_closes_the_input() {
    everywhere(|| {
        let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert!(cat.wait().unwrap().success());
    });
}

#[test]
fn others_run_while_one_waits() {
    in_greenlet(|| {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = count.clone();
        let other = spawn(move || {
            loop {
                counter.fetch_add(1, Ordering::SeqCst);
                sleep(Duration::from_micros(100));
            }
        });
        let mut child = piped("read line");
        let seen = count.clone();
        let input = child.stdin.take();
        let closer = spawn(move || {
            until(|| seen.load(Ordering::SeqCst) > 10);
            drop(input);
        });
        child.wait().unwrap();
        closer.join();
        assert!(count.load(Ordering::SeqCst) > 10);
        other.kill();
    });
}

#[test]
fn signals_are_sent() {
    in_greenlet(|| {
        let mut child = shell("exec sleep 1000").spawn().unwrap();
        let real_time = Signal::from_raw(40).unwrap();
        let refused = child.send_signal(real_time).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        child.send_signal(Signal::TERM).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(15));
        child.send_signal(Signal::TERM).unwrap();
    });
}

#[test]
fn one_greenlet_kills_while_another_waits() {
    in_greenlet(|| {
        let mut child = shell("exec sleep 1000").spawn().unwrap();
        let killer = child.handle().clone();
        let killer = spawn(move || killer.kill());
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        killer.get().unwrap().unwrap();
    });
}

#[test]
fn links_are_called_at_the_end() {
    in_greenlet(|| {
        let mut child = piped("read line; exit 10");
        let count = Arc::new(AtomicUsize::new(0));
        let link = |child: &Child| {
            let counter = count.clone();
            let link = child.handle().link(move |child| {
                let status = child.try_wait().unwrap().unwrap();
                assert_eq!(status.code(), Some(10));
                counter.fetch_add(1, Ordering::SeqCst);
            });
            link.unwrap();
        };
        link(&child);
        link(&child);
        sleep(MOMENT);
        assert_eq!(count.load(Ordering::SeqCst), 0);
        child.stdin = None;
        until(|| count.load(Ordering::SeqCst) == 2);
        link(&child); // has ended
        until(|| count.load(Ordering::SeqCst) == 3);
    });
}

#[test]
fn children_and_signals_go_to_other_threads() {
    fn is_sent<T: Send + Sync + 'static>() {}
    is_sent::<Command>();
    is_sent::<Child>();
    is_sent::<maypole_runtime::process::ChildRef>();
    is_sent::<maypole_runtime::signal::SignalHandler>();
    is_sent::<maypole_runtime::signal::Signals>();
    // Started on a thread, waited for in a greenlet.
    let thread = thread::spawn(|| shell("exit 6").spawn().unwrap());
    until(|| thread.is_finished());
    let mut child = thread.join().unwrap();
    in_greenlet(move || assert_eq!(child.wait().unwrap().code(), Some(6)));
}

/// Waits in its destructor.
struct WaitsWhenDropped {
    child: Child,
    told: Arc<AtomicUsize>,
}

impl Drop for WaitsWhenDropped {
    fn drop(&mut self) {
        let refused = [
            self.child.wait().is_err(),
            self.child.wait_timeout(PATIENCE).is_err(),
            self.child.communicate(b"").is_err(),
        ];
        let count = refused.into_iter().filter(|refused| *refused).count();
        self.told.store(count, Ordering::SeqCst);
        let _ = self.child.kill();
    }
}

#[test]
fn nothing_waits_while_unwinding() {
    in_greenlet(|| {
        let told = Arc::new(AtomicUsize::new(0));
        let child = shell("exec sleep 1000").spawn().unwrap();
        let id = child.id();
        let waits = WaitsWhenDropped {
            child,
            told: told.clone(),
        };
        let sleeper = spawn(move || {
            let _waits = waits;
            sleep(Duration::MAX);
        });
        sleep(MOMENT);
        sleeper.kill();
        assert_eq!(told.load(Ordering::SeqCst), 3);
        until(|| !exists(id));
    });
}

// Starting.

#[test]
fn what_cannot_be_started_says_why() {
    everywhere(|| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "not a program").unwrap();
        for (mut command, kind) in [
            (Command::new("/no/such/program"), ErrorKind::NotFound),
            (
                Command::new("no-such-program-anywhere"),
                ErrorKind::NotFound,
            ),
            (Command::new(&file), ErrorKind::PermissionDenied),
        ] {
            assert_eq!(command.spawn().unwrap_err().kind(), kind);
            assert_eq!(command.output().unwrap_err().kind(), kind);
            assert_eq!(command.status().unwrap_err().kind(), kind);
        }
        let mut nowhere = Command::new("true");
        nowhere.current_dir("/no/such/folder");
        assert_eq!(nowhere.status().unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn descriptors_do_not_leak() {
    again::alone("descriptors_do_not_leak", || {
        in_greenlet(|| {
            let once = || {
                let mut child = piped("cat");
                assert_eq!(child.communicate(b"x").unwrap().stdout, b"x");
                assert!(Command::new("/no/such/program").output().is_err());
                let mut late = shell("exec sleep 1000");
                assert!(late.output_timeout(MOMENT).is_err());
                drop(piped("true"));
            };
            once();
            // The reapers of dropped children hold a pidfd until these end.
            let before = descriptors();
            for _ in 0..20 {
                once();
            }
            until(|| descriptors() <= before);
        });
    });
}

#[test]
fn arguments_environment_and_folder_are_passed_on() {
    everywhere(|| {
        let output = shell("echo \"$1\" \"$2\"")
            .arg("sh")
            .args(["a b", "$HOME;"])
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"a b $HOME;\n");
        let output = Command::new("env")
            .env_clear()
            .env("A", "1")
            .envs([("B", "2"), ("C", "3")])
            .env_remove("B")
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"A=1\nC=3\n");
        let output = Command::new("pwd").current_dir("/").output().unwrap();
        assert_eq!(output.stdout, b"/\n");
        let output = shell("echo $0").arg0("other").output().unwrap();
        assert_eq!(output.stdout, b"other\n");
        // Process group 0: its own, which has its number.
        let output = shell("echo $$; cut -d' ' -f5 /proc/$$/stat")
            .process_group(0)
            .output()
            .unwrap();
        let text = again::text(&output.stdout);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], lines[1]);
    });
}

#[test]
fn a_command_can_be_started_again() {
    in_greenlet(|| {
        let mut command = shell("echo out; echo err >&2; exit 4");
        for _ in 0..2 {
            let output = command.output().unwrap();
            assert_eq!(output.stdout, b"out\n");
            assert_eq!(output.stderr, b"err\n");
            assert_eq!(output.status.code(), Some(4));
        }
        // `output` has left the streams as they were: inherited.
        command.stderr(Stdio::null()).stdin(Stdio::piped());
        let mut child = shell("exit 4").spawn().unwrap();
        assert!(child.stdout.is_none());
        child.wait().unwrap();
        let mut quiet = shell("exit 4");
        quiet.output().unwrap();
        let mut child = quiet.spawn().unwrap();
        assert!(child.stdin.is_none() && child.stdout.is_none() && child.stderr.is_none());
        assert_eq!(child.wait().unwrap().code(), Some(4));
    });
}

#[test]
fn streams_that_were_set_stay_so() {
    in_greenlet(|| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let output = shell("echo out; echo err >&2")
            .stdout(file.reopen().unwrap())
            .output()
            .unwrap();
        assert_eq!((output.stdout, output.stderr), (vec![], b"err\n".to_vec()));
        assert_eq!(fs::read(file.path()).unwrap(), b"out\n");
        // The input is a file, or nothing.
        let output = Command::new("cat").stdin(file.reopen().unwrap()).output();
        assert_eq!(output.unwrap().stdout, b"out\n");
        assert_eq!(Command::new("cat").output().unwrap().stdout, b"");
    });
}

#[test]
fn commands_of_std_are_taken_over() {
    in_greenlet(|| {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "in").unwrap();
        let mut theirs = std::process::Command::new("cat");
        theirs.stdin(file.reopen().unwrap());
        let mut ours = Command::from(theirs);
        assert_eq!(ours.output().unwrap().stdout, b"in");
        assert_eq!(ours.as_std().get_program(), "cat");
        let theirs = std::process::Command::from(ours);
        assert_eq!(theirs.get_program(), "cat");
    });
}

#[test]
fn status_tells_how_it_ended() {
    everywhere(|| {
        assert!(shell("true").status().unwrap().success());
        assert_eq!(shell("exit 7").status().unwrap().code(), Some(7));
        let late = shell("exec sleep 1000").status_timeout(MOMENT);
        assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
    });
}

// Talking.

#[test]
fn communicate_returns_all_output() {
    everywhere(|| {
        let mut child = piped("cat; echo pineapple >&2");
        let output = child.communicate(b"banana").unwrap();
        assert_eq!(output.stdout, b"banana");
        assert_eq!(output.stderr, b"pineapple\n");
        assert!(output.status.success());
        assert!(child.stdin.is_none() && child.stdout.is_none() && child.stderr.is_none());
        // Nothing more comes.
        let output = child.communicate(b"").unwrap();
        assert_eq!((output.stdout, output.stderr), (vec![], vec![]));
    });
}

#[test]
fn full_pipes_do_not_stop_each_other() {
    everywhere(|| {
        let input = pattern(MUCH);
        let output = piped("tee /dev/stderr").communicate(&input).unwrap();
        assert!(output.stdout == input);
        assert!(output.stderr == input);
        // All of one before any of the other.
        let script = format!("head -c {MUCH} /dev/zero >&2; head -c {MUCH} /dev/zero; cat");
        let output = piped(&script).communicate(&input).unwrap();
        assert_eq!(output.stderr.len(), MUCH);
        assert_eq!(output.stdout.len(), 2 * MUCH);
        assert!(output.stdout[MUCH..] == input);
    });
}

#[test]
fn a_time_out_loses_nothing() {
    everywhere(|| {
        let mut child = waits_for_usr1("echo two; echo three >&2");
        communicate_until_ready(&mut child);
        child.send_signal(Signal::USR1).unwrap();
        let output = child.communicate(b"").unwrap();
        assert_eq!(output.stdout, b"ready\ntwo\n");
        assert_eq!(output.stderr, b"three\n");
    });
}

#[test]
fn input_goes_on_after_a_time_out() {
    everywhere(|| {
        let mut child = waits_for_usr1("exec cat");
        let input = pattern(MUCH);
        // More than the pipe takes, and the rest later, with more behind it.
        let late = child.communicate_timeout(&input, MOMENT).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        communicate_until_ready(&mut child);
        child.send_signal(Signal::USR1).unwrap();
        let output = child.communicate(b"the end").unwrap();
        let all = [b"ready\n", input.as_slice(), b"the end"].concat();
        assert!(output.stdout == all);
    });
}

#[test]
fn an_interrupt_loses_nothing() {
    everywhere(|| {
        let mut child = waits_for_usr1("exec cat");
        let input = pattern(MUCH);
        assert!(with_timeout(MOMENT, || child.communicate(&input)).is_err());
        until(|| {
            assert!(with_timeout(MOMENT, || child.communicate(b"")).is_err());
            child.output_so_far().0.starts_with(b"ready\n")
        });
        child.send_signal(Signal::USR1).unwrap();
        // However often it is interrupted on the way.
        let output = loop {
            if let Ok(output) = with_timeout(MOMENT, || child.communicate(b"")) {
                break output.unwrap();
            }
        };
        assert!(output.stdout == [b"ready\n", input.as_slice()].concat());
    });
}

#[test]
fn output_can_be_taken_between() {
    in_greenlet(|| {
        let mut child = waits_for_usr1("echo two");
        communicate_until_ready(&mut child);
        assert_eq!(child.take_output(), (b"ready\n".to_vec(), vec![]));
        child.send_signal(Signal::USR1).unwrap();
        assert_eq!(child.communicate(b"").unwrap().stdout, b"two\n");
    });
}

#[test]
fn a_killed_child_leaves_its_output() {
    in_greenlet(|| {
        let mut child = piped("echo one; exec sleep 1000");
        until(|| {
            let _ = child.communicate_timeout(b"", MOMENT);
            !child.output_so_far().0.is_empty()
        });
        child.kill().unwrap();
        let output = child.communicate(b"").unwrap();
        assert_eq!(output.stdout, b"one\n");
        assert_eq!(output.status.signal(), Some(9));
    });
}

#[test]
fn a_child_need_not_read_its_input() {
    everywhere(|| {
        let output = piped("echo done").communicate(&pattern(MUCH)).unwrap();
        assert_eq!(output.stdout, b"done\n");
        assert!(output.status.success());
    });
}

#[test]
fn input_needs_a_pipe() {
    in_greenlet(|| {
        let mut child = shell("true").spawn().unwrap();
        let refused = child.communicate(b"x").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert!(child.communicate(b"").unwrap().status.success());
        // The end of the input was sent.
        let mut child = waits_for_usr1("true");
        communicate_until_ready(&mut child);
        let refused = child.communicate(b"x").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        child.kill().unwrap();
        child.wait().unwrap();
    });
}

#[test]
fn children_of_the_child_are_read_to_their_end() {
    in_greenlet(|| {
        // Without `<&0` a shell gives what runs in the background no input.
        let mut child = piped("(read line; echo grandchild) <&0 & exit 5");
        until(|| child.try_wait().unwrap().is_some());
        let output = child.communicate(b"go\n").unwrap();
        assert_eq!(output.status.code(), Some(5));
        assert_eq!(output.stdout, b"grandchild\n");
    });
}

#[test]
fn too_much_output_is_an_error() {
    everywhere(|| {
        let error = shell("yes").output_limit(1000).output().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
        assert!(error.to_string().contains("1000"), "{error}");
        let partial = PartialOutput::of(&error).unwrap();
        assert!(partial.stdout.starts_with(b"y\ny\n"));
        assert_eq!(partial.stdout.len(), 1001);
        // Just as much is none.
        let output = shell("printf 1234").output_limit(4).output().unwrap();
        assert_eq!(output.stdout, b"1234");
        let error = shell("printf 12345 >&2").output_limit(4).output();
        assert_eq!(error.unwrap_err().kind(), ErrorKind::QuotaExceeded);
    });
}

#[test]
fn a_window_over_endless_output() {
    in_greenlet(|| {
        let mut yes = Command::new("yes")
            .stdout(Stdio::piped())
            .output_limit(999)
            .spawn()
            .unwrap();
        for _ in 0..100 {
            let full = yes.communicate(b"").unwrap_err();
            assert_eq!(full.kind(), ErrorKind::QuotaExceeded);
            let again = yes.communicate(b"").unwrap_err();
            assert_eq!(again.kind(), ErrorKind::QuotaExceeded);
            assert_eq!(yes.take_output().0.len(), 1000);
        }
        yes.kill().unwrap();
        yes.wait().unwrap();
    });
}

#[test]
fn endless_output_stops_at_the_limit_of_time() {
    everywhere(|| {
        let error = Command::new("yes").output_timeout(MOMENT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let mut yes = Command::new("yes").stdout(Stdio::piped()).spawn().unwrap();
        assert!(with_timeout(MOMENT, || yes.communicate(b"")).is_err());
        yes.kill().unwrap();
        yes.wait().unwrap();
    });
}

// Output and status own their child.

/// The number that a shell has written to its output.
fn pid_in(bytes: &[u8]) -> Option<u32> {
    again::text(bytes.strip_suffix(b"\n")?).parse().ok()
}

#[test]
fn a_limit_on_output_kills() {
    everywhere(|| {
        let mut limit = MOMENT;
        let pid = loop {
            let error = shell("echo $$; exec sleep 1000")
                .output_timeout(limit)
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            let partial = PartialOutput::of(&error).unwrap();
            assert_eq!(partial.stderr, b"");
            if let Some(pid) = pid_in(&partial.stdout) {
                break pid;
            }
            limit *= 2; // a busy machine
        };
        until(|| !exists(pid));
    });
}

#[test]
fn output_that_is_interrupted_kills() {
    in_greenlet(|| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_owned();
        let script = format!("echo $$ > {}; exec sleep 1000", path.display());
        let outputs = script.clone();
        let waiter = spawn(move || shell(&outputs).output().map(drop));
        until(|| pid_in(&fs::read(&path).unwrap()).is_some());
        let pid = pid_in(&fs::read(&path).unwrap()).unwrap();
        assert!(exists(pid));
        waiter.kill();
        assert!(waiter.get().unwrap_err().is_killed());
        until(|| !exists(pid));

        fs::write(&path, "").unwrap();
        let waiter = spawn(move || shell(&script).status().map(drop));
        until(|| pid_in(&fs::read(&path).unwrap()).is_some());
        let pid = pid_in(&fs::read(&path).unwrap()).unwrap();
        waiter.kill();
        until(|| !exists(pid));
    });
}

// Dropping.

#[test]
fn a_dropped_child_runs_on_and_leaves_no_zombie() {
    everywhere(|| {
        let mut child = piped("read line");
        let (id, input) = (child.id(), child.stdin.take());
        drop(child);
        sleep(MOMENT);
        assert!(exists(id));
        drop(input);
        until(|| !exists(id));
    });
}

#[test]
fn kill_on_drop_kills() {
    everywhere(|| {
        let child = shell("exec sleep 1000").kill_on_drop().spawn().unwrap();
        let id = child.id();
        assert!(exists(id));
        drop(child);
        until(|| !exists(id));
    });
    in_greenlet(|| {
        let child = shell("exec sleep 1000").kill_on_drop().spawn().unwrap();
        let id = child.id();
        let owner = spawn(move || {
            let mut child = child;
            child.wait().map(drop)
        });
        sleep(MOMENT);
        owner.kill();
        until(|| !exists(id));
    });
}

// The pipes.

#[test]
fn lines_go_to_and_fro() {
    everywhere(|| {
        let mut cat = piped("exec cat");
        let mut input = cat.stdin.take().unwrap();
        let mut lines = BufReader::new(cat.stdout.take().unwrap()).lines();
        for number in 0..100 {
            writeln!(input, "line {number}").unwrap();
            assert_eq!(lines.next().unwrap().unwrap(), format!("line {number}"));
        }
        drop(input);
        assert!(lines.next().is_none());
        assert!(cat.wait().unwrap().success());
    });
}

#[test]
fn a_full_pipe_suspends_only_the_writer() {
    in_greenlet(|| {
        let mut cat = piped("exec cat");
        let mut input = cat.stdin.take().unwrap();
        let mut output = cat.stdout.take().unwrap();
        let writer = spawn(move || input.write_all(&pattern(MUCH)));
        let mut got = Vec::new();
        output.read_to_end(&mut got).unwrap();
        assert!(got == pattern(MUCH));
        writer.get().unwrap().unwrap();
        cat.wait().unwrap();
    });
}

#[test]
fn a_closed_pipe_is_an_error_and_not_a_signal() {
    everywhere(|| {
        let mut child = piped("exec <&-; echo closed; read line");
        let mut input = child.stdin.take().unwrap();
        let mut closed = [0; 7];
        child
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut closed)
            .unwrap();
        // Children of other tests hold a copy until they run their program.
        until(|| match input.write(b"x") {
            Ok(_) => false,
            Err(error) => error.kind() == ErrorKind::BrokenPipe,
        });
        child.wait().unwrap();
    });
}

#[test]
fn a_read_is_interrupted_and_loses_nothing() {
    everywhere(|| {
        let mut cat = piped("exec cat");
        let mut output = cat.stdout.take().unwrap();
        let mut byte = [0];
        assert!(with_timeout(MOMENT, || output.read(&mut byte)).is_err());
        cat.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        assert_eq!(output.read(&mut byte).unwrap(), 1);
        assert_eq!(byte, *b"x");
        cat.wait().unwrap();
    });
}

#[test]
fn one_child_writes_to_the_next() {
    everywhere(|| {
        let mut first = piped("read line; echo late");
        // If the pipe did not block, `cat` would fail at once.
        let mut second = Command::new("cat")
            .stdin(first.stdout.take().unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        assert_eq!(second.wait_timeout(4 * MOMENT).unwrap(), None);
        first.wait().unwrap();
        let output = second.wait_with_output().unwrap();
        assert_eq!((output.stdout, output.stderr), (b"late\n".to_vec(), vec![]));
    });
}

#[test]
fn nothing_is_without_a_debug_text() {
    in_greenlet(|| -> io::Result<()> {
        let child = piped("true");
        let text = format!("{child:?} {:?} {:?}", child.handle(), shell("true"));
        assert!(text.contains(&child.id().to_string()), "{text}");
        assert!(text.contains("ChildStdin("), "{text}");
        child.wait_with_output()?;
        Ok(())
    })
    .unwrap();
}
