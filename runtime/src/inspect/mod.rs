//! Seeing inside: which greenlets live, what they wait for, and who blocks a
//! hub.
//!
//! [`run_info`] shows the tree of greenlets that were spawned while tracking was
//! on. [`Monitor`] is a thread that reports hubs which run one greenlet for too
//! long. [`assert_switches`] finds such code in tests. All are off until asked
//! for; what is off costs nothing that can be measured.

mod monitor;
mod run_info;
mod switches;

pub use monitor::{Blocked, Monitor, MonitorBuilder, allow_blocking};
pub use run_info::{GreenletInfo, GreenletState, RunInfo, run_info, start_tracking, stop_tracking};
pub use switches::assert_switches;
