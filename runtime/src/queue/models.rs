//! The queues under loom: every order in which putters, getters and those who
//! give up can meet. Run by `.ci/prove`. A wake-up that is lost is a deadlock to
//! loom, which reports it.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::sync::explore;
use crate::wait::Interrupt;
use crate::wait::models::{kill_me, me, outcome, with};

use super::{Channel, GetError, PutError, Queue};

#[test]
fn what_two_put_is_got_once() {
    explore(|| {
        let queue = Arc::new(Queue::new(1));
        let putters = [1, 2].map(|item| with(&queue, move |queue| queue.put(item).unwrap()));
        let mut got = [queue.get().unwrap(), queue.get().unwrap()];
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
        for putter in putters {
            putter.join().unwrap();
        }
        assert!(queue.is_empty());
    });
}

#[test]
fn two_getters_get_one_item_each() {
    explore(|| {
        let queue = Arc::new(Queue::new(1));
        let getters = [0, 1].map(|_| with(&queue, |queue| queue.get().unwrap()));
        queue.put(1).unwrap();
        queue.put(2).unwrap();
        let mut got = getters.map(|getter| getter.join().unwrap());
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
    });
}

#[test]
fn a_killed_getter_takes_no_item_along() {
    explore(|| {
        let queue = Arc::new(Queue::new(1));
        let putter = with(&queue, |queue| queue.put(1).unwrap());
        let killer = kill_me();
        let got = outcome(|| queue.get());
        putter.join().unwrap();
        killer.join().unwrap();
        match got {
            Ok(got) => assert_eq!(got, Ok(1)),
            Err(_) => assert_eq!(queue.try_get(), Ok(1)),
        }
        assert_eq!(queue.try_get(), Err(GetError::Empty));
    });
}

#[test]
fn a_killed_getter_holds_up_no_other() {
    explore(|| {
        let queue = Arc::new(Queue::new(1));
        let other = with(&queue, |queue| queue.get().unwrap());
        let killed = me();
        let putter = with(&queue, move |queue| {
            queue.put(1).unwrap();
            killed.interrupt(Interrupt::Kill);
        });
        let got = outcome(|| queue.get());
        if got.is_ok() {
            queue.try_put(1).unwrap();
        }
        assert_eq!(other.join().unwrap(), 1);
        putter.join().unwrap();
    });
}

#[test]
fn a_getter_whose_time_is_up_takes_no_item_along() {
    explore(|| {
        let queue = Arc::new(Queue::new(1));
        let putter = with(&queue, |queue| queue.put(1).unwrap());
        let hurried = with(&queue, |queue| queue.get_timeout(Duration::ZERO));
        putter.join().unwrap();
        let left = queue.try_get();
        match hurried.join().unwrap() {
            Ok(1) => assert_ne!(left, Ok(1)),
            late => {
                assert_eq!(late, Err(GetError::Empty));
                // What was promised it, and it has not come yet, is not ours.
                assert_eq!(left, Ok(1));
            }
        }
    });
}

#[test]
fn a_killed_putter_takes_no_room_along() {
    explore(|| {
        let queue = Arc::new(Queue::new(1));
        queue.try_put(0).unwrap();
        let getter = with(&queue, |queue| queue.get().unwrap());
        let killer = kill_me();
        let put = outcome(|| queue.put(1));
        assert_eq!(getter.join().unwrap(), 0);
        killer.join().unwrap();
        if let Ok(put) = put {
            put.unwrap();
            assert_eq!(queue.try_get(), Ok(1));
        }
        assert_eq!(queue.try_get(), Err(GetError::Empty));
        queue.try_put(2).unwrap();
    });
}

#[test]
fn who_peeks_sees_an_item_that_another_takes() {
    explore(|| {
        let queue = Arc::new(Queue::new(1));
        let peeker = with(&queue, |queue| queue.peek().unwrap());
        let getter = with(&queue, |queue| queue.get().unwrap());
        queue.put(1).unwrap();
        queue.put(2).unwrap();
        assert_eq!(getter.join().unwrap(), 1);
        assert!([1, 2].contains(&peeker.join().unwrap()));
    });
}

#[test]
fn all_learn_that_a_queue_is_closed() {
    explore(|| {
        let queue = Arc::new(Queue::new(1));
        queue.try_put(0).unwrap();
        let putter = with(&queue, |queue| queue.put(1));
        let getter = with(&queue, |queue| queue.iter().count());
        queue.close();
        let put = putter.join().unwrap().is_ok();
        assert_eq!(getter.join().unwrap(), 1 + usize::from(put));
    });
}

#[test]
fn who_joins_a_queue_learns_that_all_is_done() {
    explore(|| {
        let queue = Arc::new(Queue::new(2));
        queue.try_put(1).unwrap();
        queue.try_put(2).unwrap();
        let workers = [0, 1].map(|_| {
            with(&queue, |queue| {
                queue.get().unwrap();
                queue.task_done();
            })
        });
        queue.join();
        assert_eq!(queue.unfinished(), 0);
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

#[test]
fn two_putters_meet_one_getter_in_a_channel() {
    explore(|| {
        let channel = Arc::new(Channel::new());
        let putters = [1, 2].map(|item| with(&channel, move |channel| channel.put(item).unwrap()));
        let mut got = [channel.get().unwrap(), channel.get().unwrap()];
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
        for putter in putters {
            putter.join().unwrap();
        }
        assert_eq!(channel.balance(), 0);
    });
}

#[test]
fn a_killed_getter_takes_nothing_out_of_a_channel() {
    explore(|| {
        let channel = Arc::new(Channel::new());
        let putter = with(&channel, |channel| channel.put(1).unwrap());
        let killer = kill_me();
        let got = outcome(|| channel.get());
        killer.join().unwrap();
        match got {
            Ok(got) => assert_eq!(got, Ok(1)),
            Err(_) => {
                // One that came too late for the first get would end this one.
                assert_eq!(channel.get(), Ok(1));
            }
        }
        putter.join().unwrap();
        assert_eq!(channel.balance(), 0);
    });
}

#[test]
fn a_killed_putter_s_item_is_nobody_s() {
    explore(|| {
        let channel = Arc::new(Channel::new());
        let getter = with(&channel, |channel| channel.get().unwrap());
        let killer = kill_me();
        let put = outcome(|| channel.put(1));
        killer.join().unwrap();
        let got = match put {
            Ok(put) => put.map(|()| 1),
            Err(_) => channel.put(2).map(|()| 2),
        };
        assert_eq!(got, Ok(getter.join().unwrap()));
        assert_eq!(channel.balance(), 0);
    });
}

#[test]
fn two_in_a_hurry_meet_or_do_not() {
    explore(|| {
        let channel = Arc::new(Channel::new());
        let putter = with(&channel, |channel| channel.put_timeout(1, Duration::ZERO));
        let got = channel.get_timeout(Duration::ZERO);
        match putter.join().unwrap() {
            Ok(()) => assert_eq!(got, Ok(1)),
            Err(error) => {
                assert_eq!(error, PutError::Full(1));
                assert_eq!(got, Err(GetError::Empty));
            }
        }
        assert_eq!(channel.balance(), 0);
    });
}

#[test]
fn what_was_handed_over_is_got_though_the_channel_closes() {
    explore(|| {
        let channel = Arc::new(Channel::new());
        let getters = [0, 1].map(|_| with(&channel, Channel::get));
        let handed = channel.try_put(1).is_ok();
        channel.close();
        let got = getters.map(|getter| getter.join().unwrap());
        let items = got.iter().filter(|got| **got == Ok(1)).count();
        let closed = got.iter().filter(|got| **got == Err(GetError::Closed));
        assert_eq!(items, usize::from(handed));
        assert_eq!(closed.count(), 2 - items);
    });
}
