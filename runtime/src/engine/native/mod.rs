//! The second engine: a hub of our own.
//!
//! Greenlets are `corosensei` coroutines on stacks from slabs. A hub is one
//! thread with a run queue, an epoll, a set of alarms, and an inbox that other
//! threads put woken greenlets into. A greenlet never leaves its hub, so several
//! hubs are as safe as one.
//!
//! Where data lives, and who may touch it:
//!
//! - [`task::Task`]: one per greenlet, at the top of its own stack. Its
//!   coroutine is the hub thread's alone. Others hold pointers to it only to
//!   hand them back to the hub.
//! - [`hub::Core`], what each hub has one of: anybody's, behind locks and atomics.
//! - The run queue: its ends in a thread-local of the hub's thread, the links in
//!   the tasks.
//! - [`slab`]: free stacks, behind a lock.
//!
//! A pointer to a task is good from its spawn until the hub has seen its
//! coroutine return. Whoever holds one took it from a [`GreenletParker`] by
//! winning the step from "parked" to "running", which only one can win, and
//! only while the greenlet is suspended: it cannot end before the hub resumes
//! it, and the hub resumes it only through that pointer.

mod bell;
mod hub;
mod inbox;
#[cfg(all(test, loom))]
mod models;
mod park;
mod park_word;
mod registration;
mod run_queue;
mod slab;
mod spawn;
mod stacks;
mod task;

pub(crate) use hub::{cancel_alarm, hub_count, set_alarm, tick, yield_now};
pub(super) use hub::{is_started, refuse_threads};
pub(super) use park::GreenletParker;
pub(super) use registration::{Claim, Registration};
pub(crate) use spawn::spawn;
pub(super) use task::TaskPtr;
