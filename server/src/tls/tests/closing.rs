//! What the client sees when the server has done with a connection.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::panic;

use super::{MIB, noise, serve};

#[test]
fn dropping_the_stream_says_so() {
    let mut server = serve(|mut stream| {
        stream.write_all(b"bye").unwrap();
    });
    let (mut client, mut raw) = server.connect_and_watch();
    client.read_exact(&mut [0; 3]).unwrap();
    let mut rest = Vec::new();
    raw.read_to_end(&mut rest).unwrap();
    assert_is_one_alert(&rest);
    server.join();
}

#[test]
fn the_last_clone_says_so() {
    let mut server = serve(|mut stream| {
        let clone = stream.clone_handle();
        drop(clone);
        stream.write_all(b"one").unwrap();
        let mut clone = stream.clone_handle();
        drop(stream);
        clone.write_all(b"two").unwrap();
    });
    let mut client = server.connect();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "onetwo");
    server.join();
}

#[test]
fn after_a_shutdown_it_is_not_said_again() {
    let mut server = serve(|stream| stream.shutdown().unwrap());
    let (_client, mut raw) = server.connect_and_watch();
    let mut rest = Vec::new();
    raw.read_to_end(&mut rest).unwrap();
    assert_is_one_alert(&rest);
    server.join();
}

/// A response that ends where the handler was killed must not look complete.
#[test]
fn unwinding_leaves_the_data_truncated() {
    let mut server = serve(|mut stream| {
        let unwound = panic::catch_unwind(panic::AssertUnwindSafe(move || {
            stream.write_all(b"half").unwrap();
            panic::resume_unwind(Box::new("killed"));
        }));
        unwound.unwrap_err();
    });
    let (mut client, mut raw) = server.connect_and_watch();
    client.read_exact(&mut [0; 4]).unwrap();
    assert_eq!(raw.read(&mut [0; 1]).unwrap(), 0);
    server.join();
}

/// The peer reads nothing, and the socket's buffers are full: dropping does not wait for it.
#[test]
fn dropping_does_not_wait() {
    let mut server = serve(|mut stream| {
        let data = noise(MIB);
        stream.get_ref().set_nonblocking(true).unwrap();
        // Until nothing goes any more; a part of a record is left behind.
        let error = loop {
            if let Err(error) = stream.write_all(&data) {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        // With a socket that would wait.
        stream.get_ref().set_nonblocking(false).unwrap();
    });
    let client = server.connect();
    server.thread.join().unwrap();
    drop(client);
}

#[test]
fn a_client_that_is_gone_hurts_nobody() {
    let mut server = serve(|mut stream| {
        let mut data = Vec::new();
        stream.read_to_end(&mut data).unwrap_err();
        // The first write brings a reset, the second meets it.
        while stream
            .write_all(b"more")
            .and_then(|()| stream.flush())
            .is_ok()
        {}
    });
    let client = server.connect();
    client.get_ref().shutdown(Shutdown::Both).unwrap();
    drop(client);
    server.join();
}

/// An encrypted record of type 21, and nothing more.
fn assert_is_one_alert(bytes: &[u8]) {
    assert_eq!(bytes[..4], [21, 3, 3, 0]);
    assert_eq!(bytes.len(), 5 + usize::from(bytes[4]));
}
