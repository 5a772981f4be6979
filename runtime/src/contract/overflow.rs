//! Stack overflow: the process ends with a message that helps.

use std::hint::black_box;

use super::support::{ChildEnd, child, contract, settle};
use crate::{Builder, current, spawn};

const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;

/// Uses the stack up, a little at a time.
#[expect(unconditional_recursion, reason = "that is the point")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 8]);
    recurse(depth + 1) + black_box(frame)[0]
}

fn overflows(builder: Builder) {
    contract(|| {
        spawn(|| ()).join();
        let greenlet = builder.spawn(|| {
            println!("number {}", current().unwrap().id());
            recurse(0)
        });
        let _ = greenlet.unwrap().get();
        println!("it went on");
    });
}

#[track_caller]
fn reported(end: &ChildEnd, name: &str, kib: u32) {
    assert_eq!(end.signal, Some(SIGABRT), "{end:?}");
    assert!(!end.stdout.contains("it went on"), "{end:?}");
    let number = end.stdout.split("number ").nth(1).unwrap();
    let number = number.split_whitespace().next().unwrap();
    for text in [
        &format!("greenlet {number} \"{name}\""),
        &format!("{kib} KiB"),
        "Builder::stack_size",
        "Hub::set_stack_size",
    ] {
        assert!(end.stderr.contains(text), "no {text:?} in {end:?}");
    }
}

#[test]
fn of_an_unnamed_greenlet_with_the_default_stack() {
    match child(
        module_path!(),
        "of_an_unnamed_greenlet_with_the_default_stack",
        &[],
    ) {
        None => overflows(Builder::new()),
        Some(end) => reported(&end, "unnamed", 256),
    }
}

#[test]
fn of_a_named_greenlet_with_the_default_stack() {
    match child(
        module_path!(),
        "of_a_named_greenlet_with_the_default_stack",
        &[],
    ) {
        None => overflows(Builder::new().name("parser")),
        Some(end) => reported(&end, "parser", 256),
    }
}

#[test]
fn of_a_named_greenlet_with_a_small_stack() {
    match child(
        module_path!(),
        "of_a_named_greenlet_with_a_small_stack",
        &[],
    ) {
        None => overflows(Builder::new().name("small").stack_size(64 * 1024)),
        Some(end) => reported(&end, "small", 64),
    }
}

#[test]
fn of_an_unnamed_greenlet_with_a_small_stack() {
    match child(
        module_path!(),
        "of_an_unnamed_greenlet_with_a_small_stack",
        &[],
    ) {
        None => overflows(Builder::new().stack_size(64 * 1024)),
        Some(end) => reported(&end, "unnamed", 64),
    }
}

#[test]
fn of_a_greenlet_with_a_stack_of_an_odd_size() {
    match child(
        module_path!(),
        "of_a_greenlet_with_a_stack_of_an_odd_size",
        &[],
    ) {
        None => overflows(Builder::new().name("odd").stack_size(100_001)),
        Some(end) => reported(&end, "odd", 97),
    }
}

#[test]
fn of_a_greenlet_with_a_large_stack() {
    match child(module_path!(), "of_a_greenlet_with_a_large_stack", &[]) {
        None => overflows(Builder::new().name("large").stack_size(4 << 20)),
        Some(end) => reported(&end, "large", 4096),
    }
}

#[test]
fn of_one_that_was_spawned_by_a_greenlet_and_has_suspended() {
    match child(
        module_path!(),
        "of_one_that_was_spawned_by_a_greenlet_and_has_suspended",
        &[],
    ) {
        None => contract(|| {
            let outer = spawn(|| {
                let inner = Builder::new().name("inner").spawn(|| {
                    println!("number {}", current().unwrap().id());
                    for _ in 0..10 {
                        crate::yield_now();
                    }
                    crate::sleep(std::time::Duration::from_millis(1));
                    recurse(0)
                });
                let _ = inner.unwrap().get();
                println!("it went on");
            });
            outer.join();
        }),
        Some(end) => reported(&end, "inner", 256),
    }
}

#[test]
fn of_a_stack_that_is_too_small_for_anything() {
    match child(
        module_path!(),
        "of_a_stack_that_is_too_small_for_anything",
        &[],
    ) {
        None => contract(|| {
            let greenlet = Builder::new().name("tiny").stack_size(1).spawn(|| {
                println!("number {}", current().unwrap().id());
                recurse(0)
            });
            let _ = greenlet.unwrap().get();
            println!("it went on");
        }),
        Some(end) => {
            assert_eq!(end.signal, Some(SIGABRT), "{end:?}");
            assert!(end.stderr.contains("\"tiny\""), "{end:?}");
            assert!(end.stderr.contains("Builder::stack_size"), "{end:?}");
        }
    }
}

#[test]
fn of_a_plain_thread_is_reported_as_ever() {
    match child(module_path!(), "of_a_plain_thread_is_reported_as_ever", &[]) {
        None => contract(|| {
            spawn(|| ()).join(); // our handler is installed
            settle();
            let thread = std::thread::Builder::new().name("plain".to_owned());
            let _ = thread.spawn(|| recurse(0)).unwrap().join();
        }),
        Some(end) => {
            assert_eq!(end.signal, Some(SIGABRT), "{end:?}");
            assert!(end.stderr.contains("plain"), "{end:?}");
            assert!(!end.stderr.contains("maypole"), "{end:?}");
        }
    }
}

#[test]
fn is_not_what_every_fault_is_called() {
    match child(module_path!(), "is_not_what_every_fault_is_called", &[]) {
        None => contract(|| {
            let faults = spawn(|| {
                let me = rustix::process::getpid();
                // Each handler that was there before has its turn.
                loop {
                    rustix::process::kill_process(me, rustix::process::Signal::SEGV).unwrap();
                    crate::sleep(std::time::Duration::from_millis(1));
                }
            });
            faults.join(); // not before the fault ends the process
        }),
        Some(end) => {
            assert_eq!(end.signal, Some(SIGSEGV), "{end:?}");
            assert!(!end.stderr.contains("overflowed"), "{end:?}");
        }
    }
}
