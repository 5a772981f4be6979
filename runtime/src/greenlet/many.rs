//! Joining and killing many greenlets.

use std::time::{Duration, Instant};

use crate::iwait::{iwait, wait, wait_timeout};
use crate::wait::{Ending, Waitable, deadline_after};

use super::{Greenlet, GreenletError, GreenletRef, current};

/// Waits until all `greenlets` have ended, in whatever way, and returns them in
/// the order in which they did.
///
/// Suspends the caller; a kill or time-out interrupts it. While the caller
/// unwinds it returns those that have ended. Give references to keep the
/// greenlets: `join_all(&greenlets)`. To wait for the first `n` of them only,
/// take so many from [`iwait`](crate::iwait).
///
/// # Panics
///
/// When the caller is one of them: it would wait for ever.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{join_all, spawn};
///
/// let greenlets = [1, 2, 3].map(|n| spawn(move || n * n));
/// let sum: i32 = join_all(greenlets).into_iter().map(|g| g.get().unwrap()).sum();
/// assert_eq!(sum, 14);
/// ```
#[doc(alias = "joinall")]
pub fn join_all<I>(greenlets: I) -> Vec<I::Item>
where
    I: IntoIterator,
    I::Item: AsRef<GreenletRef> + Waitable,
{
    wait(greenlets.into_iter().inspect(|g| g.as_ref().refuse_self()))
}

/// Waits until all `greenlets` have ended or `limit` has passed, and returns
/// those that have ended, in the order in which they did. Otherwise as
/// [`join_all`].
///
/// # Panics
///
/// When the caller is one of them.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::{join_all_timeout, sleep, spawn};
///
/// let greenlets = [1, 600_000].map(|ms| spawn(move || sleep(Duration::from_millis(ms))));
/// let ended = join_all_timeout(&greenlets, Duration::from_millis(50));
/// assert!(ended.len() < 2); // one of them sleeps for ten minutes
/// ```
#[doc(alias = "joinall(timeout)")]
pub fn join_all_timeout<I>(greenlets: I, limit: Duration) -> Vec<I::Item>
where
    I: IntoIterator,
    I::Item: AsRef<GreenletRef> + Waitable,
{
    let greenlets = greenlets.into_iter().inspect(|g| g.as_ref().refuse_self());
    wait_timeout(greenlets, limit)
}

/// Waits until all `greenlets` have ended and takes what they returned, in the
/// order given; or until the first fails to return anything.
///
/// The others then run on by themselves: keep their
/// [handles](Greenlet::handle) to kill them. Suspends the caller; a kill or
/// time-out interrupts it. For a limit on the waiting, call it inside
/// [`with_timeout`](crate::with_timeout).
///
/// # Errors
///
/// The earliest failure in time: a panic, a kill, or a time-out that nobody
/// caught. While the caller unwinds and would have to wait, an error that
/// [says so](GreenletError::is_unwinding).
///
/// # Panics
///
/// When the caller is one of them.
///
/// # Examples
///
/// ```
/// use maypole_runtime::{spawn, try_join_all};
///
/// let squares = try_join_all((0..4).map(|n| spawn(move || n * n)));
/// assert_eq!(squares.unwrap(), [0, 1, 4, 9]);
///
/// let fails = try_join_all([spawn(|| 1), spawn(|| panic!("no"))]);
/// assert!(fails.unwrap_err().is_panic());
/// ```
#[doc(alias = "joinall(raise_error)")]
pub fn try_join_all<T, I>(greenlets: I) -> Result<Vec<T>, GreenletError>
where
    T: 'static,
    I: IntoIterator<Item = Greenlet<T>>,
{
    let mut greenlets: Vec<_> = greenlets.into_iter().collect();
    for greenlet in &greenlets {
        greenlet.handle().refuse_self();
    }
    let failed = iwait(&greenlets)
        .find(|ended| ended.ending() != Some(Ending::Returned))
        .map(|failed| failed.handle().clone());
    if let Some(failed) = failed
        && let Some(index) = greenlets.iter().position(|g| *g.handle() == failed)
    {
        // The first that is asked, so it is its error that is returned.
        greenlets.swap(0, index);
    }
    greenlets.into_iter().map(Greenlet::get).collect()
}

/// Kills all `greenlets` and waits until they have ended.
///
/// See [`Greenlet::start_kill`] for what a kill is. Those that have not run yet
/// are killed first, so that none of them runs because another one ends. One
/// that catches its kill and goes on is waited for as well. The caller may be
/// one of them: it is killed last. While the caller unwinds it does not wait.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::{kill_all, sleep, spawn};
///
/// let sleepers = [(); 3].map(|()| spawn(|| sleep(Duration::MAX)));
/// kill_all(&sleepers);
/// assert!(sleepers.iter().all(|sleeper| sleeper.is_finished()));
/// ```
#[doc(alias = "killall")]
pub fn kill_all<I>(greenlets: I)
where
    I: IntoIterator,
    I::Item: AsRef<GreenletRef>,
{
    kill_until(greenlets, None);
}

/// As [`kill_all`], waiting for at most `limit`; true when all have ended.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::{kill_all_timeout, sleep, spawn};
///
/// let sleepers = [(); 3].map(|()| spawn(|| sleep(Duration::MAX)));
/// assert!(kill_all_timeout(&sleepers, Duration::from_secs(10)));
/// ```
#[doc(alias = "killall(timeout)")]
pub fn kill_all_timeout<I>(greenlets: I, limit: Duration) -> bool
where
    I: IntoIterator,
    I::Item: AsRef<GreenletRef>,
{
    kill_until(greenlets, deadline_after(limit))
}

/// Kills all `greenlets`, and does not wait; otherwise as [`kill_all`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use maypole_runtime::{join_all, sleep, spawn, start_kill_all};
///
/// let sleepers = [(); 3].map(|()| spawn(|| sleep(Duration::MAX)));
/// start_kill_all(&sleepers);
/// assert_eq!(join_all(sleepers).len(), 3);
/// ```
#[doc(alias = "killall(block=False)")]
pub fn start_kill_all<I>(greenlets: I)
where
    I: IntoIterator,
    I::Item: AsRef<GreenletRef>,
{
    kill_each(&handles(greenlets));
}

/// True when all have ended by the deadline.
fn kill_until<I>(greenlets: I, deadline: Option<Instant>) -> bool
where
    I: IntoIterator,
    I::Item: AsRef<GreenletRef>,
{
    let greenlets = handles(greenlets);
    kill_each(&greenlets);
    // Not `join`: a caller who has killed itself unwinds here.
    greenlets
        .iter()
        .all(|greenlet| greenlet.strand().end.wait(deadline).unwrap_or(false))
}

fn handles<I>(greenlets: I) -> Vec<GreenletRef>
where
    I: IntoIterator,
    I::Item: AsRef<GreenletRef>,
{
    greenlets.into_iter().map(|g| g.as_ref().clone()).collect()
}

fn kill_each(greenlets: &[GreenletRef]) {
    let me = current();
    let (me, others): (Vec<_>, Vec<_>) = greenlets
        .iter()
        .partition(|greenlet| Some(*greenlet) == me.as_ref());
    // Whoever has waited is not new; a look that comes too early only gets one
    // that runs killed with the new ones.
    let (old, new): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|greenlet| greenlet.strand().has_waited());
    for greenlet in new.into_iter().chain(old).chain(me) {
        greenlet.start_kill();
    }
}
