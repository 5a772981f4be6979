//! Locks and atomics for the parts whose every interleaving is tried by loom
//! (`models` and the like, run by `.ci/prove`): the real ones, and loom's there.

#[cfg(not(all(test, loom)))]
pub(crate) use parking_lot::{Condvar, Mutex};
#[cfg(all(feature = "native", not(all(test, loom))))]
pub(crate) use std::sync::atomic::AtomicU8;
#[cfg(not(all(test, loom)))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64};

#[cfg(all(test, loom))]
pub(crate) use self::modelled::{Condvar, Mutex, explore};
#[cfg(all(test, loom, feature = "native"))]
pub(crate) use loom::sync::atomic::AtomicU8;
#[cfg(all(test, loom))]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64};

/// loom's locks with the signatures of parking_lot's.
#[cfg(all(test, loom))]
mod modelled {
    use std::ops::{Deref, DerefMut};
    use std::sync::PoisonError;
    use std::time::Instant;

    /// How often a thread is made to wait where it could go on, at most, in one
    /// run of a model. `LOOM_MAX_PREEMPTIONS` says otherwise.
    const PREEMPTIONS: usize = 3;

    /// Runs `model` in every order of its threads' steps.
    pub(crate) fn explore(model: impl Fn() + Send + Sync + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound.get_or_insert(PREEMPTIONS);
        builder.check(model);
    }

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        #[track_caller]
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            let guard = self.0.lock();
            MutexGuard(Some(guard.unwrap_or_else(PoisonError::into_inner)))
        }
    }

    // Empty only while its condition variable waits.
    #[derive(Debug)]
    pub(crate) struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.0.as_ref().expect("it does not wait")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().expect("it does not wait")
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct Condvar(loom::sync::Condvar);

    impl Condvar {
        #[track_caller]
        pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            let held = guard.0.take().expect("it does not wait");
            let held = self.0.wait(held).unwrap_or_else(PoisonError::into_inner);
            guard.0 = Some(held);
        }

        /// loom has no clock: this one never times out.
        pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: Instant) -> Never {
            self.wait(guard);
            Never
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }
    }

    pub(crate) struct Never;

    impl Never {
        pub(crate) fn timed_out(&self) -> bool {
            false
        }
    }
}
