//! The receive loop of a datagram server: a place first, then a datagram, then a
//! greenlet for it.

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::os::unix::net::SocketAddr as UnixSocketAddr;
use std::path::Path;
use std::sync::Arc;

use maypole_runtime::net::{ToSocketAddrs, UdpSocket, UnixDatagram};
use maypole_runtime::{Builder, Group, Semaphore, catch_panic, yield_now};

use crate::Addr;
use crate::accept::is_fatal;
use crate::counters::Counts;
use crate::drain::Drain;
use crate::life::Intake;
use crate::pause::{Delays, Pause};
use crate::report;
use crate::spawn::{Place, Spawn};
use crate::unix_path::UnixPath;

/// A socket of datagrams that all handlers of a server share: replies go through
/// it. Those who send take turns.
///
/// See the example of [`DatagramServer`](crate::DatagramServer).
#[derive(Debug)]
pub struct DatagramSocket<S> {
    socket: S,
    // Only one can wait for room at a time.
    turns: Semaphore,
}

impl<S> DatagramSocket<S> {
    pub(crate) fn new(socket: S) -> Self {
        let turns = Semaphore::new(1);
        Self { socket, turns }
    }
}

impl DatagramSocket<UdpSocket> {
    /// Sends a datagram. Suspends the caller while the kernel has no room, or
    /// others wait for that.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::send_to`].
    ///
    /// See the example of [`DatagramServer`](crate::DatagramServer).
    #[doc(alias = "sendto")]
    pub fn send_to(&self, buf: &[u8], addr: impl ToSocketAddrs) -> io::Result<usize> {
        let _turn = self.turns.acquire()?;
        self.socket.send_to(buf, addr)
    }
}

impl DatagramSocket<UnixDatagram> {
    /// Sends a datagram to the socket at `path`. Suspends the caller while that
    /// has no room, or others wait for theirs.
    ///
    /// # Errors
    ///
    /// As [`UnixDatagram::send_to`].
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_server::DatagramServer;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let log = folder.path().join("log");
    /// let server = DatagramServer::builder().bind_unix(
    ///     folder.path().join("socket"),
    ///     move |socket, data, _from| socket.send_to(data, &log).map(drop),
    /// )?;
    /// # drop(server);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "sendto")]
    pub fn send_to(&self, buf: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let _turn = self.turns.acquire()?;
        self.socket.send_to(buf, path)
    }

    /// Sends a datagram to an address, as a handler is given it. A client that
    /// has not bound its socket cannot be sent to.
    ///
    /// # Errors
    ///
    /// As [`UnixDatagram::send_to_addr`].
    ///
    /// See the example of [`DatagramBuilder::bind_unix`](crate::DatagramBuilder::bind_unix).
    pub fn send_to_addr(&self, buf: &[u8], addr: &UnixSocketAddr) -> io::Result<usize> {
        let _turn = self.turns.acquire()?;
        self.socket.send_to_addr(buf, addr)
    }
}

impl<S> Deref for DatagramSocket<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.socket
    }
}

/// What the receive loop asks of a socket.
pub(crate) trait Datagrams: Send + Sync + 'static {
    type Peer: Clone + Into<Addr> + Send + 'static;

    fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, Self::Peer)>;
    fn wait_read(&self) -> io::Result<()>;
}

macro_rules! datagrams {
    ($kind:ty, $peer:ty) => {
        impl Datagrams for $kind {
            type Peer = $peer;

            fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, $peer)> {
                self.try_recv_from(buf)
            }

            fn wait_read(&self) -> io::Result<()> {
                self.wait_read()
            }
        }
    };
}

datagrams!(UdpSocket, SocketAddr);
datagrams!(UnixDatagram, UnixSocketAddr);

/// What is done with a datagram.
pub(crate) type Handle<S> =
    Arc<dyn Fn(&DatagramSocket<S>, &[u8], <S as Datagrams>::Peer) -> io::Result<()> + Send + Sync>;

/// What the receive loops of a server, one after the other, have in common.
pub(crate) struct Receiving<S: Datagrams> {
    /// The server's name in messages.
    pub(crate) label: String,
    pub(crate) spawn: Spawn,
    pub(crate) handlers: Group,
    pub(crate) counts: Arc<Counts>,
    pub(crate) handle: Handle<S>,
    /// The longest datagram that is received whole.
    pub(crate) buffer_size: usize,
    /// Datagrams received before others get a turn.
    pub(crate) max_accept: usize,
    pub(crate) delays: Delays,
}

/// Receives from a socket for as long as it is good.
pub(crate) struct ReceiveLoop<S: Datagrams> {
    // The file goes first: who binds next is to find no file, or its own.
    pub(crate) _file: Option<UnixPath>,
    pub(crate) socket: Arc<DatagramSocket<S>>,
    pub(crate) receiving: Arc<Receiving<S>>,
}

impl<S: Datagrams> Intake for ReceiveLoop<S> {
    fn run(&self, _drain: &Drain) -> io::Error {
        let receiving = &*self.receiving;
        let label = &receiving.label;
        let mut buffer = vec![0; receiving.buffer_size];
        let mut pause = Pause::new(receiving.delays);
        let mut in_a_row = 0;
        loop {
            // The place first: without one nothing is received, and the kernel
            // drops what its buffer does not hold.
            let place = match receiving.spawn.place(|| self.socket.wait_read()) {
                Ok(place) => place,
                Err(unwinding) => return unwinding.into(),
            };
            let (len, peer) = match self.socket.try_recv_from(&mut buffer) {
                Ok(received) => received,
                Err(error) => {
                    // Somebody else may use it while we wait.
                    drop(place);
                    match error.kind() {
                        io::ErrorKind::WouldBlock => {
                            in_a_row = 0;
                            if let Err(error) = self.socket.wait_read() {
                                receiving.counts.accept_error();
                                pause.after(label, "cannot wait for datagrams", &error);
                            }
                        }
                        io::ErrorKind::Interrupted => {}
                        _ if is_fatal(&error) => return error,
                        _ => {
                            receiving.counts.accept_error();
                            pause.after(label, "cannot receive", &error);
                        }
                    }
                    continue;
                }
            };
            receiving.counts.accepted();
            let peer_addr: Addr = peer.clone().into();
            match place {
                Some(place) => match self.start(place, buffer[..len].into(), peer) {
                    Ok(()) => pause.reset(),
                    Err(error) => {
                        receiving.counts.refused();
                        receiving.counts.accept_error();
                        pause.after(label, "cannot serve a datagram", &error);
                    }
                },
                None => {
                    receiving.counts.refused();
                    log::debug!("{label}: full, dropping a datagram from {peer_addr}");
                }
            }
            in_a_row += 1;
            if in_a_row >= receiving.max_accept {
                in_a_row = 0;
                yield_now();
            }
        }
    }
}

impl<S: Datagrams> ReceiveLoop<S> {
    fn start(&self, place: Place, data: Box<[u8]>, peer: S::Peer) -> io::Result<()> {
        let (socket, receiving) = (self.socket.clone(), self.receiving.clone());
        let active = receiving.counts.begin();
        let body = move || {
            let _active = active;
            let addr = peer.clone().into();
            let served = catch_panic(|| (receiving.handle)(&socket, &data, peer));
            report::failed(&receiving.label, &addr, served, &receiving.counts);
        };
        // On the hub that knows the socket: two hubs cannot wait for one.
        let (spawn, handlers) = (&self.receiving.spawn, &self.receiving.handlers);
        spawn.spawn(place, Builder::new(), handlers, body)
    }
}
