//! Spawning greenlets.

use std::any::TypeId;
use std::sync::Arc;

use corosensei::Yielder;

use super::super::current::{self, Frame};
use super::super::parker::Kind;
use super::super::{Local, Placement, SpawnError};
use super::hub;
use super::slab::GUARD;
use super::task::TaskPtr;

/// Runs `body` as a greenlet on a stack of `stack_size` bytes, after the
/// greenlets that are ready now.
///
/// # Errors
///
/// If as many greenlets live as the hub allows, or the stack cannot be mapped.
pub(crate) fn spawn<L: Local>(
    placement: Placement,
    stack_size: usize,
    local: Arc<L>,
    body: Box<dyn FnOnce() + Send>,
) -> Result<(), SpawnError> {
    let hub = hub::at(placement)?;
    let place = hub.take_place()?;
    let stack = hub.take_stack(stack_size).map_err(|_| SpawnError::Stack)?;
    let guard = stack.bottom()..stack.bottom() + GUARD;
    hub.admit();
    let mine = local.clone();
    let task = TaskPtr::new(stack, hub, move |task, yielder| {
        let frame = Frame {
            local: mine.clone(),
            typed: (&raw const mine).cast(),
            type_id: TypeId::of::<Arc<L>>(),
            stack_size,
            guard,
            switch: (&raw const *yielder).cast(),
            task,
        };
        current::run(&frame, || {}, body);
        drop(place);
    });
    if let Kind::Greenlet(parker) = &local.parker().0 {
        parker.belongs_to(task);
    }
    hub::make_ready(task);
    Ok(())
}

/// What `Frame::switch` points to.
pub(super) type Switch = Yielder<(), ()>;
