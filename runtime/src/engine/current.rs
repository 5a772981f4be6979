//! Which greenlet runs on this thread.

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use super::Local;
use super::overflow::Running;
use super::parker::Kind;
use super::pulse;

/// What is known of a greenlet while it runs. Lives on its own stack, from
/// before its body begins until after it has ended.
pub(super) struct Frame {
    // Not counted: `run` owns it for as long.
    pub(super) local: ManuallyDrop<Arc<dyn Local>>,
    // The same with its type: points to an `Arc<L>` on the greenlet's stack, and
    // names that type.
    typed: *const (),
    type_id: TypeId,
    own: Own,
    pub(super) root: Root,
}

/// A place for what the layer above keeps for one greenlet alone. It lies on the
/// greenlet's stack, so it goes where the greenlet goes, and what is in it need
/// not be `Send`.
pub(crate) type Own = RefCell<Option<Box<dyn Any>>>;

/// What an engine knows of a greenlet that runs on it.
pub(super) struct Root {
    pub(super) stack_size: usize,
    pub(super) guard: Range<usize>,
    /// What the greenlet switches away with; points to its own stack.
    #[cfg(feature = "native")]
    pub(super) switch: *const (),
    /// The greenlet as its hub knows it.
    #[cfg(feature = "native")]
    pub(super) task: super::native::TaskPtr,
}

thread_local! {
    // Null while no greenlet of ours runs. No destructor and a constant start
    // value, so that the signal handler may read it.
    static CURRENT: Cell<*const Frame> = const { Cell::new(ptr::null()) };
}

/// Calls `f` with what [`spawn`](super::spawn) was given for the running
/// greenlet, or with `None` on a plain thread.
#[inline(always)] // see `wait::yield_now`
pub(crate) fn with_current<L: Local, R>(f: impl FnOnce(Option<&Arc<L>>) -> R) -> R {
    with_frame(|frame| {
        f(frame
            .filter(|frame| frame.type_id == TypeId::of::<Arc<L>>())
            // SAFETY: `typed` points to a value of that type, on the same stack
            // as the frame, and is alive as long: see `run`.
            .map(|frame| unsafe { &*frame.typed.cast::<Arc<L>>() }))
    })
}

/// Calls `f` with the place of the running greenlet for what is its own, or with
/// `None` on a plain thread. `f` must not suspend.
pub(crate) fn with_own<R>(f: impl FnOnce(Option<&Own>) -> R) -> R {
    with_frame(|frame| f(frame.map(|frame| &frame.own)))
}

/// Calls `f` with the frame of the running greenlet, if one runs.
#[inline(always)] // see `wait::yield_now`
pub(super) fn with_frame<R>(f: impl FnOnce(Option<&Frame>) -> R) -> R {
    // SAFETY: a non-null pointer names the frame of the greenlet that runs on
    // this thread: `run` sets it while the frame is borrowed, `suspended`
    // sets it again whenever the greenlet resumes, and `run` clears it when
    // the greenlet ends. The greenlet that calls us is that one, so its frame
    // outlives this call.
    f(unsafe { get().as_ref() })
}

/// Whether a greenlet of ours runs on this thread.
#[inline]
pub(super) fn is_greenlet() -> bool {
    !get().is_null()
}

/// The root of every greenlet: runs `body` as the one that `root` describes,
/// after `first`, which may suspend it already.
pub(super) fn run<L: Local>(
    local: Arc<L>,
    root: Root,
    first: impl FnOnce(),
    body: impl FnOnce(&Arc<L>),
) {
    // SAFETY: a second owner that is never dropped, and `local` outlives it.
    let uncounted = unsafe { Arc::from_raw(Arc::as_ptr(&local)) };
    let frame = Frame {
        local: ManuallyDrop::new(uncounted),
        typed: (&raw const local).cast(),
        type_id: TypeId::of::<Arc<L>>(),
        own: Own::default(),
        root,
    };
    set(&frame);
    if pulse::is_watched() {
        pulse::enter(&frame.local);
    }
    first();
    // The layer above catches what its users throw. What comes through is a
    // defect of ours, and must not unwind into the hub.
    if catch_unwind(AssertUnwindSafe(|| body(&local))).is_err() {
        log::error!("a panic reached the root of greenlet {}", local.id());
    }
    if let Kind::Greenlet(parker) = &local.parker().0 {
        parker.disarm();
    }
    if pulse::is_watched() {
        pulse::leave();
    }
    set(ptr::null());
    local.ended();
}

/// Runs `switch`, which lets other coroutines run on this thread and may come
/// back on another one, and restores who is current.
#[inline(always)] // see `wait::yield_now`
pub(super) fn suspended<R>(switch: impl FnOnce() -> R) -> R {
    let me = get();
    if pulse::is_watched() {
        pulse::leave();
    }
    nobody();
    let value = switch();
    set(me);
    if pulse::is_watched() {
        again(me);
    }
    value
}

/// No greenlet of ours runs: who runs now may be a coroutine of somebody else,
/// which must not be taken for the greenlet before it. Only `may` has such.
#[inline]
fn nobody() {
    #[cfg(not(feature = "native"))]
    set(ptr::null());
}

/// Tells those who watch that a greenlet goes on.
#[cold]
#[inline(never)]
fn again(me: *const Frame) {
    // SAFETY: as in `with_frame`: it is the running greenlet's.
    if let Some(frame) = unsafe { me.as_ref() } {
        pulse::enter(&frame.local);
    }
}

/// As [`suspended`], if a greenlet of ours runs; else hands `switch` back.
#[cfg(not(feature = "native"))]
#[inline(always)] // see `wait::yield_now`
pub(super) fn suspended_greenlet<S: FnOnce()>(switch: S) -> Result<(), S> {
    let me = get();
    if me.is_null() {
        return Err(switch);
    }
    if pulse::is_watched() {
        pulse::leave();
    }
    nobody();
    switch();
    set(me);
    if pulse::is_watched() {
        again(me);
    }
    Ok(())
}

/// For the overflow handler.
pub(super) fn visit(visitor: &mut dyn FnMut(Running<'_>)) {
    with_frame(|frame| {
        if let Some(frame) = frame {
            visitor(Running {
                guard: frame.root.guard.clone(),
                id: frame.local.id(),
                name: frame.local.name(),
                stack_size: frame.root.stack_size,
            });
        }
    });
}

// Never inlined on `may`: inlined twice around a switch, the compiler could keep
// the thread-local's address across it, and with more than one worker the
// greenlet may come back on another thread.
#[cfg_attr(feature = "native", inline)]
#[cfg_attr(not(feature = "native"), inline(never))]
fn get() -> *const Frame {
    CURRENT.get()
}

#[cfg_attr(feature = "native", inline)]
#[cfg_attr(not(feature = "native"), inline(never))]
fn set(frame: *const Frame) {
    CURRENT.set(frame);
}
