//! A greenlet that overflows its stack ends the process, with a message.
//!
//! The generator crate's own handler would switch away from the overflowed
//! stack and go on without unwinding it: destructors skipped, locks held,
//! borrowed data dangling. So ours is installed in front of it.

use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;

use libc::{c_int, c_void, sigaction, siginfo_t};

/// What the handler has to know of the greenlet that runs on this thread.
pub(super) struct Running<'a> {
    /// Addresses whose access means that the stack is used up.
    pub(super) guard: Range<usize>,
    /// The greenlet's number.
    pub(super) id: u64,
    /// The greenlet's name, if it has one.
    pub(super) name: Option<&'a str>,
    /// The size of its stack.
    pub(super) stack_size: usize,
}

/// Asks the engine for the running greenlet and hands it to the visitor. Called
/// in the signal handler: must not allocate, lock or panic.
pub(super) type Visit = fn(visitor: &mut dyn FnMut(Running<'_>));

/// The handlers that were there before the engine crates came.
pub(super) struct Previous {
    segv: sigaction,
    bus: sigaction,
}

// SAFETY: plain numbers and function addresses, read only.
unsafe impl Send for Previous {}
// SAFETY: as above.
unsafe impl Sync for Previous {}

static INSTALLED: OnceLock<(Visit, Previous)> = OnceLock::new();

/// Remembers the process's handlers. To be called before the first coroutine
/// exists, so that a fault that is not ours goes where it went before.
pub(super) fn previous() -> Previous {
    Previous {
        segv: current_action(libc::SIGSEGV),
        bus: current_action(libc::SIGBUS),
    }
}

/// Puts our handler in front. To be called after the first coroutine exists,
/// because that is when the generator crate installs its own.
pub(super) fn install(visit: Visit, previous: Previous) {
    if INSTALLED.set((visit, previous)).is_err() {
        return;
    }
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: all-zero bytes are a valid `sigaction` (no flags, empty mask).
        let mut action: sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        action.sa_sigaction =
            on_fault as extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: `action` is initialised; `on_fault` has the signature that
        // SA_SIGINFO asks for and does only what a signal handler may.
        unsafe { sigaction(signal, &action, ptr::null_mut()) };
    }
}

/// Gives the calling thread an alternate signal stack if it has none: the
/// handler cannot run on the stack that has just overflowed. std gives one to
/// each of its threads, but not where a program was not started by Rust's main.
pub(super) fn ensure_signal_stack() {
    const SIZE: usize = 64 * 1024;
    // SAFETY: `old` is written by the call before it is read. The new stack is
    // leaked on purpose: it has to outlive the thread's last instruction, and
    // hub threads live as long as the process.
    unsafe {
        let mut old = MaybeUninit::<libc::stack_t>::zeroed();
        if libc::sigaltstack(ptr::null(), old.as_mut_ptr()) != 0
            || old.assume_init().ss_flags & libc::SS_DISABLE == 0
        {
            return;
        }
        let memory = Box::leak(vec![0u8; SIZE].into_boxed_slice());
        let stack = libc::stack_t {
            ss_sp: memory.as_mut_ptr().cast(),
            ss_flags: 0,
            ss_size: SIZE,
        };
        libc::sigaltstack(&stack, ptr::null_mut());
    }
}

fn current_action(signal: c_int) -> sigaction {
    let mut old = MaybeUninit::zeroed();
    // SAFETY: a null new action only reads the old one into `old`.
    unsafe {
        sigaction(signal, ptr::null(), old.as_mut_ptr());
        old.assume_init()
    }
}

extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, _context: *mut c_void) {
    let Some((visit, previous)) = INSTALLED.get() else {
        return;
    };
    // SAFETY: with SA_SIGINFO the kernel passes a valid `siginfo_t`.
    let address = unsafe { (*info).si_addr() } as usize;
    visit(&mut |running| {
        if running.guard.contains(&address) {
            report(&running);
            // SAFETY: abort is async-signal-safe.
            unsafe { libc::abort() };
        }
    });
    // Not ours: put the old handler back and return, so that the faulting
    // instruction runs again and finds it.
    let old = if signal == libc::SIGBUS {
        &previous.bus
    } else {
        &previous.segv
    };
    // SAFETY: `old` came from the kernel.
    unsafe { sigaction(signal, old, ptr::null_mut()) };
}

/// Writes the message with `write(2)` alone: nothing else is allowed here.
fn report(running: &Running<'_>) {
    let mut id_digits = [0; 20];
    let mut size_digits = [0; 20];
    for part in [
        b"\nmaypole: greenlet ".as_slice(),
        decimal(running.id, &mut id_digits),
        b" \"",
        running.name.unwrap_or("unnamed").as_bytes(),
        b"\" has overflowed its stack of ",
        decimal(running.stack_size as u64 / 1024, &mut size_digits),
        b" KiB. Give it a larger one with Builder::stack_size, or all greenlets with \
          Hub::set_stack_size.\n",
    ] {
        let mut rest = part;
        while !rest.is_empty() {
            // SAFETY: `rest` is valid for its length.
            let n = unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(n) {
                Ok(n) if n > 0 => rest = &rest[n.min(rest.len())..],
                _ => return,
            }
        }
    }
}

fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 || start == 0 {
            return &digits[start..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimal_writes_numbers() {
        let mut digits = [0; 20];
        assert_eq!(decimal(0, &mut digits), b"0");
        assert_eq!(decimal(256, &mut digits), b"256");
        assert_eq!(
            decimal(u64::MAX, &mut digits),
            u64::MAX.to_string().as_bytes()
        );
    }
}
