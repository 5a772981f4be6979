//! Connections that wait for a request, the one that waits longest first: it
//! makes room when a client finds no place.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use maypole_runtime::GreenletRef;
use parking_lot::Mutex;

/// No entry.
const NONE: usize = usize::MAX;

/// The idle connections of a server with a limit, and who waits for a place. A
/// list through a slab: joining and leaving it are a lock and a few stores, and
/// allocate nothing.
#[derive(Clone, Default)]
pub(crate) struct IdleList(Arc<Mutex<List>>);

struct List {
    entries: Vec<Entry>,
    // A list of its own, through `after`.
    free: usize,
    oldest: usize,
    newest: usize,
    // How many wait for a place.
    waiting: usize,
    // How many of these places connections have been asked for. Less than
    // `waiting` only while nobody is idle.
    given: usize,
}

struct Entry {
    connection: Option<Connection>,
    before: usize,
    after: usize,
    is_idle: bool,
    // Its place is one of those given.
    gives: bool,
}

struct Connection {
    greenlet: GreenletRef,
    leaves: Arc<AtomicBool>,
}

impl Default for List {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            free: NONE,
            oldest: NONE,
            newest: NONE,
            waiting: 0,
            given: 0,
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
            gives: false,
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

    /// Who gives a place for one that is wanted still: the longest idle. To be
    /// nudged, after the lock.
    fn next_to_leave(&mut self) -> Option<GreenletRef> {
        if self.given >= self.waiting {
            return None;
        }
        let oldest = self.oldest;
        let connection = self.entries.get(oldest)?.connection.as_ref()?;
        let greenlet = connection.greenlet.clone();
        self.unlink(oldest);
        self.give(oldest);
        Some(greenlet)
    }

    /// Asks a connection to end, for one that waits.
    fn give(&mut self, at: usize) {
        let entry = &mut self.entries[at];
        entry.gives = true;
        if let Some(connection) = &entry.connection {
            connection.leaves.store(true, Ordering::SeqCst);
        }
        self.given += 1;
    }

    /// A place that was given is used, or is not to be had.
    fn take_back(&mut self) {
        self.given = self.given.saturating_sub(1);
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
        }
    }

    /// Wants a place, until the guard is dropped. One connection is asked to end:
    /// the longest idle, or else the next one that would become idle.
    pub(crate) fn make_room(&self) -> Wanted<'_> {
        self.change(|list| list.waiting += 1);
        Wanted(self)
    }

    /// Somebody has found a place without waiting. If others wait, it was theirs.
    pub(crate) fn taken(&self) {
        self.change(List::take_back);
    }

    /// Asks one more to leave if a change has made that necessary.
    fn change(&self, change: impl FnOnce(&mut List)) {
        let leaver = {
            let mut list = self.0.lock();
            change(&mut list);
            list.next_to_leave()
        };
        if let Some(leaver) = leaver {
            leaver.nudge();
        }
    }
}

impl fmt::Debug for IdleList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdleList").finish_non_exhaustive()
    }
}

/// See [`IdleList::make_room`].
pub(crate) struct Wanted<'a>(&'a IdleList);

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        let mut list = self.0.0.lock();
        list.waiting -= 1;
        list.take_back();
    }
}

/// What a connection has in the list as long as it is open.
pub(crate) struct Seat {
    list: IdleList,
    at: usize,
    leaves: Arc<AtomicBool>,
    is_used: AtomicBool,
}

impl Seat {
    /// Whether the connection was asked to end.
    pub(crate) fn leaves(&self) -> bool {
        self.leaves.load(Ordering::Relaxed)
    }

    /// The connection is idle until the guard is dropped. The first time does not
    /// count: the first request of a new client is on its way.
    pub(crate) fn rest(&self) -> Resting<'_> {
        if self.is_used.swap(true, Ordering::Relaxed) {
            let mut list = self.list.0.lock();
            if list.entries[self.at].gives {
                // It was asked and goes.
            } else if list.given < list.waiting {
                list.give(self.at);
            } else if !self.leaves() {
                list.link(self.at);
            }
        }
        Resting {
            seat: self,
            has_risen: false,
        }
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
pub(crate) struct Resting<'a> {
    seat: &'a Seat,
    has_risen: bool,
}

impl Resting<'_> {
    /// A request has come. Who was asked to end answers it first, so somebody
    /// else is asked in its place.
    pub(crate) fn rise(mut self) {
        self.has_risen = true;
    }
}

impl Drop for Resting<'_> {
    fn drop(&mut self) {
        let at = self.seat.at;
        self.seat.list.change(|list| {
            list.unlink(at);
            if self.has_risen && std::mem::take(&mut list.entries[at].gives) {
                list.take_back();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::thread;

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
        let mut resting: Vec<_> = [2, 0, 3].map(|at| seats[at].rest()).into();
        let _first = list.make_room();
        assert_eq!(leaving(&seats), [false, false, true, false]);
        resting.pop(); // 3 has got something to do
        drop(resting.remove(0));
        let _second = list.make_room();
        assert_eq!(leaving(&seats), [true, false, true, false]);
        let _third = list.make_room();
        assert_eq!(leaving(&seats), [true, false, true, false]);
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
        let mut wanted = Vec::new();
        for expected in [
            [false, true, false],
            [true, true, false],
            [true, true, true],
        ] {
            wanted.push(list.make_room());
            assert_eq!(leaving(&seats), expected);
        }
    }

    #[test]
    fn who_waits_is_given_one_place() {
        let list = IdleList::default();
        let seats = seats(&list, 3);
        let wanted = list.make_room();
        drop(seats[0].rest());
        drop(seats[1].rest());
        assert_eq!(leaving(&seats), [true, false, false]);
        drop(wanted);
        drop(list.make_room());
        drop(seats[2].rest());
        assert_eq!(leaving(&seats), [true, false, false]);
    }

    #[test]
    fn each_who_waits_is_given_a_place() {
        let list = IdleList::default();
        let seats = seats(&list, 4);
        let first = list.make_room();
        drop(seats[0].rest());
        let _second = list.make_room();
        drop(first); // has the place of 0
        drop(seats[1].rest());
        drop(seats[2].rest());
        assert_eq!(leaving(&seats), [true, true, false, false]);
    }

    #[test]
    fn who_loses_a_place_is_given_another() {
        let list = IdleList::default();
        let seats = seats(&list, 3);
        let _resting: Vec<_> = seats.iter().map(Seat::rest).collect();
        list.taken();
        assert_eq!(leaving(&seats), [false; 3]);
        let _wanted = list.make_room();
        list.taken();
        assert_eq!(leaving(&seats), [true, true, false]);
    }

    #[test]
    fn who_cannot_leave_asks_the_next() {
        let list = IdleList::default();
        let seats = seats(&list, 3);
        let mut resting: Vec<_> = seats[..2].iter().map(Seat::rest).collect();
        let wanted = list.make_room();
        resting.remove(0).rise();
        assert_eq!(leaving(&seats), [true, true, false]);
        resting.remove(0).rise();
        drop(seats[2].rest());
        assert_eq!(leaving(&seats), [true, true, true]);
        // It was asked before, and makes no room twice.
        drop(seats[0].rest());
        drop(wanted);
        assert_eq!(list.0.lock().given, 0);
    }

    #[test]
    fn who_waits_no_more_asks_nobody() {
        let list = IdleList::default();
        let seats = seats(&list, 2);
        let resting = seats[0].rest();
        let wanted = list.make_room();
        resting.rise();
        drop(wanted);
        // Another has come to an end and made room.
        drop(seats[1].rest());
        assert_eq!(leaving(&seats), [true, false]);
    }

    #[test]
    fn nobody_rests_while_a_place_is_wanted() {
        let list = IdleList::default();
        let seats = seats(&list, 2000);
        let steps = AtomicUsize::new(0);
        // Both come here before either goes on. It spins: else one would be late.
        let meet = |all: usize| {
            steps.fetch_add(1, Ordering::SeqCst);
            while steps.load(Ordering::SeqCst) < all {
                thread::yield_now();
            }
        };
        let mut stayed = 0;
        thread::scope(|scope| {
            scope.spawn(|| {
                for (n, seat) in seats.iter().enumerate() {
                    meet(4 * n + 2);
                    let resting = seat.rest();
                    meet(4 * n + 4);
                    drop(resting);
                }
            });
            for (n, seat) in seats.iter().enumerate() {
                meet(4 * n + 2);
                let wanted = list.make_room();
                meet(4 * n + 4);
                stayed += usize::from(!seat.leaves());
                drop(wanted);
            }
        });
        assert_eq!(stayed, 0);
    }

    #[test]
    fn the_first_wait_does_not_count() {
        let list = IdleList::default();
        let seat = list.seat(spawn(|| ()).handle().clone());
        let wanted = list.make_room();
        let first = seat.rest();
        assert!(!seat.leaves());
        drop((first, wanted));
        let _second = seat.rest();
        let _wanted = list.make_room();
        assert!(seat.leaves());
    }

    #[test]
    fn entries_are_used_again() {
        let list = IdleList::default();
        for _ in 0..10 {
            let seats = seats(&list, 5);
            let _resting: Vec<_> = seats.iter().map(Seat::rest).collect();
        }
        assert_eq!(list.0.lock().entries.len(), 5);
        let _wanted = list.make_room();
        assert_eq!(list.0.lock().given, 0);
    }
}
