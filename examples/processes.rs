//! Two child processes side by side, and a limit on waiting for them.
//!
//! Run it: `cargo run --release --example processes`
//! Try it: `cargo run --release --example processes -- "sleep 5" uname`

use std::io;
use std::process::Stdio;
use std::time::Duration;

use maypole::process::Command;

fn main() -> io::Result<()> {
    let mut commands: Vec<String> = std::env::args().skip(1).collect();
    if commands.is_empty() {
        commands = vec!["uname -s".to_owned(), "sleep 0.1; echo slept".to_owned()];
    }
    // Each in a greenlet of its own: they run at the same time.
    let children: Vec<_> = commands
        .iter()
        .map(|line| {
            let mut command = Command::new("sh");
            command.args(["-c", line]);
            command.stdin(Stdio::null()).kill_on_drop();
            maypole::spawn(move || command.output())
        })
        .collect();
    let finished = maypole::wait_timeout(&children, Duration::from_secs(2)).len();
    println!("{finished} of {} ended within 2 s", children.len());
    for (line, child) in commands.iter().zip(children) {
        if !child.is_finished() {
            child.kill(); // and the process with it
        }
        match child.get() {
            Ok(output) => {
                let output = output?;
                let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
                println!("{line:?} said {text:?} ({})", output.status);
            }
            Err(error) => println!("{line:?} was given up: {error}"),
        }
    }
    Ok(())
}
