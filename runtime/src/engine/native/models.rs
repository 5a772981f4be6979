//! The inbox, the bell and the park word under loom: every order in which two
//! other threads and the hub can take their steps. Run by `.ci/prove`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use loom::thread;

use super::super::sync::{AtomicBool, Condvar, Mutex, explore};
use super::bell::Bell;
use super::inbox::Inbox;
use super::park_word::ParkWord;

/// In place of the eventfd and of epoll.
#[derive(Default)]
struct TestBell {
    state: Mutex<Rings>,
    rung: Condvar,
}

#[derive(Default)]
struct Rings {
    readable: bool,
    all: usize,
}

impl Bell for TestBell {
    fn ring(&self) {
        let mut state = self.state.lock();
        state.readable = true;
        state.all += 1;
        self.rung.notify_one();
    }

    fn silence(&self) {
        self.state.lock().readable = false;
    }
}

/// A hub, seen from its own thread: `hub::run` and `hub::poll` without the rest.
struct Hub<T> {
    inbox: Arc<Inbox<T, TestBell>>,
    // Times that it said it would sleep, whether it did or not.
    announced: usize,
}

impl<T> Hub<T> {
    fn new() -> Self {
        Self {
            inbox: Arc::new(Inbox::new(TestBell::default())),
            announced: 0,
        }
    }

    /// Sleeps in "epoll" if `idle` and nothing is there; loom reports a hub that
    /// nobody wakes as a deadlock.
    fn poll(&mut self, idle: impl FnOnce() -> bool) {
        let bell = self.inbox.bell();
        let asleep = self.inbox.fall_asleep();
        self.announced += 1;
        let rung = {
            let asleep = asleep && idle();
            let mut state = bell.state.lock();
            while asleep && !state.readable {
                bell.rung.wait(&mut state);
            }
            state.readable
        };
        self.inbox.wake_up();
        if rung {
            self.inbox.silence();
        }
    }

    /// Runs until as many have come as were asked for.
    fn take(&mut self, wanted: usize) -> Vec<T> {
        let mut taken = Vec::new();
        loop {
            self.inbox.take(&mut taken);
            if taken.len() >= wanted {
                return taken;
            }
            self.poll(|| true);
        }
    }

    fn rings(&self) -> usize {
        self.inbox.bell().state.lock().all
    }
}

#[test]
fn what_is_put_wakes_the_hub_with_at_most_one_ring() {
    explore(|| {
        let mut hub = Hub::new();
        let putters = [1, 2].map(|number| {
            let inbox = hub.inbox.clone();
            thread::spawn(move || inbox.put(number))
        });
        let mut taken = hub.take(2);
        for putter in putters {
            putter.join().unwrap();
        }
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
        assert!(hub.rings() <= hub.announced);
        assert!(hub.inbox.fall_asleep());
    });
}

#[test]
fn one_thread_s_greenlets_come_in_its_order() {
    explore(|| {
        let mut hub = Hub::new();
        let inbox = hub.inbox.clone();
        let putter = thread::spawn(move || {
            inbox.put(1);
            inbox.put(2);
        });
        assert_eq!(hub.take(2), [1, 2]);
        putter.join().unwrap();
        assert!(hub.rings() <= hub.announced);
    });
}

#[test]
fn an_alarm_set_by_another_thread_is_seen_by_a_hub_that_falls_asleep() {
    explore(|| {
        let mut hub = Hub::<()>::new();
        let alarms = Arc::new(Mutex::default());
        let setter = {
            let (alarms, inbox) = (alarms.clone(), hub.inbox.clone());
            thread::spawn(move || {
                *alarms.lock() = true;
                inbox.ring();
            })
        };
        while !*alarms.lock() {
            hub.poll(|| !*alarms.lock());
        }
        setter.join().unwrap();
    });
}

/// A greenlet as others see it: its parker and the inbox of its hub.
struct Greenlet {
    word: ParkWord,
    inbox: Arc<Inbox<(), TestBell>>,
    // What it waits for. Relaxed: the word alone has to make it visible.
    told: [AtomicBool; 2],
}

impl Greenlet {
    fn on(hub: &Hub<()>) -> Arc<Self> {
        Arc::new(Self {
            word: ParkWord::default(),
            inbox: hub.inbox.clone(),
            told: [AtomicBool::new(false), AtomicBool::new(false)],
        })
    }

    /// `GreenletParker::unpark`, from another thread.
    fn tell(&self, which: usize) {
        self.told[which].store(true, Ordering::Relaxed);
        if self.word.unpark() {
            self.inbox.put(());
        }
    }

    /// Parks on `hub` until it was told `which`.
    fn wait_for(&self, hub: &mut Hub<()>, which: usize) {
        while !self.told[which].load(Ordering::Relaxed) {
            if self.word.park() {
                assert_eq!(hub.take(1).len(), 1, "handed over once");
            }
        }
    }
}

#[test]
fn a_park_ends_with_one_hand_over_and_none_is_missed() {
    explore(|| {
        let mut hub = Hub::new();
        let greenlet = Greenlet::on(&hub);
        let tellers = [0, 1].map(|which| {
            let greenlet = greenlet.clone();
            thread::spawn(move || greenlet.tell(which))
        });
        greenlet.wait_for(&mut hub, 0);
        greenlet.wait_for(&mut hub, 1);
        for teller in tellers {
            teller.join().unwrap();
        }
        let mut left = Vec::new();
        hub.inbox.take(&mut left);
        assert!(left.is_empty(), "handed over while it ran");
        assert!(hub.rings() <= hub.announced);
    });
}

#[test]
fn an_early_unpark_is_remembered_once() {
    explore(|| {
        let word = ParkWord::default();
        assert!(!word.unpark());
        assert!(!word.unpark());
        assert!(!word.park());
        assert!(word.park());
        assert!(word.unpark());
        assert!(!word.unpark());
    });
}

#[test]
fn greenlets_of_two_hubs_wake_each_other() {
    explore(|| {
        let (mut here, mut there) = (Hub::new(), Hub::new());
        let (mine, other) = (Greenlet::on(&here), Greenlet::on(&there));
        let answerer = {
            let (mine, other) = (mine.clone(), other.clone());
            thread::spawn(move || {
                other.wait_for(&mut there, 0);
                mine.tell(0);
            })
        };
        other.tell(0);
        mine.wait_for(&mut here, 0);
        answerer.join().unwrap();
    });
}
