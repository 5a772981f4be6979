//! What the contract tests share: a watchdog, conditions to wait for, children.

use std::env;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::panic::resume_unwind;
use std::process::{self, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::net::{TcpListener, TcpStream};
use crate::{Greenlet, GreenletError, current, sleep, spawn};

/// How long a test may take before it counts as hanging. Far more than any
/// needs, on a machine that is busy with other things too.
const PATIENCE: Duration = Duration::from_secs(180);

/// More bytes than the buffers of a connection can take.
pub(super) const MUCH: usize = 16 << 20;

/// Set in a child process to the name of its test.
const CHILD: &str = "MAYPOLE_CONTRACT_CHILD";

/// Runs a test's body, and ends the process with the test's name if it hangs:
/// a hub that is stuck would take all other tests with it.
pub(super) fn contract<R>(body: impl FnOnce() -> R) -> R {
    let name = thread::current().name().unwrap_or("unnamed").to_owned();
    let (done, watched) = mpsc::channel::<()>();
    thread::spawn(move || {
        if watched.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            // Not `eprintln`: the harness would capture it and lose it.
            let _ = writeln!(io::stderr(), "\ncontract test {name} hangs");
            process::abort();
        }
    });
    let value = body();
    drop(done);
    value
}

/// [`contract`] with a body that runs in a greenlet.
pub(super) fn on_hub<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    contract(|| value_of(spawn(body).get()))
}

/// A greenlet's value; its panic goes on in the caller.
#[track_caller]
pub(super) fn value_of<T>(got: Result<T, GreenletError>) -> T {
    match got.map_err(GreenletError::into_panic) {
        Ok(value) => value,
        Err(Ok(payload)) => resume_unwind(payload),
        Err(Err(error)) => panic!("{error}"),
    }
}

/// Waits for a condition. It must come: the watchdog looks after that.
pub(super) fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        pause();
    }
}

/// A moment in which others can run; from greenlets and threads.
pub(super) fn pause() {
    let moment = Duration::from_micros(200);
    if current().is_some() {
        sleep(moment);
    } else {
        thread::sleep(moment);
    }
}

/// Lets greenlets that are ready get to their next blocking call. With one
/// worker that is certain; with more it is likely, and no test needs it to be.
pub(super) fn settle() {
    for _ in 0..3 {
        spawn(crate::yield_now).join();
    }
}

/// Spawns a greenlet and waits until its body has begun and, with one worker,
/// has come to its first blocking call.
pub(super) fn begin<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Greenlet<T> {
    let begun = Counter::default();
    let greenlet = spawn({
        let begun = begun.clone();
        move || {
            begun.add();
            body()
        }
    });
    begun.reaches(1);
    settle();
    greenlet
}

/// True with more workers than one: the caller's promise then does not hold.
pub(super) fn one_worker_only() -> bool {
    let more = env::var("MAYPOLE_CONTRACT_WORKERS").is_ok_and(|workers| workers != "1");
    if more {
        println!("not promised with more than one worker");
    }
    more
}

/// A connection: our side, and the far side as a plain blocking socket of std.
pub(super) fn pair() -> (TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let far = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (near, _) = listener.accept().unwrap();
    far.set_nodelay(true).unwrap();
    near.set_nodelay(true).unwrap();
    (near.try_into().unwrap(), far)
}

/// A connection of which both sides are ours.
pub(super) fn our_pair() -> (TcpStream, TcpStream) {
    let (near, far) = pair();
    (near, far.try_into().unwrap())
}

/// A listener of ours on a port of its own.
pub(super) fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Writes until the socket takes no more; returns how much it took.
pub(super) fn fill(stream: &TcpStream) -> usize {
    let mut full = 0;
    let mut calm = 0;
    while calm < 3 {
        match rustix::io::write(stream, &[b'f'; 4096]) {
            Ok(n) => {
                full += n;
                calm = 0;
            }
            // What is on its way to the peer's buffer may make room once more.
            Err(rustix::io::Errno::AGAIN) => {
                calm += 1;
                pause();
            }
            Err(error) => panic!("cannot fill: {error}"),
        }
    }
    full
}

/// Counts, shared by greenlets and threads.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub(super) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Waits until it has counted to `n`.
    pub(super) fn reaches(&self, n: usize) {
        until(|| self.get() >= n);
    }

    /// A guard that counts when it is dropped.
    pub(super) fn on_drop(&self) -> OnDrop<impl FnMut() + use<>> {
        let counter = self.clone();
        OnDrop(move || {
            counter.add();
        })
    }
}

/// Calls its function when dropped.
pub(super) struct OnDrop<F: FnMut()>(pub(super) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        self.0();
    }
}

/// How a child process ended.
#[derive(Debug)]
pub(super) struct ChildEnd {
    pub(super) success: bool,
    pub(super) signal: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs the test `name` of the module at `module` again, in a process of its
/// own. Returns `None` in that process, where the test goes on.
pub(super) fn child(module: &str, name: &str, env: &[(&str, &str)]) -> Option<ChildEnd> {
    if env::var(CHILD).is_ok_and(|child| child == name) {
        return None;
    }
    let (_crate, module) = module.split_once("::").unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args([&format!("{module}::{name}"), "--exact", "--nocapture"])
        .env(CHILD, name)
        .envs(env.iter().copied())
        .output()
        .unwrap();
    let end = ChildEnd {
        success: output.status.success(),
        signal: output.status.signal(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    assert!(end.stdout.contains("running 1 test"), "{end:?}");
    Some(end)
}

/// A small generator of numbers, the same ones each time (xorshift).
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `bound`.
    pub(super) fn roll(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}
