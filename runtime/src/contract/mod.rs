//! The contract tests: what the engine and the layers on it promise, each
//! promise a named test, one file for each concern.
//!
//! The test binary is run twice: as it is, with one worker, and with
//! `MAYPOLE_CONTRACT_WORKERS=2`. Tests whose promise holds with one worker only
//! pass at once there, see [`support::one_worker_only`]. No test measures time:
//! each waits for a condition, and a watchdog ends the process when it does not
//! come.

#![allow(
    clippy::disallowed_methods,
    reason = "the tests also stand on plain threads and std's sockets, off the hub"
)]

mod deadlines;
mod directions;
mod edges;
mod engine;
mod fairness;
mod join;
mod kill;
mod kill_in;
mod kill_keeps;
mod limits;
mod overflow;
mod panics;
mod plain_thread;
mod stress;
mod support;
mod thread;
mod timeout;
mod unwinding;
