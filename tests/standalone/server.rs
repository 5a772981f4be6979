//! The program as a process, and what can be done to it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::get;
use super::support::{Client, Response, until};

/// Where cargo puts the program: beside the folder of this test's binary.
fn binary() -> PathBuf {
    let test = env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let path = profile.join("examples/standalone_program");
    assert!(
        path.exists(),
        "{} is not built: `cargo test` does that, `cargo test --test standalone` only after \
         `cargo build --examples`",
        path.display()
    );
    path
}

/// The program's command, in this folder, with no settings from the environment.
fn command(folder: &Path) -> Command {
    let mut command = Command::new(binary());
    command.current_dir(folder).stdin(Stdio::null());
    let is_ours = |name: &OsStr| name.to_string_lossy().starts_with("MAYPOLE_");
    for (name, _) in env::vars_os().filter(|(name, _)| is_ours(name)) {
        command.env_remove(name);
    }
    for name in ["PORT", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS"] {
        command.env_remove(name);
    }
    command
}

/// Runs the program to its end; its exit code and what it says.
#[track_caller]
pub(crate) fn run(
    folder: &Path,
    variables: &[(&str, &str)],
    args: &[&str],
) -> (i32, String, String) {
    let mut command = command(folder);
    let output = command.envs(variables.iter().copied()).args(args).output();
    let Output {
        status,
        stdout,
        stderr,
    } = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// A program that serves, on a port of its own; killed when this is dropped.
pub(crate) struct Server {
    pub(crate) folder: TempDir,
    process: process::Child,
    pub(crate) addr: SocketAddr,
}

impl Server {
    /// Starts it with these flags, and waits until its workers are ready.
    #[track_caller]
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_with(&[], "", args)
    }

    /// The same, with variables and a file.
    #[track_caller]
    pub(crate) fn start_with(variables: &[(&str, &str)], file: &str, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("maypole.toml"), file).unwrap();
        // As many hubs as the other suites have.
        let hubs = env::var("MAYPOLE_TEST_HUBS").ok();
        let hubs = hubs.map(|hubs| ["--hubs".to_owned(), hubs]);
        let process = command(folder.path())
            .envs(variables.iter().copied())
            .args(["--bind", "127.0.0.1:0", "--errorlog", "error.log"])
            .args(["--control-socket", "ctl", "--pidfile", "pid"])
            .args(["--loglevel", "debug"])
            .args(hubs.iter().flatten())
            .args(args)
            .spawn()
            .unwrap();
        let mut server = Self {
            folder,
            process,
            addr: ([127, 0, 0, 1], 0).into(),
        };
        server.wait_for("ready, with ");
        let places = server.said("listening on ");
        // Others may follow, and a line of JSON goes on.
        let addr = places.split([',', '"']).next().unwrap();
        server.addr = addr.parse().unwrap();
        server
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a file of it holds; nothing if it is not there.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(crate) fn log(&self) -> String {
        self.read("error.log")
    }

    /// Waits until the log has this.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_for_nth(text, 1);
    }

    /// Waits until the log has this so many times.
    #[track_caller]
    pub(crate) fn wait_for_nth(&self, text: &str, times: usize) {
        until(&format!("{text:?} in {}", self.log()), || {
            self.log().matches(text).count() >= times
        });
    }

    /// What follows this in the log, up to the end of the first such line.
    #[track_caller]
    pub(crate) fn said(&self, start: &str) -> String {
        let log = self.log();
        let (_, rest) = log.split_once(start).unwrap();
        rest.lines().next().unwrap().to_owned()
    }

    /// The process that was started, which is the master unless it was upgraded.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        signal_to(self.id(), signal);
    }

    /// Has a command done through the program itself.
    #[track_caller]
    pub(crate) fn ctl(&self, words: &[&str]) -> (i32, String, String) {
        let args = [&["ctl", "--control-socket", "ctl"], words].concat();
        run(self.folder.path(), &[], &args)
    }

    /// The processes of the workers that are ready.
    #[track_caller]
    pub(crate) fn workers(&self) -> Vec<u32> {
        let (code, text, error) = self.ctl(&["workers"]);
        assert_eq!(code, 0, "{error}");
        let ready = text.lines().filter(|line| line.contains(" ready "));
        ready
            .map(|line| line.split_whitespace().nth(2).unwrap().parse().unwrap())
            .collect()
    }

    /// Asks over a connection of its own.
    #[track_caller]
    pub(crate) fn ask(&self, target: &str) -> Response {
        Client::connect(self.addr).ask(get(target))
    }

    /// Waits for its end; its exit code.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> Option<i32> {
        until("the master's end", || {
            self.process.try_wait().unwrap().is_some()
        });
        self.process.wait().unwrap().code()
    }

    /// Ends it gracefully.
    #[track_caller]
    pub(crate) fn end(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.wait(), Some(0), "{}", self.log());
    }
}

impl Drop for Server {
    /// Workers end when their master does.
    fn drop(&mut self) {
        // After an upgrade there is a master that is not our child.
        if let Ok(id) = self.read("pid").trim().parse()
            && id != self.id()
        {
            signal_to(id, Signal::KILL);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn signal_to(id: u32, signal: Signal) {
    let pid = Pid::from_raw(id.try_into().unwrap()).unwrap();
    let _ = kill_process(pid, signal);
}

/// Whether a process is there.
pub(crate) fn is_running(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .map(|(_, rest)| rest.starts_with('Z'));
    state == Some(false)
}
