//! A semaphore beside a simple model of one: random operations, with kills and
//! time-outs.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::VecDeque;
use std::time::Duration;

use maypole_runtime::lock::{Permit, Semaphore};
use maypole_runtime::{Greenlet, spawn, wait_timeout, yield_now};
use proptest::prelude::*;
use support::in_greenlet;

#[derive(Clone, Copy, Debug)]
enum Step {
    TryAcquire,
    /// Spawns a greenlet that takes a permit and waits if it must.
    Acquire,
    /// One that gives up soon when it must wait.
    LateAcquire,
    /// Spawns one that waits until a permit is free and takes none.
    Look,
    /// Gives the permit of this place among those that are held back.
    Release(usize),
    /// Never gives it back.
    Forget(usize),
    Add,
    /// Kills the one of this place among those that wait.
    Kill(usize),
    KillLooker(usize),
    /// Gives a permit back and kills one that waits, before it can run.
    ReleaseThenKill(usize),
    KillThenRelease(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let at = || 0..8usize;
    let step = prop_oneof![
        2 => Just(Step::TryAcquire),
        6 => Just(Step::Acquire),
        1 => Just(Step::LateAcquire),
        2 => Just(Step::Look),
        4 => at().prop_map(Step::Release),
        1 => at().prop_map(Step::Forget),
        1 => Just(Step::Add),
        1 => at().prop_map(Step::Kill),
        1 => at().prop_map(Step::KillLooker),
        1 => at().prop_map(Step::ReleaseThenKill),
        1 => at().prop_map(Step::KillThenRelease),
    ];
    prop::collection::vec(step, 0..60)
}

/// What a semaphore should have and who should wait, as the greenlets come to
/// rest after each step.
struct Model {
    semaphore: Semaphore,
    free: usize,
    held: Vec<Permit>,
    waiters: VecDeque<Greenlet<Permit>>,
    lookers: Vec<Greenlet<usize>>,
}

impl Model {
    /// A permit has come back.
    fn released(&mut self) {
        self.free += 1;
        self.settle();
    }

    fn settle(&mut self) {
        while self.free > 0
            && let Some(waiter) = self.waiters.pop_front()
        {
            self.free -= 1;
            // It waits no longer, and has the permit.
            self.held.push(waiter.get().unwrap());
        }
    }

    fn release(&mut self, at: usize) -> bool {
        let found = at < self.held.len();
        if found {
            drop(self.held.remove(at));
        }
        found
    }

    fn step(&mut self, step: Step) {
        let theirs = self.semaphore.clone();
        match step {
            Step::TryAcquire => {
                let permit = self.semaphore.try_acquire();
                assert_eq!(permit.is_some(), self.free > 0);
                self.free -= usize::from(permit.is_some());
                self.held.extend(permit);
            }
            Step::Acquire => {
                let waiter = spawn(move || theirs.acquire().unwrap());
                self.waiters.push_back(waiter);
                self.settle();
            }
            Step::LateAcquire => {
                let late = spawn(move || theirs.acquire_timeout(Duration::from_micros(50)));
                let permit = late.get().unwrap();
                assert_eq!(permit.is_some(), self.free > 0);
                self.free -= usize::from(permit.is_some());
                self.held.extend(permit);
            }
            Step::Look => self.lookers.push(spawn(move || theirs.wait())),
            Step::Release(at) => {
                if self.release(at) {
                    self.released();
                }
            }
            Step::Forget(at) => {
                if at < self.held.len() {
                    self.held.remove(at).forget();
                }
            }
            Step::Add => {
                self.semaphore.add_permits(1);
                self.released();
            }
            Step::Kill(at) => {
                if let Some(waiter) = self.waiters.remove(at) {
                    waiter.kill();
                    assert!(waiter.get().unwrap_err().is_killed());
                }
            }
            Step::KillLooker(at) => {
                if at < self.lookers.len() {
                    let looker = self.lookers.remove(at);
                    looker.kill();
                    assert!(looker.get().unwrap_err().is_killed());
                }
            }
            Step::ReleaseThenKill(at) => {
                if self.release(0) {
                    if let Some(waiter) = self.waiters.get(at) {
                        waiter.start_kill();
                    }
                    // The first one has the permit: the kill is too late for it.
                    if at > 0
                        && let Some(waiter) = self.waiters.remove(at)
                    {
                        assert!(waiter.get().unwrap_err().is_killed());
                    }
                    self.released();
                }
            }
            Step::KillThenRelease(at) => {
                let waiter = self.waiters.remove(at);
                if let Some(waiter) = &waiter {
                    waiter.start_kill();
                }
                if self.release(0) {
                    self.released();
                }
                if let Some(waiter) = waiter {
                    assert!(waiter.get().unwrap_err().is_killed());
                }
            }
        }
    }

    /// What ended did so as it should, and nobody else has ended.
    fn check(&mut self) {
        assert!(self.waiters.iter().all(|waiter| !waiter.is_finished()));
        assert_eq!(self.semaphore.available(), self.free);
        assert_eq!(self.semaphore.is_locked(), self.free == 0);
        let told = !wait_timeout([&self.semaphore], Duration::ZERO).is_empty();
        assert_eq!(told, self.free > 0);
        if self.free > 0 {
            for looker in self.lookers.drain(..) {
                looker.get().unwrap();
            }
        }
    }
}

fn rest() {
    for _ in 0..8 {
        yield_now();
    }
}

fn run(permits: usize, steps: &[Step]) {
    let mut model = Model {
        semaphore: Semaphore::new(permits),
        free: permits,
        held: Vec::new(),
        waiters: VecDeque::new(),
        lookers: Vec::new(),
    };
    for step in steps {
        model.step(*step);
        rest();
        model.check();
    }
    // Nothing is lost: as many as are missing bring all to their ends.
    let (held, waiting) = (model.held.len(), model.waiters.len());
    model.held.clear();
    model.semaphore.add_permits(waiting);
    for waiter in model.waiters.drain(..) {
        drop(waiter.get().unwrap());
    }
    assert_eq!(model.semaphore.available(), model.free + held + waiting);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn behaves_like_its_model(permits in 0..4usize, steps in steps()) {
        in_greenlet(move || run(permits, &steps));
    }
}
