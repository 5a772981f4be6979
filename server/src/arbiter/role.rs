//! What a process of the program is: the first, a worker, or a new master.

use std::env;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::parent_id;
use std::path::Path;
use std::process;

use maypole_runtime::process::{Command, passed_fds};

use super::link::{Link, LinkReader};
use super::message::{Hello, Message, ToMaster, ToWorker};

/// Tells a process what it was started as: the version of what follows, the role,
/// and the process that gave it.
const VARIABLE: &str = "MAYPOLE_ARBITER";

/// Changes with the messages. A master and workers of different versions of the
/// program meet when its file is replaced.
const VERSION: &str = "1";

/// What systemd says to the first process, and to nobody that it starts.
const OF_THE_FIRST: &[&str] = &["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];

/// What systemd says to masters.
const OF_MASTERS: &[&str] = &["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// What a process is.
pub(super) enum Role {
    /// Started by somebody else: it becomes the master.
    First,
    /// Started by a master, to serve.
    Worker(Inherited),
    /// Started by a master, to take its place.
    Upgrade(Inherited),
}

/// Whether the one who started this process is a master that wants a worker.
pub(super) fn is_worker() -> bool {
    let told = env::var(VARIABLE).unwrap_or_default();
    let mut words = told.split(' ').skip(1);
    let (role, master) = (words.next(), words.next());
    // What a worker starts finds the variable, too.
    let parent = parent_id().to_string();
    role == Some("worker") && master == Some(&*parent)
}

/// What a process was given by its master.
pub(super) struct Inherited {
    pub(super) link: Link,
    pub(super) reader: LinkReader,
    pub(super) hello: Hello,
    /// The listeners that `hello` names.
    pub(super) sockets: Vec<OwnedFd>,
}

impl Role {
    /// The role of this process. To be asked once.
    pub(super) fn find() -> io::Result<Self> {
        let Ok(told) = env::var(VARIABLE) else {
            return Ok(Self::First);
        };
        let mut words = told.split(' ');
        let mut word = || words.next().unwrap_or_default();
        let (version, role, master) = (word(), word(), word());
        let mut fds = passed_fds()?.into_iter();
        let Some(socket) = fds.next() else {
            // A program that a worker has started finds the variable too. So does
            // one whose master died before it looked.
            if Path::new("/proc").join(master).exists() {
                return Ok(Self::First);
            }
            return Err(io::Error::other("the master of this process has ended"));
        };
        let (link, mut reader) = Link::over(socket)?;
        if version != VERSION {
            let reason = "the program's file was replaced by one that this master does not \
                          understand; SIGUSR2 starts a new master";
            // A word that every version has.
            let _ = link.send(&ToMaster::Failed(reason.to_owned()));
            return Err(io::Error::other(reason));
        }
        let Some(ToWorker::Hello(hello)) = ToWorker::read(&mut reader)? else {
            return Err(io::Error::other("the master of this process has ended"));
        };
        let inherited = Inherited {
            link,
            reader,
            hello,
            sockets: fds.collect(),
        };
        Ok(match role {
            "worker" => Self::Worker(inherited),
            _ => Self::Upgrade(inherited),
        })
    }
}

/// The command that starts this program again.
pub(super) fn again(program: &Path) -> Command {
    let mut command = Command::new(program);
    let mut args = env::args_os();
    if let Some(name) = args.next() {
        command.arg0(name);
    }
    command.args(args);
    for name in OF_THE_FIRST {
        command.env_remove(name);
    }
    command
}

/// Has the command start a worker.
pub(super) fn as_worker(command: &mut Command) {
    set(command, "worker");
    for name in OF_MASTERS {
        command.env_remove(name);
    }
}

/// Has the command start a new master.
pub(super) fn as_upgrade(command: &mut Command) {
    set(command, "upgrade");
    command.env_remove("WATCHDOG_PID"); // it is for whichever is the master
}

fn set(command: &mut Command, role: &str) {
    command.env(VARIABLE, format!("{VERSION} {role} {}", process::id()));
}
