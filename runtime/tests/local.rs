//! Behaviours of gevent's own test__local.py, written anew, for values that each
//! greenlet has for itself.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use maypole_runtime::{
    Event, Pool, catch_panic, greenlet_local, spawn, spawn_later, spawn_local, yield_now,
};
use support::in_greenlet;
use support::line::let_them_wait;

/// How often one was dropped.
#[derive(Clone, Default)]
struct Counts {
    dropped: Arc<AtomicUsize>,
}

impl Counts {
    fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }
}

/// Counts when it is dropped.
struct Counted(Counts);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

static MADE: AtomicUsize = AtomicUsize::new(0);

greenlet_local! {
    static NUMBER: Cell<u32> = Cell::new(7);
    static NAMES: RefCell<Vec<String>> = RefCell::default();
    static HELD: RefCell<Option<Counted>> = RefCell::new(None);
    static MAKES: usize = MADE.fetch_add(1, Ordering::SeqCst);
    static SHARED: Rc<Cell<u32>> = Rc::new(Cell::new(NUMBER.with(Cell::get)));
}

#[test]
fn each_greenlet_has_its_own_across_blocking_calls() {
    in_greenlet(|| {
        let greenlets: Vec<_> = (0..100)
            .map(|number| {
                spawn(move || {
                    assert_eq!(NUMBER.with(Cell::get), 7, "as it is made");
                    NUMBER.with(|mine| mine.set(number));
                    for _ in 0..3 {
                        yield_now();
                        NUMBER.with(|mine| mine.set(mine.get() + 1));
                    }
                    NUMBER.with(Cell::get)
                })
            })
            .collect();
        for (number, greenlet) in (0..).zip(greenlets) {
            assert_eq!(greenlet.get().unwrap(), number + 3);
        }
        assert_eq!(NUMBER.with(Cell::get), 7);
    });
}

#[test]
fn nothing_is_inherited() {
    in_greenlet(|| {
        NAMES.with(|names| names.borrow_mut().push("parent".into()));
        let child = spawn(|| {
            let empty = NAMES.with(|names| names.borrow().is_empty());
            NAMES.with(|names| names.borrow_mut().push("child".into()));
            empty
        });
        assert!(child.get().unwrap());
        NAMES.with(|names| assert_eq!(*names.borrow(), ["parent"]));
    });
}

#[test]
fn a_value_is_made_when_it_is_asked_for_and_once() {
    in_greenlet(|| {
        let before = MADE.load(Ordering::SeqCst);
        spawn(|| ()).get().unwrap();
        assert_eq!(MADE.load(Ordering::SeqCst), before);
        let (first, again) = spawn(|| (MAKES.with(|made| *made), MAKES.with(|made| *made)))
            .get()
            .unwrap();
        assert_eq!((first, again), (before, before));
        assert_eq!(MADE.load(Ordering::SeqCst), before + 1);
    });
}

#[test]
fn making_one_value_may_ask_for_another_and_need_not_be_send() {
    in_greenlet(|| {
        let seen = spawn(|| {
            NUMBER.with(|number| number.set(3));
            let kept = SHARED.with(Rc::clone);
            kept.set(kept.get() + 1);
            yield_now();
            SHARED.with(|shared| shared.get())
        });
        assert_eq!(seen.get().unwrap(), 4);
    });
}

/// Holds a value in the calling greenlet.
fn hold(counts: &Counts) {
    HELD.with(|held| *held.borrow_mut() = Some(Counted(counts.clone())));
}

#[test]
fn values_are_dropped_before_the_end_is_told() {
    in_greenlet(|| {
        let counts = Counts::default();
        let theirs = counts.clone();
        spawn(move || hold(&theirs)).get().unwrap();
        assert_eq!(counts.dropped(), 1);

        let theirs = counts.clone();
        let panics = spawn(move || {
            hold(&theirs);
            panic!("with a value");
        });
        assert!(panics.get().is_err());
        assert_eq!(counts.dropped(), 2);

        let (theirs, never) = (counts.clone(), Event::new());
        let killed = spawn(move || {
            hold(&theirs);
            never.wait();
        });
        let_them_wait();
        assert_eq!(counts.dropped(), 2);
        killed.kill();
        assert_eq!(counts.dropped(), 3);

        let (theirs, told) = (counts.clone(), Event::new());
        let tells = told.clone();
        let linked = spawn(move || hold(&theirs));
        linked.link(move |_| {
            assert_eq!(counts.dropped(), 4);
            tells.set();
        });
        assert!(told.wait_timeout(support::PATIENCE));
    });
}

#[test]
fn a_greenlet_that_ends_leaves_none_to_the_next() {
    in_greenlet(|| {
        for _ in 0..100 {
            let number = spawn(|| NUMBER.with(|number| number.replace(1)));
            assert_eq!(number.get().unwrap(), 7);
        }
        let pool = Pool::new(2);
        let seen = pool.map(0..20, |number| NUMBER.with(|mine| mine.replace(number)));
        assert_eq!(seen, [7; 20], "members of a pool too");
    });
}

#[test]
fn greenlets_of_all_kinds_have_their_own() {
    in_greenlet(|| {
        NUMBER.with(|number| number.set(0));
        let local = spawn_local(|| NUMBER.with(|number| number.replace(1)));
        let later = spawn_later(std::time::Duration::ZERO, || {
            NUMBER.with(|number| number.replace(2))
        });
        assert_eq!(local.get().unwrap(), 7);
        assert_eq!(later.get().unwrap(), 7);
        assert_eq!(NUMBER.with(Cell::get), 0);
    });
}

#[test]
fn threads_have_their_own_too() {
    support::set_up();
    let counts = Counts::default();
    NUMBER.with(|number| number.set(1));
    let theirs = counts.clone();
    let thread = thread::spawn(move || {
        hold(&theirs);
        NUMBER.with(|number| number.replace(2))
    });
    assert_eq!(thread.join().unwrap(), 7);
    assert_eq!(counts.dropped(), 1, "dropped with the thread");
    assert_eq!(NUMBER.with(Cell::get), 1);
    assert_eq!(spawn(|| NUMBER.with(Cell::get)).get().unwrap(), 7);
}

#[test]
fn a_panic_in_making_one_leaves_the_next_try_alone() {
    greenlet_local! {
        static FUSSY: u32 = {
            assert_ne!(MADE_FUSSY.fetch_add(1, Ordering::SeqCst), 0, "not at first");
            5
        };
    }
    static MADE_FUSSY: AtomicUsize = AtomicUsize::new(0);
    in_greenlet(|| {
        assert!(catch_panic(|| FUSSY.with(|fussy| *fussy)).is_err());
        assert_eq!(FUSSY.with(|fussy| *fussy), 5);
    });
}
