//! What the numbers were measured on.

use std::fs;
use std::thread;
use std::time::SystemTime;

/// The machine, the compiler and the moment.
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) rustc: &'static str,
    pub(crate) date: String,
    /// The load average of the last minute, before anything was measured.
    pub(crate) load: String,
    /// What this program was told to do.
    pub(crate) command: String,
}

impl Machine {
    /// Call it before pinning: a pinned thread sees one core.
    pub(crate) fn describe() -> Self {
        Self {
            cpu: cpu_model(),
            cores: thread::available_parallelism().map_or(0, usize::from),
            kernel: first_word("/proc/sys/kernel/osrelease"),
            rustc: env!("COMPARE_RUSTC"),
            date: httpdate::fmt_http_date(SystemTime::now()),
            load: first_word("/proc/loadavg"),
            command: command(),
        }
    }
}

fn command() -> String {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.is_empty() {
        true => "cargo run --release".to_owned(),
        false => format!("cargo run --release -- {}", args.join(" ")),
    }
}

fn cpu_model() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    info.lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split_once(": "))
        .map_or("unknown CPU", |(_, model)| model)
        .to_owned()
}

fn first_word(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let word = text.split_ascii_whitespace().next();
    word.unwrap_or("unknown").to_owned()
}
