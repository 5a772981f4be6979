//! Buffers that are lent out while a request is at hand.
//!
//! An idle connection holds none; and the same few stay in the processor's
//! cache however many connections there are.

use std::cell::RefCell;
use std::thread::LocalKey;

use crate::proto::{HeaderTable, Limits};

/// Size of a buffer to read into: a head and a form of 10 KiB come in one call.
/// What is not filled costs addresses only.
pub(crate) const SIZE: usize = 16 * 1024;

/// Size of a buffer to write from: most answers fit.
const OUTPUT_SIZE: usize = 8 * 1024;

/// Buffers kept on a thread. More are in use only while that many requests
/// wait in the middle, and then memory is not the first concern.
const KEPT: usize = 64;

thread_local! {
    // Full of whatever bytes, to be read into.
    static INPUT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    // Empty, to be appended to.
    static OUTPUT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static TABLES: RefCell<Vec<HeaderTable<'static>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of at least `SIZE` bytes, whatever they are.
#[inline(never)] // takes a thread-local, and its caller may suspend
pub(crate) fn take() -> Vec<u8> {
    pop(&INPUT).unwrap_or_else(|| vec![0; SIZE])
}

/// Gives a buffer of [`take`] back. One that has grown is dropped.
#[inline(never)]
pub(crate) fn give(buffer: Vec<u8>) {
    if buffer.len() == SIZE {
        push(&INPUT, buffer);
    }
}

/// An empty buffer with room for `OUTPUT_SIZE` bytes.
#[inline(never)]
pub(crate) fn take_output() -> Vec<u8> {
    pop(&OUTPUT).unwrap_or_else(|| Vec::with_capacity(OUTPUT_SIZE))
}

/// Gives a buffer of [`take_output`] back. One that has grown is dropped.
#[inline(never)]
pub(crate) fn give_output(mut buffer: Vec<u8>) {
    if (OUTPUT_SIZE..=2 * OUTPUT_SIZE).contains(&buffer.capacity()) {
        buffer.clear();
        push(&OUTPUT, buffer);
    }
}

/// A table of header lines with the room that these limits want.
#[inline(never)]
pub(crate) fn take_table(limits: &Limits) -> HeaderTable<'static> {
    pop(&TABLES)
        .filter(|table| table.fits(limits))
        .unwrap_or_else(|| HeaderTable::new(limits))
}

/// Gives a table of [`take_table`] back. One that is larger than most is dropped.
#[inline(never)]
pub(crate) fn give_table(table: HeaderTable<'static>) {
    if table.is_usual() {
        push(&TABLES, table);
    }
}

type Kept<T> = LocalKey<RefCell<Vec<T>>>;

fn pop<T>(kept: &'static Kept<T>) -> Option<T> {
    kept.try_with(|kept| kept.borrow_mut().pop()).ok().flatten()
}

fn push<T>(kept: &'static Kept<T>, buffer: T) {
    // During the thread's end there is nothing to keep it for.
    let _ = kept.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        if kept.len() < KEPT {
            kept.push(buffer);
        }
    });
}
