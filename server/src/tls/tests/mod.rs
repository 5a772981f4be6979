//! Over std's sockets and threads, against native-tls's own client.

mod clones;
mod closing;
mod handshake;
mod identity;
mod interruption;
mod stream;
mod suspension;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::panic;
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use native_tls::{Certificate, TlsConnector};
use rustix::net::{SendFlags, send};

use super::transport::Transport;
use super::{TlsConfig, TlsStream, accept};

const CERT: &[u8] = include_bytes!("../testdata/cert.pem");
const KEY: &[u8] = include_bytes!("../testdata/key.pem");
const P12: &[u8] = include_bytes!("../testdata/identity.p12");

const MIB: usize = 1024 * 1024;

#[test]
fn sendable() {
    fn assert_shareable<T: Send + Sync>() {}
    assert_shareable::<TlsStream<TcpStream>>();
    assert_shareable::<TlsConfig>();
}

/// As a greenlet's socket, but that it blocks the thread.
impl Transport for TcpStream {
    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut stream = self;
        Read::read(&mut stream, buf)
    }

    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        let mut stream = self;
        Write::write(&mut stream, buf)
    }

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        Ok(send(self, buf, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
    }

    fn write_timeout(&self) -> Option<Duration> {
        self.write_timeout().unwrap()
    }
}

static CLIENT: LazyLock<TlsConnector> = LazyLock::new(|| {
    TlsConnector::builder()
        .disable_built_in_roots(true)
        .add_root_certificate(Certificate::from_pem(CERT).unwrap())
        .build()
        .unwrap()
});

/// A server for one connection, on a thread.
struct Server {
    socket: Option<TcpStream>,
    thread: thread::JoinHandle<()>,
}

impl Server {
    fn dial(&mut self) -> TcpStream {
        self.socket.take().unwrap()
    }

    fn connect(&mut self) -> native_tls::TlsStream<TcpStream> {
        CLIENT.connect("localhost", self.dial()).unwrap()
    }

    /// A connection, and its socket to look below TLS.
    fn connect_and_watch(&mut self) -> (native_tls::TlsStream<TcpStream>, TcpStream) {
        let socket = self.dial();
        let raw = socket.try_clone().unwrap();
        (CLIENT.connect("localhost", socket).unwrap(), raw)
    }

    fn join(self) {
        if let Err(payload) = self.thread.join() {
            panic::resume_unwind(payload);
        }
    }
}

fn serve(handler: impl FnOnce(TlsStream<TcpStream>) + Send + 'static) -> Server {
    serve_over(|socket| socket, handler)
}

fn serve_over<S: Transport + Send + Sync + 'static>(
    wrap: impl FnOnce(TcpStream) -> S,
    handler: impl FnOnce(TlsStream<S>) + Send + 'static,
) -> Server {
    let (server, client) = socket_pair();
    let transport = wrap(server);
    Server {
        socket: Some(client),
        thread: thread::spawn(move || {
            let config = TlsConfig::from_pkcs12(P12, "maypole").unwrap();
            handler(accept(&config, transport).unwrap());
        }),
    }
}

#[expect(clippy::disallowed_methods, reason = "there is no hub in these tests")]
fn socket_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, client)
}

/// Bytes without a pattern that a shift by a few would leave intact.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let step = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(step).take(len).collect()
}
