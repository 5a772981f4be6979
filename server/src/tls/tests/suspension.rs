//! The transport, where greenlets suspend, is never called from inside the TLS library.

use std::backtrace::Backtrace;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{CERT, KEY, TlsConfig, Transport, noise, serve_over, socket_pair};

/// The types rule it out already. This looks at the stack at each use of the transport.
#[test]
fn transport_is_never_used_inside_the_tls_library() {
    let mut server = serve_over(Watched, |mut stream| {
        let _clone = stream.clone_handle();
        let mut data = vec![0; 100_000];
        stream.read_exact(&mut data).unwrap();
        stream.write_all(&data).unwrap();
        stream.shutdown().unwrap();
        assert_eq!(stream.read(&mut data).unwrap(), 0);
    });
    let mut client = server.connect();
    client.write_all(&noise(100_000)).unwrap();
    io::copy(&mut client, &mut io::sink()).unwrap();
    client.shutdown().unwrap();
    server.join();
}

#[test]
#[should_panic(expected = "inside the TLS library")]
fn watched_transport_does_notice() {
    let config = TlsConfig::from_pem(CERT, KEY).unwrap();
    let (server, _client) = socket_pair();
    let _ = config.settings().acceptor.accept(Watched(server));
}

/// A transport that panics if the TLS library is among its callers.
struct Watched(TcpStream);

impl Watched {
    fn check() {
        let stack = Backtrace::force_capture().to_string();
        assert!(stack.contains("tls::tests"), "no symbols: {stack}");
        for library in ["native_tls::", "openssl::"] {
            assert!(!stack.contains(library), "used inside the TLS library");
        }
    }
}

impl Transport for Watched {
    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        Self::check();
        Transport::read(&self.0, buf)
    }

    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        Self::check();
        Transport::write(&self.0, buf)
    }

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        Self::check();
        self.0.try_write(buf)
    }

    fn write_timeout(&self) -> Option<Duration> {
        None
    }
}

/// The TLS library, given the transport itself.
impl Read for Watched {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Transport::read(self, buf)
    }
}

impl Write for Watched {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Transport::write(self, buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
