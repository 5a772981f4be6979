//! wrk, which wants many answers at once.

use std::process::Command;

use crate::support::watchdog;
use crate::{application, run, serve};

#[test]
fn wrk_finds_no_fault() {
    let _watchdog = watchdog();
    // It says that this is no option of its own, and who it is.
    if Command::new("wrk").arg("--version").output().is_err() {
        println!("skipped: there is no `wrk` command");
        return;
    }
    let (server, url) = serve(application);
    let load = ["--threads", "1", "--connections", "50", "--duration", "1s"];
    for path in ["/", "/flushed"] {
        let told = run(Command::new("wrk").args(load).arg(format!("{url}{path}")));
        assert!(told.contains("requests in"), "{told}");
        assert!(!told.contains("Socket errors"), "{told}");
        assert!(!told.contains("Non-2xx"), "{told}");
    }
    assert!(server.counters().accepted >= 100);
}
