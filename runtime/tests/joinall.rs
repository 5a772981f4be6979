//! Behaviours of gevent's own test__joinall.py, test__iwait.py and the killall
//! parts of test__greenlet.py, written anew.
#![allow(clippy::unwrap_used, reason = "helpers of tests may, as tests may")]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use maypole_runtime::{
    Builder, Ending, Event, Greenlet, GreenletRef, Iwait, Waitable, current, iwait, iwait_timeout,
    join_all, join_all_timeout, kill_all, kill_all_timeout, sleep, spawn, spawn_later, spawn_local,
    start_kill_all, try_join_all, wait, wait_timeout, with_timeout, yield_now,
};
use support::{PATIENCE, in_greenlet, until};

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(2);

/// Greenlets that return their number when their event is set.
fn gated(count: usize) -> (Vec<Event>, Vec<Greenlet<usize>>) {
    let gates: Vec<_> = (0..count).map(|_| Event::new()).collect();
    let greenlets = gates.iter().cloned().enumerate().map(|(number, gate)| {
        let builder = Builder::new().least_loaded();
        let body = move || {
            gate.wait();
            number
        };
        builder.spawn(body).unwrap()
    });
    let greenlets = greenlets.collect();
    (gates, greenlets)
}

/// Opens the gates in this order, each when the greenlet before has ended.
fn open(gates: &[Event], greenlets: &[Greenlet<usize>], order: &[usize]) {
    for &number in order {
        gates[number].set();
        greenlets[number].join();
    }
}

fn sleepers(count: usize) -> Vec<Greenlet<()>> {
    let sleepers = (0..count).map(|_| {
        let builder = Builder::new().least_loaded();
        builder.spawn(|| sleep(LONG)).unwrap()
    });
    sleepers.collect()
}

fn values(greenlets: impl IntoIterator<Item = Greenlet<usize>>) -> Vec<usize> {
    greenlets.into_iter().map(|g| g.get().unwrap()).collect()
}

#[test]
fn all_are_joined_in_the_order_in_which_they_ended() {
    in_greenlet(|| {
        let (gates, greenlets) = gated(4);
        let handles: Vec<GreenletRef> = greenlets.iter().map(|g| g.handle().clone()).collect();
        let joiner = spawn(move || {
            let order = join_all(&handles);
            order.into_iter().map(GreenletRef::id).collect::<Vec<_>>()
        });
        sleep(SHORT); // it waits
        open(&gates, &greenlets, &[2, 0, 3, 1]);
        let ended = joiner.get().unwrap();
        assert_eq!(ended, [2, 0, 3, 1].map(|n| greenlets[n].handle().id()));
        // Once more: those that have ended come in the order given.
        assert_eq!(values(join_all(greenlets)), [0, 1, 2, 3]);
    });
}

#[test]
fn of_none_there_is_nothing_to_wait_for() {
    in_greenlet(|| {
        assert!(join_all(Vec::<GreenletRef>::new()).is_empty());
        assert!(wait(Vec::<Event>::new()).is_empty());
        assert!(try_join_all(Vec::<Greenlet<()>>::new()).unwrap().is_empty());
        kill_all(Vec::<GreenletRef>::new());
        assert!(kill_all_timeout(Vec::<GreenletRef>::new(), Duration::ZERO));
    });
}

#[test]
fn a_join_with_a_limit_returns_those_that_have_ended() {
    in_greenlet(|| {
        let (gates, greenlets) = gated(3);
        open(&gates, &greenlets, &[1]);
        let ended = join_all_timeout(&greenlets, SHORT);
        assert_eq!(ended.len(), 1);
        assert_eq!(ended[0].handle(), greenlets[1].handle());
        assert!(join_all_timeout([&greenlets[0]], Duration::ZERO).is_empty());
        // Those that have ended are returned even if there is no time.
        open(&gates, &greenlets, &[0]);
        assert_eq!(join_all_timeout(&greenlets, Duration::ZERO).len(), 2);
        kill_all(&greenlets);
    });
}

#[test]
fn the_first_n_are_taken() {
    in_greenlet(|| {
        let (gates, greenlets) = gated(5);
        for n in [3, 1] {
            gates[n].set();
        }
        let first: Vec<_> = iwait(&greenlets).take(2).map(|g| g.handle()).collect();
        for n in [1, 3] {
            assert!(first.contains(&greenlets[n].handle()));
        }
        assert!(!greenlets[0].is_finished());
        kill_all(greenlets);
    });
}

#[test]
fn failures_are_joined_as_well() {
    in_greenlet(|| {
        let failures = [spawn(|| panic!("on purpose")), spawn(|| sleep(LONG))];
        failures[1].start_kill();
        let ended = join_all(failures).into_iter().map(|g| g.ending());
        let mut endings: Vec<_> = ended.collect();
        endings.sort_by_key(|ending| *ending == Some(Ending::Killed));
        assert_eq!(endings, [Some(Ending::Panicked), Some(Ending::Killed)]);
    });
}

#[test]
fn the_earliest_failure_in_time_is_returned() {
    in_greenlet(|| {
        let gates = [Event::new(), Event::new(), Event::new()];
        let fails = |n: usize| {
            let gate = gates[n].clone();
            spawn(move || -> usize {
                gate.wait();
                panic!("number {n}")
            })
        };
        let greenlets = [spawn(|| 7), fails(0), fails(1), fails(2)];
        let handles = greenlets.each_ref().map(|g| g.handle().clone());
        for n in [2, 0] {
            gates[n].set();
            handles[n + 1].join();
        }
        let joiner = spawn(|| try_join_all(greenlets).map_err(|error| error.to_string()));
        let error = joiner.get().unwrap().unwrap_err();
        // Both had come; of those the order given counts.
        assert_eq!(error, "greenlet panicked: number 0");
        assert!(!handles[2].is_finished(), "the others run on");

        let (late_gates, late) = (gates.clone(), [fails(1), spawn(|| 1)]);
        let joiner = spawn(move || try_join_all(late).map_err(|error| error.to_string()));
        sleep(SHORT);
        late_gates[1].set();
        let error = joiner.get().unwrap().unwrap_err();
        assert_eq!(error, "greenlet panicked: number 1");
        kill_all(&handles);
    });
}

#[test]
fn the_failure_that_comes_first_wins_whatever_its_place() {
    in_greenlet(|| {
        let gates = [Event::new(), Event::new()];
        let greenlets = gates.clone().map(|gate| {
            spawn(move || -> () {
                gate.wait();
                panic!("{}", current().unwrap().id())
            })
        });
        let ids = greenlets.each_ref().map(|g| g.handle().id());
        let last = greenlets[1].handle().clone();
        let joiner = spawn(|| try_join_all(greenlets).map_err(|error| error.to_string()));
        sleep(SHORT); // it waits
        gates[1].set();
        last.join();
        gates[0].set();
        let error = joiner.get().unwrap().unwrap_err();
        assert_eq!(error, format!("greenlet panicked: {}", ids[1]));
    });
}

#[test]
fn values_come_in_the_order_given() {
    in_greenlet(|| {
        let (gates, greenlets) = gated(4);
        let opener = spawn(move || {
            for gate in gates.iter().rev() {
                yield_now();
                gate.set();
            }
        });
        assert_eq!(try_join_all(greenlets).unwrap(), [0, 1, 2, 3]);
        opener.join();
        let killed = [spawn(|| sleep(LONG)), spawn(|| ())];
        killed[0].start_kill();
        assert!(try_join_all(killed).unwrap_err().is_killed());
    });
}

#[test]
fn the_caller_is_refused() {
    in_greenlet(|| {
        for limited in [false, true] {
            let greenlet = spawn(move || {
                let (me, other) = (current().unwrap(), spawn(|| ()).handle().clone());
                let both = [other, me];
                if limited {
                    join_all_timeout(both, LONG);
                } else {
                    join_all(both);
                }
            });
            assert!(greenlet.get().unwrap_err().is_panic());
        }
    });
}

#[test]
fn kill_all_ends_all_in_whatever_state_they_are() {
    in_greenlet(|| {
        for limited in [false, true] {
            let ran = Arc::new(AtomicUsize::new(0));
            let count = || {
                let ran = ran.clone();
                move || ran.fetch_add(1, Ordering::SeqCst)
            };
            let sleeping = spawn(|| {
                sleep(LONG);
                0
            });
            let ended = spawn(|| 1);
            sleep(SHORT);
            let greenlets = [sleeping, ended, spawn(count()), spawn_later(LONG, count())];
            if limited {
                assert!(kill_all_timeout(&greenlets, PATIENCE));
            } else {
                kill_all(&greenlets);
            }
            let endings = greenlets.each_ref().map(|g| g.ending().unwrap());
            let killed = Ending::Killed;
            assert_eq!(endings, [killed, Ending::Returned, killed, killed]);
            assert_eq!(ran.load(Ordering::SeqCst), 0);
        }
    });
}

#[test]
fn kill_all_keeps_those_that_have_not_run_from_running() {
    /// Lets others run when it is dropped, as a killed greenlet may.
    struct Wakes(Event);
    impl Drop for Wakes {
        fn drop(&mut self) {
            self.0.set();
        }
    }
    in_greenlet(|| {
        for _ in 0..20 {
            let ran = Arc::new(AtomicBool::new(false));
            let event = Event::new();
            let wakes = Wakes(event.clone());
            let old = spawn(move || {
                let _wakes = wakes;
                sleep(LONG);
            });
            sleep(Duration::from_micros(100)); // it sleeps
            let new = {
                let ran = ran.clone();
                spawn(move || ran.store(true, Ordering::SeqCst))
            };
            kill_all([&old, &new]);
            assert!(event.is_set());
            assert!(!ran.load(Ordering::SeqCst));
        }
    });
}

#[test]
fn kill_all_waits_for_survivors_and_not_beyond_its_limit() {
    in_greenlet(|| {
        let go = Event::new();
        let survivor = {
            let go = go.clone();
            spawn(move || {
                let killed = catch_unwind(AssertUnwindSafe(|| sleep(LONG)));
                assert!(killed.is_err());
                go.wait();
                7
            })
        };
        sleep(SHORT);
        assert!(!kill_all_timeout([&survivor], SHORT));
        assert!(!survivor.is_finished());
        let killer = {
            let handle = survivor.handle().clone();
            spawn(move || {
                let waits = with_timeout(SHORT, || join_all([handle]).len());
                assert!(waits.is_err());
            })
        };
        killer.get().unwrap();
        go.set();
        assert_eq!(survivor.get().unwrap(), 7);
    });
}

#[test]
fn start_kill_all_does_not_wait() {
    in_greenlet(|| {
        let sleepers = sleepers(5);
        start_kill_all(&sleepers);
        let ended = join_all(&sleepers).len();
        assert_eq!(ended, 5);
        assert!(sleepers.iter().all(|s| s.ending() == Some(Ending::Killed)));
    });
}

#[test]
fn a_member_that_kills_all_is_killed_last() {
    in_greenlet(|| {
        let sleepers = sleepers(3);
        let handles: Vec<_> = sleepers.iter().map(|s| s.handle().clone()).collect();
        let member = spawn(move || {
            let me = [current().unwrap()];
            kill_all(me.iter().chain(&handles));
            unreachable!("it has killed itself");
        });
        assert!(member.get().unwrap_err().is_killed());
        assert_eq!(join_all(sleepers).len(), 3);
    });
}

#[test]
fn from_a_plain_thread_too() {
    support::set_up();
    let (gates, greenlets) = gated(3);
    let opener = spawn(move || gates.iter().for_each(Event::set));
    assert_eq!(join_all_timeout(&greenlets, PATIENCE).len(), 3);
    assert_eq!(try_join_all(greenlets).unwrap(), [0, 1, 2]);
    assert!(opener.join_timeout(PATIENCE));
    let sleepers = sleepers(3);
    assert!(wait_timeout(&sleepers, SHORT).is_empty());
    assert!(kill_all_timeout(&sleepers, PATIENCE));
}

#[test]
fn greenlets_that_share_what_is_not_send() {
    in_greenlet(|| {
        let local = [1, 2].map(|n| spawn_local(move || std::rc::Rc::new(n)));
        let mut sum = 0;
        for ended in join_all(local) {
            sum += *ended.get().unwrap();
        }
        assert_eq!(sum, 3);
        let sleeper = spawn_local(|| sleep(LONG));
        kill_all([&sleeper]);
        assert!(sleeper.handle().is_finished());
    });
}

#[test]
fn iwait_yields_each_as_it_comes() {
    in_greenlet(|| {
        let (gates, greenlets) = gated(3);
        let mut all = iwait(&greenlets);
        assert_eq!(all.size_hint(), (0, Some(3)));
        for number in [1, 2, 0] {
            gates[number].set();
            let came = all.next().unwrap();
            assert_eq!(came.handle(), greenlets[number].handle());
        }
        assert!(all.next().is_none() && all.next().is_none());
    });
}

#[test]
fn iwait_remembers_what_comes_between_two_items() {
    in_greenlet(|| {
        let (gates, greenlets) = gated(4);
        let mut all = iwait(&greenlets);
        gates[3].set();
        assert_eq!(all.next().unwrap().handle(), greenlets[3].handle());
        open(&gates, &greenlets, &[2, 0, 1]);
        let rest: Vec<_> = all.map(|g| g.handle().id()).collect();
        assert_eq!(rest, [2, 0, 1].map(|n| greenlets[n].handle().id()));
    });
}

#[test]
fn iwait_of_mixed_things() {
    in_greenlet(|| {
        let (event, set) = (Event::new(), Event::new());
        set.set();
        let (gates, greenlets) = gated(1);
        let local = spawn_local(yield_now);
        let things: [Box<dyn Waitable>; 4] = [
            Box::new(event.clone()),
            Box::new(set),
            Box::new(greenlets[0].handle().clone()),
            Box::new(local),
        ];
        let mut all = iwait(things);
        assert!(all.next().is_some()); // the one that was set
        event.set();
        assert!(all.next().is_some());
        gates[0].set();
        assert_eq!(all.count(), 2);
    });
}

#[test]
fn iwait_sees_an_event_that_is_cleared_right_after() {
    in_greenlet(|| {
        let events = [Event::new(), Event::new()];
        let mut all = iwait(&events);
        events[1].set();
        events[1].clear();
        assert!(std::ptr::eq(all.next().unwrap(), &events[1]));
        events[0].set();
        assert!(std::ptr::eq(all.next().unwrap(), &events[0]));
    });
}

#[test]
fn one_that_is_named_twice_comes_twice() {
    in_greenlet(|| {
        let event = Event::new();
        let mut all = iwait([&event, &event]);
        event.set();
        assert!(all.next().is_some() && all.next().is_some() && all.next().is_none());
    });
}

#[test]
fn iwait_ends_when_its_time_has_passed() {
    in_greenlet(|| {
        let events = [Event::new(), Event::new()];
        events[0].set();
        let came: Vec<_> = iwait_timeout(&events, SHORT).collect();
        assert_eq!(came.len(), 1);
        assert_eq!(wait_timeout(&events, Duration::ZERO).len(), 1);
    });
}

#[test]
fn a_time_out_passes_through_iwait_and_loses_nothing() {
    in_greenlet(|| {
        let (gates, greenlets) = gated(2);
        let mut all: Iwait<_> = iwait_timeout(&greenlets, LONG);
        for number in [1, 0] {
            assert!(with_timeout(SHORT, || all.next().is_some()).is_err());
            gates[number].set();
            greenlets[number].join();
            assert_eq!(all.next().unwrap().handle(), greenlets[number].handle());
        }
    });
}

#[test]
fn a_greenlet_that_unwinds_gets_what_has_come() {
    struct Waits(Vec<Event>, Arc<AtomicUsize>);
    impl Drop for Waits {
        fn drop(&mut self) {
            self.1.store(wait(&self.0).len(), Ordering::SeqCst);
        }
    }
    in_greenlet(|| {
        let seen = Arc::new(AtomicUsize::new(9));
        let waits = Waits(vec![Event::new(), Event::new()], seen.clone());
        waits.0[1].set();
        let begun = Event::new();
        let begins = begun.clone();
        let victim = spawn(move || {
            let _waits = waits;
            begins.set();
            sleep(LONG);
        });
        begun.wait();
        victim.kill();
        assert_eq!(seen.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn many_waiters_see_all_of_many() {
    in_greenlet(|| {
        for _ in 0..10 {
            let (gates, greenlets) = gated(50);
            let handles: Vec<GreenletRef> = greenlets.iter().map(|g| g.handle().clone()).collect();
            let waiters: Vec<_> = (0..8)
                .map(|n| {
                    let handles = handles.clone();
                    let builder = Builder::new().least_loaded();
                    let body = move || match n % 4 {
                        0 => iwait(&handles).take(10).count() + 40,
                        1 => with_timeout(Duration::from_micros(200), || wait(&handles).len())
                            .unwrap_or(50),
                        _ => join_all(&handles).len(),
                    };
                    builder.spawn(body).unwrap()
                })
                .collect();
            let openers: Vec<_> = (0..2)
                .map(|half| {
                    let gates = gates.clone();
                    let open = move || gates.iter().skip(half).step_by(2).for_each(Event::set);
                    std::thread::spawn(open)
                })
                .collect();
            for waiter in join_all(waiters) {
                assert_eq!(waiter.get().unwrap(), 50);
            }
            until(|| openers.iter().all(|opener| opener.is_finished()));
            assert_eq!(values(greenlets), Vec::from_iter(0..50));
        }
    });
}
