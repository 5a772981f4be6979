//! The engine's own page, point by point, without the layers above.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use std::{io::Write, sync::atomic::AtomicU64, sync::atomic::Ordering};

use parking_lot::Mutex;

use super::support::{Counter, contract, one_worker_only, until};
use crate::engine::{
    Alarm, Interest, Local, Parker, Placement, Source, SpawnError, cancel_alarm,
    default_stack_size, set_alarm, spawn, tick, with_current, yield_now,
};

/// The least that an engine carries along.
struct Bare {
    id: u64,
    parker: Parker,
}

impl Bare {
    fn new() -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1_000_000);
        Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            parker: Parker::for_greenlet(),
        })
    }
}

impl Alarm for Bare {
    fn ring(self: Arc<Self>) {
        self.parker.alarm_rang(self.clone());
    }
}

impl Local for Bare {
    fn id(&self) -> u64 {
        self.id
    }

    fn name(&self) -> Option<&str> {
        None
    }

    fn parker(&self) -> &Parker {
        &self.parker
    }

    fn ended(self: Arc<Self>) {}
}

/// Spawns `body` with what it is carried along with.
fn start(body: impl FnOnce(&Arc<Bare>) + Send + 'static) -> Arc<Bare> {
    let local = Bare::new();
    spawn(Placement::Here, default_stack_size(), local.clone(), body).unwrap();
    local
}

/// Runs a test's body in a greenlet of the engine's, and waits for it.
fn in_engine(body: impl FnOnce(&Arc<Bare>) + Send + 'static) {
    contract(|| {
        let (ended, unwound) = (Counter::default(), Counter::default());
        let (told, guard) = (ended.clone(), unwound.on_drop());
        start(move |me| {
            let _guard = guard;
            body(me);
            told.add();
        });
        until(|| unwound.get() == 1);
        assert_eq!(ended.get(), 1, "the body has panicked");
    });
}

type Log<T> = Arc<Mutex<Vec<T>>>;

#[test]
fn spawn_never_runs_the_body_before_the_spawner_suspends() {
    if one_worker_only() {
        return; // with more it may run at the same time
    }
    in_engine(|_| {
        for _ in 0..100 {
            let ran = Counter::default();
            for _ in 0..10 {
                let ran = ran.clone();
                start(move |_| {
                    ran.add();
                });
            }
            assert_eq!(ran.get(), 0);
            until(|| {
                yield_now();
                ran.get() == 10
            });
        }
    });
}

#[test]
fn spawn_starts_bodies_in_their_order() {
    if one_worker_only() {
        return;
    }
    in_engine(|_| {
        let order = Log::default();
        for n in 0..1000 {
            let order = order.clone();
            start(move |_| order.lock().push(n));
        }
        while order.lock().len() < 1000 {
            yield_now();
        }
        assert!(order.lock().is_sorted(), "not in order");
    });
}

#[test]
fn spawn_queues_behind_those_who_are_ready() {
    if one_worker_only() {
        return;
    }
    // The fact of `may` behind it: `yield_now` on top of a spawner puts the new
    // coroutine at the end of the run queue.
    in_engine(|_| {
        let order = Log::default();
        let note = |what: &'static str| {
            let order = order.clone();
            start(move |_| order.lock().push(what));
        };
        note("first");
        let nested = order.clone();
        start(move |_| {
            nested.lock().push("second");
            let inner = nested.clone();
            start(move |_| inner.lock().push("child of the second"));
            nested.lock().push("second goes on");
        });
        note("third");
        while order.lock().len() < 5 {
            yield_now();
        }
        assert_eq!(
            *order.lock(),
            [
                "first",
                "second",
                "second goes on",
                "third",
                "child of the second"
            ]
        );
    });
}

#[test]
fn spawn_works_on_plain_threads_and_in_order() {
    if one_worker_only() {
        return;
    }
    contract(|| {
        let order = Log::default();
        for n in 0..1000 {
            let order = order.clone();
            start(move |_| order.lock().push(n));
        }
        until(|| order.lock().len() == 1000);
        assert!(order.lock().is_sorted(), "not in order");
    });
}

#[test]
fn spawn_says_when_a_stack_cannot_be_mapped() {
    contract(|| {
        let dropped = Counter::default();
        for bytes in [1 << 47, usize::MAX - 4096, usize::MAX / 2] {
            let guard = dropped.on_drop();
            let refused = spawn(Placement::Here, bytes, Bare::new(), move |_: &_| {
                drop(guard)
            });
            assert!(matches!(refused, Err(SpawnError::Stack)), "{bytes}");
        }
        assert_eq!(dropped.get(), 3);
    });
    in_engine(|_| {
        let refused = spawn(Placement::Here, 1 << 47, Bare::new(), |_: &_| ());
        assert!(matches!(refused, Err(SpawnError::Stack)));
    });
}

#[test]
fn spawn_takes_stacks_of_many_sizes() {
    contract(|| {
        let ran = Counter::default();
        let sizes = [16, 17, 20, 32, 64, 256, 1000, 4096].map(|kib| kib * 1024);
        for size in sizes.into_iter().chain([16_385, 100_000, 1_000_001]) {
            let ran = ran.clone();
            let body = move |_: &_| {
                ran.add();
            };
            spawn(Placement::Here, size, Bare::new(), body).unwrap();
        }
        ran.reaches(11);
    });
}

#[test]
fn spawn_takes_bodies_of_all_sizes() {
    fn captures<const N: usize>(sum: &Counter) {
        let (sum, bytes) = (sum.clone(), [1; N]);
        let body = move |_: &_| {
            let bytes = std::hint::black_box(bytes);
            assert_eq!(
                bytes
                    .iter()
                    .map(|byte: &u8| usize::from(*byte))
                    .sum::<usize>(),
                N
            );
            sum.add();
        };
        spawn(Placement::Here, 16 * 1024, Bare::new(), body).unwrap();
    }

    contract(|| {
        let sum = Counter::default();
        captures::<0>(&sum);
        captures::<1000>(&sum);
        captures::<512>(&sum);
        captures::<513>(&sum);
        captures::<5000>(&sum);
        sum.reaches(5);
    });
}

fn am_i(me: &Arc<Bare>) -> bool {
    with_current(|current: Option<&Arc<Bare>>| current.is_some_and(|it| Arc::ptr_eq(it, me)))
}

#[test]
fn identity_is_what_spawn_was_given() {
    contract(|| {
        assert!(with_current(|current: Option<&Arc<Bare>>| current.is_none()));
        let right = Counter::default();
        for _ in 0..100 {
            let right = right.clone();
            start(move |me| {
                assert!(am_i(me));
                for _ in 0..10 {
                    yield_now();
                    assert!(am_i(me));
                }
                me.parker.prepare();
                me.parker
                    .park(Some(Instant::now() + Duration::from_micros(50)));
                assert!(am_i(me));
                start(|inner| assert!(am_i(inner)));
                assert!(am_i(me));
                right.add();
            });
        }
        right.reaches(100);
        assert!(with_current(|current: Option<&Arc<Bare>>| current.is_none()));
    });
}

#[test]
fn parking_ends_by_an_unpark_that_came_before() {
    in_engine(|me| {
        me.parker.prepare();
        for _ in 0..1000 {
            me.parker.unpark();
            me.parker.unpark(); // remembered once
            me.parker.park(None);
        }
    });
}

#[test]
fn parking_ends_by_an_unpark_from_a_greenlet_or_a_thread() {
    in_engine(|me| {
        me.parker.prepare();
        let turn = Counter::default();
        for n in 0..1000 {
            let (target, turn_of_waker) = (me.clone(), turn.clone());
            let wake = move || {
                turn_of_waker.add();
                target.parker.unpark();
            };
            if n % 10 == 0 {
                thread::spawn(wake);
            } else {
                start(move |_| wake());
            }
            while turn.get() == n {
                me.parker.park(None); // may end early
            }
        }
    });
}

#[test]
fn parking_ends_by_its_deadline() {
    in_engine(|me| {
        me.parker.prepare();
        for n in 0..100 {
            let deadline = Instant::now() + Duration::from_micros(n * 10);
            while Instant::now() < deadline {
                me.parker.park(Some(deadline));
            }
        }
    });
}

#[test]
fn parking_survives_a_storm_of_unparks() {
    in_engine(|me| {
        me.parker.prepare();
        let done = Counter::default();
        let storm: Vec<_> = (0..2)
            .map(|_| {
                let (me, done) = (me.clone(), done.clone());
                thread::spawn(move || {
                    while done.get() == 0 {
                        me.parker.unpark();
                    }
                })
            })
            .collect();
        for n in 0..5000u64 {
            let deadline = (n % 4 == 0).then(|| Instant::now() + Duration::from_micros(20));
            me.parker.park(deadline);
            assert!(am_i(me));
        }
        done.add();
        drop(storm); // they end by themselves
    });
}

fn socket() -> (Source<UnixStream>, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    (Source::new(near), far)
}

fn can_read(source: &Source<UnixStream>) -> bool {
    let mut buf = [0];
    rustix::net::recv(
        source.get_ref().as_fd(),
        &mut buf[..],
        rustix::net::RecvFlags::PEEK,
    )
    .is_ok()
}

#[test]
fn readiness_ends_a_wait() {
    in_engine(|me| {
        let (source, mut far) = socket();
        for n in 0..500 {
            let mut late = far.try_clone().unwrap();
            let mut write = move || late.write_all(b"x").unwrap();
            match n % 3 {
                0 => write(),
                1 => drop(thread::spawn(write)),
                _ => drop(start(move |_| write())),
            }
            while !can_read(&source) {
                let wait = source.prepare(Interest::Read, &me.parker).unwrap();
                wait.suspend(None).unwrap();
                assert!(am_i(me));
            }
            let mut byte = [0];
            rustix::io::read(source.get_ref(), &mut byte).unwrap();
            // There is room all the time: this one ends, by the first event.
            if n == 0 {
                let wait = source.prepare(Interest::Write, &me.parker).unwrap();
                let soon = Instant::now() + Duration::from_millis(1);
                wait.suspend(Some(soon)).unwrap();
            }
        }
        far.write_all(b"x").unwrap();
    });
}

#[test]
fn readiness_ends_by_an_unpark_before_or_after() {
    in_engine(|me| {
        let (source, _far) = socket();
        let turn = Counter::default();
        for n in 0..300 {
            let wait = source.prepare(Interest::Read, &me.parker).unwrap();
            let (target, told) = (me.clone(), turn.clone());
            let wake = move || {
                told.add();
                target.parker.unpark();
            };
            match n % 3 {
                0 => wake(),
                1 => drop(thread::spawn(wake)),
                _ => drop(start(move |_| wake())),
            }
            while turn.get() == n {
                wait.suspend(None).unwrap(); // may end early
            }
        }
    });
}

#[test]
fn readiness_ends_by_its_deadline() {
    in_engine(|me| {
        let (source, _far) = socket();
        for n in 0..100 {
            let deadline = Instant::now() + Duration::from_micros(n * 10);
            while Instant::now() < deadline {
                let wait = source.prepare(Interest::Read, &me.parker).unwrap();
                wait.suspend(Some(deadline)).unwrap();
            }
        }
    });
}

#[test]
fn readiness_has_one_waiter_for_each_direction() {
    in_engine(|me| {
        let (source, _far) = socket();
        let other = Bare::new();
        let reader = source.prepare(Interest::Read, &me.parker).unwrap();
        let refused = source.prepare(Interest::Read, &other.parker).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ResourceBusy);
        drop(reader);
        drop(source.prepare(Interest::Read, &me.parker).unwrap());
    });
}

#[test]
fn a_source_can_be_dropped_and_its_number_used_again() {
    in_engine(|me| {
        for _ in 0..500 {
            let (source, mut far) = socket();
            far.write_all(b"x").unwrap();
            let wait = source.prepare(Interest::Read, &me.parker).unwrap();
            wait.suspend(None).unwrap();
            drop(wait);
        }
    });
}

#[test]
fn a_turn_lets_everything_that_is_ready_run() {
    if one_worker_only() {
        return; // another worker may hold some of them
    }
    in_engine(|_| {
        for _ in 0..1000 {
            let ran = Counter::default();
            for _ in 0..50 {
                let ran = ran.clone();
                start(move |_| {
                    ran.add();
                });
            }
            yield_now();
            assert_eq!(ran.get(), 50); // also when the slice has ended meanwhile
        }
    });
}

#[test]
fn a_turn_lets_io_and_timers_in() {
    for kind in [yield_now as fn(), tick as fn()] {
        in_engine(move |_| {
            let (source, mut far) = socket();
            let (read, rang) = (Counter::default(), Counter::default());
            let told = read.clone();
            start(move |me| {
                while !can_read(&source) {
                    let wait = source.prepare(Interest::Read, &me.parker).unwrap();
                    wait.suspend(None).unwrap();
                }
                told.add();
            });
            yield_now(); // it waits
            far.write_all(b"x").unwrap();
            set_alarm(Instant::now(), Arc::new(Bell(rang.clone())));
            while read.get() == 0 || rang.get() == 0 {
                kind();
            }
        });
    }
}

struct Bell(Counter);

impl Alarm for Bell {
    fn ring(self: Arc<Self>) {
        self.0.add();
    }
}

/// Logs its number, and whether it rang too early.
struct Numbered(usize, Instant, Log<(usize, bool)>);

impl Alarm for Numbered {
    fn ring(self: Arc<Self>) {
        self.2.lock().push((self.0, Instant::now() < self.1));
    }
}

#[test]
fn alarms_ring_once_in_their_order_and_not_early() {
    contract(|| {
        let order = Log::default();
        let start = Instant::now() + Duration::from_millis(50);
        // From the last to the first, and three at each instant.
        for n in (0..100).rev() {
            let at = start + Duration::from_micros(50) * n as u32;
            for _ in 0..3 {
                set_alarm(at, Arc::new(Numbered(n, at, order.clone())));
            }
        }
        let all_set_before = Instant::now() < start;
        until(|| order.lock().len() == 300);
        let bell = Counter::default();
        set_alarm(Instant::now(), Arc::new(Bell(bell.clone())));
        bell.reaches(1);
        let order = order.lock();
        assert_eq!(order.len(), 300);
        assert!(order.iter().all(|(_, early)| !early));
        assert!(order.is_sorted() || !all_set_before, "{order:?}");
    });
}

#[test]
fn an_alarm_that_is_cancelled_does_not_ring() {
    contract(|| {
        let (cancelled, bell) = (Counter::default(), Counter::default());
        let soon = Instant::now() + Duration::from_secs(3600);
        let keys: Vec<_> = (0..100)
            .map(|_| set_alarm(soon, Arc::new(Bell(cancelled.clone()))))
            .collect();
        for key in keys {
            cancel_alarm(key);
            cancel_alarm(key); // twice does nothing
        }
        // One that is due earlier than the clock is set to comes in time.
        set_alarm(Instant::now(), Arc::new(Bell(bell.clone())));
        bell.reaches(1);
        assert_eq!(cancelled.get(), 0);
    });
}

#[test]
fn more_alarms_than_are_rung_at_a_time() {
    contract(|| {
        let bell = Counter::default();
        let now = Instant::now();
        for _ in 0..10_000 {
            set_alarm(now, Arc::new(Bell(bell.clone())));
        }
        bell.reaches(10_000);
    });
}
