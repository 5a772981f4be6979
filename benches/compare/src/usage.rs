//! What a server uses: CPU time and memory of all processes of its group.
//!
//! A server may be several processes, such as a master and a worker. Each runs
//! in a process group of its own, so that all of them are known.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::time::ClockId;
use nix::unistd::Pid;

/// CPU time and memory used so far.
pub(crate) struct Usage {
    /// CPU time of each process, with that of its threads that have ended.
    processes: BTreeMap<i32, Duration>,
    /// CPU time of each thread alive.
    threads: BTreeMap<i32, Duration>,
    /// Resident memory in bytes. What two processes share counts twice.
    pub(crate) resident: u64,
}

impl Usage {
    /// Of the processes in the group with this number.
    pub(crate) fn of_group(group: u32) -> Result<Self> {
        let mut usage = Self {
            processes: BTreeMap::new(),
            threads: BTreeMap::new(),
            resident: 0,
        };
        for process in numbers_in("/proc")? {
            if group_of(process) == Some(group) {
                // A process may end between the listing and the reading.
                let _ = usage.add(process);
            }
        }
        ensure!(!usage.processes.is_empty(), "the server is gone");
        Ok(usage)
    }

    /// CPU time used since then.
    pub(crate) fn cpu_since(&self, before: &Self) -> Duration {
        since(&self.processes, &before.processes).sum()
    }

    /// The most that a single thread used since then.
    pub(crate) fn busiest_thread_since(&self, before: &Self) -> Duration {
        since(&self.threads, &before.threads)
            .max()
            .unwrap_or_default()
    }

    fn add(&mut self, process: i32) -> Result<()> {
        let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(process))?;
        self.processes.insert(process, clock.now()?.into());
        self.resident += resident(process)?;
        for thread in numbers_in(&format!("/proc/{process}/task"))? {
            if let Ok(time) = on_cpu(&format!("/proc/{process}/task/{thread}/schedstat")) {
                self.threads.insert(thread, time);
            }
        }
        Ok(())
    }
}

/// CPU time of the calling thread.
pub(crate) fn of_this_thread() -> Result<Duration> {
    on_cpu("/proc/thread-self/schedstat")
}

/// What each has used more than before.
fn since(
    now: &BTreeMap<i32, Duration>,
    before: &BTreeMap<i32, Duration>,
) -> impl Iterator<Item = Duration> {
    now.iter().map(|(number, time)| {
        let before = before.get(number).copied().unwrap_or_default();
        time.saturating_sub(before)
    })
}

/// The entries of a folder that are numbers.
fn numbers_in(folder: &str) -> Result<Vec<i32>> {
    let entries = fs::read_dir(folder).with_context(|| folder.to_owned())?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter_map(|name| name.parse().ok()).collect())
}

/// The process group of a process, unless it is gone.
fn group_of(process: i32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    parse_group(&stat)
}

/// Behind the name in parentheses, which may hold anything: state, parent, group.
fn parse_group(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(2)?.parse().ok()
}

/// Resident memory of a process, in bytes.
fn resident(process: i32) -> Result<u64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let kib = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Rss:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse::<u64>().ok());
    Ok(kib.context("no Rss in smaps_rollup")? * 1024)
}

/// The first field of a `schedstat` file: nanoseconds spent on a CPU.
fn on_cpu(path: &str) -> Result<Duration> {
    let stat = fs::read_to_string(path).with_context(|| path.to_owned())?;
    let nanos = stat
        .split_ascii_whitespace()
        .next()
        .and_then(|field| field.parse().ok());
    Ok(Duration::from_nanos(nanos.with_context(|| {
        format!("{path} does not begin with a number")
    })?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};
    use std::thread;
    use std::time::Instant;

    use super::*;

    #[test]
    fn groups_in_stat() {
        let stat = "42 (a) b (c)) S 1 17 17 0 -1";
        assert_eq!(parse_group(stat), Some(17));
        assert_eq!(parse_group(""), None);
    }

    #[test]
    fn children_count() {
        let mut shell = Command::new("sh")
            .args(["-c", "sh -c 'while :; do :; done' & wait"])
            .process_group(0)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        let enough = Duration::from_millis(50);
        let used = loop {
            let usage = Usage::of_group(shell.id()).unwrap();
            let used: Duration = usage.processes.values().sum();
            let done = usage.processes.len() > 1 && used > enough;
            if done || start.elapsed() > Duration::from_secs(20) {
                break used;
            }
            thread::sleep(Duration::from_millis(5));
        };
        let group = rustix::process::Pid::from_child(&shell);
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
        shell.wait().unwrap();
        assert!(used > enough, "{used:?}");
    }

    #[test]
    fn ended_threads_count() {
        let own = || -> Duration {
            let clock = ClockId::pid_cpu_clock_id(Pid::this()).unwrap();
            clock.now().unwrap().into()
        };
        let before = own();
        let busy = thread::spawn(|| {
            let start = of_this_thread().unwrap();
            while of_this_thread().unwrap() - start < Duration::from_millis(20) {}
        });
        busy.join().unwrap();
        assert!(own() - before >= Duration::from_millis(20));
    }
}
