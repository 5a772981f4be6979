//! A queue beside a simple model of one: random operations, with kills and
//! time-outs.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::VecDeque;
use std::time::Duration;

use maypole_runtime::queue::{GetError, Queue};
use maypole_runtime::{Greenlet, spawn, yield_now};
use proptest::prelude::*;
use support::in_greenlet;

#[derive(Clone, Copy, Debug)]
enum Step {
    TryPut,
    TryGet,
    /// Spawns a putter or getter that waits if it must.
    Put,
    Get,
    /// One that gives up at once when it would have to wait.
    LateGet,
    /// Kills the putter or getter of this place among those that wait.
    KillPutter(usize),
    KillGetter(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => Just(Step::TryPut),
        2 => Just(Step::TryGet),
        4 => Just(Step::Put),
        4 => Just(Step::Get),
        1 => Just(Step::LateGet),
        1 => (0..8usize).prop_map(Step::KillPutter),
        1 => (0..8usize).prop_map(Step::KillGetter),
    ];
    prop::collection::vec(step, 0..60)
}

/// What a queue of a capacity should hold and who should wait, as the greenlets
/// come to rest after each step.
struct Model {
    capacity: usize,
    items: VecDeque<u32>,
    putters: VecDeque<(u32, Greenlet<bool>)>,
    getters: VecDeque<Greenlet<Option<u32>>>,
    // Getters that should have ended, with what they should have got.
    served: Vec<(Greenlet<Option<u32>>, u32)>,
    let_in: Vec<Greenlet<bool>>,
}

impl Model {
    fn settle(&mut self) {
        self.let_in();
        while !self.items.is_empty() && !self.getters.is_empty() {
            let item = self.items.pop_front().unwrap();
            let getter = self.getters.pop_front().unwrap();
            self.served.push((getter, item));
            self.let_in();
        }
    }

    fn let_in(&mut self) {
        while self.items.len() < self.capacity && !self.putters.is_empty() {
            let (item, putter) = self.putters.pop_front().unwrap();
            self.items.push_back(item);
            self.let_in.push(putter);
        }
    }

    /// What ended did so as it should, and nobody else has ended.
    fn check(&mut self, queue: &Queue<u32>) {
        for (getter, item) in self.served.drain(..) {
            assert_eq!(getter.get().unwrap(), Some(item));
        }
        for putter in self.let_in.drain(..) {
            assert!(putter.get().unwrap());
        }
        assert!(self.getters.iter().all(|getter| !getter.is_finished()));
        assert!(self.putters.iter().all(|(_, putter)| !putter.is_finished()));
        assert_eq!(queue.len(), self.items.len());
        assert_eq!(queue.is_full(), self.items.len() == self.capacity);
    }
}

fn rest() {
    // Each step lets at most all greenlets run twice.
    for _ in 0..8 {
        yield_now();
    }
}

fn run(capacity: usize, steps: &[Step]) {
    let queue = Queue::new(capacity);
    let mut model = Model {
        capacity,
        items: VecDeque::new(),
        putters: VecDeque::new(),
        getters: VecDeque::new(),
        served: Vec::new(),
        let_in: Vec::new(),
    };
    for (number, step) in (0..).zip(steps) {
        let theirs = queue.clone();
        match *step {
            Step::TryPut => {
                let fits = model.items.len() < capacity;
                assert_eq!(queue.try_put(number).is_ok(), fits);
                if fits {
                    model.items.push_back(number);
                }
            }
            Step::TryGet => match model.items.pop_front() {
                Some(item) => assert_eq!(queue.try_get(), Ok(item)),
                None => assert_eq!(queue.try_get(), Err(GetError::Empty)),
            },
            Step::Put => {
                let putter = spawn(move || theirs.put(number).is_ok());
                model.putters.push_back((number, putter));
            }
            Step::Get => model.getters.push_back(spawn(move || theirs.get().ok())),
            Step::LateGet => {
                let got = queue.get_timeout(Duration::ZERO);
                assert_eq!(got.ok(), model.items.pop_front());
            }
            Step::KillPutter(at) => {
                if let Some((_, putter)) = model.putters.remove(at) {
                    putter.kill();
                    assert!(putter.get().unwrap_err().is_killed());
                }
            }
            Step::KillGetter(at) => {
                if let Some(getter) = model.getters.remove(at) {
                    getter.kill();
                    assert!(getter.get().unwrap_err().is_killed());
                }
            }
        }
        model.settle();
        rest();
        model.check(&queue);
    }
    queue.close();
    for getter in model.getters {
        assert_eq!(getter.get().unwrap(), None);
    }
    for (_, putter) in model.putters {
        assert!(!putter.get().unwrap());
    }
    assert_eq!(queue.into_iter().collect::<VecDeque<u32>>(), model.items);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn behaves_like_its_model(capacity in 1..4usize, steps in steps()) {
        in_greenlet(move || run(capacity, &steps));
    }
}
