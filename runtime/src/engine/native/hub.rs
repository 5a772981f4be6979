//! The hub: one thread that runs greenlets, polls for I/O and rings alarms.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::num::NonZeroU64;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::event::epoll::{self, EventData, EventFlags};

use super::super::alarms::Alarms;
use super::super::settings::{Place, Places, page_size, threads, time_slice};
use super::super::slice::{polled, slice_spent};
use super::super::{
    Alarm, AlarmKey, Placement, SpawnError, current as running, default_stack_size, overflow,
    time_left,
};
use super::bell::EventBell;
use super::inbox::Inbox;
use super::registration::Readiness;
use super::run_queue;
use super::slab::{self, Slabs, Stack};
use super::spawn::Switch;
use super::stacks::{self, Housekeeping};
use super::task::{Resumed, TaskPtr};

/// Events taken from epoll at a time.
const EVENTS: usize = 256;

/// Alarms rung between two polls: a burst of them must not keep I/O waiting.
const RINGS_PER_POLL: usize = 1024;

/// Nanoseconds by which the kernel may delay the end of a poll: none, not its
/// usual 50 µs. Threads and processes that a greenlet starts inherit it, which
/// costs them only wake-ups that the kernel could have put together.
const TIMER_SLACK: NonZeroU64 = NonZeroU64::MIN;

/// What each hub has one of, from its start to the end of the process.
pub(super) struct Core {
    inbox: Inbox<TaskPtr, EventBell>,
    // Greenlets that live on this hub: those that it spawned for itself less
    // those that have ended, which only its own thread counts, and those that
    // others sent. The sum is right, each alone may be below zero.
    kept: AtomicUsize,
    sent: AtomicUsize,
    epoll: OwnedFd,
    alarms: Mutex<Alarms>,
    // Closed descriptors' readiness, for events that were taken before.
    retired: Mutex<Vec<Arc<Readiness>>>,
    slabs: Slabs,
    places: &'static Places,
    stack_size: usize,
    page_size: usize,
    time_slice: Duration,
}

static HUBS: OnceLock<&'static [Core]> = OnceLock::new();

thread_local! {
    // The hub whose thread this is. No destructor: read whenever a greenlet is
    // woken.
    static HERE: Cell<*const Core> = const { Cell::new(ptr::null()) };
}

/// Whether the hub runs, so that its settings are made.
pub(in super::super) fn is_started() -> bool {
    HUBS.get().is_some()
}

/// Any number of hubs will do.
pub(in super::super) fn refuse_threads(_threads: usize) -> io::Result<()> {
    Ok(())
}

/// How many hubs there are.
pub(crate) fn hub_count() -> usize {
    hubs().len()
}

/// The hub of the calling greenlet; for a plain thread, the first.
#[inline]
pub(super) fn current() -> &'static Core {
    // SAFETY: null, or set by a hub's thread to its own core, which is leaked.
    match unsafe { HERE.get().as_ref() } {
        Some(hub) => hub,
        None => &hubs()[0],
    }
}

/// The hub that a placement stands for.
#[inline]
pub(super) fn at(placement: Placement) -> Result<&'static Core, SpawnError> {
    match placement {
        // So that the contract tests, which spawn from plain threads, mix hubs.
        Placement::Here if cfg!(test) && HERE.get().is_null() => Ok(least_loaded()),
        Placement::Here => Ok(current()),
        Placement::On(hub) => hubs().get(hub).ok_or(SpawnError::NoHub { hub }),
        Placement::LeastLoaded => Ok(least_loaded()),
    }
}

fn least_loaded() -> &'static Core {
    // Hubs with the same load take turns, or few connections would all be one's.
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let hubs = hubs();
    if hubs.len() == 1 {
        return &hubs[0];
    }
    let (before, after) = hubs.split_at(TURN.fetch_add(1, Ordering::Relaxed) % hubs.len());
    let by_load = |hub: &&'static Core| hub.load();
    let least = after.iter().chain(before).min_by_key(by_load);
    least.unwrap_or(&hubs[0])
}

/// All hubs, started at the first call.
///
/// # Panics
///
/// If the kernel gives no thread, epoll or eventfd to run a hub with.
#[inline]
fn hubs() -> &'static [Core] {
    HUBS.get_or_init(start)
}

/// Hands a greenlet that may run to its hub.
#[inline]
pub(super) fn make_ready(task: TaskPtr) {
    let hub = task.hub();
    if ptr::eq(HERE.get(), hub) {
        // SAFETY: checked above; and whoever calls has taken it from "parked" to
        // "running", or made it.
        unsafe { run_queue::push(task) };
    } else {
        hub.inbox.put(task);
    }
}

/// Suspends the running greenlet until its hub resumes it.
#[inline(always)] // see `wait::yield_now`
pub(super) fn switch_away() {
    let Some(switch) = running::with_frame(|frame| Some(frame?.root.switch)) else {
        return;
    };
    // SAFETY: `switch` points to the yielder of the running greenlet, which
    // lies on its stack until it ends.
    running::suspended(|| unsafe { (*switch.cast::<Switch>()).suspend(()) });
}

/// Lets every other ready greenlet run and, once the time slice is spent, I/O
/// and timers too. On a plain thread it yields the thread.
#[inline(always)] // see `wait::yield_now`
pub(crate) fn yield_now() {
    match running::with_frame(|frame| Some(frame?.root.task)) {
        Some(task) => {
            // SAFETY: it runs here, so it is not in the queue.
            unsafe { run_queue::push(task) };
            switch_away();
        }
        None => thread::yield_now(),
    }
}

/// Counts a call that did not have to suspend; suspends it all the same when
/// the time slice is spent. Does nothing on a plain thread.
#[inline]
pub(crate) fn tick() {
    // Asked in this order: a plain thread has no slice and needs no hub.
    if running::is_greenlet() && slice_spent(current().time_slice) {
        yield_now();
    }
}

/// Rings `alarm` once, at or soon after `at`.
pub(crate) fn set_alarm(at: Instant, alarm: Arc<dyn Alarm>) -> AlarmKey {
    let hub = current();
    let (key, first) = {
        let mut alarms = hub.alarms.lock();
        let first = alarms.next_at().is_none_or(|next| at < next);
        (alarms.insert(at, alarm), first)
    };
    if first && !ptr::eq(HERE.get(), hub) {
        hub.inbox.ring(); // it sleeps for too long now
    }
    key
}

/// Cancels an alarm. One that has been taken out to ring may still ring.
pub(crate) fn cancel_alarm(key: AlarmKey) {
    // Dropped after the lock is released.
    let hub = &hubs()[key.hub()];
    let _alarm = hub.alarms.lock().remove(key);
}

impl Core {
    /// Counts one more live greenlet, until the place is dropped.
    pub(super) fn take_place(&self) -> Result<Place, SpawnError> {
        self.places.take()
    }

    /// Counts a greenlet that will run here.
    pub(super) fn admit(&self) {
        if ptr::eq(HERE.get(), self) {
            self.count_kept(1);
        } else {
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many greenlets live here.
    fn load(&self) -> usize {
        let kept = self.kept.load(Ordering::Relaxed);
        kept.wrapping_add(self.sent.load(Ordering::Relaxed))
    }

    // On the hub's own thread, which alone writes: no locked instruction.
    fn count_kept(&self, more: usize) {
        let kept = self.kept.load(Ordering::Relaxed);
        self.kept.store(kept.wrapping_add(more), Ordering::Relaxed);
    }

    /// A stack for a new greenlet.
    #[inline]
    pub(super) fn take_stack(&self, size: usize) -> io::Result<Stack> {
        if size == self.stack_size {
            let mine = ptr::eq(HERE.get(), self);
            match mine.then(stacks::take).flatten() {
                Some(stack) => Ok(stack),
                None => self.slabs.take(),
            }
        } else {
            self.slabs.take_sized(size, self.page_size)
        }
    }

    /// Takes back the stack of a greenlet that has ended, on the hub's thread.
    pub(super) fn give_stack(&self, stack: Stack) {
        let over = if self.slabs.has(&stack) {
            stacks::give(stack)
        } else {
            Some(stack)
        };
        if let Some(stack) = over {
            self.slabs.give(stack);
        }
    }

    /// Has events of `fd` told to `readiness`, until it is retired.
    pub(super) fn watch(&self, fd: RawFd, readiness: &Arc<Readiness>) -> io::Result<()> {
        let told = EventFlags::IN | EventFlags::OUT | EventFlags::PRI | EventFlags::RDHUP;
        let flags = told | EventFlags::ET;
        let data = EventData::new_u64(Arc::as_ptr(readiness) as u64);
        // SAFETY: the registration that asks belongs to the owner of `fd`.
        Ok(epoll::add(
            &self.epoll,
            unsafe { BorrowedFd::borrow_raw(fd) },
            data,
            flags,
        )?)
    }

    /// The end of `watch`. The readiness lives on until the hub has gone
    /// through the events that it may have taken already.
    pub(super) fn retire(&self, fd: RawFd, readiness: Arc<Readiness>) {
        // SAFETY: a registration is dropped before the descriptor is closed.
        let _ = epoll::delete(&self.epoll, unsafe { BorrowedFd::borrow_raw(fd) });
        self.retired.lock().push(readiness);
    }

    /// Runs greenlets, polls, rings alarms; for ever.
    fn run(&'static self) -> ! {
        HERE.set(self);
        overflow::ensure_signal_stack();
        // Where the kernel refuses, alarms ring a little later.
        let _ = rustix::thread::set_current_timer_slack(Some(TIMER_SLACK));
        let mut events = [MaybeUninit::uninit(); EVENTS];
        let mut due = Vec::new();
        let mut house = Housekeeping::default();
        loop {
            self.inbox.take(&mut Queued);
            self.run_ready();
            self.poll(&mut events, &mut house);
            polled();
            self.ring_due(&mut due);
        }
    }

    /// Resumes those who are ready, until there are none or the slice is spent.
    fn run_ready(&self) {
        while let Some(task) = run_queue::pop() {
            // SAFETY: this is the hub's thread, between two greenlets, and the
            // pointer comes from its run queue.
            match unsafe { task.resume() } {
                Resumed::Suspended => {}
                Resumed::Ended => self.count_kept(usize::MAX), // one less
            }
            if slice_spent(self.time_slice) {
                return;
            }
        }
    }

    /// Waits for events, for as long as nobody is ready, and tells them.
    fn poll(&self, events: &mut [MaybeUninit<libc::epoll_event>], house: &mut Housekeeping) {
        let idle = run_queue::is_empty() && self.inbox.fall_asleep();
        let look = house.look(idle, &self.slabs);
        let timeout = if idle {
            let next = self.alarms.lock().next_at();
            time_left(next.into_iter().chain(look).min())
        } else {
            Some(rustix::time::Timespec::default())
        };
        let taken = wait(&self.epoll, events, timeout);
        self.inbox.wake_up();
        for event in &events[..taken] {
            // SAFETY: the kernel has written the first `taken` of them.
            let event = unsafe { event.assume_init() };
            if event.u64 == 0 {
                self.inbox.silence();
                continue;
            }
            // SAFETY: it points to what `watch` was given. The owner may have
            // retired it since, but what is retired is dropped below, by this
            // thread, after the events that were taken before.
            unsafe { (*(event.u64 as *const Readiness)).event(event.events) };
        }
        let retired = std::mem::take(&mut *self.retired.lock());
        drop(retired);
    }

    fn ring_due(&self, due: &mut Vec<Arc<dyn Alarm>>) {
        {
            let mut alarms = self.alarms.lock();
            if alarms.next_at().is_none() {
                return;
            }
            alarms.take_due(Instant::now(), RINGS_PER_POLL, due);
        }
        for alarm in due.drain(..) {
            alarm.ring();
        }
    }
}

/// What comes out of the inbox of the calling hub goes into its run queue.
struct Queued;

impl Extend<TaskPtr> for Queued {
    fn extend<I: IntoIterator<Item = TaskPtr>>(&mut self, tasks: I) {
        for task in tasks {
            // SAFETY: a hub empties its own inbox, which holds tasks of its own
            // that `make_ready` would have queued.
            unsafe { run_queue::push(task) };
        }
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("places", &self.places)
            .finish_non_exhaustive()
    }
}

#[cold]
fn start() -> &'static [Core] {
    let previous = overflow::previous();
    let markers = slab::has_guard_markers() && !asked_for_mprotect();
    let places: &'static Places = Box::leak(Box::new(if markers {
        Places::unlimited()
    } else {
        Places::by_mappings(0)
    }));
    let made: io::Result<Vec<Core>> = (0..threads())
        .map(|number| Core::new(number, places, markers))
        .collect();
    let hubs: &'static [Core] = match made {
        Ok(cores) => cores.leak(),
        Err(error) => panic!("the hub cannot start: {error}"),
    };
    for (number, hub) in hubs.iter().enumerate() {
        let started = thread::Builder::new()
            .name(format!("maypole-hub-{number}"))
            .spawn(|| hub.run());
        if let Err(error) = started {
            panic!("the hub cannot start: {error}");
        }
    }
    overflow::install(running::visit, previous);
    hubs
}

impl Core {
    fn new(number: usize, places: &'static Places, markers: bool) -> io::Result<Self> {
        let inbox = Inbox::new(EventBell::new()?);
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        // Zero is no readiness's address.
        let data = EventData::new_u64(0);
        epoll::add(&epoll, inbox.bell(), data, EventFlags::IN)?;
        let stack_size = default_stack_size();
        Ok(Self {
            inbox,
            kept: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
            epoll,
            alarms: Mutex::new(Alarms::for_hub(number)),
            retired: Mutex::default(),
            slabs: Slabs::new(stack_size, !markers),
            places,
            stack_size,
            page_size: page_size(),
            time_slice: time_slice(),
        })
    }
}

/// The contract tests also run as on a kernel without guard markers.
fn asked_for_mprotect() -> bool {
    cfg!(test) && std::env::var_os("MAYPOLE_CONTRACT_MPROTECT").is_some()
}

/// `epoll_pwait2`, whose time-out is not rounded to milliseconds; `epoll_wait`
/// on kernels before 5.11.
fn wait(
    epoll: &OwnedFd,
    events: &mut [MaybeUninit<libc::epoll_event>],
    timeout: Option<rustix::time::Timespec>,
) -> usize {
    let timeout = timeout.map(|time| libc::timespec {
        tv_sec: time.tv_sec,
        tv_nsec: time.tv_nsec,
    });
    let pointer = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    let most = events.len() as libc::c_int;
    // SAFETY: the kernel writes at most `most` events, and reads the time.
    let taken = unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait2,
            epoll.as_raw_fd(),
            events.as_mut_ptr(),
            most,
            pointer,
            ptr::null::<libc::sigset_t>(),
            0usize,
        )
    };
    if let Ok(taken) = usize::try_from(taken) {
        return taken;
    }
    if io::Error::last_os_error().raw_os_error() != Some(libc::ENOSYS) {
        return 0; // interrupted
    }
    let millis = timeout.map_or(-1, |time| {
        let millis = time.tv_sec * 1000 + (time.tv_nsec + 999_999) / 1_000_000;
        libc::c_int::try_from(millis).unwrap_or(libc::c_int::MAX)
    });
    // SAFETY: as above.
    let taken =
        unsafe { libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr().cast(), most, millis) };
    usize::try_from(taken).unwrap_or(0)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn alarms_are_not_put_off() {
        let slack = crate::spawn(rustix::thread::current_timer_slack);
        assert_eq!(slack.get().unwrap().unwrap(), TIMER_SLACK.get());
    }
}
