//! Greenlets that do not outlive a block of code.

use super::{Greenlet, GreenletRef};

impl<T: 'static> Greenlet<T> {
    /// Runs `body` and sees to it that the greenlet does not outlive it.
    ///
    /// When `body` has ended, the greenlet is waited for. When `body` unwinds,
    /// by a panic, a kill or a time-out, or when the waiting does, the greenlet
    /// is killed and not waited for: who unwinds cannot wait.
    ///
    /// # Panics
    ///
    /// When a greenlet does this with itself: it would wait for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_runtime::{Event, spawn};
    ///
    /// let (asked, ask) = (Event::new(), Event::new());
    /// let (waiting, answer) = (asked.clone(), ask.clone());
    /// let helper = spawn(move || {
    ///     waiting.set();
    ///     answer.wait();
    ///     7
    /// });
    /// helper.scope(|_| {
    ///     asked.wait();
    ///     ask.set();
    /// });
    /// assert!(helper.is_finished());
    /// assert_eq!(helper.get().unwrap(), 7);
    /// ```
    #[doc(alias = "__enter__")]
    #[doc(alias = "with")]
    pub fn scope<R>(&self, body: impl FnOnce(&Self) -> R) -> R {
        let _kill = KillOnDrop(self.handle());
        let value = body(self);
        self.join();
        value
    }
}

/// Kills a greenlet when dropped: a no-op for one that has ended.
struct KillOnDrop<'a>(&'a GreenletRef);

impl Drop for KillOnDrop<'_> {
    fn drop(&mut self) {
        self.0.start_kill();
    }
}
