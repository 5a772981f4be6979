//! In which greenlets handlers run.

use std::fmt;
use std::io;
use std::sync::Arc;

use maypole_runtime::{
    Builder, GreenletRef, Group, Permit, Pool, Semaphore, Slot, Unwinding, catch_panic,
};

use crate::idle::IdleList;
use crate::report::panic_message;

/// A handler with all that it needs, for a spawner to run in a greenlet.
///
/// See the example of [`Builder::spawner`](crate::Builder::spawner).
pub type Body = Box<dyn FnOnce() + Send>;

type Spawner = Arc<dyn Fn(Body) -> io::Result<GreenletRef> + Send + Sync>;

/// What a server does while as many handlers run as may.
///
/// See the example of [`Builder`](crate::Builder).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum WhenFull {
    /// Accepts nothing: clients wait in the kernel's backlog, and are served in
    /// their order when handlers end. gevent's way.
    #[default]
    Wait,
    /// Accepts and closes: clients learn at once that they should go elsewhere,
    /// or come again later.
    Refuse,
}

/// How handlers are spawned, and how many may run.
#[derive(Clone, Default)]
pub(crate) struct Spawn {
    kind: Kind,
    limit: Option<Semaphore>,
    when_full: WhenFull,
    /// Of a TLS server with a pool: handshakes, and who waits for a slot after
    /// one.
    handshakes: Option<Semaphore>,
    idle: IdleList,
}

#[derive(Clone, Default)]
enum Kind {
    /// A greenlet each.
    #[default]
    Each,
    /// In a pool, which others may share.
    Pool(Pool),
    /// As somebody else says.
    Custom(Spawner),
}

impl Spawn {
    pub(crate) fn set_pool(&mut self, pool: Pool) {
        self.kind = Kind::Pool(pool);
    }

    pub(crate) fn set_spawner(&mut self, spawner: Spawner) {
        self.kind = Kind::Custom(spawner);
    }

    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = Some(Semaphore::new(limit));
    }

    /// Lets so many handshakes run beside the pool; false without a pool.
    #[cfg(feature = "tls")]
    pub(crate) fn set_handshakes(&mut self, limit: usize) -> bool {
        let has_pool = matches!(self.kind, Kind::Pool(_));
        self.handshakes = has_pool.then(|| Semaphore::new(limit));
        has_pool
    }

    pub(crate) fn set_when_full(&mut self, when_full: WhenFull) {
        self.when_full = when_full;
    }

    /// The connections that may be asked to make room; `None` where there is
    /// always some.
    pub(crate) fn idle_list(&self) -> Option<IdleList> {
        self.is_limited().then(|| self.idle.clone())
    }

    fn is_limited(&self) -> bool {
        self.limit.is_some() || matches!(self.kind, Kind::Pool(_))
    }

    /// The permission to run one handler. Waits for it, or is `None` when it is
    /// not to wait.
    ///
    /// While there is none, `client` waits for somebody who wants to come. Then
    /// connections are asked to make room, the longest idle first.
    pub(crate) fn place(
        &self,
        client: impl FnOnce() -> io::Result<()>,
    ) -> Result<Option<Place>, Unwinding> {
        let free = self.try_acquire();
        if free.is_some() || self.when_full == WhenFull::Refuse {
            return Ok(free);
        }
        // What is wrong with the listener shows when it is accepted from.
        if client().is_ok() {
            let free = self.try_acquire();
            if free.is_some() {
                return Ok(free);
            }
            let _wanted = self.idle.make_room();
            return self.acquire().map(Some);
        }
        self.acquire().map(Some)
    }

    fn acquire(&self) -> Result<Place, Unwinding> {
        let acquire = |of: &Option<Semaphore>| of.as_ref().map(Semaphore::acquire).transpose();
        let handshake = acquire(&self.handshakes)?;
        let permit = acquire(&self.limit)?;
        Ok(Place {
            permit,
            slot: self.acquire_slot(),
            handshake,
        })
    }

    fn acquire_slot(&self) -> Option<Slot> {
        match &self.kind {
            Kind::Pool(pool) => Some(pool.acquire()),
            Kind::Each | Kind::Custom(_) => None,
        }
    }

    fn try_acquire(&self) -> Option<Place> {
        let try_acquire = |of: &Option<Semaphore>| match of {
            Some(limit) => limit.try_acquire().map(Some),
            None => Some(None),
        };
        let handshake = try_acquire(&self.handshakes)?;
        let permit = try_acquire(&self.limit)?;
        let slot = self.try_acquire_slot()?;
        if self.is_limited() {
            self.idle.taken();
        }
        Some(Place {
            permit,
            slot,
            handshake,
        })
    }

    /// A slot for a client that waits for it.
    #[cfg(feature = "tls")]
    fn slot_for_client(&self) -> Option<Slot> {
        let Kind::Pool(pool) = &self.kind else {
            return None;
        };
        if let Some(free) = pool.try_acquire() {
            self.idle.taken();
            return Some(free);
        }
        let _wanted = self.idle.make_room();
        Some(pool.acquire())
    }

    fn try_acquire_slot(&self) -> Option<Option<Slot>> {
        match &self.kind {
            Kind::Pool(pool) => pool.try_acquire().map(Some),
            Kind::Each | Kind::Custom(_) => Some(None),
        }
    }

    /// Makes a place for a handler of one that was left to a handshake: waits for
    /// a slot, as clients without TLS wait in the backlog, or is `None` when it is
    /// not to wait.
    #[cfg(feature = "tls")]
    pub(crate) fn admit(&self, mut place: Place) -> Option<Place> {
        place.slot = match self.when_full {
            WhenFull::Wait => self.slot_for_client(),
            WhenFull::Refuse => self.try_acquire_slot()?,
        };
        Some(place)
    }

    /// Runs `body` as one of `handlers`, which has the place until it ends. By
    /// `builder`, unless somebody else spawns.
    pub(crate) fn spawn(
        &self,
        place: Place,
        builder: Builder,
        handlers: &Group,
        body: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let Place {
            permit,
            slot,
            handshake,
        } = place;
        // If there was to be one, it is over.
        drop(handshake);
        // On the heap: each function that it is handed through would keep room for
        // it on the handler's stack, more than a page in all.
        let body: Body = Box::new(move || {
            let _permit = permit;
            body();
        });
        if let Kind::Custom(spawner) = &self.kind {
            let spawned = catch_panic(|| spawner(body)).unwrap_or_else(|payload| {
                let why = panic_message(&*payload);
                Err(io::Error::other(format!("the spawner panicked: {why}")))
            });
            return spawned.map(|greenlet| handlers.add(&greenlet));
        }
        match slot {
            Some(slot) => slot.try_spawn_in(handlers, builder, body).map(drop),
            None => handlers.try_spawn(builder, body).map(drop),
        }
    }
}

impl fmt::Debug for Spawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind: &dyn fmt::Debug = match &self.kind {
            Kind::Each => &"each",
            Kind::Pool(pool) => pool,
            Kind::Custom(_) => &"custom",
        };
        f.debug_struct("Spawn")
            .field("kind", kind)
            .field("limit", &self.limit)
            .field("when_full", &self.when_full)
            .finish_non_exhaustive()
    }
}

/// The permission to run one handler; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Place {
    permit: Option<Permit>,
    slot: Option<Slot>,
    handshake: Option<Permit>,
}

#[cfg(feature = "tls")]
impl Place {
    /// Gives the pool's slot back, if there is to be a handshake first.
    pub(crate) fn leave_slot(&mut self) {
        self.slot = None;
    }
}
