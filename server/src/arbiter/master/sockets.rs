//! The sockets that the master has bound and its workers accept from.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr as UnixAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use maypole_runtime::net::{listen_fd, listen_fds};
use maypole_runtime::sleep;
use parking_lot::Mutex;
use rustix::net::SocketType;

use super::super::privileges::Owner;
use super::super::{BindSpec, Options};
use crate::unix_path::UnixPath;
use crate::{ListenOptions, Listener};

/// The pause before an address in use is tried again; gunicorn's.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What the sockets that systemd passes are called among themselves.
const SYSTEMD: &str = "systemd";

/// All of them. Clones share the sockets, which close with the last.
#[derive(Clone, Default)]
pub(super) struct Sockets {
    all: Vec<Arc<Bound>>,
}

/// Those of one address.
struct Bound {
    name: String,
    // As the settings have it.
    spec: String,
    // As clients know it.
    addr: String,
    kind: Kind,
}

enum Kind {
    /// One for all workers.
    Shared(OwnedFd),
    /// One for each worker, by its number.
    Each(SocketAddr, ListenOptions, Mutex<BTreeMap<usize, OwnedFd>>),
    /// The same as shared, with a file, which is ours to remove if there is a
    /// guard.
    File(OwnedFd, PathBuf, Mutex<Option<UnixPath>>),
}

/// A socket on its way to another process: name, place, descriptor.
pub(super) type Passed = (String, String, OwnedFd);

impl Sockets {
    /// Binds what the options name, but for what was bound `before`.
    pub(super) fn bind(options: &Options, owner: &Owner, before: &Self) -> io::Result<Self> {
        let kept: Vec<_> = before.of_systemd().cloned().collect();
        let replaces = |name: &str| kept.iter().any(|bound| bound.name == name);
        let mut all = kept.clone();
        for (name, spec) in options.all_binds() {
            if replaces(&name) {
                continue;
            }
            let text = spec.to_string();
            let same = |bound: &&Arc<Bound>| {
                bound.name == name
                    && bound.spec == text
                    && (bound.is_each() == options.reuse_port || !matches!(spec, BindSpec::Tcp(..)))
            };
            let bound = match before.all.iter().find(same) {
                Some(bound) => bound.clone(),
                None => Arc::new(Bound::new(name, &spec, options, owner)?),
            };
            all.push(bound);
        }
        Ok(Self { all })
    }

    /// Those that systemd has passed to this process.
    pub(super) fn from_systemd() -> io::Result<Self> {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut all = Vec::new();
        for socket in listen_fds()? {
            let name = names.next().unwrap_or_default();
            // What systemd says when the unit does not name it.
            let name = match name {
                "unknown" | "connection" | "stored" => "",
                name if name.ends_with(".socket") => "",
                name => name,
            };
            all.push(Arc::new(Bound::given(
                name.to_owned(),
                SYSTEMD.to_owned(),
                socket,
            )?));
        }
        Ok(Self { all })
    }

    /// Those that another master has passed to this one.
    pub(super) fn from_master(passed: Vec<Passed>, backlog: u32) -> io::Result<Self> {
        let mut all: Vec<Bound> = Vec::new();
        for (name, place, socket) in passed {
            let (number, spec) = place.split_once(' ').unwrap_or(("0", &place));
            let number: usize = number.parse().unwrap_or(0);
            if number == 0 {
                all.push(Bound::given(name, spec.to_owned(), socket)?);
                continue;
            }
            let same = |bound: &&Bound| bound.name == name && bound.spec == spec;
            match all.iter().find(same).map(|bound| &bound.kind) {
                Some(Kind::Each(_, _, sockets)) => drop(sockets.lock().insert(number, socket)),
                _ => all.push(Bound::one_of_each(
                    name,
                    spec.to_owned(),
                    number,
                    socket,
                    backlog,
                )?),
            }
        }
        let all = all.into_iter().map(Arc::new).collect();
        Ok(Self { all })
    }

    /// What the worker with this number gets.
    pub(super) fn for_worker(&self, number: usize) -> io::Result<Vec<Passed>> {
        let passed = self.all.iter().map(|bound| {
            let socket = bound.for_worker(number)?;
            Ok((bound.name.clone(), bound.addr.clone(), socket))
        });
        passed.collect()
    }

    /// What a new master gets: all.
    pub(super) fn for_master(&self) -> io::Result<Vec<Passed>> {
        let mut passed = Vec::new();
        for bound in &self.all {
            let mut pass = |number: usize, socket: &OwnedFd| {
                let place = format!("{number} {}", bound.spec);
                passed.push((bound.name.clone(), place, socket.try_clone()?));
                io::Result::Ok(())
            };
            match &bound.kind {
                Kind::Shared(socket) | Kind::File(socket, ..) => pass(0, socket)?,
                Kind::Each(_, _, sockets) => {
                    for (number, socket) in &*sockets.lock() {
                        pass(*number, socket)?;
                    }
                }
            }
        }
        Ok(passed)
    }

    /// Closes those of workers that there are no more.
    pub(super) fn trim(&self, is_used: impl Fn(usize) -> bool) {
        for bound in &self.all {
            if let Kind::Each(_, _, sockets) = &bound.kind {
                sockets.lock().retain(|number, _| is_used(*number));
            }
        }
    }

    /// Sees to it that files are removed at the end: another master has left them.
    pub(super) fn adopt_files(&self) {
        for bound in &self.all {
            if let Kind::File(_, path, file) = &bound.kind {
                let mut file = file.lock();
                if file.is_none() && bound.spec.starts_with("unix:") {
                    *file = UnixPath::adopt(path).ok();
                }
            }
        }
    }

    /// Leaves the files to another master.
    pub(super) fn leave_files(&self) {
        for bound in &self.all {
            if let Kind::File(_, _, file) = &bound.kind
                && let Some(file) = file.lock().take()
            {
                file.keep();
            }
        }
    }

    /// Where they are, for people.
    pub(super) fn addrs(&self) -> Vec<String> {
        let addrs = self.all.iter();
        addrs
            .map(|bound| match &*bound.name {
                "" => bound.addr.clone(),
                name => format!("{} ({name})", bound.addr),
            })
            .collect()
    }

    fn of_systemd(&self) -> impl Iterator<Item = &Arc<Bound>> {
        self.all.iter().filter(|bound| bound.spec == SYSTEMD)
    }
}

impl Bound {
    fn new(name: String, spec: &BindSpec, options: &Options, owner: &Owner) -> io::Result<Self> {
        let mut tries = 1;
        loop {
            match Self::try_new(name.clone(), spec, options, owner) {
                Err(error)
                    if error.kind() == io::ErrorKind::AddrInUse && tries < options.bind_tries =>
                {
                    log::warn!("{error}; trying again");
                    tries += 1;
                    sleep(TRY_AGAIN);
                }
                Err(error) => {
                    let (place, why) = (spec.to_string(), error.to_string());
                    // It may end with the address, which has been said then.
                    let end = format!(": {}", place.trim_start_matches("unix:"));
                    let why = why.strip_suffix(&end).unwrap_or(&why);
                    let why = format!("cannot listen on {place}: {why}");
                    return Err(io::Error::new(error.kind(), why));
                }
                bound => return bound,
            }
        }
    }

    fn try_new(
        name: String,
        spec: &BindSpec,
        options: &Options,
        owner: &Owner,
    ) -> io::Result<Self> {
        let listening = ListenOptions::new().backlog(options.backlog);
        let text = spec.to_string();
        match spec {
            BindSpec::Tcp(host, port) if options.reuse_port => {
                let listening = listening.reuse_port(true);
                let first = listening.bind((host.as_str(), *port))?;
                let addr = inet(&first)?;
                let sockets = BTreeMap::from([(1, first.as_fd().try_clone_to_owned()?)]);
                Ok(Self {
                    name,
                    spec: text,
                    addr: addr.to_string(),
                    kind: Kind::Each(addr, listening, Mutex::new(sockets)),
                })
            }
            BindSpec::Tcp(host, port) => {
                let listener = listening.bind((host.as_str(), *port))?;
                Self::given(name, text, listener.as_fd().try_clone_to_owned()?)
            }
            BindSpec::Unix(path) => {
                let mode = options.unix_mode;
                let (socket, file) = UnixPath::bind(path, SocketType::STREAM, mode)?;
                if let (user, group) = owner.ids()
                    && (user.is_some() || group.is_some())
                {
                    std::os::unix::fs::chown(path, user, group)?;
                }
                rustix::net::listen(&socket, backlog(options))?;
                Ok(Self {
                    name,
                    addr: text.clone(),
                    spec: text,
                    kind: Kind::File(socket, path.clone(), Mutex::new(Some(file))),
                })
            }
            BindSpec::Abstract(hidden) => {
                let addr = UnixAddr::from_abstract_name(hidden)?;
                let listener = std::os::unix::net::UnixListener::bind_addr(&addr)?;
                rustix::net::listen(&listener, backlog(options))?;
                Self::given(name, text, listener.into())
            }
            BindSpec::Fd(number) => Self::given(name, text, listen_fd(*number)?),
        }
    }

    /// A socket that somebody else has bound.
    fn given(name: String, spec: String, socket: OwnedFd) -> io::Result<Self> {
        let listener = Listener::try_from(socket.try_clone()?)?;
        let addr = listener.local_addr()?;
        let kind = match addr.path() {
            Some(path) => Kind::File(socket, path.to_owned(), Mutex::new(None)),
            None => Kind::Shared(socket),
        };
        let addr = addr.to_string();
        Ok(Self {
            name,
            spec,
            addr,
            kind,
        })
    }

    fn one_of_each(
        name: String,
        spec: String,
        number: usize,
        socket: OwnedFd,
        backlog: u32,
    ) -> io::Result<Self> {
        let addr = inet(&Listener::try_from(socket.try_clone()?)?)?;
        let listening = ListenOptions::new().reuse_port(true).backlog(backlog);
        let sockets = Mutex::new(BTreeMap::from([(number, socket)]));
        Ok(Self {
            name,
            spec,
            addr: addr.to_string(),
            kind: Kind::Each(addr, listening, sockets),
        })
    }

    fn is_each(&self) -> bool {
        matches!(self.kind, Kind::Each(..))
    }

    fn for_worker(&self, number: usize) -> io::Result<OwnedFd> {
        match &self.kind {
            Kind::Shared(socket) | Kind::File(socket, ..) => socket.try_clone(),
            Kind::Each(addr, listening, sockets) => {
                let mut sockets = sockets.lock();
                if let Some(socket) = sockets.get(&number) {
                    return socket.try_clone();
                }
                let socket = listening.bind(*addr)?.as_fd().try_clone_to_owned()?;
                sockets.insert(number, socket.try_clone()?);
                Ok(socket)
            }
        }
    }
}

fn inet(listener: &Listener) -> io::Result<SocketAddr> {
    let addr = listener.local_addr()?.inet();
    addr.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

fn backlog(options: &Options) -> i32 {
    options.backlog.try_into().unwrap_or(i32::MAX)
}

/// A path with `.2`, for the newer of two masters.
pub(super) fn second(path: &Path) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(".2");
    path.into()
}
