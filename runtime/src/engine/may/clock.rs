//! The hub's one timer source: a timerfd behind an ordered set of alarms.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use may::io::WaitIo;
use parking_lot::Mutex;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use super::super::alarms::Alarms;
use super::super::slice::polled;
use super::super::{Alarm, AlarmKey, timespec};
use super::hub::hub;
use super::turn::wait_handle;

/// Alarms rung between two polls: a burst of them must not keep I/O waiting.
const RINGS_PER_POLL: usize = 1024;

/// Rings `alarm` once, at or soon after `at`.
pub(crate) fn set_alarm(at: Instant, alarm: Arc<dyn Alarm>) -> AlarmKey {
    hub().clock.set(at, alarm)
}

/// Cancels an alarm. One that has been taken out to ring may still ring.
pub(crate) fn cancel_alarm(key: AlarmKey) {
    hub().clock.cancel(key);
}

pub(super) struct Clock {
    state: Mutex<State>,
    timer: Arc<OwnedFd>,
}

struct State {
    alarms: Alarms,
    // What the timerfd is set to; it is only ever set earlier than that.
    armed: Option<Instant>,
}

impl Clock {
    pub(super) fn new() -> std::io::Result<Self> {
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
        )?;
        Ok(Self {
            state: Mutex::new(State {
                alarms: Alarms::for_hub(0),
                armed: None,
            }),
            timer: Arc::new(timer),
        })
    }

    fn set(&self, at: Instant, alarm: Arc<dyn Alarm>) -> AlarmKey {
        let mut state = self.state.lock();
        let key = state.alarms.insert(at, alarm);
        if state.armed.is_none_or(|armed| at < armed) {
            self.arm(&mut state, at);
        }
        key
    }

    fn cancel(&self, key: AlarmKey) {
        // The timerfd stays as it is: an early wake-up costs less than a call
        // for each cancelled alarm. Dropped after the lock is released.
        let _alarm = self.state.lock().alarms.remove(key);
    }

    /// The coroutine that rings due alarms. Never returns.
    pub(super) fn serve(&self) -> ! {
        let timer = wait_handle(&self.timer);
        let mut due = Vec::new();
        loop {
            let mut count = [0; 8];
            let _ = rustix::io::read(&*self.timer, &mut count);
            polled();
            {
                let mut state = self.state.lock();
                state.armed = None;
                state
                    .alarms
                    .take_due(Instant::now(), RINGS_PER_POLL, &mut due);
                if let Some(next) = state.alarms.next_at() {
                    self.arm(&mut state, next);
                }
            }
            for alarm in due.drain(..) {
                alarm.ring();
            }
            timer.wait_io();
        }
    }

    fn arm(&self, state: &mut State, at: Instant) {
        // Zero would disarm the timer.
        let left = at
            .saturating_duration_since(Instant::now())
            .max(Duration::from_nanos(1));
        let setting = Itimerspec {
            it_interval: Timespec::default(),
            it_value: timespec(left),
        };
        match timerfd_settime(&*self.timer, TimerfdTimerFlags::empty(), &setting) {
            Ok(_) => state.armed = Some(at),
            // Every argument is ours and in range.
            Err(error) => log::error!("the hub's timer cannot be set: {error}"),
        }
    }
}
