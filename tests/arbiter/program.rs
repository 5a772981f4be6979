//! The program under test, and its processes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::{env, fs, io, process, thread};

use maypole::server::arbiter::ctl;
use parking_lot::Mutex; // ThreadSanitizer can follow it
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};
use tempfile::TempDir;

use crate::support::{PATIENCE, until};

/// Where the program's own settings are, and its files.
pub(crate) struct Program {
    folder: TempDir,
    process: process::Child,
    lines: Arc<Mutex<Vec<String>>>,
}

/// A worker, as the control socket shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Process {
    pub(crate) number: usize,
    pub(crate) age: u64,
    pub(crate) pid: i32,
    pub(crate) state: String,
}

impl Program {
    /// Starts it with these settings; `DIR` in them is a folder of its own.
    #[track_caller]
    pub(crate) fn start(settings: &str) -> Self {
        Self::start_by(settings, |path| Command::new(path))
    }

    /// The same, by a command that ends with the program.
    #[track_caller]
    pub(crate) fn start_by(settings: &str, command: impl FnOnce(&Path) -> Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, settings, command)
    }

    /// The same, in a folder that was prepared.
    #[track_caller]
    pub(crate) fn start_in(
        folder: TempDir,
        settings: &str,
        command: impl FnOnce(&Path) -> Command,
    ) -> Self {
        use std::os::unix::process::CommandExt;
        let path = folder.path().join("settings");
        write_settings(&folder, settings);
        let mut command = command(&binary());
        command.arg(path).process_group(0);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let lines = Arc::<Mutex<Vec<String>>>::default();
        gather(process.stdout.take().unwrap(), lines.clone());
        gather(process.stderr.take().unwrap(), lines.clone());
        Self {
            folder,
            process,
            lines,
        }
    }

    /// One that listens on a port of its own, and has a control socket.
    #[track_caller]
    pub(crate) fn serving(settings: &str) -> Self {
        let program = Self::start(&format!("bind 127.0.0.1:0\ncontrol DIR/ctl\n{settings}"));
        program.line("hook when_ready ");
        program
    }

    /// Writes other settings, for the next reload.
    pub(crate) fn set(&self, settings: &str) {
        write_settings(&self.folder, settings);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn pid(&self) -> i32 {
        self.process.id().try_into().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Where it listens: what follows `start` on a line that it has printed, unless
    /// there is more than one place.
    #[track_caller]
    pub(crate) fn addr(&self) -> SocketAddr {
        self.line("hook listening ").parse().unwrap()
    }

    /// What follows `start` on a line that it prints.
    #[track_caller]
    pub(crate) fn line(&self, start: &str) -> String {
        self.nth_line(start, 1)
    }

    /// The same of the `n`th line of that kind.
    #[track_caller]
    pub(crate) fn nth_line(&self, start: &str, n: usize) -> String {
        until(
            &format!("line {n} with {start:?} in\n{}\n", self.said()),
            || self.count(start) >= n,
        );
        let lines = self.lines.lock();
        let mut found = lines
            .iter()
            .filter_map(|line| Some(line.split_once(start)?.1));
        found.nth(n - 1).unwrap().to_owned()
    }

    /// How many lines with this it has printed.
    pub(crate) fn count(&self, part: &str) -> usize {
        let lines = self.lines.lock();
        lines.iter().filter(|line| line.contains(part)).count()
    }

    /// All that it has said.
    pub(crate) fn said(&self) -> String {
        self.lines.lock().join("\n")
    }

    pub(crate) fn ctl(&self, command: &str) -> io::Result<String> {
        ctl(self.path("ctl"), command)
    }

    /// Its workers, by age.
    #[track_caller]
    pub(crate) fn workers(&self) -> Vec<Process> {
        let table = self.ctl("workers").unwrap();
        let rows = table.lines().skip(1).map(|row| {
            let words: Vec<_> = row.split_whitespace().collect();
            Process {
                number: words[0].parse().unwrap(),
                age: words[1].parse().unwrap(),
                pid: words[2].parse().unwrap(),
                state: words[3].to_owned(),
            }
        });
        rows.collect()
    }

    /// Waits until it has exactly so many workers, and all are ready.
    #[track_caller]
    pub(crate) fn settled(&self, workers: usize) -> Vec<Process> {
        let mut last = Vec::new();
        until(&format!("{workers} ready workers"), || {
            last = self.workers();
            last.len() == workers && last.iter().all(|worker| worker.state == "ready")
        });
        last
    }

    /// Waits for its end; the exit code.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> i32 {
        until("the program's end", || {
            self.process.try_wait().unwrap().is_some()
        });
        let status = self.process.wait().unwrap();
        status
            .code()
            .unwrap_or_else(|| panic!("{status}\n{}", self.said()))
    }

    /// Waits until no process of it is left, and none of its files but the settings.
    #[track_caller]
    pub(crate) fn leaves_nothing(&self) {
        until("the end of all processes", || {
            processes_of(self.pid()).is_empty()
        });
        let files = fs::read_dir(self.folder.path()).unwrap();
        let files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
        assert_eq!(files, ["settings"]);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the program said:\n{}", self.said());
        }
        // Its own group: it, its workers, and new masters.
        let _ = kill_process_group(Pid::from_raw(self.pid()).unwrap(), Signal::KILL);
        let _ = self.process.wait();
    }
}

fn write_settings(folder: &TempDir, settings: &str) {
    let text = settings.replace("DIR", folder.path().to_str().unwrap());
    // Whole, or a reload could find half of it.
    let new = folder.path().join("settings.new");
    fs::write(&new, text).unwrap();
    fs::rename(new, folder.path().join("settings")).unwrap();
}

fn gather(from: impl Read + Send + 'static, lines: Arc<Mutex<Vec<String>>>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            lines.lock().push(line);
        }
    });
}

/// Where cargo puts the program: beside the folder of this test's binary.
fn binary() -> PathBuf {
    let test = env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let path = profile.join("examples").join("arbiter_program");
    assert!(
        path.exists(),
        "{} is not built: `cargo test` does that, `cargo test --test arbiter` only after \
         `cargo build --example arbiter_program`",
        path.display()
    );
    path
}

/// Sends a signal to a process of a program of ours.
#[track_caller]
pub(crate) fn send(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Whether there is such a process that has not ended.
pub(crate) fn runs(pid: i32) -> bool {
    let is_there = test_kill_process(Pid::from_raw(pid).unwrap()).is_ok();
    // One that nobody has waited for yet has ended all the same.
    is_there && !fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| s.contains(") Z "))
}

/// The processes of a group that have not ended.
pub(crate) fn processes_of(group: i32) -> Vec<i32> {
    let all = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<_> = fields.split(' ').collect();
        (fields[2] == group.to_string() && fields[0] != "Z").then_some(pid)
    });
    all.collect()
}

/// Asks one question on a connection of its own, and returns the answer.
pub(crate) fn ask(addr: SocketAddr, question: &str) -> io::Result<String> {
    let stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    ask_on(stream, question)
}

/// The same on any connection: the first line of the answer.
pub(crate) fn ask_on(mut stream: impl Read + Write, question: &str) -> io::Result<String> {
    writeln!(stream, "{question}")?;
    let mut answer = String::new();
    BufReader::new(&mut stream).read_line(&mut answer)?;
    match answer.strip_suffix('\n') {
        Some(answer) => Ok(answer.to_owned()),
        None => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("only {answer:?}"),
        )),
    }
}

/// Reads all that a server says.
pub(crate) fn read_all(addr: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.shutdown(Shutdown::Write)?;
    io::read_to_string(&mut stream)
}
