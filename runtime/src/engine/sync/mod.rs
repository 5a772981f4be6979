//! Locks and atomics for what is tried in every order by loom (`models` and the
//! like, run by `.ci/prove`): the real ones, and loom's there.

#[cfg(all(test, loom))]
mod modelled;

#[cfg(not(all(test, loom)))]
pub(crate) use parking_lot::{Condvar, Mutex};
#[cfg(all(feature = "native", not(all(test, loom))))]
pub(crate) use std::sync::atomic::AtomicU8;
#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64};
#[cfg(not(all(test, loom)))]
pub(crate) use std::thread::panicking;

#[cfg(all(test, loom, feature = "native"))]
pub(crate) use loom::sync::atomic::AtomicU8;
#[cfg(all(test, loom))]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64};
#[cfg(all(test, loom))]
pub(crate) use modelled::{Condvar, Mutex, explore, panicking};
