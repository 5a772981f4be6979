//! Stacks: large mappings cut into slots, each with a guard at its lower end.
//!
//! On Linux 6.13 and later a guard is a marker in the page table
//! (`MADV_GUARD_INSTALL`) and costs no mapping of its own, so the number of
//! greenlets is bounded by memory alone. Elsewhere each guard is an `mprotect`,
//! which splits the mapping: two for each stack, and a limit is known.

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::super::settings::page_size;
use super::stacks::Stacks;

/// The guard below each stack. Rust probes each page that it touches; C frames
/// do not, so one page would not do. A marker costs no memory.
pub(super) const GUARD: usize = 64 * 1024;

/// Slots in one mapping. Address space only; 1000 slabs hold a million stacks.
const SLOTS: usize = 1024;

/// See [`Stack::shade`]. A parked greenlet must stay in its one page: 16 lines of
/// 64 bytes are a quarter of it.
const SHADES: usize = 16;

/// Neighbouring slots differ in an odd number of these, the smallest page.
const SHADE_UNIT: usize = 4096;

/// `MADV_GUARD_INSTALL`, which libc does not name yet everywhere.
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// One stack: a slot of a slab, or a mapping of its own.
#[derive(Debug)]
pub(super) struct Stack {
    // Lowest address, that of the guard.
    bottom: usize,
    // All of it, guard included. Those of the slots' size are slots.
    size: usize,
}

impl Stack {
    /// One past its highest address.
    pub(super) fn top(&self) -> usize {
        self.bottom + self.size
    }

    /// Its lowest address; the guard begins there.
    pub(super) fn bottom(&self) -> usize {
        self.bottom
    }

    /// How many cache lines lie above what is put on it: another number than on
    /// the stacks beside it. The tops of stacks are alike modulo the page size,
    /// so that without this all would compete for the same few lines of a cache.
    pub(super) fn shade(&self) -> usize {
        (self.bottom / SHADE_UNIT) % SHADES
    }

    /// Gives the memory that was touched back to the kernel. The guard stays.
    pub(super) fn discard(&self) {
        let usable = self.size - GUARD;
        // SAFETY: the part above the guard, on which nothing runs. A refusal
        // leaves it as it is.
        unsafe { libc::madvise((self.bottom + GUARD) as *mut _, usable, libc::MADV_DONTNEED) };
    }
}

#[cfg(test)]
impl Stack {
    /// Writes to each of its pages.
    pub(super) fn touch(&self) {
        for page in (self.bottom + GUARD..self.top()).step_by(4096) {
            // SAFETY: inside the usable part, on which nothing runs.
            unsafe { (page as *mut u8).write(1) };
        }
    }

    /// How many of its pages have memory.
    pub(super) fn resident(&self) -> usize {
        let usable = self.size - GUARD;
        let mut pages = vec![0; usable.div_ceil(4096)];
        let bottom = (self.bottom + GUARD) as *mut _;
        // SAFETY: the kernel writes one byte a page.
        let asked = unsafe { libc::mincore(bottom, usable, pages.as_mut_ptr()) };
        assert_eq!(asked, 0);
        pages.iter().filter(|page| **page & 1 == 1).count()
    }
}

/// The stacks of the default size.
#[derive(Debug)]
pub(super) struct Slabs {
    // Usable bytes and the guard.
    slot: usize,
    free: Mutex<Free>,
    // The kernel knows no markers: guards are mappings.
    by_mprotect: AtomicBool,
}

#[derive(Debug, Default)]
struct Free {
    // Used before and guarded.
    used: Stacks,
    // The part of the newest slab that was never used.
    fresh: usize,
    fresh_end: usize,
}

impl Free {
    /// A slot: one that was used before, else a fresh one, guarded, of a slab
    /// that is mapped when there is none.
    fn take(
        &mut self,
        slot: usize,
        map: impl FnOnce(usize) -> io::Result<usize>,
        guard: impl FnOnce(usize) -> io::Result<()>,
    ) -> io::Result<Stack> {
        if let Some(used) = self.used.take() {
            return Ok(used);
        }
        if self.fresh == self.fresh_end {
            let size = slot.checked_mul(SLOTS).ok_or(io::ErrorKind::OutOfMemory)?;
            self.fresh = map(size)?;
            self.fresh_end = self.fresh + size;
        }
        let bottom = self.fresh;
        guard(bottom)?;
        self.fresh += slot;
        Ok(Stack { bottom, size: slot })
    }
}

impl Slabs {
    /// Slabs for stacks of `usable` bytes, a multiple of the page size.
    pub(super) fn new(usable: usize, by_mprotect: bool) -> Self {
        Self {
            slot: odd_pages(usable.saturating_add(GUARD)),
            free: Mutex::default(),
            by_mprotect: AtomicBool::new(by_mprotect),
        }
    }

    /// Whether a stack is a slot of a slab.
    pub(super) fn has(&self, stack: &Stack) -> bool {
        stack.size == self.slot
    }

    /// A stack of the default size.
    pub(super) fn take(&self) -> io::Result<Stack> {
        let mut free = self.free.lock();
        free.take(self.slot, map, |bottom| self.guard(bottom))
    }

    /// Whether all unused stacks have given back what they are to.
    pub(super) fn is_tidy(&self) -> bool {
        self.free.lock().used.is_tidy()
    }

    /// See [`Stacks::tidy`].
    pub(super) fn tidy(&self, most: usize) -> bool {
        self.free.lock().used.tidy(most)
    }

    /// A stack of another size, in a mapping of its own.
    pub(super) fn take_sized(&self, usable: usize, page_size: usize) -> io::Result<Stack> {
        let size = usable
            .max(page_size)
            .checked_next_multiple_of(page_size)
            .and_then(|usable| usable.checked_add(GUARD))
            .ok_or(io::ErrorKind::OutOfMemory)?;
        if size == self.slot {
            return self.take();
        }
        let bottom = map(size)?;
        if let Err(error) = self.guard(bottom) {
            unmap(bottom, size);
            return Err(error);
        }
        Ok(Stack { bottom, size })
    }

    /// Takes back a stack that nothing runs on.
    pub(super) fn give(&self, stack: Stack) {
        if self.has(&stack) {
            self.free.lock().used.give(stack);
        } else {
            unmap(stack.bottom, stack.size);
        }
    }

    fn guard(&self, bottom: usize) -> io::Result<()> {
        if !self.by_mprotect.load(Ordering::Relaxed) {
            // SAFETY: the range is the lower end of a slot that nobody uses.
            let done = unsafe { libc::madvise(bottom as *mut _, GUARD, MADV_GUARD_INSTALL) };
            if done == 0 {
                return Ok(());
            }
            // An older kernel: from here on by the other way.
            self.by_mprotect.store(true, Ordering::Relaxed);
        }
        // SAFETY: as above.
        match unsafe { libc::mprotect(bottom as *mut _, GUARD, libc::PROT_NONE) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// An odd number of pages, at most one more: at a distance of a power of two, the
/// tops of stacks would compete for a few entries of the TLB.
fn odd_pages(size: usize) -> usize {
    let page = page_size();
    match (size / page).is_multiple_of(2) {
        true => size.saturating_add(page),
        false => size,
    }
}

/// Whether the kernel has guard markers.
pub(super) fn has_guard_markers() -> bool {
    let Ok(probe) = map(GUARD) else { return false };
    // SAFETY: the range was mapped above and is nobody else's.
    let done = unsafe { libc::madvise(probe as *mut _, GUARD, MADV_GUARD_INSTALL) };
    unmap(probe, GUARD);
    done == 0
}

fn map(size: usize) -> io::Result<usize> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
    // SAFETY: a new mapping at an address of the kernel's choice.
    let address = unsafe { libc::mmap(ptr::null_mut(), size, protection, flags, -1, 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // One touched page must not become 2 MiB. Where the kernel has no huge
    // pages it refuses, and that is as well.
    // SAFETY: the mapping is ours.
    unsafe { libc::madvise(address, size, libc::MADV_NOHUGEPAGE) };
    Ok(address as usize)
}

fn unmap(bottom: usize, size: usize) {
    // SAFETY: called with what `map` returned, when nothing lies in it any more.
    unsafe { libc::munmap(bottom as *mut _, size) };
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT: usize = 80 * 1024;

    #[test]
    fn a_slab_is_cut_into_slots_and_then_the_next_is_mapped() {
        let mut free = Free::default();
        let mut mapped = Vec::new();
        let mut guarded = Vec::new();
        let taken: Vec<usize> = (0..2 * SLOTS)
            .map(|_| {
                let map = |size| {
                    assert_eq!(size, SLOT * SLOTS);
                    mapped.push(0x1_0000_0000 * (mapped.len() + 1));
                    Ok(mapped[mapped.len() - 1])
                };
                let guard = |bottom| {
                    guarded.push(bottom);
                    Ok(())
                };
                free.take(SLOT, map, guard).unwrap().bottom()
            })
            .collect();
        let slots = |slab: usize| (0..SLOTS).map(move |n| slab + n * SLOT);
        let all: Vec<usize> = mapped.iter().copied().flat_map(slots).collect();
        assert_eq!(mapped.len(), 2);
        assert_eq!(taken, all);
        assert_eq!(guarded, all);
    }

    #[test]
    fn what_was_used_comes_first_and_has_its_guard() {
        let mut free = Free::default();
        for bottom in [1, 2] {
            free.used.give(Stack { bottom, size: SLOT });
        }
        for bottom in [2, 1] {
            let taken = free.take(SLOT, |_| unreachable!(), |_| unreachable!());
            assert_eq!(taken.unwrap().bottom(), bottom);
        }
    }

    #[test]
    fn a_slot_that_cannot_be_guarded_is_the_next_all_the_same() {
        let mut free = Free::default();
        fn refuse<T>(_: usize) -> io::Result<T> {
            Err(io::ErrorKind::OutOfMemory.into())
        }
        assert!(free.take(SLOT, |_| Ok(SLOT), refuse).is_err());
        let taken = free.take(SLOT, |_| unreachable!(), |_| Ok(()));
        assert_eq!(taken.unwrap().bottom(), SLOT);
        assert!(Free::default().take(SLOT, refuse, |_| Ok(())).is_err());
    }

    #[test]
    #[cfg_attr(miri, ignore = "maps memory")]
    fn used_stacks_come_back_last_in_first_out() {
        let slabs = Slabs::new(64 * 1024, false);
        let first = slabs.take().unwrap();
        let second = slabs.take().unwrap();
        assert_ne!(first.bottom(), second.bottom());
        let (low, high) = (first.bottom(), second.bottom());
        slabs.give(first);
        slabs.give(second);
        assert_eq!(slabs.take().unwrap().bottom(), high);
        assert_eq!(slabs.take().unwrap().bottom(), low);
    }

    #[test]
    #[cfg_attr(miri, ignore = "maps memory")]
    fn stacks_do_not_overlap_across_slabs() {
        let slabs = Slabs::new(16 * 1024, false);
        let mut stacks: Vec<Stack> = (0..SLOTS + 2).map(|_| slabs.take().unwrap()).collect();
        stacks.sort_by_key(Stack::bottom);
        assert!(stacks.windows(2).all(|two| two[0].top() <= two[1].bottom()));
    }

    #[test]
    #[cfg_attr(miri, ignore = "maps memory")]
    fn a_stack_of_another_size_has_it() {
        let slabs = Slabs::new(16 * 1024, false);
        let stack = slabs.take_sized(1024 * 1024, 4096).unwrap();
        assert_eq!(stack.top() - stack.bottom(), 1024 * 1024 + GUARD);
        slabs.give(stack);
    }

    #[test]
    #[cfg_attr(miri, ignore = "maps memory")]
    fn a_size_is_rounded_up_to_pages() {
        let slabs = Slabs::new(16 * 1024, false);
        for (asked, given) in [(0, 4096), (1, 4096), (4097, 8192)] {
            let stack = slabs.take_sized(asked, 4096).unwrap();
            assert_eq!(stack.top() - stack.bottom(), given + GUARD);
            slabs.give(stack);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "maps memory")]
    fn sizes_that_no_address_space_has_are_errors() {
        for size in [usize::MAX, usize::MAX - 4095, usize::MAX / SLOTS, 1 << 60] {
            assert!(Slabs::new(size, false).take().is_err());
        }
        let slabs = Slabs::new(16 * 1024, false);
        for size in [usize::MAX, usize::MAX - 4095, usize::MAX / 2] {
            assert!(slabs.take_sized(size, 4096).is_err());
        }
    }
}
