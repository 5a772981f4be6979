//! `server::arbiter`: real processes, real signals, and clients who must not
//! notice.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests, on plain threads and std's sockets"
)]

#[path = "../support/mod.rs"]
mod support;

mod blocked;
mod boot;
mod control;
mod ends;
mod figures;
mod listening;
mod load;
mod program;
mod reload;
mod scaling;
mod systemd;
mod upgrade;

use load::Load;
use program::Program;
