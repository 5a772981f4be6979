//! In which greenlets handlers run.

use std::fmt;
use std::io;
use std::sync::Arc;

use maypole_runtime::{
    Builder, GreenletRef, Group, Permit, Pool, Semaphore, Slot, Unwinding, catch_panic,
};

use crate::report::panic_message;

/// A handler with all that it needs, for a spawner to run in a greenlet.
pub type Body = Box<dyn FnOnce() + Send>;

type Spawner = Arc<dyn Fn(Body) -> io::Result<GreenletRef> + Send + Sync>;

/// What a server does while as many handlers run as may.
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

    pub(crate) fn set_when_full(&mut self, when_full: WhenFull) {
        self.when_full = when_full;
    }

    /// The permission to run one handler. Waits for it, or is `None` when it is
    /// not to wait.
    pub(crate) fn place(&self) -> Result<Option<Place>, Unwinding> {
        match self.when_full {
            WhenFull::Wait => self.acquire().map(Some),
            WhenFull::Refuse => Ok(self.try_acquire()),
        }
    }

    fn acquire(&self) -> Result<Place, Unwinding> {
        let permit = self.limit.as_ref().map(Semaphore::acquire).transpose()?;
        let slot = match &self.kind {
            Kind::Pool(pool) => Some(pool.acquire()),
            Kind::Each | Kind::Custom(_) => None,
        };
        Ok(Place { permit, slot })
    }

    fn try_acquire(&self) -> Option<Place> {
        let permit = match &self.limit {
            Some(limit) => Some(limit.try_acquire()?),
            None => None,
        };
        let slot = match &self.kind {
            Kind::Pool(pool) => Some(pool.try_acquire()?),
            Kind::Each | Kind::Custom(_) => None,
        };
        Some(Place { permit, slot })
    }

    /// Runs `body` as one of `handlers`, which has the place until it ends.
    pub(crate) fn spawn(
        &self,
        place: Place,
        handlers: &Group,
        body: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let Place { permit, slot } = place;
        let body = move || {
            let _permit = permit;
            body();
        };
        if let Kind::Custom(spawner) = &self.kind {
            let body = Box::new(body);
            let spawned = catch_panic(|| spawner(body)).unwrap_or_else(|payload| {
                let why = panic_message(&*payload);
                Err(io::Error::other(format!("the spawner panicked: {why}")))
            });
            return spawned.map(|greenlet| handlers.add(&greenlet));
        }
        // Handed over by load where there are several hubs.
        let builder = Builder::new().least_loaded();
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
            .finish()
    }
}

/// The permission to run one handler; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Place {
    permit: Option<Permit>,
    slot: Option<Slot>,
}
