//! Threads and greenlets of all hubs at work together, some of them killed.
#![allow(dead_code, reason = "each suite uses its part")]

use std::thread::{self, JoinHandle};
use std::time::Duration;

use maypole_runtime::{Greenlet, Hub, sleep, spawn_on, with_timeout, yield_now};

use super::{set_up, until};

/// Numbers at random, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        // Never 0, and far apart for seeds that are close.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// One of `sides` numbers, counted from 0.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % sides
    }

    /// A short limit, at times none at all.
    pub fn limit(&mut self) -> Duration {
        Duration::from_micros(self.roll(150))
    }

    /// Lets others run, or not.
    pub fn dawdle(&mut self) {
        match self.roll(4) {
            0 => yield_now(),
            1 => sleep(Duration::from_micros(self.roll(50))),
            _ => {}
        }
    }
}

/// Tries `wait` without a limit, or with one that interrupts it: `None` then.
pub fn perhaps_in_time<T>(dice: &mut Dice, wait: impl FnOnce() -> T) -> Option<T> {
    match dice.roll(2) {
        0 => Some(wait()),
        _ => with_timeout(dice.limit(), wait).ok(),
    }
}

const THREADS: u64 = 3;
const GREENLETS: u64 = 24;

/// Has so many threads and greenlets call `work`, each with dice of its own, and
/// kills some of the greenlets at random moments. Returns when all have ended.
///
/// # Panics
///
/// If one panics or they do not end in time.
#[track_caller]
pub fn crowd(seed: u64, work: impl Fn(&mut Dice) + Clone + Send + 'static) {
    set_up();
    let worker = |number: u64| {
        let work = work.clone();
        move || work(&mut Dice::new(1000 * seed + number))
    };
    let threads: Vec<JoinHandle<()>> = (0..THREADS).map(|n| thread::spawn(worker(n))).collect();
    let greenlets: Vec<Greenlet<()>> = (THREADS..THREADS + GREENLETS)
        .map(|n| spawn_on(n as usize % Hub::count(), worker(n)))
        .collect();
    let mut dice = Dice::new(seed + 500);
    for greenlet in &greenlets {
        if dice.roll(3) == 0 {
            greenlet.start_kill();
        }
        sleep(2 * dice.limit());
    }
    until(|| {
        threads.iter().all(JoinHandle::is_finished) && greenlets.iter().all(Greenlet::is_finished)
    });
    for thread in threads {
        thread.join().unwrap();
    }
    for greenlet in greenlets {
        if let Err(error) = greenlet.get() {
            assert!(error.is_killed(), "{error}");
        }
    }
}
