//! A panic in a greenlet stays there.

use std::panic::panic_any;

use super::support::{Counter, child, contract, on_hub, settle, value_of};
use crate::{Event, Pool, catch_panic, sleep, spawn, yield_now};

#[test]
fn comes_out_of_get_with_its_message() {
    contract(|| {
        for suspended in [false, true] {
            let greenlet = spawn(move || {
                if suspended {
                    yield_now();
                }
                panic!("of number {}", std::hint::black_box(7));
            });
            let error = greenlet.get().unwrap_err();
            assert!(error.is_panic() && !error.is_killed() && !error.is_timeout());
            assert_eq!(error.to_string(), "greenlet panicked: of number 7");
            let payload = error.into_panic().unwrap();
            assert_eq!(payload.downcast_ref::<String>().unwrap(), "of number 7");
        }
        let error = spawn(|| panic_any(7)).get().unwrap_err();
        assert_eq!(error.to_string(), "greenlet panicked");
        assert_eq!(*error.into_panic().unwrap().downcast::<i32>().unwrap(), 7);
    });
}

#[test]
fn leaves_the_others_alone() {
    contract(|| {
        let go = Event::new();
        let before: Vec<_> = (0..10)
            .map(|n| {
                let go = go.clone();
                spawn(move || {
                    go.wait();
                    assert!(!std::thread::panicking());
                    n
                })
            })
            .collect();
        settle();
        for _ in 0..10 {
            let ended = Counter::default();
            let guard = ended.on_drop();
            let greenlet = spawn(move || {
                let _guard = guard;
                panic!("alone");
            });
            assert!(greenlet.get().unwrap_err().is_panic());
            assert_eq!(ended.get(), 1);
            assert_eq!(spawn(|| 7).get().unwrap(), 7);
        }
        go.set();
        for (n, greenlet) in before.into_iter().enumerate() {
            assert_eq!(value_of(greenlet.get()), n);
        }
    });
}

#[test]
fn gives_back_what_it_held() {
    contract(|| {
        let pool = Pool::new(1);
        for _ in 0..10 {
            let greenlet = pool.spawn(|| panic!("in a pool"));
            assert!(greenlet.get().unwrap_err().is_panic());
        }
        pool.join();
        assert_eq!((pool.len(), pool.free_slots()), (0, 1));
    });
}

#[test]
fn of_a_detached_greenlet_and_of_its_links_goes_nowhere() {
    contract(|| {
        let linked = Counter::default();
        let greenlet = spawn(|| panic!("detached"));
        for _ in 0..2 {
            let linked = linked.clone();
            greenlet.link(move |_| {
                linked.add();
                panic!("in a link");
            });
        }
        drop(greenlet);
        linked.reaches(2);
        assert_eq!(spawn(|| 7).get().unwrap(), 7);
    });
}

#[test]
fn is_caught_alone_by_catch_panic() {
    on_hub(|| {
        assert!(catch_panic(|| panic!("caught")).is_err());
        let sleeper = spawn(|| catch_panic(|| sleep(std::time::Duration::MAX)));
        yield_now();
        sleeper.kill();
        assert!(sleeper.get().unwrap_err().is_killed());
    });
}

#[test]
fn of_a_value_that_nobody_takes_goes_nowhere() {
    struct Bad(Counter);
    impl Drop for Bad {
        fn drop(&mut self) {
            self.0.add();
            panic!("in a destructor");
        }
    }
    contract(|| {
        let dropped = Counter::default();
        let value = dropped.clone();
        let go = Event::new();
        let disowned = spawn({
            let go = go.clone();
            move || {
                go.wait();
                Bad(value)
            }
        });
        drop(disowned);
        go.set();
        dropped.reaches(1);
        assert_eq!(spawn(|| 7).get().unwrap(), 7);
    });
}

#[test]
fn is_reported_as_ever() {
    match child(
        module_path!(),
        "is_reported_as_ever",
        &[("RUST_BACKTRACE", "0")],
    ) {
        None => contract(|| {
            let greenlet = spawn(|| panic!("read this"));
            assert!(greenlet.get().unwrap_err().is_panic());
        }),
        Some(end) => {
            assert!(end.success, "{end:?}");
            assert_eq!(end.stderr.matches("read this").count(), 1, "{end:?}");
        }
    }
}
