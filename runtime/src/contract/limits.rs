//! Too many greenlets: an error that says why, and life goes on.

use super::support::{Counter, child, contract, settle, until, value_of};
use crate::{Builder, Event, Pool, spawn};

/// Has the native engine guard stacks as on a kernel without guard markers:
/// with them there is no limit but memory.
const OLD_KERNEL: (&str, &str) = ("MAYPOLE_CONTRACT_MPROTECT", "1");

fn too_many() {
    contract(|| {
        let (go, ended) = (Event::new(), Counter::default());
        let echo = Event::new();
        let living = spawn({
            let echo = echo.clone();
            move || echo.wait()
        });
        let wait = || {
            let (go, guard) = (go.clone(), ended.on_drop());
            move || {
                let _guard = guard;
                go.wait()
            }
        };
        let mut greenlets = Vec::new();
        let error = loop {
            match Builder::new().spawn(wait()) {
                Ok(greenlet) => greenlets.push(greenlet),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::OutOfMemory);
        assert!(error.to_string().contains("vm.max_map_count"), "{error}");
        assert!(greenlets.len() > 1000, "{}", greenlets.len());
        assert_eq!(ended.get(), 1, "what the refused one captured is dropped");

        // Pools and groups say so too, and lose nothing.
        let pool = Pool::new(1);
        let refused = pool.acquire().try_spawn(Builder::new(), || ());
        assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::OutOfMemory);
        assert_eq!((pool.free_slots(), pool.len()), (1, 0));
        // And a link still runs.
        let linked = Counter::default();
        let counter = linked.clone();
        greenlets[0].link(move |_| {
            counter.add();
        });

        // Those that live go on.
        assert!(!living.is_finished());
        echo.set();
        assert!(value_of(living.get()));

        // After some have ended there is room again.
        for greenlet in greenlets.drain(..100) {
            greenlet.kill();
        }
        linked.reaches(1);
        for n in 0..100 {
            let again = Builder::new().spawn(move || n).unwrap();
            assert_eq!(again.get().unwrap(), n);
        }
        go.set();
        for greenlet in greenlets {
            assert!(greenlet.get().unwrap());
        }
        settle();
        let all: Vec<_> = (0..10_000)
            .map(|n| Builder::new().spawn(move || n).unwrap())
            .collect();
        for (n, greenlet) in all.into_iter().enumerate() {
            assert_eq!(greenlet.get().unwrap(), n);
        }
    });
}

#[test]
fn too_many_greenlets_are_an_error() {
    let name = "too_many_greenlets_are_an_error";
    match child(module_path!(), name, &[("RUST_BACKTRACE", "0"), OLD_KERNEL]) {
        None => too_many(),
        Some(end) => {
            assert!(end.success, "{end:?}");
            assert_eq!(end.stderr, "");
        }
    }
}

#[test]
fn too_many_greenlets_are_an_error_with_backtraces_on() {
    // A panic's backtrace needs mappings too: without a limit of ours the
    // process was seen to abort here.
    let name = "too_many_greenlets_are_an_error_with_backtraces_on";
    match child(module_path!(), name, &[("RUST_BACKTRACE", "1"), OLD_KERNEL]) {
        None => {
            too_many();
            contract(|| {
                let (go, mut greenlets) = (Event::new(), Vec::new());
                loop {
                    let go = go.clone();
                    match Builder::new().spawn(move || go.wait()) {
                        Ok(greenlet) => greenlets.push(greenlet),
                        Err(_) => break,
                    }
                }
                greenlets.pop().unwrap().kill();
                // Its place is free a moment after its end.
                let mut panics = None;
                until(|| {
                    panics = Builder::new().spawn(|| panic!("at the limit")).ok();
                    panics.is_some()
                });
                let panics = panics.unwrap();
                assert!(panics.get().unwrap_err().is_panic());
                go.set();
                for greenlet in greenlets {
                    greenlet.join();
                }
            });
        }
        Some(end) => {
            assert!(end.success, "{end:?}");
            assert!(end.stderr.contains("at the limit"), "{end:?}");
            assert!(end.stderr.contains("stack backtrace"), "{end:?}");
        }
    }
}

#[test]
fn greenlets_that_come_and_go_never_reach_a_limit() {
    contract(|| {
        for _ in 0..5 {
            let all: Vec<_> = (0..10_000).map(|n| spawn(move || n)).collect();
            for (n, greenlet) in all.into_iter().enumerate() {
                assert_eq!(greenlet.get().unwrap(), n);
            }
        }
    });
}
