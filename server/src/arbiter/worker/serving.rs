//! Running a server until the worker is to end.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use maypole_runtime::queue::GetError;
use maypole_runtime::signal::{Signal, Signals};
use maypole_runtime::{Builder, Greenlet};

use super::super::message::{Stop, ToMaster};
use super::super::{Options, Serve};
use super::beat::Beat;
use super::handle::{Order, Shared};

/// How often it is looked whether the server has closed by itself.
const LOOK: Duration = Duration::from_secs(1);

/// What a worker heeds. The last five are for the master: whoever sends them to
/// all processes of a program means no harm to its workers.
const HEEDED: &[Signal] = &[
    Signal::TERM,
    Signal::INT,
    Signal::QUIT,
    Signal::USR1,
    Signal::HUP,
    Signal::USR2,
    Signal::TTIN,
    Signal::TTOU,
    Signal::WINCH,
];

pub(super) fn serve<S: Serve + ?Sized>(
    shared: &Arc<Shared>,
    options: &Options,
    server: &S,
) -> io::Result<()> {
    // From here on an order to end is heard: before there is a client to lose.
    let _heeding = heed_signals(shared)?;
    shared.hears.store(true, Ordering::SeqCst);
    server.start()?;
    let _beat = Beat::start(shared, options)?;
    shared.ready.store(true, Ordering::SeqCst);
    shared.link.send(&ToMaster::Ready)?;
    log::debug!("worker {} serves", shared.number);
    let (how, by_signal) = wait_for_the_end(shared, server)?;
    let manner = match how {
        Stop::Graceful => "gracefully",
        Stop::Quick => "at once",
    };
    log::info!("worker {} ends {manner}", shared.number);
    stop(shared, options, server, how, by_signal);
    // The last word: its counters are kept.
    let _ = shared.link.send(&ToMaster::Beat(shared.figures()));
    Ok(())
}

/// Has signals become orders, until the guard is dropped.
fn heed_signals(shared: &Arc<Shared>) -> io::Result<Heeding> {
    let signals = Signals::new(HEEDED)?;
    let shared = shared.clone();
    let greenlet = Builder::new().name("maypole-heeds").spawn(move || {
        for signal in signals {
            match signal {
                Signal::TERM => shared.order(Order::Signal(Stop::Graceful)),
                Signal::INT | Signal::QUIT => shared.order(Order::Signal(Stop::Quick)),
                Signal::USR1 => shared.order(Order::Reopen),
                _ => {}
            }
        }
    })?;
    Ok(Heeding(greenlet))
}

struct Heeding(Greenlet<()>);

impl Drop for Heeding {
    fn drop(&mut self) {
        self.0.start_kill();
    }
}

/// How it is to end, and whether somebody said so by a signal.
fn wait_for_the_end<S: Serve + ?Sized>(shared: &Shared, server: &S) -> io::Result<(Stop, bool)> {
    loop {
        match shared.orders.get_timeout(LOOK) {
            Ok(Order::Stop(how)) => return Ok((how, false)),
            Ok(Order::Signal(how)) => return Ok((how, true)),
            Ok(Order::Reopen) => shared.reopen(),
            Ok(Order::Stopped) => {}
            Err(GetError::Empty) if server.is_started() => {}
            Err(GetError::Empty) => {
                return Err(io::Error::other("the server has closed by itself"));
            }
            Err(error) => return Err(io::Error::other(format!("{error}"))),
        }
    }
}

/// Stops the server, faster if a second order says so.
fn stop<S: Serve + ?Sized>(
    shared: &Shared,
    options: &Options,
    server: &S,
    mut how: Stop,
    by_signal: bool,
) {
    let mut last_signal = by_signal.then_some(how);
    let limit = match how {
        Stop::Graceful => options.graceful_timeout,
        Stop::Quick => Duration::ZERO,
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            server.stop(limit);
            shared.order(Order::Stopped);
        });
        // Without an end to its wait only the last order ends it; a kill of the
        // caller unwinds it, and waits for the thread.
        while let Ok(order) = shared.orders.get() {
            let next = match order {
                Order::Stopped => return,
                Order::Reopen => {
                    shared.reopen();
                    continue;
                }
                Order::Stop(next) => next,
                Order::Signal(next) => {
                    if last_signal.replace(next) == Some(next) {
                        log::warn!("worker {} ends at once", shared.number);
                        process::exit(1);
                    }
                    next
                }
            };
            if next > how {
                how = next;
                server.stop(Duration::ZERO);
            }
        }
    });
}
