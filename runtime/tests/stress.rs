//! Each primitive under stress: threads and greenlets of all hubs, kills and
//! time-outs at random. Nothing is lost, nothing comes twice, nobody hangs.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use maypole_runtime::lock::{BoundedSemaphore, Condition, Mutex, ReentrantLock, RwLock, Semaphore};
use maypole_runtime::queue::{Channel, Queue};
use maypole_runtime::{AsyncResult, Event, Pool, iwait_timeout, spawn, with_timeout, yield_now};
use support::crowd::{Dice, crowd, perhaps_in_time};
use support::{Log, until};

const SEEDS: std::ops::Range<u64> = 0..6;

/// What each of the crowd does so often.
const ROUNDS: usize = 25;

/// Items, each another.
#[derive(Clone, Default)]
struct Items(Arc<AtomicUsize>);

impl Items {
    fn next(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// Fails unless the same came out as went in.
#[track_caller]
fn the_same(put: &Log<usize>, mut got: Vec<usize>) {
    let mut put = put.take();
    put.sort_unstable();
    got.sort_unstable();
    assert_eq!(put, got);
}

/// Counts those that are inside and fails if there are too many.
#[derive(Clone, Default)]
struct Room(Arc<AtomicUsize>);

struct Inside<'a>(&'a Room);

impl Room {
    #[track_caller]
    fn enter(&self, at_most: usize) -> Inside<'_> {
        let before = self.0.fetch_add(1, Ordering::SeqCst);
        let inside = Inside(self);
        assert!(before < at_most, "{before} are inside already");
        inside
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Has a crowd put items into what it is given and get them out again.
macro_rules! exchange {
    ($seed:expr, $there:expr, $put:expr, $got:expr) => {{
        let (there, puts, gets) = ($there.clone(), $put.clone(), $got.clone());
        let items = Items::default();
        crowd($seed, move |dice| {
            for _ in 0..ROUNDS {
                let limit = dice.limit();
                if dice.roll(2) == 0 {
                    let item = items.next();
                    let done = match dice.roll(3) {
                        0 => there.try_put(item).is_ok(),
                        1 => there.put_timeout(item, limit).is_ok(),
                        _ => with_timeout(limit, || there.put(item).unwrap()).is_ok(),
                    };
                    if done {
                        puts.note(item);
                    }
                } else {
                    let item = match dice.roll(3) {
                        0 => there.try_get().ok(),
                        1 => there.get_timeout(limit).ok(),
                        _ => with_timeout(limit, || there.get().unwrap()).ok(),
                    };
                    if let Some(item) = item {
                        gets.note(item);
                    }
                }
                dice.dawdle();
            }
        });
    }};
}

#[test]
fn queues_lose_no_item() {
    for seed in SEEDS {
        let (queue, put, got) = (Queue::new(3), Log::new(), Log::new());
        exchange!(seed, queue, put, got);
        queue.close();
        let mut all = got.take();
        all.extend(&queue);
        the_same(&put, all);
    }
}

#[test]
fn channels_lose_no_item() {
    for seed in SEEDS {
        let (channel, put, got) = (Channel::new(), Log::new(), Log::new());
        exchange!(seed, channel, put, got);
        assert_eq!(channel.balance(), 0);
        the_same(&put, got.take());
    }
}

#[test]
fn events_wake_all_who_wait() {
    for seed in SEEDS {
        let (event, done) = (Event::new(), Arc::new(AtomicBool::new(false)));
        let (rings, stop) = (event.clone(), done.clone());
        let ringer = std::thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                rings.set();
                rings.clear();
                std::thread::yield_now();
            }
        });
        crowd(seed, move |dice| {
            for _ in 0..ROUNDS {
                match dice.roll(4) {
                    0 => drop(event.wait_timeout(dice.limit())),
                    1 => drop(iwait_timeout([&event], dice.limit()).next()),
                    _ => drop(perhaps_in_time(dice, || event.wait())),
                }
                dice.dawdle();
            }
        });
        done.store(true, Ordering::SeqCst);
        ringer.join().unwrap();
    }
}

#[test]
fn results_are_the_same_for_all() {
    for seed in SEEDS {
        let results: Arc<Vec<AsyncResult<usize>>> =
            Arc::new((0..ROUNDS).map(|_| AsyncResult::new()).collect());
        let (items, set) = (Items::default(), Log::new());
        let (theirs, sets) = (results.clone(), set.clone());
        crowd(seed, move |dice| {
            for result in theirs.iter() {
                match dice.roll(4) {
                    0 => drop(result.get_timeout(dice.limit()).copied()),
                    1 => drop(iwait_timeout([result], dice.limit()).next()),
                    _ => {}
                }
                let item = items.next();
                if result.set(item).is_ok() {
                    sets.note(item);
                }
                let seen = perhaps_in_time(dice, || *result.get().unwrap());
                assert!(seen.is_none_or(|seen| seen == *result.value().unwrap()));
                dice.dawdle();
            }
        });
        let got = results.iter().map(|result| *result.try_get().unwrap());
        the_same(&set, got.collect());
    }
}

#[test]
fn permits_are_not_lost_and_not_doubled() {
    const PERMITS: usize = 3;
    for seed in SEEDS {
        let (semaphore, bounded) = (Semaphore::new(PERMITS), BoundedSemaphore::new(PERMITS));
        let (theirs, others, rooms) = (
            semaphore.clone(),
            bounded.clone(),
            [Room::default(), Room::default()],
        );
        crowd(seed, move |dice| {
            for _ in 0..ROUNDS {
                let limit = dice.limit();
                let permit = match dice.roll(4) {
                    0 => theirs.try_acquire(),
                    1 => theirs.acquire_timeout(limit),
                    2 => iwait_timeout([&theirs], limit)
                        .next()
                        .and_then(Semaphore::try_acquire),
                    _ => perhaps_in_time(dice, || theirs.acquire().unwrap()),
                };
                if permit.is_some() {
                    let _inside = rooms[0].enter(PERMITS);
                    dice.dawdle();
                }
                let acquired = match dice.roll(3) {
                    0 => others.try_acquire(),
                    1 => others.acquire_timeout(limit),
                    _ => perhaps_in_time(dice, || others.acquire().unwrap()).is_some(),
                };
                if acquired {
                    // Without a blocking call inside: a kill there would keep it.
                    drop(rooms[1].enter(PERMITS));
                    others.release().unwrap();
                }
            }
        });
        assert_eq!(semaphore.available(), PERMITS);
        assert_eq!(bounded.available(), PERMITS);
        assert!(bounded.release().is_err());
    }
}

#[test]
fn one_has_a_mutex_at_a_time() {
    for seed in SEEDS {
        let mutex = Arc::new(Mutex::new(0));
        let (theirs, room, noted) = (mutex.clone(), Room::default(), Log::new());
        let notes = noted.clone();
        crowd(seed, move |dice| {
            for _ in 0..ROUNDS {
                let limit = dice.limit();
                let guard = match dice.roll(3) {
                    0 => theirs.try_lock(),
                    1 => theirs.lock_timeout(limit),
                    _ => perhaps_in_time(dice, || theirs.lock().unwrap()),
                };
                if let Some(mut value) = guard {
                    let _inside = room.enter(1);
                    let before = *value;
                    dice.dawdle();
                    *value = before + 1;
                    notes.note(());
                }
                dice.dawdle();
            }
        });
        assert_eq!(*mutex.try_lock().unwrap(), noted.take().len());
    }
}

#[test]
fn one_has_a_reentrant_lock_at_a_time() {
    for seed in SEEDS {
        let lock = Arc::new(ReentrantLock::new(Cell::new(0)));
        let (theirs, room, noted) = (lock.clone(), Room::default(), Log::new());
        let notes = noted.clone();
        crowd(seed, move |dice| {
            for _ in 0..ROUNDS {
                let limit = dice.limit();
                let guard = match dice.roll(3) {
                    0 => theirs.try_lock(),
                    1 => theirs.lock_timeout(limit),
                    _ => perhaps_in_time(dice, || theirs.lock().unwrap()),
                };
                if let Some(outer) = guard {
                    let before = outer.get();
                    dice.dawdle();
                    let inner = theirs.lock().unwrap();
                    drop(outer);
                    let _inside = room.enter(1);
                    dice.dawdle();
                    inner.set(before + 1);
                    notes.note(());
                }
                dice.dawdle();
            }
        });
        assert_eq!(lock.try_lock().unwrap().get(), noted.take().len());
    }
}

#[test]
fn one_writes_while_nobody_reads() {
    for seed in SEEDS {
        let lock = Arc::new(RwLock::new((0, 0)));
        let (theirs, noted) = (lock.clone(), Log::new());
        let notes = noted.clone();
        crowd(seed, move |dice| {
            for _ in 0..ROUNDS {
                let limit = dice.limit();
                if dice.roll(3) == 0 {
                    let guard = match dice.roll(3) {
                        0 => theirs.try_write(),
                        1 => theirs.write_timeout(limit),
                        _ => perhaps_in_time(dice, || theirs.write().unwrap()),
                    };
                    if let Some(mut both) = guard {
                        // Before it can be killed, the first; then both or none.
                        dice.dawdle();
                        both.0 += 1;
                        both.1 += 1;
                        notes.note(());
                    }
                } else {
                    let guard = match dice.roll(3) {
                        0 => theirs.try_read(),
                        1 => theirs.read_timeout(limit),
                        _ => perhaps_in_time(dice, || theirs.read().unwrap()),
                    };
                    if let Some(both) = guard {
                        let before = *both;
                        dice.dawdle();
                        assert!(*both == before && both.0 == both.1);
                    }
                }
                dice.dawdle();
            }
        });
        assert_eq!(lock.try_write().unwrap().0, noted.take().len());
    }
}

/// A buffer of mutexes and conditions, as textbooks have it.
struct Buffer {
    items: Mutex<Vec<usize>>,
    not_empty: Condition,
    not_full: Condition,
}

impl Buffer {
    const ROOM: usize = 2;

    fn put(&self, item: usize) {
        let items = self.items.lock().unwrap();
        let full = |items: &mut Vec<usize>| items.len() >= Self::ROOM;
        self.not_full.wait_while(items, full).unwrap().push(item);
        self.not_empty.notify_one();
    }

    fn get(&self, dice: &mut Dice) -> Option<usize> {
        let items = self.items.lock().unwrap();
        let empty = |items: &mut Vec<usize>| items.is_empty();
        let mut items = match dice.roll(2) {
            0 => self.not_empty.wait_while(items, empty).unwrap(),
            _ => {
                let waited = self
                    .not_empty
                    .wait_timeout_while(items, dice.limit(), empty);
                waited.unwrap().0
            }
        };
        let item = items.pop()?;
        self.not_full.notify_one();
        Some(item)
    }
}

#[test]
fn conditions_lose_no_notification() {
    for seed in SEEDS {
        let buffer = Arc::new(Buffer {
            items: Mutex::default(),
            not_empty: Condition::new(),
            not_full: Condition::new(),
        });
        let (put, got) = (Log::new(), Log::new());
        // These are left alone: should a notification be lost on one that was
        // killed, they would wait for ever.
        let patient = [(); 2].map(|()| {
            let (buffer, got) = (buffer.clone(), got.clone());
            spawn(move || {
                loop {
                    let items = buffer.items.lock().unwrap();
                    let empty = |items: &mut Vec<usize>| items.is_empty();
                    let mut items = buffer.not_empty.wait_while(items, empty).unwrap();
                    let Some(item) = items.pop() else { continue };
                    buffer.not_full.notify_one();
                    got.note(item);
                }
            })
        });
        let (theirs, items) = (buffer.clone(), Items::default());
        let (puts, gets) = (put.clone(), got.clone());
        crowd(seed, move |dice| {
            for _ in 0..ROUNDS {
                if dice.roll(2) == 0 {
                    let item = items.next();
                    if perhaps_in_time(dice, || theirs.put(item)).is_some() {
                        puts.note(item);
                    }
                } else {
                    let limit = dice.limit();
                    let mut inner = dice.clone();
                    let got = with_timeout(limit, || theirs.get(&mut inner));
                    if let Ok(Some(item)) = got {
                        gets.note(item);
                    }
                }
                dice.dawdle();
            }
        });
        until(|| {
            buffer
                .items
                .try_lock()
                .is_some_and(|items| items.is_empty())
        });
        for one in patient {
            one.kill();
            assert!(one.get().unwrap_err().is_killed());
        }
        the_same(&put, got.take());
    }
}

#[test]
fn pools_lose_no_slot() {
    const SIZE: usize = 3;
    for seed in SEEDS {
        let (pool, room) = (Pool::new(SIZE), Room::default());
        let theirs = pool.clone();
        crowd(seed, move |dice| {
            for _ in 0..ROUNDS {
                let limit = dice.limit();
                let room = room.clone();
                let body = move || {
                    let _inside = room.enter(SIZE);
                    yield_now();
                };
                let member = match dice.roll(4) {
                    0 => theirs.try_acquire().map(|slot| slot.spawn(body)),
                    1 => theirs.acquire_timeout(limit).map(|slot| slot.spawn(body)),
                    2 => Some(theirs.apply_async(body)),
                    _ => perhaps_in_time(dice, || theirs.spawn(body)),
                };
                dice.dawdle();
                match (member, dice.roll(3)) {
                    (Some(member), 0) => member.start_kill(),
                    (Some(member), 1) => {
                        // Whatever came of it, it did not find too many inside.
                        assert!(member.get().map_err(|e| e.is_killed()) != Err(false));
                    }
                    _ => {}
                }
            }
        });
        until(|| pool.is_empty() && pool.free_slots() == SIZE);
    }
}
