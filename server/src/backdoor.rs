//! A console into a running program.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use maypole_runtime::inspect::run_info;
use maypole_runtime::{Pool, catch_panic};

use crate::{ListenAddr, Stream, StreamServer};

/// The longest line that is read: a person types less, and a client that sends
/// no end of line must not fill the memory.
const MAX_LINE: u64 = 4096;

/// Consoles at once. They are for a few people; more wait in the backlog.
const MAX_CONSOLES: usize = 16;

/// What a command is called with: the rest of its line, and where its output
/// goes.
type Run = dyn Fn(&str, &mut dyn Write) -> io::Result<()> + Send + Sync;

/// A console that shows what a program is doing, and runs the commands that the
/// program gave it.
///
/// A line is a command: its name, then whatever the command makes of the rest.
/// Three are always there: `help`, `greenlets`, which shows the tree of
/// [`run_info`], and `quit`. Use it with `nc` or `telnet`.
///
/// There is no authentication: whoever reaches the port can do what the commands
/// do. Bind it to the loopback address.
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use maypole_server::BackdoorServer;
///
/// let backdoor = BackdoorServer::builder()
///     .banner("the shop's back door")
///     .command("stock", "how many are left", |_, out| writeln!(out, "{} left", 7))
///     .bind("127.0.0.1:0")?;
/// backdoor.start()?;
/// # use std::io::Read;
/// # let mut client = std::net::TcpStream::connect(backdoor.local_addr())?;
/// # client.write_all(b"stock\nquit\n")?;
/// # let mut text = String::new();
/// # client.read_to_string(&mut text)?;
/// # assert!(text.starts_with("the shop's back door\n") && text.contains("7 left\n"), "{text}");
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "gevent.backdoor.BackdoorServer")]
#[derive(Clone, Debug)]
pub struct BackdoorServer {
    server: StreamServer,
}

impl BackdoorServer {
    /// Binds a console with the commands that are always there.
    ///
    /// # Errors
    ///
    /// As [`StreamServer::bind`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use maypole_server::BackdoorServer;
    ///
    /// let backdoor = BackdoorServer::bind("127.0.0.1:0")?;
    /// backdoor.start()?;
    /// println!("nc 127.0.0.1 {}", backdoor.local_addr().port());
    /// backdoor.stop(Duration::from_secs(1));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind(addr: impl ListenAddr) -> io::Result<Self> {
        Self::builder().bind(addr)
    }

    /// A banner and commands.
    ///
    /// See the example of [`BackdoorServer`].
    pub fn builder() -> BackdoorBuilder {
        BackdoorBuilder::default()
    }

    /// The address it listens on.
    ///
    /// See the example of [`bind`](Self::bind).
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Starts to accept, and returns.
    ///
    /// # Errors
    ///
    /// As [`StreamServer::start`].
    ///
    /// See the example of [`bind`](Self::bind).
    pub fn start(&self) -> io::Result<()> {
        self.server.start()
    }

    /// Stops; see [`StreamServer::stop`]. Open consoles are killed after `limit`.
    ///
    /// See the example of [`bind`](Self::bind).
    pub fn stop(&self, limit: Duration) {
        self.server.stop(limit);
    }
}

/// Options of a [`BackdoorServer`].
///
/// See the example of [`BackdoorServer`].
#[derive(Default)]
#[must_use = "a builder does nothing until `bind`"]
pub struct BackdoorBuilder {
    console: Console,
}

impl BackdoorBuilder {
    /// What a console says first.
    ///
    /// See the example of [`BackdoorServer`].
    pub fn banner(mut self, banner: impl Into<String>) -> Self {
        self.console.banner = banner.into();
        self
    }

    /// Adds a command, in place of one with the same name. `help` is one line
    /// about it.
    ///
    /// `run` is called in the console's greenlet with the rest of the line and
    /// the console to write to; it may block. An error that it returns is shown
    /// there, and so is that it panicked.
    ///
    /// See the example of [`BackdoorServer`].
    #[doc(alias = "locals")]
    pub fn command(
        mut self,
        name: impl Into<String>,
        help: impl Into<String>,
        run: impl Fn(&str, &mut dyn Write) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        let commands = &mut self.console.commands;
        commands.retain(|command| command.name != name);
        commands.push(Command {
            name,
            help: help.into(),
            run: Box::new(run),
        });
        self
    }

    /// Binds to `addr`.
    ///
    /// # Errors
    ///
    /// As [`StreamServer::bind`].
    ///
    /// See the example of [`BackdoorServer`].
    pub fn bind(self, addr: impl ListenAddr) -> io::Result<BackdoorServer> {
        let console = Arc::new(self.console);
        let server = StreamServer::builder()
            .pool(Pool::new(MAX_CONSOLES))
            .bind(addr, move |stream, _peer| console.talk(stream))?;
        Ok(BackdoorServer { server })
    }
}

impl fmt::Debug for BackdoorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.console.commands.iter().map(|c| &c.name).collect();
        f.debug_struct("BackdoorBuilder")
            .field("commands", &names)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Console {
    banner: String,
    commands: Vec<Command>,
}

struct Command {
    name: String,
    help: String,
    run: Box<Run>,
}

impl Console {
    /// Reads lines and runs commands until the client leaves.
    fn talk(&self, stream: Stream) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        if !self.banner.is_empty() {
            writeln!(stream.get_mut(), "{}", self.banner)?;
        }
        loop {
            stream.get_mut().write_all(b">>> ")?;
            let mut line = Vec::new();
            stream
                .by_ref()
                .take(MAX_LINE)
                .read_until(b'\n', &mut line)?;
            if line.is_empty() {
                return Ok(());
            }
            if line.len() as u64 == MAX_LINE && !line.ends_with(b"\n") {
                return writeln!(stream.get_mut(), "the line is too long");
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim();
            let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            // Answers go out whole: a command writes in small pieces.
            let mut out = Vec::new();
            match name {
                "" => {}
                "quit" | "exit" => return Ok(()),
                _ => self.run(name, rest.trim(), &mut out)?,
            }
            stream.get_mut().write_all(&out)?;
        }
    }

    fn run(&self, name: &str, rest: &str, out: &mut Vec<u8>) -> io::Result<()> {
        if let Some(command) = self.commands.iter().find(|command| command.name == name) {
            // A kill or a time-out is no panic of the command: it goes on.
            return match catch_panic(|| (command.run)(rest, out)) {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => writeln!(out, "{name} failed: {error}"),
                Err(_) => writeln!(out, "{name} panicked"),
            };
        }
        match name {
            "greenlets" => write!(out, "{}", run_info()),
            "help" => self.help(out),
            _ => writeln!(
                out,
                "there is no command {name:?}; help shows what there is"
            ),
        }
    }

    fn help(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let own = self.commands.iter().map(|c| (&*c.name, &*c.help));
        let always = [
            ("greenlets", "the tree of greenlets, while they are tracked"),
            ("help", "this list"),
            ("quit", "closes the console"),
        ];
        for (name, help) in own.chain(always) {
            writeln!(out, "{name:<12} {help}")?;
        }
        Ok(())
    }
}
