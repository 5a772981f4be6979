//! What all servers here have in common: where they listen, and their lives.

/// The methods of a server whose field `server` has them, too.
macro_rules! methods {
    () => {
        /// The address it listens on, with the port that was chosen for port 0; the
        /// first one if there are several.
        ///
        /// # Panics
        ///
        /// When it listens on Unix sockets only; [`local_addrs`](Self::local_addrs)
        /// knows those.
        ///
        /// See the example of [`StreamServer::start`](maypole_server::StreamServer::start).
        #[doc(alias = "address")]
        #[doc(alias = "server_port")]
        #[must_use]
        pub fn local_addr(&self) -> std::net::SocketAddr {
            self.server.local_addr()
        }

        /// All addresses it listens on, of whatever kind.
        ///
        /// See the example of [`Listener`](maypole_server::Listener).
        #[must_use]
        pub fn local_addrs(&self) -> &[maypole_server::Addr] {
            self.server.local_addrs()
        }

        /// Starts to accept, and returns. A server that was stopped or closed binds
        /// its address again. What is left of a stop under way is waited for.
        ///
        /// # Errors
        ///
        /// As [`StreamServer::start`](maypole_server::StreamServer::start):
        /// `AddrInUse` when somebody else has the port now, `Unsupported` for a
        /// closed server that was given its socket.
        ///
        /// See the example of [`StreamServer::start`](maypole_server::StreamServer::start).
        pub fn start(&self) -> std::io::Result<()> {
            self.server.start()
        }

        /// Whether it is started and not stopped.
        ///
        /// See the example of [`StreamServer::start`](maypole_server::StreamServer::start).
        #[doc(alias = "started")]
        #[must_use]
        pub fn is_started(&self) -> bool {
            self.server.is_started()
        }

        /// Whether its sockets are closed, or are about to be.
        ///
        /// See the example of [`StreamServer::start`](maypole_server::StreamServer::start).
        #[doc(alias = "closed")]
        #[must_use]
        pub fn is_closed(&self) -> bool {
            self.server.is_closed()
        }

        /// Accepts again after [`stop_accepting`](Self::stop_accepting).
        ///
        /// # Errors
        ///
        /// `NotConnected` when the server is not started; when no more greenlets can
        /// be had.
        ///
        /// See the example of [`StreamServer::stop_accepting`](maypole_server::StreamServer::stop_accepting).
        pub fn start_accepting(&self) -> std::io::Result<()> {
            self.server.start_accepting()
        }

        /// Pauses: clients wait in the kernel's backlog, open connections are served
        /// on, until [`start_accepting`](Self::start_accepting).
        ///
        /// Suspends the caller until it is so, which is soon.
        ///
        /// See the example of [`StreamServer::stop_accepting`](maypole_server::StreamServer::stop_accepting).
        pub fn stop_accepting(&self) {
            self.server.stop_accepting();
        }

        /// How many connections are open.
        ///
        /// See the example of [`StreamServer::active`](maypole_server::StreamServer::active).
        #[must_use]
        pub fn active(&self) -> usize {
            self.server.active()
        }

        /// What it has done with connections so far; [`metrics`](Self::metrics) has
        /// the requests.
        ///
        /// See the example of [`StreamServer::stop_accepting`](maypole_server::StreamServer::stop_accepting).
        #[must_use]
        pub fn counters(&self) -> maypole_server::Counters {
            self.server.counters()
        }

        /// Closes its sockets; open connections are served on and are not told. See
        /// [`StreamServer::close`](maypole_server::StreamServer::close).
        ///
        /// See the example of [`StreamServer::close`](maypole_server::StreamServer::close).
        pub fn close(&self) {
            self.server.close();
        }

        /// Stops: idle connections are closed at once, and the others after the
        /// answer at hand, or when `limit` is over. See
        /// [`StreamServer::stop`](maypole_server::StreamServer::stop).
        ///
        /// # Examples
        ///
        /// ```
        /// use std::time::Duration;
        /// use maypole_http::{StatusCode, pywsgi::WsgiServer}; // the others too
        ///
        /// let server = WsgiServer::bind("127.0.0.1:0", |_env, start_response| {
        ///     start_response.send(StatusCode::OK, "hello\n")
        /// })?;
        /// server.start()?;
        /// server.stop(Duration::from_secs(10)); // nothing is under way: at once
        /// assert!(server.is_closed());
        /// # Ok::<(), std::io::Error>(())
        /// ```
        pub fn stop(&self, limit: std::time::Duration) {
            self.server.stop(limit);
        }

        /// See [`StreamServer::serve_forever`](maypole_server::StreamServer::serve_forever).
        ///
        /// # Errors
        ///
        /// Those of [`start`](Self::start), and of a listener that has failed for
        /// good.
        pub fn serve_forever(&self) -> std::io::Result<()> {
            self.server.serve_forever()
        }
    };
}

/// Has the stand-alone server's workers run such a server.
macro_rules! serve {
    ($($server:ty),+) => {$(
        impl maypole_server::arbiter::Serve for $server {
            fn start(&self) -> std::io::Result<()> {
                <$server>::start(self)
            }

            fn is_started(&self) -> bool {
                <$server>::is_started(self)
            }

            fn close(&self) {
                <$server>::close(self);
            }

            fn stop(&self, limit: std::time::Duration) {
                <$server>::stop(self, limit);
            }
        }
    )+};
}

serve!(
    crate::pywsgi::WsgiServer,
    crate::wsgi::WsgiServer,
    crate::HttpServer
);

pub(crate) use methods;
