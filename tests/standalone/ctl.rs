//! Commands to a master that runs.

use super::{Server, run, until, watchdog};

#[test]
fn commands() {
    let _watchdog = watchdog();
    let mut server = Server::start(&["--workers", "2", "--track"]);
    let ok = |words: &[&str]| {
        let (code, stdout, stderr) = server.ctl(words);
        assert_eq!(code, 0, "{words:?}: {stderr}");
        assert!(stdout.ends_with('\n'), "{stdout:?}");
        stdout
    };
    assert!(ok(&["stats"]).contains("maypole_workers 2\n"));
    let before = server.workers();
    assert_eq!(before.len(), 2);
    let greenlets = ok(&["greenlets"]);
    for worker in &before {
        assert!(
            greenlets.contains(&format!("process {worker}")),
            "{greenlets}"
        );
    }
    ok(&["reload"]);
    until("other workers", || {
        let now = server.workers();
        now.len() == 2 && now.iter().all(|worker| !before.contains(worker))
    });
    let (code, _, stderr) = server.ctl(&["wibble"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("wibble"), "{stderr}");
    ok(&["stop"]);
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn nobody_to_talk_to() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let (code, _, stderr) = run(folder.path(), &[], &["ctl", "stats"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("control_socket"), "{stderr}");
    let args = ["ctl", "stats", "--control-socket", "none"];
    let (code, _, stderr) = run(folder.path(), &[], &args);
    assert_eq!(code, 1);
    assert!(stderr.contains("none"), "{stderr}");
}
