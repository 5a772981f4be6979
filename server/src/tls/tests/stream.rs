use std::io::{self, Read, Write};
use std::net::Shutdown;

use super::super::Broken;
use super::{CLIENT, MIB, noise, serve};

#[test]
fn a_mebibyte_both_ways() {
    let data = noise(MIB);
    let mut server = serve(|mut stream| {
        let mut data = vec![0; MIB];
        stream.read_exact(&mut data).unwrap();
        stream.write_all(&data).unwrap();
        stream.shutdown().unwrap();
        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    });
    let mut client = server.connect();
    client.write_all(&data).unwrap();
    let mut echo = Vec::new();
    client.read_to_end(&mut echo).unwrap();
    assert!(echo == data);
    client.shutdown().unwrap();
    server.join();
}

#[test]
fn tiny_reads_and_writes() {
    let mut server = serve(|mut stream| {
        let mut byte = [0];
        while stream.read(&mut byte).unwrap() > 0 {
            stream.write_all(&byte).unwrap();
            assert_eq!(stream.read(&mut []).unwrap(), 0);
            assert_eq!(stream.write(&[]).unwrap(), 0);
        }
    });
    let mut client = server.connect();
    client.write_all(b"greenlet").unwrap();
    let mut echo = [0; 8];
    client.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"greenlet");
    client.shutdown().unwrap();
    server.join();
}

#[test]
fn has_input_until_all_is_read() {
    let mut server = serve(|mut stream| {
        assert!(!stream.has_input());
        let mut byte = [0];
        for left in (0..6).rev() {
            stream.read_exact(&mut byte).unwrap();
            assert_eq!(stream.has_input(), left > 0);
        }
        stream.write_all(b"done").unwrap();
    });
    let mut client = server.connect();
    client.write_all(b"sesame").unwrap();
    client.read_exact(&mut [0; 4]).unwrap();
    server.join();
}

#[test]
fn client_sees_close_notify_as_end() {
    let mut server = serve(|mut stream| {
        stream.write_all(b"bye").unwrap();
        stream.shutdown().unwrap();
        stream.shutdown().unwrap();
        let err = stream.write(b"more").unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::BrokenPipe);
    });
    let socket = server.dial();
    let mut raw = socket.try_clone().unwrap();
    let mut client = CLIENT.connect("localhost", socket).unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "bye");
    server.join();
    // One close_notify, not two.
    assert_eq!(raw.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn truncation_is_not_an_end() {
    let mut server = serve(|mut stream| {
        let mut data = Vec::new();
        let err = stream.read_to_end(&mut data).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(data, b"half");
        let err = stream.read(&mut [0; 1]).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::UnexpectedEof);
    });
    let mut client = server.connect();
    client.write_all(b"half").unwrap();
    client.get_ref().shutdown(Shutdown::Write).unwrap();
    server.join();
}

#[test]
fn garbage_after_the_handshake() {
    let mut server = serve(|mut stream| {
        for _ in 0..2 {
            let err = stream.read(&mut [0; 100]).unwrap_err();
            assert_eq!(err.kind(), io::ErrorKind::InvalidData);
            // By which a server knows that it was not the handler's fault.
            assert!(err.get_ref().unwrap().is::<Broken>());
        }
        let err = stream.write(b"x").unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::InvalidData);
        stream.shutdown().unwrap();
    });
    let mut client = server.connect();
    // A record of application data that no key has encrypted.
    client.get_mut().write_all(&bad_record()).unwrap();
    // The alert bad_record_mac, which the client's library reports as an error.
    let err = client.read(&mut [0; 1]).unwrap_err();
    assert!(err.to_string().contains("alert"), "{err}");
    server.join();
}

/// A record of application data as TLS 1.2 frames it, with nonsense inside.
fn bad_record() -> Vec<u8> {
    let mut record = b"\x17\x03\x03\x00\x40".to_vec();
    record.extend(noise(0x40));
    record
}
