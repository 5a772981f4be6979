//! Behaviours of gevent's own test__queue.py, written anew.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use maypole_runtime::queue::{Channel, GetError, LifoQueue, PriorityQueue, PutError, Queue};
use maypole_runtime::{Greenlet, catch_panic, spawn, with_timeout, yield_now};
use support::{in_greenlet, until};

/// So short that nothing can come in time.
const SOON: Duration = Duration::from_millis(2);

/// Lets greenlets that were spawned reach their first wait.
fn let_them_wait() {
    for _ in 0..10 {
        yield_now();
    }
}

#[test]
fn items_come_in_the_order_of_their_putting() {
    in_greenlet(|| {
        let queue = Queue::unbounded();
        for item in 0..100 {
            queue.put(item).unwrap();
        }
        assert_eq!(queue.len(), 100);
        let got: Vec<i32> = (0..100).map(|_| queue.get().unwrap()).collect();
        assert_eq!(got, (0..100).collect::<Vec<i32>>());
        assert!(queue.is_empty());
    });
}

#[test]
fn a_stack_and_a_heap_have_their_own_order() {
    in_greenlet(|| {
        let stack = LifoQueue::with_items([1, 3, 2]);
        let got: Vec<i32> = (0..3).map(|_| stack.get().unwrap()).collect();
        assert_eq!(got, [2, 3, 1]);
        let heap = PriorityQueue::with_items([5, 1, 3]);
        heap.put(2).unwrap();
        assert_eq!(heap.peek(), Ok(1));
        let got: Vec<i32> = (0..4).map(|_| heap.get().unwrap()).collect();
        assert_eq!(got, [1, 2, 3, 5]);
    });
}

#[test]
fn without_waiting_it_is_full_or_empty() {
    in_greenlet(|| {
        let queue = Queue::new(2);
        assert_eq!(queue.try_get(), Err(GetError::Empty));
        assert_eq!(queue.try_peek(), Err(GetError::Empty));
        queue.try_put("a").unwrap();
        queue.try_put("b").unwrap();
        assert!(queue.is_full());
        assert_eq!(queue.try_put("c"), Err(PutError::Full("c")));
        assert_eq!(queue.put_timeout("d", SOON), Err(PutError::Full("d")));
        assert_eq!(queue.try_peek(), Ok("a"));
        assert_eq!(queue.len(), 2);
        assert_eq!(queue.try_get(), Ok("a"));
        assert_eq!(queue.get(), Ok("b"));
        assert_eq!(queue.get_timeout(SOON), Err(GetError::Empty));
        assert_eq!(queue.peek_timeout(SOON), Err(GetError::Empty));
    });
}

#[test]
#[should_panic(expected = "needs room")]
fn a_queue_without_room_is_refused() {
    let _ = Queue::<u8>::new(0);
}

#[test]
fn putters_wait_for_room_and_come_in_turn() {
    in_greenlet(|| {
        let queue = Queue::new(1);
        queue.put(0).unwrap();
        let putters: Vec<Greenlet<_>> = (1..=5)
            .map(|item| {
                let queue = queue.clone();
                let putter = spawn(move || queue.put(item));
                let_them_wait(); // it stands in line before the next
                putter
            })
            .collect();
        let got: Vec<i32> = (0..=5).map(|_| queue.get().unwrap()).collect();
        assert_eq!(got, [0, 1, 2, 3, 4, 5]);
        for putter in putters {
            putter.get().unwrap().unwrap();
        }
    });
}

#[test]
fn getters_are_served_in_turn_and_not_overtaken() {
    in_greenlet(|| {
        let queue = Queue::unbounded();
        let getters: Vec<Greenlet<_>> = (0..5)
            .map(|_| {
                let queue = queue.clone();
                let getter = spawn(move || queue.get());
                let_them_wait();
                getter
            })
            .collect();
        for item in 0..5 {
            queue.put(item).unwrap();
            // What is there is promised to those who wait.
            assert_eq!(queue.try_get(), Err(GetError::Empty));
        }
        let got: Vec<i32> = getters
            .into_iter()
            .map(|g| g.get().unwrap().unwrap())
            .collect();
        assert_eq!(got, [0, 1, 2, 3, 4]);
    });
}

#[test]
fn a_killed_or_late_getter_takes_nothing_along() {
    in_greenlet(|| {
        let queue = Queue::unbounded();
        let (first, second) = (queue.clone(), queue.clone());
        let killed = spawn(move || first.get());
        let_them_wait();
        let late = spawn(move || second.get_timeout(SOON));
        let_them_wait();
        killed.kill();
        assert_eq!(late.get().unwrap(), Err(GetError::Empty));
        queue.put(7).unwrap();
        assert_eq!(queue.try_get(), Ok(7));
    });
}

#[test]
fn an_item_and_a_kill_at_once_lose_nothing() {
    in_greenlet(|| {
        for _ in 0..100 {
            let queue = Queue::unbounded();
            let theirs = queue.clone();
            let getter = spawn(move || theirs.get());
            let_them_wait();
            queue.put(1).unwrap();
            getter.start_kill();
            // Woken first, it has the item, and the kill finds it ended or not.
            match getter.get() {
                Ok(item) => assert_eq!(item, Ok(1)),
                Err(error) => {
                    assert!(error.is_killed());
                    assert_eq!(queue.try_get(), Ok(1));
                }
            }
        }
    });
}

#[test]
fn a_killed_putter_keeps_its_item() {
    in_greenlet(|| {
        let item = Arc::new(());
        let queue = Queue::new(1);
        queue.put(Arc::new(())).unwrap();
        let (theirs, same) = (queue.clone(), item.clone());
        let putter = spawn(move || theirs.put(same));
        let_them_wait();
        putter.kill();
        queue.get().unwrap();
        assert!(queue.is_empty());
        assert_eq!(Arc::strong_count(&item), 1, "dropped with the putter");
    });
}

#[test]
fn a_timeout_of_the_greenlet_passes_through() {
    in_greenlet(|| {
        let queue = Queue::<u8>::new(1);
        assert!(with_timeout(SOON, || queue.get()).is_err());
        assert!(with_timeout(SOON, || queue.peek()).is_err());
        queue.put(1).unwrap();
        assert!(with_timeout(SOON, || queue.put(2)).is_err());
        assert!(with_timeout(SOON, || queue.join()).is_err());
        assert_eq!(
            (queue.try_get(), queue.try_get()),
            (Ok(1), Err(GetError::Empty))
        );
    });
}

#[test]
fn peeking_waits_and_leaves_the_item() {
    in_greenlet(|| {
        let queue = Queue::unbounded();
        let peekers: Vec<Greenlet<_>> = (0..3)
            .map(|_| {
                let queue = queue.clone();
                spawn(move || queue.peek())
            })
            .collect();
        let_them_wait();
        queue.put(4).unwrap();
        for peeker in peekers {
            assert_eq!(peeker.get().unwrap(), Ok(4));
        }
        assert_eq!(queue.len(), 1);
    });
}

#[test]
fn joining_waits_for_all_tasks() {
    in_greenlet(|| {
        let queue = Queue::unbounded();
        queue.join(); // untouched: at once
        for item in 0..10 {
            queue.put(item).unwrap();
        }
        assert!(!queue.join_timeout(SOON));
        let workers: Vec<Greenlet<usize>> = (0..3)
            .map(|_| {
                let queue = queue.clone();
                spawn(move || queue.iter().inspect(|_| queue.task_done()).count())
            })
            .collect();
        queue.join();
        assert_eq!(queue.unfinished(), 0);
        queue.close();
        let done: usize = workers
            .into_iter()
            .map(|worker| worker.get().unwrap())
            .sum();
        assert_eq!(done, 10);
        assert!(
            catch_panic(|| queue.task_done()).is_err(),
            "more often than put"
        );
    });
}

#[test]
fn a_closed_queue_gives_out_the_rest() {
    in_greenlet(|| {
        let queue = Queue::new(2);
        queue.put(1).unwrap();
        queue.put(2).unwrap();
        let theirs = queue.clone();
        let putter = spawn(move || theirs.put(3));
        let_them_wait();
        queue.close();
        assert_eq!(putter.get().unwrap(), Err(PutError::Closed(3)));
        assert_eq!(queue.try_put(4), Err(PutError::Closed(4)));
        assert_eq!(queue.into_iter().collect::<Vec<i32>>(), [1, 2]);
    });
}

#[test]
fn closing_tells_all_who_wait() {
    in_greenlet(|| {
        let queue = Queue::<u8>::unbounded();
        let getters: Vec<Greenlet<_>> = (0..3)
            .map(|n| {
                let queue = queue.clone();
                spawn(move || if n == 0 { queue.peek() } else { queue.get() })
            })
            .collect();
        let_them_wait();
        queue.close();
        for getter in getters {
            assert_eq!(getter.get().unwrap(), Err(GetError::Closed));
        }
        assert_eq!(queue.get(), Err(GetError::Closed));
    });
}

#[test]
fn closing_at_once_drops_what_is_in() {
    in_greenlet(|| {
        let item = Arc::new(());
        let queue = Queue::with_items([item.clone(), item.clone()]);
        let theirs = queue.clone();
        let joiner = spawn(move || theirs.join());
        let_them_wait();
        queue.close_now();
        joiner.get().unwrap();
        assert_eq!(Arc::strong_count(&item), 1);
        assert_eq!(queue.get().unwrap_err(), GetError::Closed);
    });
}

#[test]
fn more_room_lets_putters_in() {
    in_greenlet(|| {
        let queue = Queue::new(1);
        queue.put(1).unwrap();
        let theirs = queue.clone();
        let putter = spawn(move || theirs.put(2));
        let_them_wait();
        queue.set_capacity(2);
        putter.get().unwrap().unwrap();
        assert_eq!(queue.capacity(), 2);
        queue.set_capacity(1);
        assert!(queue.is_full());
        assert_eq!(queue.try_put(3), Err(PutError::Full(3)));
        assert_eq!((queue.get(), queue.get()), (Ok(1), Ok(2)));
    });
}

#[test]
fn a_channel_hands_over_and_keeps_nothing() {
    in_greenlet(|| {
        let channel = Channel::new();
        assert_eq!(channel.try_put(1), Err(PutError::Full(1)));
        assert_eq!(channel.try_get(), Err(GetError::Empty));
        assert_eq!(channel.put_timeout(1, SOON), Err(PutError::Full(1)));
        assert_eq!(channel.get_timeout(SOON), Err(GetError::Empty));
        assert_eq!(channel.balance(), 0);

        let theirs = channel.clone();
        let putter = spawn(move || theirs.put(2));
        let_them_wait();
        assert_eq!(channel.balance(), 1);
        assert!(!putter.is_finished(), "it waits for a getter");
        assert_eq!(channel.get(), Ok(2));
        putter.get().unwrap().unwrap();

        let theirs = channel.clone();
        let getter = spawn(move || theirs.get());
        let_them_wait();
        assert_eq!(channel.balance(), -1);
        channel.put(3).unwrap();
        assert_eq!(getter.get().unwrap(), Ok(3));
        assert_eq!(channel.balance(), 0);
    });
}

#[test]
fn a_channel_loses_nothing_to_kills() {
    in_greenlet(|| {
        let item = Arc::new(());
        let channel = Channel::new();
        let (theirs, same) = (channel.clone(), item.clone());
        let putter = spawn(move || theirs.put(same));
        let_them_wait();
        putter.kill();
        assert_eq!(channel.balance(), 0);
        assert_eq!(Arc::strong_count(&item), 1);

        let theirs = channel.clone();
        let getter = spawn(move || theirs.get());
        let_them_wait();
        getter.kill();
        assert_eq!(channel.balance(), 0);
        assert!(channel.try_put(item).is_err(), "nobody waits any more");
    });
}

#[test]
fn a_closed_channel_tells_both_sides() {
    in_greenlet(|| {
        let (puts, gets) = (Channel::new(), Channel::<u8>::new());
        let (theirs, others) = (puts.clone(), gets.clone());
        let putter = spawn(move || theirs.put(1));
        let getter = spawn(move || others.get());
        let_them_wait();
        puts.close();
        gets.close();
        assert_eq!(putter.get().unwrap(), Err(PutError::Closed(1)));
        assert_eq!(getter.get().unwrap(), Err(GetError::Closed));
        assert_eq!(puts.get(), Err(GetError::Closed));
    });
}

#[test]
fn who_comes_late_to_a_closed_queue_does_not_wait_for_others_items() {
    in_greenlet(|| {
        let queue = Queue::unbounded();
        let first = queue.clone();
        let getter = spawn(move || first.get());
        yield_now();
        queue.put(7).unwrap();
        queue.close();
        // The item is in, and the getter that was woken has not come for it.
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.try_get(), Err(GetError::Closed));
        assert_eq!(queue.get_timeout(support::PATIENCE), Err(GetError::Closed));
        assert_eq!(getter.get().unwrap(), Ok(7));
    });
}

#[test]
fn threads_and_greenlets_share_queues() {
    support::set_up();
    const EACH: usize = 500;
    let queue = Queue::new(3);
    let channel = Channel::new();
    let sum = Arc::new(AtomicUsize::new(0));
    let put = |queue: Queue<usize>| {
        move || {
            for item in 0..EACH {
                queue.put(item).unwrap();
            }
        }
    };
    let pass = |queue: Queue<usize>, channel: Channel<usize>| {
        move || {
            for item in queue {
                channel.put(item).unwrap();
            }
        }
    };
    let add = |channel: Channel<usize>, sum: Arc<AtomicUsize>| {
        move || {
            for item in channel.iter() {
                sum.fetch_add(item + 1, Ordering::SeqCst);
            }
        }
    };
    let putters: Vec<_> = (0..2)
        .map(|_| std::thread::spawn(put(queue.clone())))
        .collect();
    let more: Vec<_> = (0..2).map(|_| spawn(put(queue.clone()))).collect();
    let passers = spawn(pass(queue.clone(), channel.clone()));
    let passing = std::thread::spawn(pass(queue.clone(), channel.clone()));
    let adders = spawn(add(channel.clone(), sum.clone()));
    let adding = std::thread::spawn(add(channel.clone(), sum.clone()));
    putters
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    more.into_iter()
        .for_each(|greenlet| greenlet.get().unwrap());
    queue.close();
    passers.get().unwrap();
    passing.join().unwrap();
    until(|| sum.load(Ordering::SeqCst) == 4 * EACH * (EACH + 1) / 2);
    channel.close();
    adders.get().unwrap();
    adding.join().unwrap();
}
