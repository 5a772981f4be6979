//! Two that use one connection.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::{MIB, TlsStream, Transport, noise, serve, serve_over};

#[test]
fn one_reads_while_another_writes() {
    let data = noise(4 * MIB);
    let (sent, expected) = (data.clone(), data.clone());
    let mut server = serve(move |mut stream| {
        let mut reader = stream.clone_handle();
        let reading = thread::spawn(move || {
            let mut received = vec![0; expected.len()];
            reader.read_exact(&mut received).unwrap();
            assert!(received == expected);
            assert_eq!(reader.read(&mut [0; 1]).unwrap(), 0);
        });
        stream.write_all(&sent).unwrap();
        stream.shutdown().unwrap();
        reading.join().unwrap();
    });
    // The client's library cannot do both at once: a piece, then a piece.
    let mut client = server.connect();
    let mut received = vec![0; data.len()];
    for (piece, room) in data.chunks(5000).zip(received.chunks_mut(5000)) {
        client.write_all(piece).unwrap();
        client.read_exact(room).unwrap();
    }
    assert!(received == data);
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
    client.shutdown().unwrap();
    server.join();
}

/// Records go out in the order in which they were encrypted, or the client's library would say so.
#[test]
fn many_write() {
    const WRITERS: usize = 4;
    const LINES: usize = 200;
    let mut server = serve(|stream| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| {
                let mut writer = stream.clone_handle();
                thread::spawn(move || {
                    for _ in 0..LINES {
                        writer.write_all(&vec![n as u8; 1000]).unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
    });
    let mut client = server.connect();
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    for n in 0..WRITERS {
        let count = received.iter().filter(|byte| **byte == n as u8).count();
        assert_eq!(count, LINES * 1000);
    }
    // Each write is one record, so none is cut in two.
    for line in received.chunks(1000) {
        assert!(line.iter().all(|byte| *byte == line[0]));
    }
    server.join();
}

#[test]
fn the_second_reader_is_told() {
    let mut server = serve_over(Announced::new, |mut stream| {
        let mut clone = stream.clone_handle();
        let before = stream.get_ref().reads.load(Ordering::SeqCst);
        let reading = thread::spawn(move || clone.read(&mut [0; 1]).unwrap());
        while stream.get_ref().reads.load(Ordering::SeqCst) == before {
            thread::yield_now();
        }
        let error = stream.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
        stream.write_all(b"go").unwrap();
        assert_eq!(reading.join().unwrap(), 1);
        // And then it is free again.
        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 1);
    });
    let mut client = server.connect();
    client.read_exact(&mut [0; 2]).unwrap();
    client.write_all(b"..").unwrap();
    server.join();
}

/// The reader's answers to the protocol are sent by a writer that is busy just then, or by itself.
#[test]
fn an_alert_is_sent_while_another_writes() {
    let mut server = serve(|mut stream: TlsStream<_>| {
        let mut reader = stream.clone_handle();
        let writing = thread::spawn(move || while stream.write_all(&vec![7; 20_000]).is_ok() {});
        let error = reader.read(&mut [0; 100]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        writing.join().unwrap();
    });
    let mut client = server.connect();
    client
        .get_mut()
        .write_all(b"\x17\x03\x03\x00\x20garbage garbage garbage garbage!")
        .unwrap();
    let mut received = Vec::new();
    let error = client.read_to_end(&mut received).unwrap_err();
    assert!(error.to_string().contains("alert"), "{error}");
    server.join();
}

/// A transport that counts reads before they wait.
struct Announced {
    socket: TcpStream,
    reads: AtomicUsize,
}

impl Announced {
    fn new(socket: TcpStream) -> Self {
        let reads = AtomicUsize::new(0);
        Self { socket, reads }
    }
}

impl Transport for Announced {
    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        Transport::read(&self.socket, buf)
    }

    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        Transport::write(&self.socket, buf)
    }

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.try_write(buf)
    }

    fn write_timeout(&self) -> Option<Duration> {
        None
    }
}
