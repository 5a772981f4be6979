//! Connections that wait for a request, the one that waits longest first: it
//! makes room when a client finds no place.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use maypole_runtime::GreenletRef;
use parking_lot::Mutex;

/// No entry.
const NONE: usize = usize::MAX;

/// The idle connections of a server with a limit. A list through a slab: joining
/// and leaving it are a lock and a few stores, and allocate nothing.
#[derive(Clone, Default)]
pub(crate) struct IdleList(Arc<Mutex<List>>);

struct List {
    entries: Vec<Entry>,
    // A list of its own, through `after`.
    free: usize,
    oldest: usize,
    newest: usize,
    // How many places are wanted that nobody idle could give.
    wanted: usize,
}

struct Entry {
    connection: Option<Connection>,
    before: usize,
    after: usize,
    is_idle: bool,
}

#[derive(Clone)]
struct Connection {
    greenlet: GreenletRef,
    leaves: Arc<AtomicBool>,
}

impl Connection {
    fn leave(&self) {
        self.leaves.store(true, Ordering::SeqCst);
        self.greenlet.nudge();
    }
}

impl Default for List {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            free: NONE,
            oldest: NONE,
            newest: NONE,
            wanted: 0,
        }
    }
}

impl List {
    fn insert(&mut self, connection: Connection) -> usize {
        let entry = Entry {
            connection: Some(connection),
            before: NONE,
            after: NONE,
            is_idle: false,
        };
        match self.entries.get(self.free) {
            Some(free) => {
                let at = std::mem::replace(&mut self.free, free.after);
                self.entries[at] = entry;
                at
            }
            None => {
                self.entries.push(entry);
                self.entries.len() - 1
            }
        }
    }

    fn remove(&mut self, at: usize) {
        self.unlink(at);
        let entry = &mut self.entries[at];
        entry.connection = None;
        entry.after = std::mem::replace(&mut self.free, at);
    }

    /// Puts an entry at the end of the idle ones.
    fn link(&mut self, at: usize) {
        let before = std::mem::replace(&mut self.newest, at);
        let entry = &mut self.entries[at];
        entry.is_idle = true;
        entry.before = before;
        entry.after = NONE;
        match self.entries.get_mut(before) {
            Some(before) => before.after = at,
            None => self.oldest = at,
        }
    }

    fn unlink(&mut self, at: usize) {
        let entry = &mut self.entries[at];
        if !std::mem::take(&mut entry.is_idle) {
            return;
        }
        let (before, after) = (entry.before, entry.after);
        match self.entries.get_mut(before) {
            Some(before) => before.after = after,
            None => self.oldest = after,
        }
        match self.entries.get_mut(after) {
            Some(after) => after.before = before,
            None => self.newest = before,
        }
    }
}

impl IdleList {
    /// A seat for a connection that `greenlet` serves.
    pub(crate) fn seat(&self, greenlet: GreenletRef) -> Seat {
        let leaves = Arc::<AtomicBool>::default();
        let connection = Connection {
            greenlet,
            leaves: leaves.clone(),
        };
        let at = self.0.lock().insert(connection);
        Seat {
            list: self.clone(),
            at,
            leaves,
            is_used: AtomicBool::new(false),
            has_passed: AtomicBool::new(false),
        }
    }

    /// Asks the connection that has been idle for longest to end. False when
    /// none is idle.
    fn evict(&self) -> bool {
        let mut list = self.0.lock();
        let oldest = list.oldest;
        let Some(connection) = list.entries.get(oldest).and_then(|e| e.connection.clone()) else {
            return false;
        };
        list.unlink(oldest);
        drop(list);
        connection.leave();
        true
    }

    /// Asks one connection to end: the longest idle, or else the next one that
    /// would become idle as long as the guard lives.
    pub(crate) fn make_room(&self) -> Option<Wanted<'_>> {
        (!self.evict()).then(|| self.want())
    }

    /// Has the next connection that would become idle end instead, as long as
    /// the guard lives.
    fn want(&self) -> Wanted<'_> {
        self.0.lock().wanted += 1;
        Wanted(self)
    }
}

impl fmt::Debug for IdleList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdleList").finish_non_exhaustive()
    }
}

/// See [`IdleList::want`].
pub(crate) struct Wanted<'a>(&'a IdleList);

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        let mut list = self.0.0.lock();
        list.wanted = list.wanted.saturating_sub(1);
    }
}

/// What a connection has in the list as long as it is open.
pub(crate) struct Seat {
    list: IdleList,
    at: usize,
    leaves: Arc<AtomicBool>,
    is_used: AtomicBool,
    has_passed: AtomicBool,
}

impl Seat {
    /// Whether the connection was asked to end.
    pub(crate) fn leaves(&self) -> bool {
        self.leaves.load(Ordering::Relaxed)
    }

    /// A request has come. Who was asked to end answers it first, so somebody
    /// else is asked in its place.
    pub(crate) fn rise(&self) {
        if self.leaves() && !self.has_passed.swap(true, Ordering::Relaxed) && !self.list.evict() {
            self.list.0.lock().wanted += 1;
        }
    }

    /// The connection is idle until the guard is dropped. The first time does not
    /// count: the first request of a new client is on its way.
    pub(crate) fn rest(&self) -> Resting<'_> {
        if !self.is_used.swap(true, Ordering::Relaxed) {
            return Resting(self);
        }
        let mut list = self.list.0.lock();
        if list.wanted > 0 {
            list.wanted -= 1;
            self.leaves.store(true, Ordering::SeqCst);
        } else {
            list.link(self.at);
        }
        Resting(self)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.list.0.lock().remove(self.at);
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat")
            .field("leaves", &self.leaves())
            .finish_non_exhaustive()
    }
}

/// See [`Seat::rest`].
pub(crate) struct Resting<'a>(&'a Seat);

impl Drop for Resting<'_> {
    fn drop(&mut self) {
        self.0.list.0.lock().unlink(self.0.at);
    }
}

#[cfg(test)]
mod tests {
    use maypole_runtime::spawn;

    use super::*;

    fn seats(list: &IdleList, n: usize) -> Vec<Seat> {
        let greenlet = spawn(|| ()).handle().clone();
        let seats: Vec<_> = (0..n).map(|_| list.seat(greenlet.clone())).collect();
        for seat in &seats {
            drop(seat.rest());
        }
        seats
    }

    fn leaving(seats: &[Seat]) -> Vec<bool> {
        seats.iter().map(Seat::leaves).collect()
    }

    #[test]
    fn the_longest_idle_leaves_first() {
        let list = IdleList::default();
        let seats = seats(&list, 4);
        assert!(!list.evict());
        let mut resting: Vec<_> = [2, 0, 3].map(|at| seats[at].rest()).into();
        assert!(list.evict());
        assert_eq!(leaving(&seats), [false, false, true, false]);
        resting.pop(); // 3 has got something to do
        drop(resting.remove(0));
        assert!(list.evict());
        assert_eq!(leaving(&seats), [true, false, true, false]);
        assert!(!list.evict());
    }

    #[test]
    fn who_rests_again_is_the_newest() {
        let list = IdleList::default();
        let seats = seats(&list, 3);
        let first = seats[0].rest();
        let _second = seats[1].rest();
        drop(first);
        let _again = seats[0].rest();
        let _third = seats[2].rest();
        for expected in [
            [false, true, false],
            [true, true, false],
            [true, true, true],
        ] {
            assert!(list.evict());
            assert_eq!(leaving(&seats), expected);
        }
    }

    #[test]
    fn what_is_wanted_is_given_once() {
        let list = IdleList::default();
        let seats = seats(&list, 3);
        let wanted = list.want();
        drop(seats[0].rest());
        drop(seats[1].rest());
        assert_eq!(leaving(&seats), [true, false, false]);
        drop(wanted);
        drop(list.want());
        drop(seats[2].rest());
        assert_eq!(leaving(&seats), [true, false, false]);
    }

    #[test]
    fn who_cannot_leave_asks_the_next() {
        let list = IdleList::default();
        let seats = seats(&list, 3);
        let _resting: Vec<_> = seats[..2].iter().map(Seat::rest).collect();
        assert!(list.make_room().is_none());
        seats[0].rise();
        seats[0].rise();
        assert_eq!(leaving(&seats), [true, true, false]);
        seats[1].rise();
        drop(seats[2].rest());
        assert_eq!(leaving(&seats), [true, true, true]);
    }

    #[test]
    fn the_first_wait_does_not_count() {
        let list = IdleList::default();
        let seat = list.seat(spawn(|| ()).handle().clone());
        let wanted = list.want();
        let first = seat.rest();
        assert!(!list.evict());
        drop((first, wanted));
        let _second = seat.rest();
        assert!(list.evict());
    }

    #[test]
    fn entries_are_used_again() {
        let list = IdleList::default();
        for _ in 0..10 {
            let seats = seats(&list, 5);
            let _resting: Vec<_> = seats.iter().map(Seat::rest).collect();
        }
        assert_eq!(list.0.lock().entries.len(), 5);
        assert!(!list.evict());
    }
}
