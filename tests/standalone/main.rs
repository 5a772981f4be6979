//! The stand-alone server as its users have it: a program, its settings, signals,
//! logs and figures, with clients that count what fails.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests, on plain threads and std's sockets"
)]

#[path = "../support/mod.rs"]
mod support;

mod boot;
mod ctl;
mod figures;
mod hooks;
mod load;
mod logs;
mod requests;
mod server;
mod settings;
mod signals;
#[cfg(feature = "tls")]
mod tls;
mod upgrade;
mod workers;

use load::Load;
use server::{Server, run};
use support::{Client, until, watchdog};

/// The smallest request that HTTP/1.1 allows, for this target.
fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
}
