use std::io::{self, Read, Write};
use std::net::Shutdown;

use super::{CERT, KEY, TlsConfig, accept, socket_pair};

#[test]
fn plain_http_to_the_tls_port() {
    let (client, err) = fail_handshake(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(err.kind(), io::ErrorKind::InvalidData);
    assert_eq!(err.to_string(), "TLS: handshake: http request");
    // OpenSSL has no alert for those who do not speak TLS at all.
    assert_eq!(client, b"");
}

#[test]
fn failed_handshake_sends_its_alert() {
    // A handshake record, with a handshake message of no known type inside.
    let (client, err) = fail_handshake(b"\x16\x03\x01\x00\x05hello");
    assert_eq!(err.kind(), io::ErrorKind::InvalidData);
    assert!(err.to_string().starts_with("TLS: handshake: "), "{err}");
    // Alert, version, length 2, level fatal.
    assert_eq!(client.len(), 7);
    assert_eq!(client[0], 21);
    assert_eq!(client[3..6], [0, 2, 2]);
}

#[test]
fn old_version_is_refused() {
    // The beginning of a hello of TLS 1.0: version, random, session, one cipher, no compression.
    let mut hello = b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x01".to_vec();
    hello.extend([5; 32]);
    hello.extend(b"\x00\x00\x02\xc0\x14\x01\x00");
    let (client, err) = fail_handshake(&hello);
    assert_eq!(err.to_string(), "TLS: handshake: unsupported protocol");
    assert_eq!(client[5..], [2, 70], "fatal protocol_version");
}

#[test]
fn end_in_the_middle_of_a_handshake() {
    for start in [&b""[..], b"\x16", b"\x16\x03\x01\x00\x05h"] {
        let (client, err) = fail_handshake(start);
        assert_eq!(err.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(client, b"");
    }
}

/// Sends `hello` and half-closes. Returns what the client received and the server's error.
fn fail_handshake(hello: &[u8]) -> (Vec<u8>, io::Error) {
    let (server, mut client) = socket_pair();
    client.write_all(hello).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let config = TlsConfig::from_pem(CERT, KEY).unwrap();
    let err = accept(&config, server).unwrap_err();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    (answer, err)
}
