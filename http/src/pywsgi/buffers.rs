//! Buffers that are lent out while a request is at hand.
//!
//! An idle connection holds none; and the same few stay in the processor's
//! cache however many connections there are.

use std::cell::RefCell;

/// Size of a lent buffer: a browser's head, or a small body, fits.
pub(super) const SIZE: usize = 8 * 1024;

/// Buffers kept on a thread. More are in use only while that many requests
/// wait in the middle, and then memory is not the first concern.
const KEPT: usize = 64;

thread_local! {
    static FREE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of at least `SIZE` bytes, whatever they are.
#[inline(never)] // takes a thread-local, and its caller may suspend
pub(super) fn take() -> Vec<u8> {
    FREE.try_with(|free| free.borrow_mut().pop())
        .ok()
        .flatten()
        .unwrap_or_else(|| vec![0; SIZE])
}

/// Gives a buffer back. One that has grown is dropped.
#[inline(never)]
pub(super) fn give(mut buffer: Vec<u8>) {
    if buffer.capacity() < SIZE || buffer.capacity() > 2 * SIZE {
        return;
    }
    buffer.resize(SIZE, 0);
    // During the thread's end there is nothing to keep it for.
    let _ = FREE.try_with(|free| {
        let mut free = free.borrow_mut();
        if free.len() < KEPT {
            free.push(buffer);
        }
    });
}
