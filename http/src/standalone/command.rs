//! What the command line asks for.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;

use maypole_server::arbiter;

use super::builder::Standalone;
use super::settings::{Call, Flags, Sources, call};
use super::{master, options};

/// Exit codes; more are the arbiter's.
const GOOD: u8 = 0;
const FAILED: u8 = 1;

/// Does it; the code to end with.
pub(super) fn run(standalone: Standalone) -> u8 {
    let args = standalone.args.clone();
    let call = match call(args.unwrap_or_else(|| std::env::args_os().collect())) {
        Ok(call) => call,
        Err(error) => {
            // `--help` and `--version` are such errors too.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(FAILED);
        }
    };
    let sources = |flags: Flags| Sources {
        program: standalone.program.clone(),
        flags: flags.flags,
        file: flags.file,
    };
    match call {
        Call::Serve(flags) => {
            let sources = sources(flags);
            master::run(standalone, sources)
        }
        Call::CheckConfig(flags) => answer(checked(&sources(flags))),
        Call::PrintConfig(flags) => answer(sources(flags).load().map(|loaded| loaded.show())),
        Call::Ctl(flags, command) => answer(ctl(&sources(flags), &command)),
    }
}

/// Writes what was found out, or why it was not.
fn answer<E: Display>(answer: Result<String, E>) -> u8 {
    match answer {
        Ok(text) => {
            // Whoever has closed our output does not want it.
            let _ = io::stdout().write_all(text.as_bytes());
            GOOD
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            FAILED
        }
    }
}

/// Tries as much of a start as does no harm.
fn checked(sources: &Sources) -> io::Result<String> {
    let loaded = sources.load()?;
    #[cfg(feature = "tls")]
    super::certificate::load(&loaded.settings)?;
    let options = options::of(&loaded.settings, "").map_err(io::Error::other)?;
    options.owner()?;
    let mut text = String::new();
    for stranger in &loaded.strangers {
        text += &format!("{stranger}: it is the variable of no setting\n");
    }
    Ok(text + "The configuration is good.\n")
}

fn ctl(sources: &Sources, command: &str) -> io::Result<String> {
    // Whatever is wrong with the rest: the master runs with what it has read.
    let Some(path) = sources.only::<PathBuf>("control_socket")? else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "which master? Set control_socket, to the same path as that one's",
        ));
    };
    let mut text = arbiter::ctl(&path, command)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}
