//! A lock for readers and writers beside a simple model of one: random
//! operations, with kills and time-outs.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use maypole_runtime::lock::RwLock;
use maypole_runtime::{Event, Greenlet, spawn, yield_now};
use proptest::prelude::*;
use support::in_greenlet;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Reader,
    Writer,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Try(Kind),
    /// Spawns a greenlet that locks, waiting if it must, and holds the lock
    /// until it is told.
    Lock(Kind),
    /// One that gives up soon when it must wait.
    Late(Kind),
    /// Ends the one of this place among those that hold the lock.
    Finish(usize),
    KillHolder(usize),
    KillReader(usize),
    KillWriter(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = || prop_oneof![2 => Just(Kind::Reader), 1 => Just(Kind::Writer)];
    let at = || 0..4usize;
    let step = prop_oneof![
        2 => kind().prop_map(Step::Try),
        6 => kind().prop_map(Step::Lock),
        1 => kind().prop_map(Step::Late),
        4 => at().prop_map(Step::Finish),
        1 => at().prop_map(Step::KillHolder),
        1 => at().prop_map(Step::KillReader),
        1 => at().prop_map(Step::KillWriter),
    ];
    prop::collection::vec(step, 0..60)
}

/// A greenlet that holds the lock, or waits for it.
struct Locker {
    inside: Event,
    leave: Event,
    greenlet: Greenlet<()>,
}

impl Locker {
    fn new(lock: &Arc<RwLock<u32>>, kind: Kind) -> Self {
        let (inside, leave) = (Event::new(), Event::new());
        let (lock, enters, leaves) = (lock.clone(), inside.clone(), leave.clone());
        let greenlet = spawn(move || match kind {
            Kind::Reader => {
                let _guard = lock.read().unwrap();
                enters.set();
                leaves.wait();
            }
            Kind::Writer => {
                let mut guard = lock.write().unwrap();
                *guard += 1;
                enters.set();
                leaves.wait();
            }
        });
        Self {
            inside,
            leave,
            greenlet,
        }
    }

    fn kill(self) {
        self.greenlet.kill();
        assert!(self.greenlet.get().unwrap_err().is_killed());
    }
}

/// Who should be in and who should wait, as the greenlets come to rest after
/// each step.
#[derive(Default)]
struct Model {
    lock: Arc<RwLock<u32>>,
    readers: Vec<Locker>,
    writer: Option<Locker>,
    waiting_readers: Vec<Locker>,
    waiting_writers: VecDeque<Locker>,
    written: u32,
}

impl Model {
    fn fits(&self, kind: Kind) -> bool {
        self.writer.is_none()
            && match kind {
                Kind::Reader => self.waiting_writers.is_empty(),
                Kind::Writer => self.readers.is_empty(),
            }
    }

    /// Somebody has left: a reader or the writer, or one that waited.
    fn settle(&mut self, a_writer_left: bool) {
        if self.writer.is_some() {
            return;
        }
        if a_writer_left || self.waiting_writers.is_empty() {
            self.readers.append(&mut self.waiting_readers);
        }
        if self.readers.is_empty()
            && let Some(next) = self.waiting_writers.pop_front()
        {
            self.writer = Some(next);
            self.written += 1;
        }
    }

    fn step(&mut self, step: Step) {
        let limit = Duration::from_micros(50);
        let theirs = self.lock.clone();
        match step {
            Step::Try(kind) => {
                let locked = match kind {
                    Kind::Reader => self.lock.try_read().is_some(),
                    Kind::Writer => self.lock.try_write().is_some(),
                };
                assert_eq!(locked, self.fits(kind));
            }
            Step::Late(kind) => {
                let late = spawn(move || match kind {
                    Kind::Reader => theirs.read_timeout(limit).is_some(),
                    Kind::Writer => theirs.write_timeout(limit).is_some(),
                });
                assert_eq!(late.get().unwrap(), self.fits(kind));
            }
            Step::Lock(kind) => {
                let fits = self.fits(kind);
                let locker = Locker::new(&self.lock, kind);
                match (kind, fits) {
                    (Kind::Reader, true) => self.readers.push(locker),
                    (Kind::Reader, false) => self.waiting_readers.push(locker),
                    (Kind::Writer, true) => {
                        self.writer = Some(locker);
                        self.written += 1;
                    }
                    (Kind::Writer, false) => self.waiting_writers.push_back(locker),
                }
            }
            Step::Finish(at) => self.end_holder(at, |locker| {
                locker.leave.set();
                locker.greenlet.get().unwrap();
            }),
            Step::KillHolder(at) => self.end_holder(at, Locker::kill),
            Step::KillReader(at) => {
                if at < self.waiting_readers.len() {
                    self.waiting_readers.remove(at).kill();
                }
            }
            Step::KillWriter(at) => {
                if let Some(writer) = self.waiting_writers.remove(at) {
                    writer.kill();
                    self.settle(false);
                }
            }
        }
    }

    fn end_holder(&mut self, at: usize, end: impl FnOnce(Locker)) {
        if let Some(writer) = self.writer.take() {
            end(writer);
            self.settle(true);
        } else if at < self.readers.len() {
            end(self.readers.remove(at));
            self.settle(false);
        }
    }

    fn check(&self) {
        let inside = |locker: &Locker| locker.inside.is_set();
        assert!(self.readers.iter().all(inside));
        assert!(self.writer.iter().all(inside));
        assert!(!self.waiting_readers.iter().any(inside));
        assert!(!self.waiting_writers.iter().any(inside));
    }
}

fn rest() {
    for _ in 0..8 {
        yield_now();
    }
}

fn run(steps: &[Step]) {
    let mut model = Model::default();
    for step in steps {
        model.step(*step);
        rest();
        model.check();
    }
    // All come in, and leave.
    while model.writer.is_some() || !model.readers.is_empty() {
        model.step(Step::Finish(0));
        rest();
        model.check();
    }
    assert!(model.waiting_readers.is_empty() && model.waiting_writers.is_empty());
    assert_eq!(*model.lock.try_write().unwrap(), model.written);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn behaves_like_its_model(steps in steps()) {
        in_greenlet(move || run(&steps));
    }
}
