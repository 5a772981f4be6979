//! Spawning greenlets.

use std::sync::Arc;

use corosensei::Yielder;

use super::super::current::{self, Root};
use super::super::parker::Kind;
use super::super::{Local, Placement, SpawnError};
use super::hub;
use super::slab::GUARD;
use super::task::TaskPtr;

/// See [`spawn`](super::super::spawn).
pub(crate) fn spawn<L: Local>(
    placement: Placement,
    stack_size: usize,
    local: Arc<L>,
    body: impl FnOnce(&Arc<L>) + Send + 'static,
) -> Result<(), SpawnError> {
    let hub = hub::at(placement)?;
    let place = hub.take_place()?;
    let stack = hub.take_stack(stack_size).map_err(|_| SpawnError::Stack)?;
    let guard = stack.bottom()..stack.bottom() + GUARD;
    hub.admit();
    let task = TaskPtr::new(stack, hub, move |task, yielder| {
        let root = Root {
            stack_size,
            guard,
            switch: (&raw const *yielder).cast(),
            task,
        };
        // Here and not at the spawn: nobody can see it as parked before.
        if let Kind::Greenlet(parker) = &local.parker().0 {
            parker.belongs_to(task);
        }
        current::run(local, root, || {}, body);
        drop(place);
    });
    hub::make_ready(task);
    Ok(())
}

/// What `Root::switch` points to.
pub(super) type Switch = Yielder<(), ()>;
