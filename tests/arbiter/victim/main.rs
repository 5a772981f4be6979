//! A program with a master and workers that does what tests ask of it. Its only
//! argument is a file of settings, a word and its value on each line.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "it is a test, and blocks its hub on purpose"
)]

mod serving;
mod settings;

use std::io::{self, Write};
use std::process::{self, ExitCode, ExitStatus};
use std::time::Duration;

use maypole::server::arbiter::{Arbiter, Hooks, Options, WorkerInfo};

fn main() -> ExitCode {
    log::set_logger(&Log).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    Arbiter::new(settings::load).hooks(Tell).run(serving::work)
}

/// Says everything to stderr.
struct Log;

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("maypole")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            // In one piece: others write there too.
            let line = format!("[{}] {} {}\n", process::id(), record.level(), record.args());
            let _ = io::stderr().write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}

/// Says which hooks are called.
struct Tell;

impl Hooks for Tell {
    fn on_starting(&self, _options: &Options) {
        println!("hook on_starting");
    }

    fn listening(&self, addrs: &[String]) {
        println!("hook listening {}", addrs.join(", "));
    }

    fn when_ready(&self) {
        println!("hook when_ready {}", process::id());
        if settings::value("panic").is_some() {
            panic!("a bug in a hook");
        }
    }

    fn on_reload(&self) {
        println!("hook on_reload");
    }

    fn pre_exec(&self) {
        println!("hook pre_exec");
    }

    fn worker_starting(&self, number: usize) {
        println!("hook worker_starting {number}");
    }

    fn worker_started(&self, worker: &WorkerInfo) {
        assert!(worker.uptime < Duration::from_secs(600));
        println!(
            "hook worker_started {} {} {}",
            worker.number, worker.age, worker.pid
        );
    }

    fn worker_exited(&self, worker: &WorkerInfo, status: ExitStatus) {
        println!("hook worker_exited {} ({status})", worker.number);
    }

    fn worker_aborted(&self, worker: &WorkerInfo) {
        println!("hook worker_aborted {}", worker.pid);
    }

    fn workers_changed(&self, now: usize, before: usize) {
        println!("hook workers_changed {now} {before}");
    }

    fn on_reopen(&self) {
        println!("hook on_reopen");
    }

    fn on_exit(&self) {
        println!("hook on_exit");
    }

    fn failed(&self, reason: &str) {
        println!("failed: {reason}");
    }
}
