//! The control socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::time::Duration;

use maypole_runtime::queue::Queue;

use rustix::net::{SocketType, listen};

use super::commands::Command;
use super::{Event, Reply};
use crate::unix_path::UnixPath;
use crate::{Listener, Stream, StreamServer};

/// The longest line that is read.
const MAX_LINE: u64 = 256;

/// Commands at once: they are for a few people and scripts.
const MAX_CLIENTS: usize = 16;

/// How long a client may take to say what it wants.
const LINE_LIMIT: Duration = Duration::from_secs(10);

/// How long answers that are under way may take when the socket closes.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Only the user whose process this is may connect.
const MODE: u32 = 0o600;

/// The first word of an answer, on a line of its own.
pub(in super::super) const OK: &str = "ok";
pub(in super::super) const FAILED: &str = "failed";

/// The socket, until it is dropped.
pub(super) struct Control {
    // The file goes first: who opens the next one finds none, or its own.
    file: UnixPath,
    server: StreamServer,
}

impl Control {
    pub(super) fn open(path: &Path, events: &Queue<Event>) -> io::Result<Self> {
        Self::try_open(path, events)
            .map_err(|error| io::Error::new(error.kind(), format!("control socket: {error}")))
    }

    fn try_open(path: &Path, events: &Queue<Event>) -> io::Result<Self> {
        let (socket, file) = UnixPath::bind(path, SocketType::STREAM, Some(MODE))?;
        listen(&socket, MAX_CLIENTS as i32)?;
        let events = events.clone();
        let server = StreamServer::builder()
            .listener(Listener::try_from(socket)?)
            .pool_size(MAX_CLIENTS)
            .serve(move |stream, _peer| talk(stream, &events))?;
        server.start()?;
        Ok(Self { file, server })
    }

    /// Moves it to another path.
    pub(super) fn rename(&mut self, path: &Path) -> io::Result<()> {
        self.file.rename(path)
    }

    /// Ends it; answers that are under way have a moment.
    pub(super) fn close(self) {
        drop(self.file);
        self.server.stop(CLOSE_LIMIT);
    }
}

/// Reads one command, and writes its answer.
fn talk(stream: Stream, events: &Queue<Event>) -> io::Result<()> {
    stream.set_read_timeout(Some(LINE_LIMIT))?;
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    stream
        .by_ref()
        .take(MAX_LINE)
        .read_until(b'\n', &mut line)?;
    let result = match Command::parse(&String::from_utf8_lossy(&line)) {
        Ok(command) => {
            let reply = Reply::new();
            let _ = events.try_put(Event::Command(command, reply.clone()));
            match reply.wait() {
                Some(result) => result.clone(),
                None => Err("the program ends".to_owned()),
            }
        }
        Err(why) => Err(why),
    };
    let (word, text) = match result {
        Ok(text) => (OK, text),
        Err(why) => (FAILED, why),
    };
    stream
        .get_mut()
        .write_all(format!("{word}\n{text}").as_bytes())
}
