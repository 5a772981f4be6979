//! One worker, as its master knows it.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use maypole_runtime::process::Child;
use maypole_runtime::queue::Queue;
use maypole_runtime::signal::Signal;
use maypole_runtime::{Builder, sleep};

use super::super::link::{Link, LinkReader};
use super::super::message::{Hello, Message, Stop, ToMaster, ToWorker};
use super::super::{Figures, Options, WorkerInfo, role};
use super::Event;
use super::sockets::Passed;

/// How long the last words of a worker that has ended may take to be read. They
/// are there; only a program that it has left behind keeps its link from ending.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long SIGABRT may take to end a worker before SIGKILL does; gunicorn's next
/// look comes after a second.
const ABORT_LIMIT: Duration = Duration::from_secs(1);

/// Ends a worker that hears no order yet, because it boots. One that hears them and
/// has not been heard to be ready ignores it; SIGTERM would be its second order if
/// somebody has sent that to all processes, and end it at once.
const END_OF_BOOT: Signal = Signal::USR2;

/// What a worker gets beside its graceful time-out before it is killed: it kills
/// its handlers itself, and has to exit.
const STOP_MARGIN: Duration = Duration::from_secs(2);

/// The pause before a greenlet that cannot be had is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// A worker whose process has not ended, or not been heard to.
pub(super) struct Entry {
    pub(super) number: usize,
    pub(super) age: u64,
    /// Which reading of the configuration it belongs to.
    pub(super) generation: u64,
    pub(super) started: Instant,
    pub(super) is_ready: bool,
    /// It has asked to be replaced.
    pub(super) retires: bool,
    /// It was told to end: when it is killed if it has not.
    pub(super) stops: Option<Instant>,
    pub(super) last_beat: Instant,
    /// The last figures that came.
    pub(super) figures: Figures,
    /// Why it has not booted, in its own words.
    pub(super) failure: Option<String>,
    aborted: Option<Instant>,
    killed: bool,
    /// By the configuration that it has read.
    timeout: Duration,
    graceful_timeout: Duration,
    link: Link,
    child: Child,
}

/// What the master does with a worker that has been silent for too long.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Silence {
    /// Nothing: it speaks, or there is time yet.
    None,
    Aborted,
    Killed,
}

impl Entry {
    /// Starts a worker, and greenlets that tell of what it says and of its end.
    pub(super) fn start(
        program: &Path,
        hello: Hello,
        passed: Vec<Passed>,
        generation: u64,
        options: &Options,
        events: &Queue<Event>,
    ) -> io::Result<Self> {
        let (link, reader, far) = Link::new()?;
        let mut hello = hello;
        let mut fds = vec![far];
        for (name, place, socket) in passed {
            hello.listeners.push((name, place));
            fds.push(socket);
        }
        let (number, age) = (hello.number, hello.age);
        let mut command = role::again(program);
        for (name, value) in &options.env {
            command.env(name, value);
        }
        role::as_worker(&mut command);
        command.stdin(Stdio::null()).pass_fds(fds)?;
        let child = command.spawn()?;
        drop(command); // and with it the other end
        let now = Instant::now();
        let entry = Self {
            number,
            age,
            generation,
            started: now,
            is_ready: false,
            retires: false,
            stops: None,
            last_beat: now,
            figures: Figures::new(),
            failure: None,
            aborted: None,
            killed: false,
            timeout: options.timeout,
            graceful_timeout: options.graceful_timeout,
            link,
            child,
        };
        entry.send(&ToWorker::Hello(hello));
        listen(&entry.child, reader, events, move |heard| match heard {
            Heard::Said(message) => Event::Said(age, message),
            Heard::Ended(status) => Event::Ended(age, status),
        });
        Ok(entry)
    }

    pub(super) fn info(&self) -> WorkerInfo {
        WorkerInfo {
            number: self.number,
            age: self.age,
            pid: self.child.id(),
            uptime: self.started.elapsed(),
        }
    }

    /// Says something to it. One that cannot be spoken to is seen to be silent.
    pub(super) fn send(&self, message: &ToWorker) {
        if let Err(error) = self.link.send(message) {
            log::debug!("worker {} cannot be spoken to: {error}", self.number);
        }
    }

    /// Tells it to end. It will be killed when the time for that has passed.
    pub(super) fn stop(&mut self, how: Stop, quick_timeout: Duration) {
        let limit = match how {
            Stop::Graceful => self.graceful_timeout + STOP_MARGIN,
            Stop::Quick => quick_timeout,
        };
        let deadline = Instant::now() + limit;
        self.stops = Some(self.stops.map_or(deadline, |before| before.min(deadline)));
        self.send(&ToWorker::Stop(how));
        if !self.is_ready {
            self.signal(END_OF_BOOT);
        }
    }

    pub(super) fn kill(&mut self) {
        self.killed = true;
        self.signal(Signal::KILL);
    }

    /// Ends a worker that is silent: by SIGABRT, then by SIGKILL.
    pub(super) fn end_silence(&mut self, now: Instant) -> Silence {
        let timeout = self.timeout;
        let silent = now.saturating_duration_since(self.last_beat);
        if timeout.is_zero() || silent < timeout || self.killed {
            return Silence::None;
        }
        match self.aborted {
            None => {
                self.aborted = Some(now);
                self.signal(Signal::ABRT);
                Silence::Aborted
            }
            Some(since) if now.saturating_duration_since(since) >= ABORT_LIMIT => {
                self.kill();
                Silence::Killed
            }
            Some(_) => Silence::None,
        }
    }

    /// When something has to be done about it, if it stays as it is.
    pub(super) fn due(&self) -> Option<Instant> {
        let timeout = self.timeout;
        if self.killed {
            return None;
        }
        let silence = match self.aborted {
            _ if timeout.is_zero() => None,
            Some(since) => Some(since + ABORT_LIMIT),
            None => Some(self.last_beat + timeout),
        };
        silence.into_iter().chain(self.stops).min()
    }

    /// What it is doing, for people.
    pub(super) fn state(&self) -> &'static str {
        match self {
            _ if self.aborted.is_some() => "aborted",
            _ if self.stops.is_some() => "stopping",
            _ if !self.is_ready => "starting",
            _ if self.retires => "retiring",
            _ => "ready",
        }
    }

    pub(super) fn is_killed(&self) -> bool {
        self.killed
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    fn signal(&self, signal: Signal) {
        if let Err(error) = self.child.send_signal(signal) {
            log::error!("worker {} cannot be sent {signal}: {error}", self.number);
        }
    }
}

/// What is heard of a process.
pub(super) enum Heard {
    Said(ToMaster),
    /// `None` if nobody knows how.
    Ended(Option<ExitStatus>),
}

/// How a process has ended, for people.
pub(super) fn shown(status: Option<ExitStatus>) -> String {
    match status {
        Some(status) => status.to_string(),
        None => "nobody knows how".to_owned(),
    }
}

/// Puts all that a process says, and last its end, into the queue.
pub(super) fn listen(
    child: &Child,
    mut reader: LinkReader,
    events: &Queue<Event>,
    event: impl Fn(Heard) -> Event + Send + Sync + Clone + 'static,
) {
    let (tell, said) = (events.clone(), event.clone());
    let hears = surely("maypole-hears", move || {
        loop {
            match ToMaster::read(&mut reader) {
                Ok(Some(message)) => drop(tell.try_put(said(Heard::Said(message)))),
                Ok(None) => return,
                Err(error) => return log::debug!("a worker's words ended early: {error}"),
            }
        }
    });
    let (tell, child) = (events.clone(), child.handle().clone());
    drop(surely("maypole-waits", move || {
        let status = child.wait().ok();
        if !hears.join_timeout(LAST_WORDS) {
            hears.start_kill();
        }
        let _ = tell.try_put(event(Heard::Ended(status)));
    }));
}

/// A greenlet, as soon as one can be had.
fn surely(name: &str, body: impl FnOnce() + Send + 'static) -> maypole_runtime::Greenlet<()> {
    let slot = std::sync::Arc::new(parking_lot::Mutex::new(Some(body)));
    loop {
        let theirs = slot.clone();
        let spawned = Builder::new().name(name).spawn(move || {
            let body = theirs.lock().take();
            if let Some(body) = body {
                body();
            }
        });
        match spawned {
            Ok(greenlet) => return greenlet,
            Err(_) => sleep(RETRY),
        }
    }
}
