//! The client of a master's control socket.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::path::Path;

use maypole_runtime::net::UnixStream;

use super::master::{FAILED, OK};

/// Has a running master do something, through the socket of
/// [`Options::control`](super::Options::control), and returns what it says.
///
/// | command | does |
/// |---|---|
/// | `stats` | the figures of all workers, summed, as Prometheus' text |
/// | `workers` | a line for each worker |
/// | `greenlets`, `greenlets N` | the trees of greenlets of all workers, or of one by its number or process |
/// | `reload` | SIGHUP; the answer comes when the new workers are ready |
/// | `add`, `remove` | SIGTTIN, SIGTTOU |
/// | `reopen`, `upgrade` | SIGUSR1, SIGUSR2 |
/// | `stop`, `quit` | SIGTERM, SIGQUIT |
/// | `help` | all of them |
///
/// Suspends the caller until the answer has come.
///
/// # Errors
///
/// `NotFound` and `ConnectionRefused` when no master runs there; those of kind
/// `Other` are the master's own words.
///
/// # Examples
///
/// ```no_run
/// use maypole_server::arbiter::ctl;
///
/// print!("{}", ctl("/run/shop.ctl", "workers")?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn ctl(path: impl AsRef<Path>, command: &str) -> io::Result<String> {
    let path = path.as_ref();
    let mut stream = UnixStream::connect(path).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("control socket {}: {error}", path.display()),
        )
    })?;
    let line = command.lines().next().unwrap_or_default();
    writeln!(stream, "{line}")?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once('\n') {
        Some((word, text)) if word == OK => Ok(text.to_owned()),
        Some((word, why)) if word == FAILED => Err(io::Error::other(why.to_owned())),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the control socket gave no answer",
        )),
    }
}
