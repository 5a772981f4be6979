//! Spawning with options.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::engine::{self, Placement, SpawnError};
use crate::wait::{Doing, Interrupt, Interrupted, Outcome, Strand, is_tracking};

use super::link;
use super::local::{self, LocalGreenlet};
use super::local_key;
use super::{Greenlet, GreenletRef, hooks};

/// Options of a new greenlet, in the manner of [`std::thread::Builder`].
///
/// # Examples
///
/// ```
/// use maypole_runtime::Builder;
///
/// let greenlet = Builder::new()
///     .name("parser")
///     .stack_size(1024 * 1024)
///     .spawn(|| maypole_runtime::current().map(|me| me.name().to_owned()))?;
/// assert_eq!(greenlet.get().unwrap().as_deref(), Some("parser"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until `spawn`"]
pub struct Builder {
    name: Option<Box<str>>,
    stack_size: Option<usize>,
    placement: Placement,
}

impl Builder {
    /// No name, the stack size of [`Hub::set_stack_size`](crate::Hub::set_stack_size).
    ///
    /// See the example of [`Builder`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the greenlet: for its `Debug`, and for messages about it.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::Builder;
    ///
    /// let greenlet = Builder::new().name("parser").spawn(|| ())?;
    /// assert_eq!(greenlet.handle().name(), "parser");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into().into_boxed_str());
        self
    }

    /// Sets the size of its stack, in bytes. Rounded up to whole pages, and at
    /// least one; only what is touched takes memory.
    ///
    /// See the example of [`Builder`].
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Runs it on the hub with this number, counted from 0, instead of on the
    /// caller's; see [`Hub::threads`](crate::Hub::threads).
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Builder, Hub};
    ///
    /// let last = Hub::count() - 1;
    /// assert!(Builder::new().hub(last).spawn(|| ()).is_ok());
    /// assert!(Builder::new().hub(last + 1).spawn(|| ()).is_err());
    /// ```
    pub fn hub(mut self, hub: usize) -> Self {
        self.placement = Placement::On(hub);
        self
    }

    /// Runs it on the hub that has the fewest greenlets.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::Builder;
    ///
    /// let greenlet = Builder::new().least_loaded().spawn(|| "somewhere")?;
    /// assert_eq!(greenlet.get().unwrap(), "somewhere");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn least_loaded(mut self) -> Self {
        self.placement = Placement::LeastLoaded;
        self
    }

    /// Runs `body` in a new greenlet; see [`spawn`](super::spawn).
    ///
    /// # Errors
    ///
    /// `OutOfMemory` when as many greenlets live as the kernel's
    /// `vm.max_map_count` allows (the text says so), or when a stack cannot be
    /// mapped. After some have ended, spawning works again. `InvalidInput` for a
    /// hub that there is not.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::Builder;
    ///
    /// match Builder::new().stack_size(64 * 1024).spawn(|| 6 * 7) {
    ///     Ok(greenlet) => assert_eq!(greenlet.get().unwrap(), 42),
    ///     Err(error) => eprintln!("no room for more: {error}"),
    /// }
    /// ```
    #[track_caller]
    pub fn spawn<T, F>(self, body: F) -> io::Result<Greenlet<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_with(|_| body)
    }

    /// Runs `body`, which need not be `Send`, in a new greenlet on the caller's
    /// hub; see [`spawn_local`](super::spawn_local).
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn), and `InvalidInput` on a plain thread, which has
    /// no hub. [`hub`](Self::hub) and [`least_loaded`](Self::least_loaded) do not
    /// count here.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::rc::Rc;
    /// use maypole_runtime::{Builder, spawn};
    ///
    /// let length = spawn(|| {
    ///     let text = Rc::new("shared");
    ///     let theirs = text.clone();
    ///     let inner = Builder::new().name("inner").spawn_local(move || theirs.len());
    ///     inner.unwrap().get().unwrap()
    /// });
    /// assert_eq!(length.get().unwrap(), 6);
    /// ```
    #[track_caller]
    pub fn spawn_local<T, F>(self, body: F) -> io::Result<LocalGreenlet<T>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let strand = Strand::for_greenlet(self.name);
        let stack_size = self.stack_size.unwrap_or_else(engine::default_stack_size);
        let (value, result) = local::result();
        let body = move |strand: &Arc<Strand>| run(strand, || value.set(body()));
        let handle = GreenletRef::new(strand.clone());
        announce(&handle);
        let spawned = engine::spawn_local(stack_size, strand, body);
        spawned.map_err(|error| refused(&handle, error))?;
        Ok(LocalGreenlet::new(handle, result))
    }

    /// As [`spawn`](Self::spawn), with a body that is made when the greenlet is
    /// known and has not started.
    #[track_caller]
    pub(crate) fn spawn_with<T, F>(
        self,
        body: impl FnOnce(&GreenletRef) -> F,
    ) -> io::Result<Greenlet<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let strand = Strand::for_greenlet(self.name);
        let greenlet = Greenlet::new(strand.clone());
        let body = body(greenlet.handle());
        let stack_size = self.stack_size.unwrap_or_else(engine::default_stack_size);
        let body = move |strand: &Arc<Strand>| run(strand, body);
        announce(greenlet.handle());
        let spawned = engine::spawn(self.placement, stack_size, strand, body);
        spawned.map_err(|error| refused(greenlet.handle(), error))?;
        Ok(greenlet)
    }
}

/// Tells of a greenlet that is about to be spawned.
#[inline]
fn announce(greenlet: &GreenletRef) {
    if is_tracking() {
        greenlet.strand().track();
    }
    hooks::spawning(greenlet);
}

#[cold]
fn refused(greenlet: &GreenletRef, error: SpawnError) -> io::Error {
    greenlet.strand().track_no_more();
    let kind = match error {
        SpawnError::NoHub { .. } | SpawnError::NoGreenlet => io::ErrorKind::InvalidInput,
        SpawnError::Limit { .. } | SpawnError::Stack => io::ErrorKind::OutOfMemory,
    };
    io::Error::new(kind, error)
}

/// The body of every greenlet.
fn run<T: Send + 'static>(strand: &Arc<Strand>, body: impl FnOnce() -> T) {
    strand.does(Doing::Running);
    let outcome = if strand.interrupts.take_kill() {
        // What the body captured is dropped here, where it may block.
        match catch_unwind(AssertUnwindSafe(|| drop(body))) {
            Ok(()) => Outcome::Killed,
            Err(payload) => outcome_of(payload),
        }
    } else {
        match catch_unwind(AssertUnwindSafe(body)) {
            Ok(value) => Outcome::Value(Box::new(value)),
            Err(payload) => outcome_of(payload),
        }
    };
    finish(strand, outcome);
}

/// What comes after the body.
#[inline(never)] // its frame would lie below the body's for as long as that runs
fn finish(strand: &Arc<Strand>, outcome: Outcome) {
    local_key::clear();
    let (links, unwanted) = strand.end.come(outcome);
    if let Some(Outcome::Panicked(payload)) = &unwanted {
        hooks::unhandled(&GreenletRef::new(strand.clone()), &**payload);
    }
    link::notify(strand, links);
    // A panic of the value's destructor has been reported by the panic hook.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(unwanted)));
    // What that destructor has asked for.
    local_key::clear();
}

fn outcome_of(payload: Box<dyn std::any::Any + Send>) -> Outcome {
    match payload.downcast::<Interrupted>() {
        Ok(interrupted) => match interrupted.0 {
            Interrupt::Kill => Outcome::Killed,
            Interrupt::Timeout(_) => Outcome::TimedOut,
        },
        Err(payload) => Outcome::Panicked(payload),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Group, Pool, spawn, spawn_later};

    #[test]
    fn the_place_of_spawning_is_the_caller_s_however_it_spawns() {
        let (group, pool, now) = (Group::new(), Pool::new(8), Duration::ZERO);
        for greenlet in [
            spawn(|| ()),
            spawn_later(now, || ()),
            group.spawn(|| ()),
            pool.spawn(|| ()),
            pool.acquire().spawn(|| ()),
            Builder::new().spawn(|| ()).unwrap(),
            Builder::new().spawn_later(now, || ()).unwrap(),
            group.try_spawn(Builder::new(), || ()).unwrap(),
            pool.acquire().try_spawn(Builder::new(), || ()).unwrap(),
            pool.acquire()
                .try_spawn_in(&group, Builder::new(), || ())
                .unwrap(),
        ] {
            assert_eq!(greenlet.handle().strand().location().file(), file!());
            greenlet.join();
        }
    }
}
