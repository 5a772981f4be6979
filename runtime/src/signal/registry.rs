//! Who wants which signal, and the greenlet that tells them.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use signal_hook::flag;
use signal_hook::low_level::{pipe, signal_name, unregister};

use crate::engine::{Interest, Source};
use crate::greenlet::{Builder, catch_panic, sleep};
use crate::wait;

use super::number::{MAX, Set, Signal};

/// Until the next try when there is no greenlet for a handler, or no room in
/// epoll: a moment in which some may end.
const RETRY: Duration = Duration::from_millis(10);

const PLACES: usize = MAX as usize + 1;

// What the kernel's handlers touch; they may not allocate or lock.
/// The signal has come and nobody has been told.
static ARRIVED: [AtomicBool; PLACES] = [const { AtomicBool::new(false) }; PLACES];
/// Nobody wants the signal, and it was not ignored before: it has its effect.
static DEFAULT: [AtomicBool; PLACES] = [const { AtomicBool::new(false) }; PLACES];

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    wake: None,
    hooked: [Hook::None; PLACES],
    wanted: Vec::new(),
    next: 0,
});

struct Registry {
    // Our end of the socket that wakes the dispatcher; made with the first.
    wake: Option<UnixStream>,
    hooked: [Hook; PLACES],
    // In the order in which they came.
    wanted: Vec<Wanted>,
    next: u64,
}

/// What is installed for a signal, for the rest of the process's life.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Hook {
    None,
    /// Installed where the kernel's default was before, or another's handler.
    OverDefault,
    /// Installed where the signal was ignored before.
    OverIgnored,
}

struct Wanted {
    number: u64,
    signals: Set,
    listener: Arc<dyn Listener>,
}

/// Somebody who wants to be told.
pub(super) trait Listener: Send + Sync {
    /// The signal has come. Called in the dispatcher's greenlet, without locks.
    fn tell(self: Arc<Self>, signal: Signal);
}

/// Has a listener told of signals for as long as it lives.
#[derive(Debug)]
pub(super) struct Subscription {
    number: u64,
    signals: Set,
}

impl Subscription {
    /// Has `listener` told of `signals` from here on.
    pub(super) fn new(signals: Set, listener: Arc<dyn Listener>) -> io::Result<Self> {
        if signals.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no signal was named",
            ));
        }
        signals.iter().try_for_each(refuse_forbidden)?;
        start_dispatcher()?;
        let mut registry = REGISTRY.lock();
        for signal in signals.iter() {
            registry.hook(signal)?;
        }
        let number = registry.next;
        registry.next += 1;
        registry.wanted.push(Wanted {
            number,
            signals,
            listener,
        });
        for signal in signals.iter() {
            DEFAULT[signal.index()].store(false, Ordering::SeqCst);
        }
        Ok(Self { number, signals })
    }

    pub(super) fn signals(&self) -> Set {
        self.signals
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let gone = {
            let mut registry = REGISTRY.lock();
            let place = registry
                .wanted
                .iter()
                .position(|wanted| wanted.number == self.number);
            let gone = place.map(|place| registry.wanted.remove(place));
            for signal in self.signals.iter() {
                registry.settle(signal);
            }
            gone
        };
        drop(gone); // may be the user's closure, whose destructor may do anything
    }
}

impl Registry {
    /// Makes sure that the signal comes to us.
    fn hook(&mut self, signal: Signal) -> io::Result<()> {
        if self.hooked[signal.index()] != Hook::None {
            return Ok(());
        }
        let Some(wake) = &self.wake else {
            return Err(io::ErrorKind::NotConnected.into()); // not reached: made before
        };
        let wake = wake.try_clone()?;
        let hook = if is_ignored(signal) {
            Hook::OverIgnored
        } else {
            Hook::OverDefault
        };
        let raw = signal.as_raw();
        let index = signal.index();
        // Nobody wants it yet, and if what follows fails nobody will.
        DEFAULT[index].store(hook == Hook::OverDefault, Ordering::SeqCst);
        // In this order: that is the order in which they run.
        if signal_name(raw).is_some() {
            flag::register_conditional_default(raw, &DEFAULT[index])?;
        } // else it is a real-time signal, whose effect cannot be imitated
        let mark = flag::register(raw, &ARRIVED[index])?;
        if let Err(error) = pipe::register(raw, wake) {
            unregister(mark);
            return Err(error);
        }
        self.hooked[index] = hook;
        Ok(())
    }

    /// Gives the signal its old effect back when nobody wants it any more.
    fn settle(&self, signal: Signal) {
        let wanted = self.wanted.iter().any(|w| w.signals.contains(signal));
        let effect = !wanted && self.hooked[signal.index()] == Hook::OverDefault;
        DEFAULT[signal.index()].store(effect, Ordering::SeqCst);
    }

    fn listeners(&self, signal: Signal) -> Vec<Arc<dyn Listener>> {
        self.wanted
            .iter()
            .filter(|wanted| wanted.signals.contains(signal))
            .map(|wanted| wanted.listener.clone())
            .collect()
    }
}

/// Signals that no handler can be had for: the kernel's two, and those that
/// tell of a fault, where going on would only repeat it.
fn refuse_forbidden(signal: Signal) -> io::Result<()> {
    let forbidden = [
        Signal::KILL,
        Signal::STOP,
        Signal::SEGV,
        Signal::BUS,
        Signal::ILL,
        Signal::FPE,
    ];
    if !forbidden.contains(&signal) {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{signal} cannot be handled"),
    ))
}

/// Whether the process ignores the signal now. Asked before ours is installed.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    match ignored {
        Some(mask) => mask & (1 << (signal.index() - 1)) != 0,
        // No /proc: what Rust's start-up does is known, the rest is unlikely.
        None => signal == Signal::PIPE,
    }
}

/// Starts the greenlet that reads the socket, once. It stays for good, and
/// keeps nothing from ending.
fn start_dispatcher() -> io::Result<()> {
    static STARTING: Mutex<()> = Mutex::new(());
    // Not the registry's lock: it is not to be held while a hub starts.
    let _starting = STARTING.lock();
    if REGISTRY.lock().wake.is_some() {
        return Ok(());
    }
    let (wake, read) = UnixStream::pair()?;
    read.set_nonblocking(true)?;
    let dispatcher = Builder::new()
        .name("maypole-signals")
        .spawn(move || dispatch(&Source::new(read)))?;
    drop(dispatcher); // runs by itself
    REGISTRY.lock().wake = Some(wake);
    Ok(())
}

/// Tells of each signal that has come, for ever.
fn dispatch(socket: &Source<UnixStream>) {
    loop {
        // First the socket, then the marks: one that is set after we looked has
        // its byte in the socket and wakes us again.
        drain(socket.get_ref());
        for signal in Signal::all() {
            if ARRIVED[signal.index()].swap(false, Ordering::SeqCst) {
                let listeners = REGISTRY.lock().listeners(signal);
                for listener in listeners {
                    // The last owner of a cancelled handler drops it, and its
                    // destructor may panic.
                    let _ = catch_panic(|| listener.tell(signal));
                }
            }
        }
        if wait::ready(socket, Interest::Read, None).is_err() {
            sleep(RETRY);
        }
    }
}

fn drain(mut socket: &UnixStream) {
    let mut bytes = [0; 64];
    loop {
        match socket.read(&mut bytes) {
            Ok(n) if n > 0 => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => return, // there is no more
        }
    }
}

/// Runs `body` in a new greenlet, waiting until one can be had.
pub(super) fn spawn_surely(name: &str, body: impl Fn() + Send + Clone + 'static) {
    while Builder::new().name(name).spawn(body.clone()).is_err() {
        sleep(RETRY);
    }
}
