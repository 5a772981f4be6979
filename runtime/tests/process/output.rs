//! Output and status own their child; dropping does not.

use super::*;

/// The number that a shell has written to its output.
fn pid_in(bytes: &[u8]) -> Option<u32> {
    again::text(bytes.strip_suffix(b"\n")?).parse().ok()
}

#[test]
fn a_limit_on_output_kills() {
    everywhere(|| {
        let mut limit = MOMENT;
        let pid = loop {
            let error = shell("echo $$; exec sleep 1000")
                .output_timeout(limit)
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            let partial = PartialOutput::of(&error).unwrap();
            assert_eq!(partial.stderr, b"");
            if let Some(pid) = pid_in(&partial.stdout) {
                break pid;
            }
            limit *= 2; // a busy machine
        };
        until(|| !exists(pid));
    });
}

#[test]
fn output_that_is_interrupted_kills() {
    in_greenlet(|| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_owned();
        let script = format!("echo $$ > {}; exec sleep 1000", path.display());
        let outputs = script.clone();
        let waiter = spawn(move || shell(&outputs).output().map(drop));
        until(|| pid_in(&fs::read(&path).unwrap()).is_some());
        let pid = pid_in(&fs::read(&path).unwrap()).unwrap();
        assert!(exists(pid));
        waiter.kill();
        assert!(waiter.get().unwrap_err().is_killed());
        until(|| !exists(pid));

        fs::write(&path, "").unwrap();
        let waiter = spawn(move || shell(&script).status().map(drop));
        until(|| pid_in(&fs::read(&path).unwrap()).is_some());
        let pid = pid_in(&fs::read(&path).unwrap()).unwrap();
        waiter.kill();
        until(|| !exists(pid));
    });
}

#[test]
fn a_dropped_child_runs_on_and_leaves_no_zombie() {
    everywhere(|| {
        let mut child = piped("read line");
        let (id, input) = (child.id(), child.stdin.take());
        drop(child);
        sleep(MOMENT);
        assert!(exists(id));
        drop(input);
        until(|| !exists(id));
    });
}

#[test]
fn kill_on_drop_kills() {
    everywhere(|| {
        let child = shell("exec sleep 1000").kill_on_drop().spawn().unwrap();
        let id = child.id();
        assert!(exists(id));
        drop(child);
        until(|| !exists(id));
    });
    in_greenlet(|| {
        let child = shell("exec sleep 1000").kill_on_drop().spawn().unwrap();
        let id = child.id();
        let owner = spawn(move || {
            let mut child = child;
            child.wait().map(drop)
        });
        sleep(MOMENT);
        owner.kill();
        until(|| !exists(id));
    });
}
