//! Processes of their own, for what is the process's: limits, CPU time, ends.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{self, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex; // ThreadSanitizer can follow it

use super::{Counter, until};

/// Set in a child process to the name of its test.
const CHILD: &str = "MAYPOLE_TEST_CHILD";

/// The unit of times in `/proc`, `USER_HZ`: the same on all usual machines.
const TICKS_PER_SECOND: u64 = 100;

/// A process that is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Child {
    process: process::Child,
    lines: Arc<Mutex<Vec<String>>>,
    ended: Counter,
}

impl Child {
    /// Runs the test `name` of this binary again, in a process of its own,
    /// where [`in_child`] says so.
    pub(crate) fn of_test(name: &str) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args([name, "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, name);
        Self::spawn(&mut command)
    }

    /// The same by a command that has this binary as its last argument, and the
    /// child's stdin.
    pub(crate) fn of_test_by(command: &mut Command, name: &str) -> Self {
        command
            .args([name, "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, name);
        Self::gather(command)
    }

    /// Starts a program whose output is gathered line by line.
    pub(crate) fn of_program(path: &Path, args: &[&str]) -> Self {
        Self::spawn(Command::new(path).args(args))
    }

    fn spawn(command: &mut Command) -> Self {
        Self::gather(command.stdin(Stdio::piped()))
    }

    fn gather(command: &mut Command) -> Self {
        let silent = Silent::new();
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = process.stdout.take().unwrap();
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let ended = Counter::default();
        let end = ended.on_drop();
        let theirs = Arc::clone(&lines);
        thread::spawn(move || {
            let _end = end;
            let mut silent = Some(silent);
            for line in BufReader::new(stdout).lines() {
                theirs.lock().push(line.unwrap());
                silent = None;
            }
            drop(silent);
        });
        Self {
            process,
            lines,
            ended,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The process ends by itself when it reads the end of this.
    pub(crate) fn stdin(&mut self) -> &mut Option<ChildStdin> {
        &mut self.process.stdin
    }

    /// What follows `start` on a line that the process prints.
    #[track_caller]
    pub(crate) fn line(&self, start: &str) -> String {
        let find = || {
            let lines = self.lines.lock();
            lines
                .iter()
                .find_map(|line| Some(line.split_once(start)?.1.to_owned()))
        };
        until(&format!("a line with {start:?}"), || {
            let found = find();
            assert!(
                found.is_some() || self.ended.get() == 0 || find().is_some(),
                "the child ended, having said {:?}",
                self.lines.lock()
            );
            found.is_some()
        });
        find().unwrap()
    }

    /// Waits for its end; whether that was a success.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> bool {
        drop(self.process.stdin.take());
        until("the child's end", || {
            self.process.try_wait().unwrap().is_some()
        });
        self.process.wait().unwrap().success()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A child that has not said anything yet, so may not have run.
struct Silent;

static SILENT: AtomicUsize = AtomicUsize::new(0);

impl Silent {
    fn new() -> Self {
        SILENT.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        SILENT.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether a process is starting. Until it runs, which is a moment after `spawn`
/// returns, it has our descriptors open: a listener that was closed here still
/// listens there.
pub(super) fn one_starts() -> bool {
    SILENT.load(Ordering::SeqCst) > 0
}

/// Whether this process is the child that runs the test `name`.
pub(crate) fn in_child(name: &str) -> bool {
    env::var(CHILD).is_ok_and(|child| child == name)
}

/// How much processor time a process has used, its kernel time included.
pub(crate) fn cpu_time(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The second field is a name in parentheses, and may hold anything.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<_> = fields.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}
