//! A greenlet's deadline, armed lazily. The same for every engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::{Alarm, AlarmKey, cancel_alarm, current, set_alarm};

/// The deadline of a greenlet's waits, and at most one alarm for it.
///
/// A new deadline that is later than the alarm leaves the alarm alone: when it
/// rings too early it is set again. So a socket's time-out costs no timer
/// operation per call.
#[derive(Debug, Default)]
pub(super) struct Deadline {
    // Whether there was ever one: most greenlets have none to forget.
    used: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    at: Option<Instant>,
    alarm: Option<AlarmKey>,
}

impl Deadline {
    /// Makes sure that the running greenlet, the owner, is rung for at `deadline`
    /// or before. `None` changes nothing: an alarm that is left over wakes the
    /// owner once, early.
    pub(super) fn set(&self, deadline: Option<Instant>) {
        let Some(at) = deadline else { return };
        self.used.store(true, Ordering::Relaxed);
        let mut state = self.state.lock();
        state.at = Some(at);
        match state.alarm {
            Some(key) if key.at() <= at => {}
            old => {
                if let Some(key) = old {
                    cancel_alarm(key);
                }
                state.alarm = current::with_frame(|frame| {
                    frame.map(|frame| set_alarm(at, Arc::clone(&frame.local) as Arc<dyn Alarm>))
                });
            }
        }
    }

    /// The alarm has rung: true when the deadline has come. Else it is set again.
    pub(super) fn rang(&self, owner: Arc<dyn Alarm>) -> bool {
        let mut state = self.state.lock();
        state.alarm = None;
        match state.at {
            Some(at) if Instant::now() < at => {
                state.alarm = Some(set_alarm(at, owner));
                false
            }
            at => {
                state.at = None;
                at.is_some()
            }
        }
    }

    /// As new, for another owner.
    #[cfg(feature = "native")]
    pub(super) fn reset(&mut self) {
        if std::mem::take(self.used.get_mut()) {
            *self.state.get_mut() = State::default();
        }
    }

    /// Forgets the deadline, so that no alarm keeps an ended greenlet's data.
    pub(super) fn forget(&self) {
        // Written by this greenlet alone.
        if !self.used.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.state.lock();
        state.at = None;
        if let Some(key) = state.alarm.take() {
            cancel_alarm(key);
        }
    }
}
