//! Starting.

use super::*;

#[test]
fn what_cannot_be_started_says_why() {
    everywhere(|| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "not a program").unwrap();
        for (mut command, kind) in [
            (Command::new("/no/such/program"), ErrorKind::NotFound),
            (
                Command::new("no-such-program-anywhere"),
                ErrorKind::NotFound,
            ),
            (Command::new(&file), ErrorKind::PermissionDenied),
        ] {
            assert_eq!(command.spawn().unwrap_err().kind(), kind);
            assert_eq!(command.output().unwrap_err().kind(), kind);
            assert_eq!(command.status().unwrap_err().kind(), kind);
        }
        let mut nowhere = Command::new("true");
        nowhere.current_dir("/no/such/folder");
        assert_eq!(nowhere.status().unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn descriptors_do_not_leak() {
    again::alone("start::descriptors_do_not_leak", || {
        in_greenlet(|| {
            let once = || {
                let mut child = piped("cat");
                assert_eq!(child.communicate(b"x").unwrap().stdout, b"x");
                assert!(Command::new("/no/such/program").output().is_err());
                let mut late = shell("exec sleep 1000");
                assert!(late.output_timeout(MOMENT).is_err());
                drop(piped("true"));
            };
            once();
            // The reapers of dropped children hold a pidfd until these end.
            let before = descriptors();
            for _ in 0..20 {
                once();
            }
            until(|| descriptors() <= before);
        });
    });
}

#[test]
fn arguments_environment_and_folder_are_passed_on() {
    everywhere(|| {
        let output = shell("echo \"$1\" \"$2\"")
            .arg("sh")
            .args(["a b", "$HOME;"])
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"a b $HOME;\n");
        let output = Command::new("env")
            .env_clear()
            .env("A", "1")
            .envs([("B", "2"), ("C", "3")])
            .env_remove("B")
            .output()
            .unwrap();
        assert_eq!(output.stdout, b"A=1\nC=3\n");
        let output = Command::new("pwd").current_dir("/").output().unwrap();
        assert_eq!(output.stdout, b"/\n");
        let output = shell("echo $0").arg0("other").output().unwrap();
        assert_eq!(output.stdout, b"other\n");
        // Process group 0: its own, which has its number.
        let output = shell("echo $$; cut -d' ' -f5 /proc/$$/stat")
            .process_group(0)
            .output()
            .unwrap();
        let text = again::text(&output.stdout);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], lines[1]);
    });
}

#[test]
fn a_command_can_be_started_again() {
    in_greenlet(|| {
        let mut command = shell("echo out; echo err >&2; exit 4");
        for _ in 0..2 {
            let output = command.output().unwrap();
            assert_eq!(output.stdout, b"out\n");
            assert_eq!(output.stderr, b"err\n");
            assert_eq!(output.status.code(), Some(4));
        }
        // `output` has left the streams as they were: inherited.
        command.stderr(Stdio::null()).stdin(Stdio::piped());
        let mut child = shell("exit 4").spawn().unwrap();
        assert!(child.stdout.is_none());
        child.wait().unwrap();
        let mut quiet = shell("exit 4");
        quiet.output().unwrap();
        let mut child = quiet.spawn().unwrap();
        assert!(child.stdin.is_none() && child.stdout.is_none() && child.stderr.is_none());
        assert_eq!(child.wait().unwrap().code(), Some(4));
    });
}

#[test]
fn streams_that_were_set_stay_so() {
    in_greenlet(|| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let output = shell("echo out; echo err >&2")
            .stdout(file.reopen().unwrap())
            .output()
            .unwrap();
        assert_eq!((output.stdout, output.stderr), (vec![], b"err\n".to_vec()));
        assert_eq!(fs::read(file.path()).unwrap(), b"out\n");
        // The input is a file, or nothing.
        let output = Command::new("cat").stdin(file.reopen().unwrap()).output();
        assert_eq!(output.unwrap().stdout, b"out\n");
        assert_eq!(Command::new("cat").output().unwrap().stdout, b"");
    });
}

#[test]
fn commands_of_std_are_taken_over() {
    in_greenlet(|| {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "in").unwrap();
        let mut theirs = std::process::Command::new("cat");
        theirs.stdin(file.reopen().unwrap());
        let mut ours = Command::from(theirs);
        assert_eq!(ours.output().unwrap().stdout, b"in");
        assert_eq!(ours.as_std().get_program(), "cat");
        let theirs = std::process::Command::from(ours);
        assert_eq!(theirs.get_program(), "cat");
    });
}

#[test]
fn status_tells_how_it_ended() {
    everywhere(|| {
        assert!(shell("true").status().unwrap().success());
        assert_eq!(shell("exit 7").status().unwrap().code(), Some(7));
        let late = shell("exec sleep 1000").status_timeout(MOMENT);
        assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
    });
}
