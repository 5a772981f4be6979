//! The control socket.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use crate::Program;
use crate::support::{until, watchdog};

/// Says this to the control socket, and returns all that it answers.
fn say(program: &Program, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(program.path("ctl")).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn commands_are_answered() {
    let _watchdog = watchdog();
    let mut program = Program::serving("workers 2\n");
    let mode = fs::metadata(program.path("ctl"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let help = program.ctl("help").unwrap();
    for command in ["stats", "workers", "greenlets", "reload", "stop", "help"] {
        assert!(help.contains(command), "{help}");
    }
    let workers = program.ctl("workers").unwrap();
    assert_eq!(workers.lines().count(), 3, "{workers}");
    let stats = program.ctl("stats").unwrap();
    assert!(
        stats.contains("# TYPE clients_total counter\nclients_total 0\n"),
        "{stats}"
    );
    assert!(stats.contains("\nmaypole_workers 2\n"), "{stats}");
    // Nothing is tracked.
    let trees = program.ctl("greenlets").unwrap();
    assert_eq!(trees.matches("0 greenlets").count(), 2, "{trees}");
    assert_eq!(program.ctl("reload").unwrap(), "reloaded, with 2 workers\n");
    assert_eq!(program.ctl("reopen").unwrap(), "logs are opened again\n");
    program.line("reopened by ");
    assert_eq!(program.ctl("stop").unwrap(), "finishing what runs\n");
    assert_eq!(program.wait(), 0);
    let error = program.ctl("help").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    program.leaves_nothing();
}

#[test]
fn a_quick_end_is_a_command_too() {
    let _watchdog = watchdog();
    let mut program = Program::serving("");
    assert_eq!(program.ctl("quit").unwrap(), "ending\n");
    assert_eq!(program.wait(), 0);
    program.line("is to end: Quick");
}

#[test]
fn what_is_no_command_is_refused() {
    let _watchdog = watchdog();
    let program = Program::serving("");
    let error = program.ctl("dance").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no command \"dance\"; help shows what there is"
    );
    let error = program.ctl("greenlets all").unwrap_err();
    assert!(error.to_string().contains("\"all\""));
    assert!(say(&program, b"").starts_with("ok\nstats "));
    assert!(say(&program, b"\xff\xfe\n").starts_with("failed\n"));
    assert!(say(&program, &[b'x'; 250]).starts_with("failed\n"));
    let _ = say(&program, &vec![b'x'; 100_000]);
    // Who says nothing holds nobody up, and the program ends all the same.
    let silent: Vec<_> = (0..10)
        .map(|_| UnixStream::connect(program.path("ctl")).unwrap())
        .collect();
    program.settled(1);
    drop(silent);
    until("all as before", || program.ctl("workers").is_ok());
}
