//! The locks under loom: every order in which two or three can come, wait, go
//! and give up. Run by `.ci/prove`. A wake-up that is lost is a deadlock to
//! loom, which reports it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use loom::thread;

use crate::engine::sync::{AtomicBool, explore};
use crate::wait::Interrupt;
use crate::wait::models::{kill_me, me, outcome, with};

use super::raw::RawLock;
use super::rwlock::{Raw, Reads, Writes};
use super::{Condition, Mutex, Semaphore};

/// What a lock stands before: it notices who is in with whom.
#[derive(Default)]
struct Inside {
    who: parking_lot::RwLock<()>,
    // Written, so that loom tries each order of the moments of two: loads have
    // none.
    moment: AtomicBool,
}

impl Inside {
    /// Is in for a moment, and nobody else.
    fn alone(&self) {
        let _in = self.who.try_write().expect("nobody else is in");
        self.moment.swap(true, Ordering::Relaxed);
    }

    /// Is in for a moment, with others that are in in this way.
    fn together(&self) {
        let _in = self.who.try_read().expect("nobody is in alone");
        self.moment.swap(true, Ordering::Relaxed);
    }
}

/// For a wait that gives up as soon as it waits.
fn at_once() -> Option<Instant> {
    Some(Instant::now())
}

#[test]
fn a_lock_has_one_owner_and_forgets_nobody() {
    explore(|| {
        let shared = Arc::new((RawLock::new("a lock"), Inside::default()));
        let pass = |(lock, inside): &(RawLock, Inside)| {
            assert_eq!(lock.lock(None), Ok(true));
            inside.alone();
            lock.unlock();
        };
        let others = [with(&shared, pass), with(&shared, pass)];
        pass(&shared);
        for other in others {
            other.join().unwrap();
        }
        assert!(!shared.0.is_locked());
    });
}

#[test]
fn a_killed_waiter_takes_no_lock_along() {
    explore(|| {
        let lock = Arc::new(RawLock::new("a lock"));
        assert!(lock.try_lock());
        let owner = with(&lock, RawLock::unlock);
        let killer = kill_me();
        match outcome(|| lock.lock(None)) {
            Ok(locked) => {
                assert_eq!(locked, Ok(true));
                lock.unlock();
            }
            Err(interrupt) => assert_eq!(interrupt, Interrupt::Kill),
        }
        owner.join().unwrap();
        killer.join().unwrap();
        assert!(lock.try_lock());
    });
}

#[test]
fn a_lock_passes_over_one_whose_time_is_up() {
    explore(|| {
        let lock = Arc::new(RawLock::new("a lock"));
        assert!(lock.try_lock());
        let hurried = with(&lock, |lock| {
            if lock.lock(at_once()).unwrap() {
                lock.unlock();
            }
        });
        let patient = with(&lock, |lock| {
            assert_eq!(lock.lock(None), Ok(true));
            lock.unlock();
        });
        lock.unlock();
        hurried.join().unwrap();
        patient.join().unwrap();
        assert!(!lock.is_locked());
    });
}

type Room = (Raw, Inside);

fn read((lock, inside): &Room) {
    assert_eq!(lock.read(None), Ok(true));
    let _reads = Reads(lock);
    inside.together();
}

fn write((lock, inside): &Room) {
    assert_eq!(lock.write(None), Ok(true));
    let _writes = Writes(lock);
    inside.alone();
}

fn room() -> Arc<Room> {
    Arc::new((Raw::new(), Inside::default()))
}

#[test]
fn a_writer_is_alone_among_readers() {
    explore(|| {
        let room = room();
        let others = [with(&room, read), with(&room, write)];
        read(&room);
        for other in others {
            other.join().unwrap();
        }
        assert!(room.0.try_write());
    });
}

#[test]
fn a_writer_is_alone_among_writers() {
    explore(|| {
        let room = room();
        let others = [with(&room, read), with(&room, write)];
        write(&room);
        for other in others {
            other.join().unwrap();
        }
        assert!(room.0.try_write());
    });
}

#[test]
fn a_writer_whose_time_is_up_holds_up_no_reader() {
    explore(|| {
        let room = room();
        assert!(room.0.try_read());
        let hurried = with(&room, |(lock, inside)| {
            if lock.write(at_once()).unwrap() {
                let _writes = Writes(lock);
                inside.alone();
            }
        });
        let reader = with(&room, read);
        drop(Reads(&room.0));
        hurried.join().unwrap();
        reader.join().unwrap();
        assert!(room.0.try_write());
    });
}

#[test]
fn a_killed_writer_holds_up_no_reader() {
    explore(|| {
        let room = room();
        assert!(room.0.try_read());
        let reader = with(&room, |room| {
            drop(Reads(&room.0));
            read(room);
        });
        let killer = kill_me();
        match outcome(|| room.0.write(None)) {
            Ok(locked) => {
                assert_eq!(locked, Ok(true));
                let _writes = Writes(&room.0);
                room.1.alone();
            }
            Err(interrupt) => assert_eq!(interrupt, Interrupt::Kill),
        }
        reader.join().unwrap();
        killer.join().unwrap();
        assert!(room.0.try_write());
    });
}

#[test]
fn a_killed_reader_holds_up_no_writer() {
    explore(|| {
        let room = room();
        assert!(room.0.try_write());
        let writer = with(&room, |room| {
            drop(Writes(&room.0));
            write(room);
        });
        let killer = kill_me();
        match outcome(|| room.0.read(None)) {
            Ok(locked) => {
                assert_eq!(locked, Ok(true));
                let _reads = Reads(&room.0);
                room.1.together();
            }
            Err(interrupt) => assert_eq!(interrupt, Interrupt::Kill),
        }
        writer.join().unwrap();
        killer.join().unwrap();
        assert!(room.0.try_write());
    });
}

#[test]
fn a_permit_is_one_s_and_comes_back() {
    explore(|| {
        let shared = Arc::new((Semaphore::new(1), Inside::default()));
        let pass = |(doors, inside): &(Semaphore, Inside)| {
            let _permit = doors.acquire().unwrap();
            inside.alone();
        };
        let others = [with(&shared, pass), with(&shared, pass)];
        pass(&shared);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(shared.0.available(), 1);
    });
}

#[test]
fn a_killed_waiter_takes_no_permit_along() {
    explore(|| {
        let doors = Semaphore::new(1);
        let inside = doors.acquire().unwrap();
        let owner = thread::spawn(move || drop(inside));
        let killer = kill_me();
        if let Ok(permit) = outcome(|| doors.acquire()) {
            drop(permit.unwrap());
        }
        owner.join().unwrap();
        killer.join().unwrap();
        assert_eq!(doors.available(), 1);
    });
}

#[test]
fn who_looks_for_a_permit_is_told_of_a_free_one() {
    explore(|| {
        let doors = Arc::new(Semaphore::new(1));
        let inside = doors.acquire().unwrap();
        let looker = with(&doors, Semaphore::wait);
        let other = with(&doors, |doors| drop(doors.acquire().unwrap()));
        drop(inside);
        looker.join().unwrap();
        other.join().unwrap();
    });
}

#[derive(Default)]
struct News {
    come: Mutex<bool>,
    changed: Condition,
}

impl News {
    fn await_them(&self) {
        let come = self.come.lock().unwrap();
        let come = self.changed.wait_while(come, |come| !*come);
        assert!(*come.unwrap());
    }
}

#[test]
fn no_notification_is_missed() {
    explore(|| {
        let news = Arc::new(News::default());
        let teller = with(&news, |news| {
            *news.come.lock().unwrap() = true;
            news.changed.notify_one();
        });
        news.await_them();
        teller.join().unwrap();
    });
}

#[test]
fn all_who_wait_are_notified() {
    explore(|| {
        let news = Arc::new(News::default());
        let other = with(&news, News::await_them);
        let teller = with(&news, |news| {
            *news.come.lock().unwrap() = true;
            news.changed.notify_all();
        });
        news.await_them();
        other.join().unwrap();
        teller.join().unwrap();
    });
}

#[test]
fn one_whose_time_is_up_takes_no_notification_along() {
    explore(|| {
        let news = Arc::new(News::default());
        let hurried = with(&news, |news| {
            let come = news.come.lock().unwrap();
            let waited = news.changed.wait_timeout(come, Duration::ZERO);
            if waited.unwrap().1 {
                news.changed.notify_one();
            }
        });
        let patient = with(&news, News::await_them);
        *news.come.lock().unwrap() = true;
        news.changed.notify_one();
        hurried.join().unwrap();
        patient.join().unwrap();
    });
}

/// One waits and is killed, another waits; `tell` notifies one of them while the
/// mutex is locked, and kills the first.
fn killed_beside_another(tell: fn(&News, &dyn Fn())) {
    explore(move || {
        let news = Arc::new(News::default());
        let patient = with(&news, News::await_them);
        let killed = me();
        let teller = with(&news, move |news| {
            let mut come = news.come.lock().unwrap();
            *come = true;
            tell(news, &|| killed.interrupt(Interrupt::Kill));
        });
        let waited = outcome(|| {
            let come = news.come.lock().unwrap();
            drop(news.changed.wait_while(come, |come| !*come));
        });
        if waited.is_ok() {
            news.changed.notify_one();
        }
        patient.join().unwrap();
        teller.join().unwrap();
    });
}

#[test]
fn who_is_killed_before_it_is_notified_takes_nothing_along() {
    killed_beside_another(|news, kill| {
        kill();
        news.changed.notify_one();
    });
}

#[test]
fn who_is_killed_after_it_was_notified_passes_it_on() {
    killed_beside_another(|news, kill| {
        news.changed.notify_one();
        kill();
    });
}
