use std::io::{self, Read, Write};

use native_tls::HandshakeError;

use super::config::TlsConfig;
use super::duplex::{Duplex, Salvage};
use super::session::{Session, invalid_data, reason};
use super::stream::{SMALL_LANDING, TlsStream};

/// Performs the server's side of the handshake over `transport`, waiting as the transport waits.
///
/// There is no time limit of its own: put one around it, or on the transport.
///
/// # Errors
///
/// - [`InvalidData`](io::ErrorKind::InvalidData): the peer does not speak TLS, or not in a way we accept.
///   An alert was sent if TLS has one for the case; it has none for a client that speaks plain HTTP.
/// - [`UnexpectedEof`](io::ErrorKind::UnexpectedEof): the peer closed the connection before the end of the handshake.
/// - Any error of the transport.
pub(crate) fn accept<S: Read + Write>(
    config: &TlsConfig,
    mut transport: S,
) -> io::Result<TlsStream<S>> {
    let session = handshake(config, &mut transport)?;
    Ok(TlsStream::new(session, transport))
}

fn handshake(config: &TlsConfig, transport: &mut (impl Read + Write)) -> io::Result<Session> {
    let salvage = Salvage::default();
    let mut step = config.acceptor().accept(Duplex::new(&salvage));
    loop {
        step = match step {
            Ok(tls) => {
                let mut session = Session::new(tls);
                session.duplex().send(transport)?;
                return Ok(session);
            }
            Err(HandshakeError::WouldBlock(mut paused)) => {
                exchange(paused.get_mut(), transport)?;
                paused.handshake()
            }
            Err(HandshakeError::Failure(err)) => {
                let alert = salvage.bytes();
                if !alert.is_empty() {
                    // For the peer's information; what counts here is why the handshake failed.
                    let _ = transport.write_all(alert).and_then(|()| transport.flush());
                }
                return Err(invalid_data(&format!("handshake: {}", reason(&err))));
            }
        }
    }
}

/// Sends our part so far and waits for the peer's next.
fn exchange(duplex: &mut Duplex, transport: &mut (impl Read + Write)) -> io::Result<()> {
    duplex.send(transport)?;
    let mut landing = [0; SMALL_LANDING];
    loop {
        match duplex.receive(transport, &mut landing) {
            Ok(true) => return Ok(()),
            Ok(false) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
    }
}
