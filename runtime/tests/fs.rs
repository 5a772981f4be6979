//! Behaviours of gevent's test__fileobject.py and test__os.py, written anew.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of tests, and what the suites share"
)]

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use maypole_runtime::fs::{self, File};
use maypole_runtime::{io, spawn, with_timeout, yield_now};
use tempfile::TempDir;

mod support;

use support::{begin, in_greenlet, until};

/// A limit that is to be reached.
const MOMENT: Duration = Duration::from_millis(5);

/// More than one call reads or writes, and than a pipe takes.
const MUCH: usize = 1 << 20;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    (folder, path)
}

/// A pipe with a name, open at both ends: reading it blocks, on the pool.
fn fifo() -> (TempDir, PathBuf, File) {
    let (folder, path) = place();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, 0).unwrap();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    (folder, path, file)
}

fn pattern(n: usize) -> Vec<u8> {
    (0..n).map(|n| (n / 7) as u8).collect()
}

#[test]
fn files_are_written_and_read() {
    let works = || {
        let (_folder, path) = place();
        let missing = File::open(&path).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        let mut file = File::create(&path).unwrap();
        file.write_all(b"hello world").unwrap();
        file.sync_all().unwrap();
        file.set_len(5).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 5);
        assert!(file.read(&mut [0; 4]).is_err()); // it was opened to write
        let mut file = File::open(&path).unwrap();
        let mut text = String::new();
        assert_eq!(file.read_to_string(&mut text).unwrap(), 5);
        assert_eq!(text, "hello");
        assert_eq!(file.read(&mut [0; 4]).unwrap(), 0);
        assert_eq!(file.seek(SeekFrom::Current(-3)).unwrap(), 2);
        let mut rest = Vec::new();
        assert_eq!(file.read_to_end(&mut rest).unwrap(), 3);
        assert_eq!(file.read_at(&mut rest, 1).unwrap(), 3);
        assert_eq!(rest, b"ell");
        assert_eq!(file.stream_position().unwrap(), 5);
        let mut clone = file.try_clone().unwrap();
        clone.rewind().unwrap();
        assert_eq!(file.stream_position().unwrap(), 0);
    };
    in_greenlet(works);
    works();
}

#[test]
fn much_goes_through_small_buffers() {
    in_greenlet(|| {
        let (_folder, path) = place();
        let data = pattern(MUCH);
        let options = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .clone();
        let mut file = options.open(&path).unwrap();
        let again = options.open(&path).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AlreadyExists);
        assert!(file.write(&data).unwrap() < MUCH);
        file.rewind().unwrap();
        file.write_all(&data).unwrap();
        file.rewind().unwrap();
        assert!(file.read(&mut vec![0; MUCH]).unwrap() < MUCH);
        file.rewind().unwrap();
        let mut all = Vec::new();
        file.read_to_end(&mut all).unwrap();
        assert!(all == data);
        assert_eq!(file.write_at(b"x", 9).unwrap(), 1);
        assert_eq!(fs::read(&path).unwrap()[9], b'x');
    });
}

#[test]
fn functions_are_std_s() {
    in_greenlet(|| {
        let (folder, path) = place();
        fs::write(&path, "hello").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"hello");
        assert_eq!(fs::read_to_string(&path).unwrap(), "hello");
        let deep = folder.path().join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        let there = deep.join("copy");
        assert_eq!(fs::copy(&path, &there).unwrap(), 5);
        fs::hard_link(&path, deep.join("link")).unwrap();
        fs::rename(&there, deep.join("moved")).unwrap();
        assert!(!fs::exists(&there).unwrap());
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_mode(0o400);
        fs::set_permissions(&path, permissions).unwrap();
        let mode = fs::symlink_metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o400);
        assert_eq!(
            fs::canonicalize(&deep).unwrap(),
            deep.canonicalize().unwrap()
        );
        assert_eq!(
            fs::read_link("/proc/self/exe").unwrap(),
            std::env::current_exe().unwrap()
        );
        fs::remove_file(deep.join("link")).unwrap();
        assert!(fs::remove_dir(&deep).is_err()); // not empty
        fs::remove_dir_all(folder.path().join("a")).unwrap();
        fs::create_dir(folder.path().join("d")).unwrap();
        fs::remove_dir(folder.path().join("d")).unwrap();
    });
}

#[test]
fn folders_are_read_in_batches() {
    in_greenlet(|| {
        let folder = tempfile::tempdir().unwrap();
        let names: BTreeSet<_> = (0..300).map(|n| n.to_string()).collect();
        for name in &names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found: BTreeSet<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(found, names);
        assert!(fs::read_dir(folder.path().join("7")).is_err());
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
    });
}

#[test]
fn others_run_while_a_file_blocks() {
    in_greenlet(|| {
        let (_folder, path, file) = fifo();
        let reader = begin(move || {
            let mut file = File::open(path).unwrap();
            let mut buf = [0; 4];
            file.read_exact(&mut buf).unwrap();
            buf
        });
        for _ in 0..10 {
            yield_now();
        }
        assert!(!reader.is_finished());
        (&file).write_all(b"four").unwrap();
        assert_eq!(&reader.get().unwrap(), b"four");
    });
}

#[test]
fn what_an_interrupted_read_has_read_is_there_for_the_next() {
    let interrupts = || {
        let (_folder, path, file) = fifo();
        let file = Arc::new(file);
        let killed = begin({
            let file = file.clone();
            move || (&*file).read(&mut [0; 64])
        });
        killed.kill();
        assert!(killed.get().unwrap_err().is_killed());
        let mut far = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        far.write_all(b"hello").unwrap();
        // The pool has it, or will; a shorter read takes its part.
        let mut buf = [0; 3];
        assert_eq!((&*file).read(&mut buf).unwrap(), 3);
        assert_eq!(&buf, b"hel");
        assert_eq!((&*file).read(&mut buf).unwrap(), 2);
        assert_eq!(&buf[..2], b"lo");
    };
    in_greenlet(interrupts);
    interrupts();
}

#[test]
fn kills_leave_the_position_where_the_readers_are() {
    in_greenlet(|| {
        let (_folder, path) = place();
        let data: Vec<u8> = (0..200).collect();
        fs::write(&path, &data).unwrap();
        let file = Arc::new(File::options().read(true).write(true).open(&path).unwrap());
        let mut read = Vec::new();
        for n in 0.. {
            let reader = spawn({
                let file = file.clone();
                move || {
                    let mut buf = [0; 3];
                    let n = (&*file).read(&mut buf).unwrap();
                    buf[..n].to_vec()
                }
            });
            for _ in 0..n % 5 {
                yield_now();
            }
            if n % 3 != 0 {
                reader.kill();
            }
            match reader.get() {
                Ok(bytes) if bytes.is_empty() => break,
                Ok(bytes) => read.extend(bytes),
                Err(error) => assert!(error.is_killed()),
            }
            if n % 7 == 0 {
                let position = (&*file).stream_position().unwrap();
                assert_eq!(position, read.len() as u64);
            }
        }
        assert_eq!(read, data);
    });
}

#[test]
fn no_write_overtakes_an_interrupted_one() {
    in_greenlet(|| {
        let (_folder, path, file) = fifo();
        let file = Arc::new(file);
        // More than the pipe takes, so that it waits on the pool.
        let killed = begin({
            let file = file.clone();
            move || (&*file).write(&vec![b'a'; MUCH / 4])
        });
        assert!(!killed.is_finished());
        killed.kill();
        let next = begin({
            let file = file.clone();
            move || (&*file).write_all(b"b")
        });
        assert!(!next.is_finished());
        assert!(with_timeout(MOMENT, || (&*file).write_all(b"c")).is_err());
        let mut far = std::fs::File::open(&path).unwrap();
        let reader = thread::spawn(move || {
            let mut all = vec![0; MUCH / 4 + 1];
            far.read_exact(&mut all).unwrap();
            all
        });
        next.get().unwrap().unwrap();
        until(|| reader.is_finished());
        let all = reader.join().unwrap();
        assert!(all[..MUCH / 4].iter().all(|byte| *byte == b'a'));
        assert_eq!(all[MUCH / 4], b'b');
    });
}

#[test]
fn appenders_write_at_the_end() {
    in_greenlet(|| {
        let (_folder, path) = place();
        let mut options = File::options();
        options.append(true).create(true).mode(0o600);
        let (mut one, mut other) = (options.open(&path).unwrap(), options.open(&path).unwrap());
        one.write_all(b"one ").unwrap();
        other.write_all(b"two ").unwrap();
        one.write_all(b"three").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one two three");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    });
}

#[test]
fn pipes_wait_for_each_other() {
    let works = || {
        let (mut reader, mut writer) = io::pipe().unwrap();
        let data = pattern(MUCH);
        let sent = data.clone();
        let sender = begin(move || writer.write_all(&sent));
        assert!(!sender.is_finished());
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        assert!(all == data);
        sender.get().unwrap().unwrap();
        let (reader, mut writer) = io::pipe().unwrap();
        drop(reader);
        let broken = writer.write(b"x").unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::BrokenPipe);
    };
    in_greenlet(works);
    works();
}

#[test]
fn a_kill_takes_no_bytes_out_of_a_pipe() {
    in_greenlet(|| {
        let (reader, mut writer) = io::pipe().unwrap();
        let reader = Arc::new(reader);
        let waiting = begin({
            let reader = reader.clone();
            move || (&*reader).read(&mut [0; 4])
        });
        let busy = (&*reader).read(&mut [0; 4]).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::ResourceBusy);
        writer.write_all(b"x").unwrap();
        waiting.kill();
        if waiting.get().is_err() {
            assert_eq!((&*reader).read(&mut [0; 4]).unwrap(), 1);
        }
        // Blocking again, for others.
        let fd = std::os::fd::OwnedFd::from(writer);
        let flags = rustix::fs::fcntl_getfl(&fd).unwrap();
        assert!(!flags.contains(rustix::fs::OFlags::NONBLOCK));
    });
}
