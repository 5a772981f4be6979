//! Values that each greenlet has for itself.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::engine;

/// Declares values that each greenlet has for itself, in the manner of
/// [`std::thread_local!`].
///
/// A value is made when a greenlet first asks for it and dropped when the
/// greenlet ends, while it can still suspend. A new greenlet begins without any:
/// nothing is inherited from its spawner. On a plain thread it is that thread's.
/// Values need not be `Send`.
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
/// use maypole_runtime::{greenlet_local, spawn, yield_now};
///
/// greenlet_local! {
///     static REQUEST: Cell<u32> = Cell::new(0);
/// }
///
/// let handlers: Vec<_> = (1..=3)
///     .map(|number| {
///         spawn(move || {
///             REQUEST.with(|request| request.set(number));
///             yield_now(); // the others set theirs
///             REQUEST.with(Cell::get)
///         })
///     })
///     .collect();
/// let seen: Vec<u32> = handlers.into_iter().map(|one| one.get().unwrap()).collect();
/// assert_eq!(seen, [1, 2, 3]);
/// ```
#[doc(alias = "gevent.local.local")]
#[macro_export]
macro_rules! greenlet_local {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $init:expr; $($rest:tt)*) => {
        $crate::greenlet_local!($(#[$attribute])* $visibility static $name: $type = $init);
        $crate::greenlet_local!($($rest)*);
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $init:expr) => {
        $(#[$attribute])*
        $visibility static $name: $crate::LocalKey<$type> = {
            fn init() -> $type {
                $init
            }
            $crate::LocalKey::new(init)
        };
    };
}

/// A value that each greenlet has for itself; see [`greenlet_local!`].
///
/// See the example of [`greenlet_local!`].
pub struct LocalKey<T: 'static> {
    init: fn() -> T,
}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(init: fn() -> T) -> Self {
        Self { init }
    }

    /// Calls `f` with the calling greenlet's value, which is made first if there
    /// is none yet.
    ///
    /// `f` may suspend. The value stays the greenlet's, whatever thread it is on.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use maypole_runtime::{greenlet_local, spawn};
    ///
    /// greenlet_local! {
    ///     static LOG: RefCell<Vec<u32>> = RefCell::default();
    /// }
    /// LOG.with(|log| log.borrow_mut().push(1));
    /// let other = spawn(|| LOG.with(|log| log.borrow().len()));
    /// assert_eq!(other.get().unwrap(), 0); // it has its own
    /// ```
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        let key = std::ptr::from_ref(self) as usize;
        let found = with_values(|values| values.get(&key).cloned());
        // Made outside of the borrow: it may ask for other values.
        let value = found.unwrap_or_else(|| {
            let made: Rc<dyn Any> = Rc::new((self.init)());
            // Its own `init` may have been faster.
            with_values(|values| values.entry(key).or_insert(made).clone())
        });
        match value.downcast_ref() {
            Some(value) => f(value),
            None => unreachable!("a key has values of one type"),
        }
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey")
            .field("type", &std::any::type_name::<T>())
            .finish_non_exhaustive()
    }
}

/// By the address of the key.
type Values = HashMap<usize, Rc<dyn Any>>;

thread_local! {
    // Of a plain thread. Greenlets keep theirs on their own stacks.
    static OF_THREAD: RefCell<Values> = RefCell::default();
}

/// Calls `f` with the values of the calling greenlet or thread. `f` must neither
/// suspend nor call what users wrote.
fn with_values<R>(f: impl FnOnce(&mut Values) -> R) -> R {
    engine::with_own(|own| {
        let Some(own) = own else {
            return OF_THREAD.with_borrow_mut(f);
        };
        let mut own = own.borrow_mut();
        let values = own.get_or_insert_with(|| Box::new(Values::new()));
        match values.downcast_mut() {
            Some(values) => f(values),
            None => unreachable!("nobody else keeps anything there"),
        }
    })
}

/// How often the values of an ending greenlet are dropped again because their
/// destructors made new ones: as often as POSIX threads do it.
const ROUNDS: usize = 4;

/// Drops the values of the calling greenlet, which is about to end.
pub(super) fn clear() {
    for _ in 0..ROUNDS {
        let values = engine::with_own(|own| own?.borrow_mut().take());
        let Some(Ok(values)) = values.map(<Box<dyn Any>>::downcast::<Values>) else {
            return;
        };
        for value in values.into_values() {
            // A panic of a destructor has been reported by its hook.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
        }
    }
    // Nothing of it may be dropped outside of the greenlet: what is left leaks.
    std::mem::forget(engine::with_own(|own| own?.borrow_mut().take()));
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::{Event, spawn, yield_now};

    greenlet_local! {
        static COUNT: Cell<usize> = Cell::new(10);
        static HELD: RefCell<Option<OnDrop>> = RefCell::new(None);
    }
    use std::cell::RefCell;

    struct OnDrop(Arc<AtomicUsize>);

    impl Drop for OnDrop {
        fn drop(&mut self) {
            yield_now(); // a destructor that suspends, and asks for a value
            COUNT.with(|count| count.set(count.get() + 1));
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn each_greenlet_and_thread_has_its_own() {
        COUNT.with(|count| count.set(1));
        let inner = spawn(|| {
            COUNT.with(|count| count.set(count.get() + 1));
            let own = spawn(|| COUNT.with(Cell::get)).get().unwrap();
            (COUNT.with(Cell::get), own)
        });
        assert_eq!(inner.get().unwrap(), (11, 10));
        assert_eq!(COUNT.with(Cell::get), 1);
    }

    #[test]
    fn what_the_destructor_of_a_result_asks_for_is_dropped_too() {
        struct Asks(Arc<AtomicUsize>);
        impl Drop for Asks {
            fn drop(&mut self) {
                let held = OnDrop(self.0.clone());
                HELD.with(|place| *place.borrow_mut() = Some(held));
            }
        }
        let drops = Arc::new(AtomicUsize::new(0));
        let result = Asks(drops.clone());
        // The greenlet ends when nobody wants its result any more, and drops it.
        let disowned = Event::new();
        let begun = disowned.clone();
        drop(spawn(move || {
            begun.wait();
            result
        }));
        disowned.set();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while drops.load(Ordering::SeqCst) == 0 {
            assert!(std::time::Instant::now() < deadline);
            yield_now();
        }
    }

    #[test]
    fn values_are_dropped_when_the_greenlet_ends_in_whatever_way() {
        let drops = Arc::new(AtomicUsize::new(0));
        let started = Event::new();
        let hold = {
            let (drops, started) = (drops.clone(), started.clone());
            move || {
                HELD.with(|held| *held.borrow_mut() = Some(OnDrop(drops.clone())));
                started.set();
            }
        };
        let returns = hold.clone();
        spawn(returns).get().unwrap();
        assert_eq!(drops.load(Ordering::SeqCst), 1);

        let panics = hold.clone();
        let failed = spawn(move || {
            panics();
            panic!("no");
        });
        assert!(failed.get().unwrap_err().is_panic());
        assert_eq!(drops.load(Ordering::SeqCst), 2);

        started.clear();
        let killed = spawn(move || {
            hold();
            Event::new().wait();
        });
        started.wait();
        killed.kill();
        assert!(killed.get().unwrap_err().is_killed());
        assert_eq!(drops.load(Ordering::SeqCst), 3);
    }
}
