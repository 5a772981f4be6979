//! The thread that hears the master. It is no greenlet: it answers, and sees
//! the master's end, while hubs are blocked.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use maypole_runtime::inspect::run_info;
use maypole_runtime::sleep;
use rustix::process::{Signal, getpid, kill_process};

use super::super::link::LinkReader;
use super::super::message::{Message, Question, Stop, ToMaster, ToWorker};
use super::handle::{Order, Shared};

/// What an end takes beside what runs.
const MARGIN: Duration = Duration::from_secs(5);

pub(super) fn start(shared: Arc<Shared>, mut reader: LinkReader) -> io::Result<()> {
    thread::Builder::new()
        .name("maypole-worker".to_owned())
        .spawn(move || {
            loop {
                match ToWorker::read(&mut reader) {
                    Ok(Some(message)) => hear(&shared, message),
                    Ok(None) => break,
                    Err(error) => {
                        log::error!("cannot hear the master: {error}");
                        break;
                    }
                }
            }
            end_with_the_master(&shared);
        })?;
    Ok(())
}

fn hear(shared: &Shared, message: ToWorker) {
    match message {
        ToWorker::Hello(_) => {} // heard already
        ToWorker::Stop(how) => shared.order(Order::Stop(how)),
        ToWorker::Reopen => shared.order(Order::Reopen),
        ToWorker::Ask(token, question) => {
            let text = match question {
                Question::Figures => shared.figures().encode(),
                Question::Greenlets => run_info().to_string(),
            };
            // If it cannot go, the master is gone, which shows at the next read.
            let _ = shared.link.send(&ToMaster::Answer(token, text));
        }
        ToWorker::Total(token, figures) => shared.total(token, figures),
    }
}

/// The worker finishes what runs, and is not there for longer than that.
fn end_with_the_master(shared: &Shared) {
    if shared.hears.load(Ordering::SeqCst) {
        log::warn!("the master is gone, worker {} ends", shared.number);
        shared.order(Order::Stop(Stop::Graceful));
        let grace = Duration::from_millis(shared.grace.load(Ordering::Relaxed));
        sleep(grace.saturating_add(MARGIN));
    }
    // Nobody takes orders yet, or its hub is blocked: nothing gentler is certain.
    let _ = kill_process(getpid(), Signal::KILL);
}
