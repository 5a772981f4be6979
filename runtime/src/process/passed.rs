//! Descriptors that a program is started with.

use std::env;
use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::process::Command;

use parking_lot::Mutex;

use crate::engine;

/// Tells a program what was passed to it: the process that did so, and how many.
const VARIABLE: &str = "MAYPOLE_FDS";

/// The first of them; those below are the standard streams.
const FIRST: RawFd = 3;

/// Has the programs that `command` starts find `fds`.
pub(super) fn pass(command: &mut Command, fds: &[OwnedFd]) -> io::Result<()> {
    engine::pass(command, fds)?;
    command.env(VARIABLE, format!("{}:{}", std::process::id(), fds.len()));
    Ok(())
}

/// Takes the descriptors that [`Command::pass_fds`](super::Command::pass_fds) of
/// the program that started this one has passed, in their order. None when there
/// are none, and when they were taken already.
///
/// They are kept from programs that are started from here on. Never suspends.
///
/// # Errors
///
/// `InvalidInput` when the variable that tells of them makes no sense; the
/// kernel's for one that is not open.
///
/// # Examples
///
/// ```
/// use std::os::unix::net::UnixStream;
/// use maypole_runtime::process::passed_fds;
///
/// for socket in passed_fds()? {
///     let _to_the_parent = UnixStream::from(socket);
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "pass_fds")]
pub fn passed_fds() -> io::Result<Vec<OwnedFd>> {
    static TAKEN: Mutex<bool> = Mutex::new(false);
    let mut taken = TAKEN.lock();
    let told = env::var(VARIABLE).ok();
    let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    let count = count_from(parent, told.as_deref())?;
    if std::mem::replace(&mut *taken, true) {
        return Ok(Vec::new());
    }
    (FIRST..FIRST.saturating_add(count))
        .map(|fd| {
            engine::take_passed(fd).map_err(|error| {
                io::Error::new(error.kind(), format!("passed descriptor {fd}: {error}"))
            })
        })
        .collect()
}

/// How many descriptors the process `parent` has passed. Programs that are
/// started further down have the variable too.
fn count_from(parent: i32, told: Option<&str>) -> io::Result<RawFd> {
    let Some(told) = told else { return Ok(0) };
    let parsed = told.split_once(':').and_then(|(pid, count)| {
        let count: RawFd = count.parse().ok()?;
        Some((pid.parse::<i32>().ok()?, count))
    });
    match parsed {
        Some((pid, count)) if count >= 0 => Ok(if pid == parent { count } else { 0 }),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{VARIABLE} is {told:?}, not a process and a number of descriptors"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Seek, Write};

    use super::super::Command;
    use super::*;

    #[test]
    fn only_what_the_parent_has_passed_counts() {
        assert_eq!(count_from(7, None).unwrap(), 0);
        assert_eq!(count_from(7, Some("7:2")).unwrap(), 2);
        assert_eq!(count_from(7, Some("8:2")).unwrap(), 0);
        for told in ["", "7", "7:", "7:-1", "x:1", "7:99999999999"] {
            let error = count_from(7, Some(told)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{told:?}");
        }
    }

    #[test]
    fn a_program_finds_them_in_their_order() {
        let files: Vec<File> = (0..5).map(|_| tempfile::tempfile().unwrap()).collect();
        let fds = files.iter().map(|file| file.try_clone().unwrap().into());
        let script = "for n in 3 4 5 6 7; do echo $n >&$n; done; echo ${MAYPOLE_FDS#*:}";
        let mut command = Command::new("sh");
        command.args(["-c", script]).pass_fds(fds).unwrap();
        for _ in 0..2 {
            let output = command.output().unwrap();
            assert_eq!(output.stdout, b"5\n", "{output:?}");
        }
        for (mut file, number) in files.into_iter().zip(3..) {
            let mut text = String::new();
            file.rewind().unwrap();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(text, format!("{number}\n{number}\n"));
            file.write_all(b"still ours").unwrap();
        }
    }

    #[test]
    fn what_cannot_be_started_is_an_error_all_the_same() {
        let file = tempfile::tempfile().unwrap();
        let mut command = Command::new("/nowhere/to/be/found");
        command.pass_fds([file.into()]).unwrap();
        let error = command.spawn().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
