//! A client's first message, to try an identity before clients do.

use std::io;

use native_tls::{HandshakeError, TlsAcceptor};

use super::duplex::{Duplex, Salvage};
use super::session::reason;

/// One suite for each kind of key that there is a certificate for: ECDSA and EdDSA, RSA.
const SUITES: &[u16] = &[0xc02b, 0xc02c, 0xc02f, 0xc030];

/// All curves that a certificate's key may lie on, and those for the key exchange.
const GROUPS: &[u16] = &[
    0x1d, 0x17, 0x18, 0x19, 0x1e, 0x16, 0x1a, 0x1b, 0x1c, // x25519, NIST's, x448, Brainpool's
];

/// All signatures that a certificate may bear.
const SIGNATURES: &[u16] = &[
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x081a, 0x081b, 0x081c, // ECDSA, EdDSA, Brainpool
    0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, // RSA-PSS
    0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0203, 0x0201, // PKCS #1, SHA-2 and older
];

/// Shows `acceptor` the first message of a client that takes everything.
///
/// OpenSSL takes a key that does not belong to its certificate, and then finds no cipher for any client.
///
/// # Errors
///
/// `InvalidInput` if even that client would be turned away.
pub(super) fn try_with_a_client(acceptor: &TlsAcceptor) -> io::Result<()> {
    let mut duplex = Duplex::new(&Salvage::default());
    duplex.feed(&client_hello());
    match acceptor.accept(duplex) {
        // It answered, and waits for the client's second message.
        Ok(_) | Err(HandshakeError::WouldBlock(_)) => Ok(()),
        Err(HandshakeError::Failure(err)) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "no client could connect with this certificate and key, do they belong together? ({})",
                reason(&err)
            ),
        )),
    }
}

/// RFC 5246, 7.4.1.2, in one record.
fn client_hello() -> Vec<u8> {
    let mut hello = vec![3, 3]; // TLS 1.2
    hello.extend([7; 32]); // random
    hello.push(0); // no session
    hello.extend(sized(&list(SUITES)));
    hello.extend([1, 0]); // no compression
    let extensions = [
        extension(10, &sized(&list(GROUPS))),
        extension(11, &[1, 0]), // points not compressed
        extension(13, &sized(&list(SIGNATURES))),
    ];
    hello.extend(sized(&extensions.concat()));

    let mut message = vec![1, 0]; // ClientHello, the length's first byte
    message.extend(sized(&hello));
    let mut record = vec![22, 3, 1]; // handshake
    record.extend(sized(&message));
    record
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &sized(content)].concat()
}

/// The content behind its length.
fn sized(content: &[u8]) -> Vec<u8> {
    // Nothing here comes near the limit.
    let len = u16::try_from(content.len()).unwrap_or(u16::MAX);
    [&len.to_be_bytes()[..], content].concat()
}

fn list(codes: &[u16]) -> Vec<u8> {
    codes.iter().flat_map(|code| code.to_be_bytes()).collect()
}
