//! Which signal.

use std::fmt;
use std::num::NonZeroU8;

use signal_hook::low_level::signal_name;

/// The highest number that the kernel gives to a signal.
pub(super) const MAX: u8 = 64;

/// A signal, by its number on this machine.
///
/// # Examples
///
/// ```
/// use maypole_runtime::signal::Signal;
///
/// assert_eq!(Signal::TERM.to_string(), "SIGTERM");
/// assert_eq!(Signal::from_raw(Signal::TERM.as_raw()), Some(Signal::TERM));
/// assert_eq!(Signal::from_raw(0), None);
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Signal(NonZeroU8);

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident = $raw:ident;)*) => {
        impl Signal {
            $($(#[$doc])*
            pub const $name: Self = Self::of(libc::$raw);)*
        }
    };
}

named! {
    /// The terminal is gone; many servers read their settings again.
    HUP = SIGHUP;
    /// Ctrl-C.
    INT = SIGINT;
    /// Ctrl-\: end, and dump core.
    QUIT = SIGQUIT;
    /// An instruction that there is not. Cannot be handled here.
    ILL = SIGILL;
    /// A breakpoint.
    TRAP = SIGTRAP;
    /// `abort` was called.
    ABRT = SIGABRT;
    /// Memory that cannot be had. Cannot be handled here.
    BUS = SIGBUS;
    /// An impossible calculation. Cannot be handled here.
    FPE = SIGFPE;
    /// End at once. Cannot be handled by anybody.
    KILL = SIGKILL;
    /// For the program's own use.
    USR1 = SIGUSR1;
    /// Memory that must not be touched. Cannot be handled here.
    SEGV = SIGSEGV;
    /// For the program's own use.
    USR2 = SIGUSR2;
    /// A write to a pipe or socket that nobody reads. Rust's programs ignore it
    /// from the start and get an error from the write.
    PIPE = SIGPIPE;
    /// The clock of `alarm` has rung.
    ALRM = SIGALRM;
    /// A request to end: what service managers send.
    TERM = SIGTERM;
    /// A child has ended, stopped or gone on.
    CHLD = SIGCHLD;
    /// Go on after a stop.
    CONT = SIGCONT;
    /// Stop at once. Cannot be handled by anybody.
    STOP = SIGSTOP;
    /// Ctrl-Z.
    TSTP = SIGTSTP;
    /// A read from the terminal in the background.
    TTIN = SIGTTIN;
    /// A write to the terminal in the background.
    TTOU = SIGTTOU;
    /// Urgent data on a socket.
    URG = SIGURG;
    /// The limit on processor time is reached.
    XCPU = SIGXCPU;
    /// The limit on the size of files is reached.
    XFSZ = SIGXFSZ;
    /// The clock of the process's own time has rung.
    VTALRM = SIGVTALRM;
    /// The clock of a profiler has rung.
    PROF = SIGPROF;
    /// The terminal's window has changed its size.
    WINCH = SIGWINCH;
    /// A descriptor is ready.
    IO = SIGIO;
    /// A system call that there is not.
    SYS = SIGSYS;
}

impl Signal {
    /// The signal with this number, if the kernel has it: 1 to 64. Those from
    /// 32 on are the real-time signals.
    ///
    /// See the example of [`Signal`].
    #[must_use]
    pub const fn from_raw(number: i32) -> Option<Self> {
        if number < 1 || number > MAX as i32 {
            return None;
        }
        match NonZeroU8::new(number as u8) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Its number.
    ///
    /// See the example of [`Signal`].
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.0.get() as i32
    }

    const fn of(number: i32) -> Self {
        match Self::from_raw(number) {
            Some(signal) => signal,
            None => panic!("not the number of a signal"), // when compiling
        }
    }

    /// Its place in a table of all signals.
    pub(super) fn index(self) -> usize {
        usize::from(self.0.get())
    }

    /// All of them, in the order of their numbers.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (1..=i32::from(MAX)).filter_map(Self::from_raw)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match signal_name(self.as_raw()) {
            Some(name) => f.pad(name),
            None => write!(f, "signal {}", self.as_raw()),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A set of signals.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Set(u64);

impl Set {
    /// Adds one; adding it twice is adding it once.
    pub(super) fn insert(&mut self, signal: Signal) {
        self.0 |= bit(signal);
    }

    /// Takes the one with the lowest number out.
    pub(super) fn take_first(&mut self) -> Option<Signal> {
        let first = self.iter().next()?;
        self.0 &= !bit(first);
        Some(first)
    }

    pub(super) fn contains(self, signal: Signal) -> bool {
        self.0 & bit(signal) != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in the set, in the order of their numbers.
    pub(super) fn iter(self) -> impl Iterator<Item = Signal> {
        Signal::all().filter(move |signal| self.contains(*signal))
    }
}

impl FromIterator<Signal> for Set {
    fn from_iter<I: IntoIterator<Item = Signal>>(signals: I) -> Self {
        let mut set = Self::default();
        for signal in signals {
            set.insert(signal);
        }
        set
    }
}

fn bit(signal: Signal) -> u64 {
    1 << (signal.index() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_kernel() {
        assert_eq!(Signal::all().count(), 64);
        assert_eq!(Signal::from_raw(-1), None);
        assert_eq!(Signal::from_raw(65), None);
        assert_eq!(Signal::from_raw(256 + 15), None);
        assert_eq!(Signal::TERM.as_raw(), 15);
        assert_eq!(format!("{:?}", Signal::INT), "SIGINT");
        assert_eq!(Signal::from_raw(40).unwrap().to_string(), "signal 40");
    }

    #[test]
    fn a_set_gives_out_the_lowest_first() {
        let mut set: Set = [Signal::TERM, Signal::INT, Signal::TERM]
            .into_iter()
            .collect();
        assert!(set.contains(Signal::TERM) && !set.contains(Signal::HUP));
        assert_eq!(set.take_first(), Some(Signal::INT));
        assert_eq!(set.take_first(), Some(Signal::TERM));
        assert_eq!(set.take_first(), None);
        assert!(set.is_empty());
        let mut all: Set = Signal::all().collect();
        assert_eq!(std::iter::from_fn(|| all.take_first()).count(), 64);
    }
}
