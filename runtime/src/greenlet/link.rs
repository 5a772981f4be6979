//! Links: who is called when a greenlet has ended.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::wait::Strand;

use super::{Builder, Greenlet, GreenletRef};

/// Names one link, for [`Greenlet::unlink`].
///
/// See the example of [`Greenlet::unlink`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LinkId(u64);

impl<T: 'static> Greenlet<T> {
    /// Calls `then` in a greenlet of its own once this one has ended, in
    /// whatever way; if it has already, as soon as the caller suspends.
    ///
    /// Links are called in the order in which they were made, each once. Until
    /// its turn has come each can be taken back, by an earlier one too.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Event, spawn};
    ///
    /// let told = Event::new();
    /// let teller = told.clone();
    /// let greenlet = spawn(|| ());
    /// greenlet.link(move |ended| {
    ///     assert!(ended.is_finished());
    ///     teller.set();
    /// });
    /// told.wait();
    /// ```
    #[doc(alias = "rawlink")]
    pub fn link(&self, then: impl FnOnce(&GreenletRef) + Send + 'static) -> LinkId {
        self.handle().link(then)
    }

    /// As [`link`](Self::link), but calls `then` only if the greenlet
    /// [is successful](Self::is_successful): it returned or was killed.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{AsyncResult, spawn};
    ///
    /// let told = AsyncResult::new();
    /// let teller = told.clone();
    /// let greenlet = spawn(|| ());
    /// greenlet.link_failure(|_| unreachable!());
    /// greenlet.link_success(move |ended| drop(teller.set(ended.id())));
    /// assert_eq!(*told.get().unwrap(), greenlet.handle().id());
    /// ```
    #[doc(alias = "link_value")]
    pub fn link_success(&self, then: impl FnOnce(&GreenletRef) + Send + 'static) -> LinkId {
        self.handle().link_success(then)
    }

    /// As [`link`](Self::link), but calls `then` only if the greenlet failed: it
    /// panicked, or a time-out that nobody caught unwound it.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Ending, Event, spawn};
    ///
    /// let told = Event::new();
    /// let teller = told.clone();
    /// let greenlet = spawn(|| panic!("no"));
    /// greenlet.link_failure(move |failed| {
    ///     assert_eq!(failed.ending(), Some(Ending::Panicked));
    ///     teller.set();
    /// });
    /// told.wait();
    /// ```
    #[doc(alias = "link_exception")]
    pub fn link_failure(&self, then: impl FnOnce(&GreenletRef) + Send + 'static) -> LinkId {
        self.handle().link_failure(then)
    }

    /// Takes a link back: it will not be called. False when its turn has come
    /// before, when it was taken back before, or when it is another greenlet's.
    ///
    /// # Examples
    ///
    /// ```
    /// let greenlet = maypole_runtime::spawn(|| ());
    /// let link = greenlet.link(|_| unreachable!());
    /// assert!(greenlet.has_links());
    /// assert!(greenlet.unlink(link));
    /// assert!(!greenlet.has_links());
    /// assert!(!greenlet.unlink(link));
    /// ```
    pub fn unlink(&self, link: LinkId) -> bool {
        self.handle().unlink(link)
    }

    /// Takes back all links whose turn has not come.
    ///
    /// # Examples
    ///
    /// ```
    /// let greenlet = maypole_runtime::spawn(|| ());
    /// greenlet.link(|_| unreachable!());
    /// greenlet.link(|_| unreachable!());
    /// greenlet.unlink_all();
    /// assert!(!greenlet.has_links());
    /// ```
    pub fn unlink_all(&self) {
        self.handle().unlink_all();
    }

    /// Whether there are links whose turn has not come.
    ///
    /// See the example of [`unlink`](Self::unlink).
    #[must_use]
    pub fn has_links(&self) -> bool {
        self.handle().has_links()
    }
}

impl GreenletRef {
    /// See [`Greenlet::link`].
    pub fn link(&self, then: impl FnOnce(&Self) + Send + 'static) -> LinkId {
        let link = Box::new(move |strand| then(&Self::new(strand)));
        let (number, ended) = self.strand().end.link(link);
        if ended {
            notify(self.strand(), 1);
        }
        LinkId(number)
    }

    /// See [`Greenlet::link_success`].
    pub fn link_success(&self, then: impl FnOnce(&Self) + Send + 'static) -> LinkId {
        self.link(|ended| {
            if ended.is_successful() {
                then(ended);
            }
        })
    }

    /// See [`Greenlet::link_failure`].
    pub fn link_failure(&self, then: impl FnOnce(&Self) + Send + 'static) -> LinkId {
        self.link(|ended| {
            if !ended.is_successful() {
                then(ended);
            }
        })
    }

    /// See [`Greenlet::unlink`].
    pub fn unlink(&self, link: LinkId) -> bool {
        // What the closure holds is dropped here, outside the lock.
        self.strand().end.unlink(link.0).is_some()
    }

    /// See [`Greenlet::unlink_all`].
    pub fn unlink_all(&self) {
        drop(self.strand().end.unlink_all());
    }

    /// See [`Greenlet::has_links`].
    #[must_use]
    pub fn has_links(&self) -> bool {
        self.strand().end.has_links()
    }
}

/// Calls `links` links of a greenlet that has ended, each in a greenlet of its
/// own: one may block. Each takes its link when it starts, so that a link that
/// runs before can still take it back; one that finds none does nothing.
///
/// Links must not be lost: when there can be no more greenlets they run here.
pub(super) fn notify(strand: &Arc<Strand>, links: usize) {
    for _ in 0..links {
        let ended = strand.clone();
        if let Err(error) = Builder::new().spawn(move || call_first(ended)) {
            log::warn!("a link runs without a greenlet of its own: {error}");
            // The panic has been reported by its hook; other links go on.
            let _ = catch_unwind(AssertUnwindSafe(|| call_first(strand.clone())));
        }
    }
}

fn call_first(ended: Arc<Strand>) {
    let link = ended.end.pop_link();
    if let Some(link) = link {
        link(ended);
    }
}
