use std::io;

use maypole_runtime::with_timeout;
use native_tls::{HandshakeError, TlsAcceptor};

use super::config::TlsConfig;
use super::duplex::{Duplex, Salvage};
use super::session::{Session, invalid_data, reason};
use super::stream::{SMALL_LANDING, TlsStream};
use super::transport::{Transport, write_all};

/// Performs the server's side of the handshake over `transport`, in the time that `config` allows.
///
/// # Errors
///
/// - [`InvalidData`](io::ErrorKind::InvalidData): the peer does not speak TLS, or not in a way we accept.
///   An alert was sent if TLS has one for the case; it has none for a client that speaks plain HTTP.
/// - [`UnexpectedEof`](io::ErrorKind::UnexpectedEof): the peer closed the connection before the end of the handshake.
/// - [`TimedOut`](io::ErrorKind::TimedOut): it took too long.
/// - Any error of the transport.
pub(crate) fn accept<S: Transport>(config: &TlsConfig, transport: S) -> io::Result<TlsStream<S>> {
    let settings = config.settings();
    let handshaken = with_timeout(settings.handshake_timeout, || {
        handshake(&settings.acceptor, &transport)
    });
    match handshaken {
        Ok(done) => Ok(TlsStream::new(done?, transport)),
        Err(_elapsed) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "TLS: the handshake took too long",
        )),
    }
}

fn handshake(acceptor: &TlsAcceptor, transport: &impl Transport) -> io::Result<Session> {
    let salvage = Salvage::default();
    let mut step = acceptor.accept(Duplex::new(&salvage));
    loop {
        step = match step {
            Ok(tls) => {
                let mut session = Session::new(tls);
                send(session.duplex(), transport)?;
                return Ok(session);
            }
            Err(HandshakeError::WouldBlock(mut paused)) => {
                exchange(paused.get_mut(), transport)?;
                paused.handshake()
            }
            Err(HandshakeError::Failure(err)) => {
                // For the peer's information; what counts here is why the handshake failed.
                let _ = write_all(transport, salvage.bytes());
                return Err(invalid_data(&format!("handshake: {}", reason(&err))));
            }
        }
    }
}

/// Sends our part so far and waits for the peer's next.
fn exchange(duplex: &mut Duplex, transport: &impl Transport) -> io::Result<()> {
    send(duplex, transport)?;
    let mut landing = [0; SMALL_LANDING];
    loop {
        match transport.read(&mut landing) {
            Ok(0) => {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "TLS: handshake: the peer closed the connection",
                ));
            }
            Ok(count) => {
                duplex.feed(&landing[..count]);
                return Ok(());
            }
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
    }
}

fn send(duplex: &mut Duplex, transport: &impl Transport) -> io::Result<()> {
    write_all(transport, duplex.take_outgoing().bytes())
}
