//! A greenlet as the hub sees it: a coroutine, at the top of its own stack.

use std::cell::{Cell, UnsafeCell};
use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, Ordering};

use corosensei::stack::StackPointer;
use corosensei::{Coroutine, CoroutineResult, Yielder};

use super::hub::Core;
use super::slab::Stack;

/// Lives at the top of the stack that it describes, so that a spawn needs no
/// memory of its own.
pub(super) struct Task {
    // The hub thread's alone.
    coroutine: UnsafeCell<ManuallyDrop<Coroutine<(), (), (), Borrowed>>>,
    // The same: who is behind it in the run queue.
    next: Cell<Option<TaskPtr>>,
    stack: ManuallyDrop<Stack>,
    pub(super) hub: &'static Core,
}

/// A pointer to a task; see the engine's page for who may hold one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) struct TaskPtr(NonNull<Task>);

// SAFETY: other threads only pass it on to the task's hub.
unsafe impl Send for TaskPtr {}
// SAFETY: as above; it is copied, never changed.
unsafe impl Sync for TaskPtr {}

/// Where a pointer to a task is left for others. Whoever reads it has seen the
/// task parked, which came after the writing.
#[derive(Debug, Default)]
pub(super) struct TaskCell(AtomicPtr<Task>);

impl TaskCell {
    pub(super) fn set(&self, task: TaskPtr) {
        self.0.store(task.0.as_ptr(), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Option<TaskPtr> {
        NonNull::new(self.0.load(Ordering::Relaxed)).map(TaskPtr)
    }
}

/// What resuming a task came to.
pub(super) enum Resumed {
    Suspended,
    Ended,
}

impl TaskPtr {
    /// Makes a task on `stack` that will run `body`, which gets what it needs
    /// to switch away. It runs first when the hub first resumes it.
    pub(super) fn new(
        stack: Stack,
        hub: &'static Core,
        body: impl FnOnce(Self, &Yielder<(), ()>) + Send + 'static,
    ) -> Self {
        let top = stack.top() - stack.shade() * TASK_ALIGN;
        let place = (top - size_of::<Task>()) & !(TASK_ALIGN - 1);
        let borrowed = Borrowed {
            base: place,
            limit: stack.bottom(),
        };
        let Some(pointer) = NonNull::new(place as *mut Task) else {
            unreachable!("a stack does not lie at address zero");
        };
        let this = Self(pointer);
        let coroutine = Coroutine::with_stack(borrowed, move |yielder: &Yielder<(), ()>, ()| {
            body(this, yielder);
        });
        // SAFETY: `place` is aligned and inside the stack, above the part that
        // the coroutine was given; nobody else uses this stack.
        unsafe {
            pointer.write(Task {
                coroutine: UnsafeCell::new(ManuallyDrop::new(coroutine)),
                next: Cell::new(None),
                stack: ManuallyDrop::new(stack),
                hub,
            });
        }
        this
    }

    /// The hub that the task belongs to.
    pub(super) fn hub(self) -> &'static Core {
        // SAFETY: a task pointer is only held while the task is alive.
        unsafe { self.0.as_ref() }.hub
    }

    /// Says who is behind the task in the run queue.
    ///
    /// # Safety
    ///
    /// Only on the thread of the task's hub.
    #[inline]
    pub(super) unsafe fn set_next(self, next: Self) {
        // SAFETY: a task pointer is only held while the task is alive.
        unsafe { self.0.as_ref() }.next.set(Some(next));
    }

    /// Says who was behind the task in the run queue, and forgets it.
    ///
    /// # Safety
    ///
    /// Only on the thread of the task's hub.
    #[inline]
    pub(super) unsafe fn take_next(self) -> Option<Self> {
        // SAFETY: as above.
        unsafe { self.0.as_ref() }.next.take()
    }

    /// Switches to the task until it suspends or ends. After it has ended the
    /// pointer is dead, and its stack is handed back.
    ///
    /// # Safety
    ///
    /// Only on the thread of the task's hub, outside any greenlet, with a
    /// pointer that this thread took from its run queue.
    pub(super) unsafe fn resume(self) -> Resumed {
        let task = self.0.as_ptr();
        // SAFETY: the coroutine is the hub thread's alone, and the task is not
        // running, or it could not be in the run queue. No reference to the
        // task itself is held across the switch.
        let result = unsafe { (*(*task).coroutine.get()).resume(()) };
        match result {
            CoroutineResult::Yield(()) => Resumed::Suspended,
            CoroutineResult::Return(()) => {
                // SAFETY: it has ended: nothing of it is on the stack any more
                // but the task, which is read out and forgotten.
                unsafe {
                    let hub = (*task).hub;
                    ManuallyDrop::drop(&mut *(*task).coroutine.get());
                    let stack = ManuallyDrop::take(&mut (*task).stack);
                    hub.give_stack(stack);
                }
                Resumed::Ended
            }
        }
    }
}

const TASK_ALIGN: usize = 64;
const _: () = assert!(align_of::<Task>() <= TASK_ALIGN);

/// The part of a stack below its task. The stack itself belongs to the task.
struct Borrowed {
    base: usize,
    limit: usize,
}

// SAFETY: the stack has a guard at its lower end (`slab`), is larger than the
// minimum (`hub::MIN_STACK_SIZE`), and outlives the coroutine: `resume` gives it
// back after it has dropped the coroutine.
unsafe impl corosensei::stack::Stack for Borrowed {
    fn base(&self) -> StackPointer {
        nonzero(self.base)
    }

    fn limit(&self) -> StackPointer {
        nonzero(self.limit)
    }
}

fn nonzero(address: usize) -> StackPointer {
    match NonZeroUsize::new(address) {
        Some(address) => address,
        None => unreachable!("a stack does not lie at address zero"),
    }
}
