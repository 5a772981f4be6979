//! Clients that go away while the application works.

use std::fmt;
use std::io;
use std::time::Duration;

use maypole_runtime::{Builder, Event, Greenlet};

use super::environ::Environ;

impl Environ<'_> {
    /// Whether the client has closed its side of the connection, or the
    /// connection has failed. Never suspends, and leaves what the client has
    /// sent (its next requests, say) where it is.
    ///
    /// A client that only ended its own side, and still reads the answer, looks
    /// the same. Browsers and HTTP libraries do not do that; `nc` does.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_http::{StatusCode, pywsgi::WsgiServer};
    ///
    /// let server = WsgiServer::bind("127.0.0.1:0", |env, start_response| {
    ///     let mut sum = 0;
    ///     for step in 0..1000 {
    ///         if env.is_disconnected() {
    ///             return Ok(()); // nobody wants the answer
    ///         }
    ///         sum += step; // something long
    ///     }
    ///     start_response.send(StatusCode::OK, sum.to_string())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn is_disconnected(&self) -> bool {
        let wire = self.input.wire();
        // A connection that cannot be asked is no more, if there was one.
        wire.with_stream(|stream| stream.get_ref().is_hung_up())
            .unwrap_or_else(|_| !wire.is_in_memory())
    }

    /// An event that is set once the client is gone, in the sense of
    /// [`is_disconnected`](Self::is_disconnected): for who waits for something
    /// on its behalf.
    ///
    /// It costs a small greenlet and a descriptor until it is dropped.
    ///
    /// # Errors
    ///
    /// When no more descriptors or greenlets can be had.
    ///
    /// # Examples
    ///
    /// A long poll: the answer comes with the news, and nobody waits for a
    /// client that has left.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use maypole_http::{StatusCode, pywsgi::WsgiServer};
    /// use maypole_runtime::{Event, iwait_timeout};
    ///
    /// let news = Event::new();
    /// WsgiServer::bind("127.0.0.1:8088", move |env, start_response| {
    ///     let gone = env.disconnected()?;
    ///     let first = iwait_timeout([&news, gone.event()], Duration::from_secs(30)).next();
    ///     match first {
    ///         Some(event) if event.is_set() && !gone.event().is_set() => {
    ///             start_response.send(StatusCode::OK, "news\n")
    ///         }
    ///         _ => start_response.send(StatusCode::NO_CONTENT, ""),
    ///     }
    /// })?
    /// .serve_forever()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn disconnected(&self) -> io::Result<Disconnected> {
        let wire = self.input.wire();
        let stream = wire.with_stream(|stream| stream.get_ref().try_clone())?;
        let event = Event::new();
        let told = event.clone();
        let watcher = Builder::new().name("disconnected").spawn(move || {
            // An error ends the watch as well: nobody can be reached there.
            let _ = stream.wait_hung_up(Duration::MAX);
            told.set();
        })?;
        Ok(Disconnected { event, watcher })
    }
}

/// Watches over a client; see [`Environ::disconnected`].
///
/// See the example of [`Environ::disconnected`].
#[must_use = "it watches until it is dropped"]
pub struct Disconnected {
    event: Event,
    watcher: Greenlet<()>,
}

impl Disconnected {
    /// The event that is set once the client is gone.
    ///
    /// See the example of [`Environ::disconnected`].
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.event
    }
}

impl Drop for Disconnected {
    fn drop(&mut self) {
        self.watcher.start_kill();
    }
}

impl fmt::Debug for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disconnected")
            .field("is_set", &self.event.is_set())
            .finish()
    }
}
