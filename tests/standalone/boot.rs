//! Starts that fail: what is said, and the exit code.

use std::net::TcpListener;

use super::{run, watchdog};

#[test]
fn a_worker_that_does_not_boot() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let fails = [("PROGRAM_FAILS", "1")];
    let args = ["--bind", "127.0.0.1:0"];
    let (code, _, stderr) = run(folder.path(), &fails, &args);
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("there is no database"), "{stderr}");
}

#[test]
fn a_busy_port() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let args = ["--bind", &addr, "--bind-tries", "1"];
    let (code, _, stderr) = run(folder.path(), &[], &args);
    assert_eq!(code, 1, "{stderr}");
    let said = format!("cannot listen on {addr}: Address already in use (os error 98)\n");
    assert!(stderr.contains(&said), "{stderr}");
}

#[test]
fn a_log_that_cannot_be_opened() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let args = ["--bind", "127.0.0.1:0", "--accesslog", "not/there"];
    let (code, _, stderr) = run(folder.path(), &[], &args);
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("accesslog: cannot open"), "{stderr}");
}

#[cfg(not(feature = "native"))]
#[test]
fn more_hubs_than_the_engine_has() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["--hubs", "2", "--bind", "127.0.0.1:0"][..],
        &["--hubs", "2", "--check-config"],
    ] {
        let (code, _, stderr) = run(folder.path(), &[], args);
        assert_eq!(code, 1, "{stderr}");
        assert!(stderr.starts_with("--hubs: more than 1 "), "{stderr}");
    }
}
