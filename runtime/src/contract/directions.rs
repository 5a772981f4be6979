//! Two greenlets on one socket: a reader and a writer work, two readers get an
//! error, and nobody hangs.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::support::{
    Counter, MUCH, contract, fill, listener, on_hub, our_pair, pair, settle, until, value_of,
};
use crate::net::TcpStream;
use crate::{sleep, spawn, with_timeout};

fn shared() -> (Arc<TcpStream>, std::net::TcpStream) {
    let (near, far) = pair();
    (Arc::new(near), far)
}

/// Reads and writes at the same time on both sides, more than the buffers take.
fn both_ways(reader_first: bool) {
    contract(|| {
        let (near, far) = our_pair();
        let mut greenlets = Vec::new();
        for stream in [Arc::new(near), Arc::new(far)] {
            let reader = {
                let stream = stream.clone();
                move || {
                    let mut buf = vec![0; 10_000];
                    let mut all = 0;
                    while all < MUCH {
                        let n = (&*stream).read(&mut buf).unwrap();
                        assert_ne!(n, 0);
                        all += n;
                    }
                }
            };
            let writer = move || (&*stream).write_all(&vec![0; MUCH]).unwrap();
            if reader_first {
                greenlets.push(spawn(reader));
                settle();
                greenlets.push(spawn(writer));
            } else {
                greenlets.push(spawn(writer));
                settle();
                greenlets.push(spawn(reader));
            }
        }
        for greenlet in greenlets {
            value_of(greenlet.get());
        }
    });
}

#[test]
fn a_reader_and_then_a_writer() {
    both_ways(true);
}

#[test]
fn a_writer_and_then_a_reader() {
    both_ways(false);
}

#[test]
fn many_messages_while_the_other_direction_waits() {
    contract(|| {
        for reader_leads in [true, false] {
            let (near, mut far) = shared();
            let full = fill(&near);
            let reader = || {
                let near = near.clone();
                spawn(move || {
                    for n in 0..500u32 {
                        let mut number = [0; 4];
                        (&*near).read_exact(&mut number).unwrap();
                        assert_eq!(u32::from_be_bytes(number), n);
                    }
                })
            };
            let writer = || {
                let near = near.clone();
                spawn(move || (&*near).write_all(&vec![0; MUCH]).unwrap())
            };
            let (reader, writer) = if reader_leads {
                let reader = reader();
                settle();
                (reader, writer())
            } else {
                let writer = writer();
                settle();
                (reader(), writer)
            };
            settle();
            for n in 0..500u32 {
                far.write_all(&n.to_be_bytes()).unwrap();
                if n % 7 == 0 {
                    settle();
                }
            }
            value_of(reader.get()); // though nothing can be written
            assert!(!writer.is_finished());
            far.read_exact(&mut vec![0; full + MUCH]).unwrap();
            value_of(writer.get());
        }
    });
}

#[test]
fn a_second_reader_gets_an_error() {
    contract(|| {
        let (near, mut far) = shared();
        // Room to write would be news, and whoever waited would wake to find
        // nothing, try again, and could be the one who is refused.
        fill(&near);
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let near = near.clone();
                spawn(move || (&*near).read(&mut [0]).map_err(|error| error.kind()))
            })
            .collect();
        // Both have to wait, and one of them may.
        until(|| readers.iter().any(|reader| reader.is_finished()));
        // Threads are refused as well.
        let error = (&*near).read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        let error = near.peek(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        far.write_all(b"x").unwrap();
        let mut done: Vec<_> = readers.into_iter().map(|r| value_of(r.get())).collect();
        done.sort();
        assert_eq!(done, [Ok(1), Err(ErrorKind::ResourceBusy)]);
        // And now it is free.
        far.write_all(b"x").unwrap();
        assert_eq!((&*near).read(&mut [0]).unwrap(), 1);
    });
}

#[test]
fn a_second_writer_gets_an_error() {
    contract(|| {
        let (near, mut far) = shared();
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let near = near.clone();
                spawn(move || (&*near).write_all(&vec![0; MUCH]))
            })
            .collect();
        drop(near);
        // Both have to wait, and one of them may.
        until(|| writers.iter().any(|writer| writer.is_finished()));
        let drain = thread::spawn(move || {
            let mut sink = vec![0; 1 << 20];
            while far.read(&mut sink).unwrap() > 0 {}
        });
        let mut done: Vec<_> = writers.into_iter().map(|w| value_of(w.get())).collect();
        drain.join().unwrap();
        done.sort_by_key(|done| done.is_err());
        assert!(done[0].is_ok());
        let refused = done[1].as_ref().unwrap_err().kind();
        assert_eq!(refused, ErrorKind::ResourceBusy);
    });
}

#[test]
fn a_second_acceptor_gets_an_error() {
    contract(|| {
        let listener = Arc::new(listener());
        let acceptors: Vec<_> = (0..2)
            .map(|_| {
                let listener = listener.clone();
                spawn(move || listener.accept().map(drop).map_err(|error| error.kind()))
            })
            .collect();
        until(|| acceptors.iter().any(|acceptor| acceptor.is_finished()));
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap());
        let mut done: Vec<_> = acceptors.into_iter().map(|a| value_of(a.get())).collect();
        done.sort();
        assert_eq!(done, [Ok(()), Err(ErrorKind::ResourceBusy)]);
        drop(client);
    });
}

#[test]
fn a_reader_that_is_a_thread_keeps_greenlets_out() {
    contract(|| {
        let (near, mut far) = shared();
        let begun = Counter::default();
        let reader = thread::spawn({
            let (near, begun) = (near.clone(), begun.clone());
            move || {
                begun.add();
                (&*near).read(&mut [0]).unwrap()
            }
        });
        begun.reaches(1);
        // It waits soon; each of ours gives up before it or is refused after it.
        loop {
            let near = near.clone();
            let greenlet = spawn(move || {
                with_timeout(Duration::from_millis(1), || {
                    (&*near).read(&mut [0]).unwrap_err().kind()
                })
            });
            match value_of(greenlet.get()) {
                Ok(kind) => {
                    assert_eq!(kind, ErrorKind::ResourceBusy);
                    break;
                }
                Err(_elapsed) => {
                    // Ours waited at that moment: the thread may have been refused.
                    if reader.is_finished() {
                        assert!(reader.join().is_err());
                        return;
                    }
                }
            }
        }
        far.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn a_thread_reads_while_a_greenlet_writes() {
    contract(|| {
        let (near, far) = our_pair();
        let (near, far) = (Arc::new(near), Arc::new(far));
        let count = |stream: Arc<TcpStream>| {
            move || {
                let mut buf = vec![0; 10_000];
                let mut all = 0;
                while all < MUCH {
                    all += (&*stream).read(&mut buf).unwrap();
                }
            }
        };
        let write = |stream: Arc<TcpStream>| move || (&*stream).write_all(&vec![0; MUCH]).unwrap();
        let reading_thread = thread::spawn(count(near.clone()));
        let writing_greenlet = spawn(write(near));
        let writing_thread = thread::spawn(write(far.clone()));
        let reading_greenlet = spawn(count(far));
        value_of(writing_greenlet.get());
        value_of(reading_greenlet.get());
        reading_thread.join().unwrap();
        writing_thread.join().unwrap();
    });
}

/// Kills one of the two that wait; the other one must go on.
fn one_is_killed(reader_first: bool, kill_reader: bool) {
    contract(|| {
        let (near, mut far) = shared();
        let full = fill(&near);
        let reader = || {
            let near = near.clone();
            spawn(move || (&*near).read(&mut [0; 8]).unwrap())
        };
        let writer = || {
            let near = near.clone();
            spawn(move || (&*near).write_all(&vec![0; MUCH]).unwrap())
        };
        let (reader, writer) = if reader_first {
            let reader = reader();
            settle();
            (reader, writer())
        } else {
            let writer = writer();
            settle();
            (reader(), writer)
        };
        settle();
        if kill_reader {
            reader.kill();
            assert!(reader.get().unwrap_err().is_killed());
            settle();
            far.read_exact(&mut vec![0; full + MUCH]).unwrap();
            value_of(writer.get());
        } else {
            writer.kill();
            assert!(writer.get().unwrap_err().is_killed());
            settle();
            far.write_all(b"x").unwrap();
            assert_eq!(value_of(reader.get()), 1);
        }
    });
}

#[test]
fn the_leader_is_killed_and_the_writer_goes_on() {
    one_is_killed(true, true);
}

#[test]
fn the_leader_is_killed_and_the_reader_goes_on() {
    one_is_killed(false, false);
}

#[test]
fn the_follower_is_killed_and_the_reader_goes_on() {
    one_is_killed(true, false);
}

#[test]
fn the_follower_is_killed_and_the_writer_goes_on() {
    one_is_killed(false, true);
}

#[test]
fn deadlines_of_leader_and_follower_work() {
    on_hub(|| {
        for reader_leads in [true, false] {
            let (near, mut far) = shared();
            fill(&near);
            near.set_read_timeout(Some(Duration::from_millis(3)))
                .unwrap();
            near.set_write_timeout(Some(Duration::from_millis(4)))
                .unwrap();
            let reader = || {
                let near = near.clone();
                spawn(move || (&*near).read(&mut [0]).unwrap_err().kind())
            };
            let writer = || {
                let near = near.clone();
                spawn(move || (&*near).write_all(&vec![0; MUCH]).unwrap_err().kind())
            };
            let (reader, writer) = if reader_leads {
                (reader(), writer())
            } else {
                let writer = writer();
                (reader(), writer)
            };
            assert_eq!(value_of(reader.get()), ErrorKind::TimedOut);
            assert_eq!(value_of(writer.get()), ErrorKind::TimedOut);
            // And the follower's alone.
            near.set_write_timeout(None).unwrap();
            let leader = spawn({
                let near = near.clone();
                move || (&*near).write_all(&vec![0; MUCH]).map(drop)
            });
            settle();
            let error = (&*near).read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            far.write_all(b"x").unwrap();
            near.set_read_timeout(None).unwrap();
            assert_eq!((&*near).read(&mut [0]).unwrap(), 1);
            leader.kill();
        }
    });
}

#[test]
fn clones_wait_by_themselves() {
    contract(|| {
        let (near, mut far) = pair();
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let mut clone = near.try_clone().unwrap();
                spawn(move || clone.read(&mut [0]).unwrap())
            })
            .collect();
        settle();
        far.write_all(b"xxx").unwrap();
        for reader in readers {
            assert_eq!(value_of(reader.get()), 1);
        }
    });
}

#[test]
fn shutdown_wakes_who_reads() {
    on_hub(|| {
        let (near, _far) = shared();
        let reader = spawn({
            let near = near.clone();
            move || (&*near).read(&mut [0]).unwrap()
        });
        sleep(Duration::from_millis(1));
        near.shutdown(std::net::Shutdown::Both).unwrap();
        assert_eq!(value_of(reader.get()), 0);
    });
}
