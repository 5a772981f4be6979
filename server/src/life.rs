//! The life of a server: start, pause, close, stop, start again.

use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use maypole_runtime::{Builder, Event, GreenletRef, Group};
use parking_lot::Mutex;

use crate::drain::Drain;
use crate::signals::EndSignals;

/// How long `stop` waits for killed handlers before it returns all the same;
/// gevent's.
const KILL_GRACE: Duration = Duration::from_secs(1);

/// How long `serve_forever` gives running handlers when it ends; gevent's.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// A socket that work comes from.
pub(crate) trait Intake: Send + Sync {
    /// Takes work in until it is killed, or until the socket fails for good:
    /// returns the reason.
    fn run(&self, drain: &Drain) -> io::Error;
}

/// The sockets of a server, made again for each start after a stop.
pub(crate) type Reopen = Box<dyn Fn() -> io::Result<Vec<Arc<dyn Intake>>> + Send + Sync>;

/// What of a server's life can be chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LifeOptions {
    pub(crate) handle_signals: bool,
    pub(crate) stop_timeout: Duration,
}

impl Default for LifeOptions {
    fn default() -> Self {
        Self {
            handle_signals: true,
            stop_timeout: STOP_TIMEOUT,
        }
    }
}

/// A server but for what it does with the work. Clones share it.
#[derive(Clone)]
pub(crate) struct Life {
    inner: Arc<Inner>,
}

struct Inner {
    /// The server's name in messages.
    label: String,
    handlers: Group,
    options: LifeOptions,
    reopen: Reopen,
    // Set while no `stop` is under way.
    settled: Event,
    state: Mutex<State>,
}

struct State {
    // None when it is closed.
    sockets: Vec<Arc<dyn Intake>>,
    // The greenlets that take work in; after an end, until they have unwound.
    loops: Vec<GreenletRef>,
    started: bool,
    // Started, and not paused.
    accepts: bool,
    drain: Drain,
    // Set when what was started ends; a new one for each start.
    ended: Event,
    // Why it has ended by itself.
    failure: Option<io::Error>,
    // Calls of `serve_forever` under way.
    serving: usize,
    // A stop or close came, and no `serve_forever` has returned for it.
    end_is_due: bool,
    // Calls of `stop` under way.
    stopping: usize,
}

impl Life {
    pub(crate) fn new(
        label: String,
        handlers: Group,
        options: LifeOptions,
        sockets: Vec<Arc<dyn Intake>>,
        reopen: Reopen,
    ) -> Self {
        let settled = Event::new();
        settled.set();
        Self {
            inner: Arc::new(Inner {
                label,
                handlers,
                options,
                reopen,
                settled,
                state: Mutex::new(State {
                    sockets,
                    loops: Vec::new(),
                    started: false,
                    accepts: false,
                    drain: Drain::default(),
                    ended: Event::new(),
                    failure: None,
                    serving: 0,
                    end_is_due: false,
                    stopping: 0,
                }),
            }),
        }
    }

    pub(crate) fn is_started(&self) -> bool {
        self.inner.state.lock().started
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.inner.state.lock().sockets.is_empty()
    }

    pub(crate) fn start(&self) -> io::Result<()> {
        loop {
            let mut state = self.inner.state.lock();
            state.end_is_due = false;
            match self.begin(&mut state)? {
                Begun::Yes => return Ok(()),
                Begun::After(obstacle) => {
                    drop(state);
                    obstacle.wait()?;
                }
            }
        }
    }

    /// Starts for a `serve_forever`, which is counted from here on; the event of
    /// the end. `None` if that was due.
    fn begin_serving(&self) -> io::Result<Option<Event>> {
        loop {
            let mut state = self.inner.state.lock();
            if mem::take(&mut state.end_is_due) {
                return Ok(None);
            }
            match self.begin(&mut state)? {
                Begun::Yes => {
                    state.serving += 1;
                    return Ok(Some(state.ended.clone()));
                }
                Begun::After(obstacle) => {
                    drop(state);
                    obstacle.wait()?;
                }
            }
        }
    }

    /// Starts, unless it is started.
    fn begin(&self, state: &mut State) -> io::Result<Begun> {
        if state.started {
            return Ok(Begun::Yes);
        }
        if state.stopping > 0 {
            return Ok(Begun::After(Obstacle::Stop(self.inner.settled.clone())));
        }
        if let Some(ending) = state.loop_that_ends() {
            return Ok(Begun::After(Obstacle::Loop(ending)));
        }
        if state.sockets.is_empty() {
            state.sockets = (self.inner.reopen)()?;
        }
        if state.drain.has_begun() {
            state.drain = Drain::default();
        }
        state.failure = None;
        state.ended = Event::new();
        self.take_in(state)?;
        state.started = true;
        Ok(Begun::Yes)
    }

    /// Spawns a greenlet for each socket; none at all if one cannot be had.
    fn take_in(&self, state: &mut State) -> io::Result<()> {
        state.loops.clear();
        for socket in &state.sockets {
            let (socket, drain) = (socket.clone(), state.drain.clone());
            let server = Arc::downgrade(&self.inner);
            let spawned = Builder::new().name("accept").spawn(move || {
                let error = socket.run(&drain);
                drop(socket);
                if let Some(inner) = server.upgrade() {
                    Self { inner }.fail(error);
                }
            });
            match spawned {
                Ok(greenlet) => state.loops.push(greenlet.handle().clone()),
                Err(error) => {
                    start_kill(&state.loops);
                    return Err(error);
                }
            }
        }
        state.accepts = true;
        Ok(())
    }

    /// One of the sockets has failed for good: the server closes.
    fn fail(&self, error: io::Error) {
        let me = maypole_runtime::current();
        let others = {
            let mut state = self.inner.state.lock();
            if !state.started {
                return; // closed meanwhile, which is why it failed
            }
            log::error!(
                "{}: its socket failed, it closes: {error}",
                self.inner.label
            );
            state.failure = Some(error);
            state.close();
            let mut others = state.loops.clone();
            others.retain(|other| Some(other) != me.as_ref());
            others
        };
        start_kill(&others);
    }

    pub(crate) fn start_accepting(&self) -> io::Result<()> {
        loop {
            let mut state = self.inner.state.lock();
            if !state.started {
                return Err(io::Error::new(
                    io::ErrorKind::NotConnected,
                    "the server is not started",
                ));
            }
            if state.accepts {
                return Ok(());
            }
            let Some(ending) = state.loop_that_ends() else {
                return self.take_in(&mut state);
            };
            drop(state);
            Obstacle::Loop(ending).wait()?;
        }
    }

    pub(crate) fn stop_accepting(&self) {
        let loops = {
            let mut state = self.inner.state.lock();
            state.accepts = false;
            state.loops.clone()
        };
        kill_each(&loops);
    }

    /// Closes the sockets; handlers run on.
    pub(crate) fn close(&self) {
        self.end(true);
    }

    /// The same. One that is `due` is remembered for the next `serve_forever`,
    /// unless there is one now.
    fn end(&self, due: bool) {
        let loops = {
            let mut state = self.inner.state.lock();
            if due && state.serving == 0 {
                state.end_is_due = true;
            }
            state.close();
            state.loops.clone()
        };
        // The sockets close when those who use them have unwound. Another one
        // may be waiting for that already.
        kill_each(&loops);
    }

    pub(crate) fn stop(&self, limit: Duration) {
        self.stop_and(true, limit);
    }

    fn stop_and(&self, due: bool, limit: Duration) {
        let _stopping = Stopping::new(self);
        self.end(due);
        let drain = self.inner.state.lock().drain.clone();
        let handlers = &self.inner.handlers;
        drain.begin(handlers);
        if !handlers.join_timeout(limit) && !handlers.kill_timeout(KILL_GRACE) {
            let left = handlers.len();
            log::warn!(
                "{}: {left} handlers have survived their kill",
                self.inner.label
            );
        }
    }

    pub(crate) fn serve_forever(&self) -> io::Result<()> {
        // From here on no signal is missed.
        let _signals = self.watch_signals()?;
        let Some(ended) = self.begin_serving()? else {
            return self.outcome();
        };
        let serving = Serving(self);
        ended.wait();
        self.stop_and(false, self.inner.options.stop_timeout);
        drop(serving);
        self.outcome()
    }

    fn outcome(&self) -> io::Result<()> {
        let failure = self.inner.state.lock().failure.take();
        failure.map_or(Ok(()), Err)
    }

    fn watch_signals(&self) -> io::Result<Option<EndSignals>> {
        if !self.inner.options.handle_signals {
            return Ok(None);
        }
        let server = Arc::downgrade(&self.inner);
        let signals = EndSignals::new(move |signal| {
            if let Some(inner) = server.upgrade() {
                log::info!("{}: {signal}, stopping", inner.label);
                Self { inner }.end(true);
            }
        })?;
        Ok(Some(signals))
    }
}

impl State {
    /// Lets go of the sockets, which close here or when those who use them have
    /// unwound.
    fn close(&mut self) {
        self.started = false;
        self.accepts = false;
        self.sockets.clear();
        self.ended.set();
    }

    /// A loop that was told to end and has not.
    fn loop_that_ends(&self) -> Option<GreenletRef> {
        let mut loops = self.loops.iter();
        loops.find(|greenlet| !greenlet.is_finished()).cloned()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // No waiting in a destructor: the loops are told, and end soon.
        start_kill(&self.state.get_mut().loops);
    }
}

enum Begun {
    Yes,
    /// Not before this is over.
    After(Obstacle),
}

/// What must be over before a server can start again.
enum Obstacle {
    Stop(Event),
    Loop(GreenletRef),
}

impl Obstacle {
    fn wait(&self) -> io::Result<()> {
        let over = match self {
            Self::Stop(settled) => settled.wait(),
            Self::Loop(greenlet) => greenlet.join_timeout(Duration::MAX),
        };
        if over {
            return Ok(());
        }
        Err(io::Error::other(
            "a greenlet that unwinds cannot wait for the end of the server's last run",
        ))
    }
}

/// A `stop` under way.
struct Stopping<'a>(&'a Inner);

impl<'a> Stopping<'a> {
    fn new(life: &'a Life) -> Self {
        let inner = &*life.inner;
        let mut state = inner.state.lock();
        state.stopping += 1;
        inner.settled.clear();
        Self(inner)
    }
}

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.stopping -= 1;
        if state.stopping == 0 {
            self.0.settled.set();
        }
    }
}

/// A `serve_forever` under way. One that is unwound by a kill or a time-out
/// stops its server all the same. That takes a greenlet: one that unwinds cannot
/// wait.
struct Serving<'a>(&'a Life);

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        let Self(life) = self;
        life.inner.state.lock().serving -= 1;
        if !std::thread::panicking() {
            return;
        }
        let server = (*life).clone();
        let limit = life.inner.options.stop_timeout;
        let stops = Builder::new().spawn(move || server.stop_and(false, limit));
        if let Err(error) = stops {
            log::error!("{}: cannot be stopped: {error}", life.inner.label);
        }
    }
}

fn start_kill(loops: &[GreenletRef]) {
    for greenlet in loops {
        greenlet.start_kill();
    }
}

/// Kills them and waits for their ends. One of them may call it.
fn kill_each(loops: &[GreenletRef]) {
    start_kill(loops);
    for greenlet in loops {
        greenlet.kill();
    }
}
