//! Talking.

use super::*;

#[test]
fn communicate_returns_all_output() {
    everywhere(|| {
        let mut child = piped("cat; echo pineapple >&2");
        let output = child.communicate(b"banana").unwrap();
        assert_eq!(output.stdout, b"banana");
        assert_eq!(output.stderr, b"pineapple\n");
        assert!(output.status.success());
        assert!(child.stdin.is_none() && child.stdout.is_none() && child.stderr.is_none());
        // Nothing more comes.
        let output = child.communicate(b"").unwrap();
        assert_eq!((output.stdout, output.stderr), (vec![], vec![]));
    });
}

#[test]
fn full_pipes_do_not_stop_each_other() {
    everywhere(|| {
        let input = pattern(MUCH);
        let output = piped("tee /dev/stderr").communicate(&input).unwrap();
        assert!(output.stdout == input);
        assert!(output.stderr == input);
        // All of one before any of the other.
        let script = format!("head -c {MUCH} /dev/zero >&2; head -c {MUCH} /dev/zero; cat");
        let output = piped(&script).communicate(&input).unwrap();
        assert_eq!(output.stderr.len(), MUCH);
        assert_eq!(output.stdout.len(), 2 * MUCH);
        assert!(output.stdout[MUCH..] == input);
    });
}

#[test]
fn a_time_out_loses_nothing() {
    everywhere(|| {
        let mut child = waits_for_usr1("echo two; echo three >&2");
        communicate_until_ready(&mut child);
        child.send_signal(Signal::USR1).unwrap();
        let output = child.communicate(b"").unwrap();
        assert_eq!(output.stdout, b"ready\ntwo\n");
        assert_eq!(output.stderr, b"three\n");
    });
}

#[test]
fn input_goes_on_after_a_time_out() {
    everywhere(|| {
        let mut child = waits_for_usr1("exec cat");
        let input = pattern(MUCH);
        // More than the pipe takes, and the rest later, with more behind it.
        let late = child.communicate_timeout(&input, MOMENT).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        communicate_until_ready(&mut child);
        child.send_signal(Signal::USR1).unwrap();
        let output = child.communicate(b"the end").unwrap();
        let all = [b"ready\n", input.as_slice(), b"the end"].concat();
        assert!(output.stdout == all);
    });
}

#[test]
fn an_interrupt_loses_nothing() {
    everywhere(|| {
        let mut child = waits_for_usr1("exec cat");
        let input = pattern(MUCH);
        assert!(with_timeout(MOMENT, || child.communicate(&input)).is_err());
        until(|| {
            assert!(with_timeout(MOMENT, || child.communicate(b"")).is_err());
            child.output_so_far().0.starts_with(b"ready\n")
        });
        child.send_signal(Signal::USR1).unwrap();
        // However often it is interrupted on the way.
        let output = loop {
            if let Ok(output) = with_timeout(MOMENT, || child.communicate(b"")) {
                break output.unwrap();
            }
        };
        assert!(output.stdout == [b"ready\n", input.as_slice()].concat());
    });
}

#[test]
fn output_can_be_taken_between() {
    in_greenlet(|| {
        let mut child = waits_for_usr1("echo two");
        communicate_until_ready(&mut child);
        assert_eq!(child.take_output(), (b"ready\n".to_vec(), vec![]));
        child.send_signal(Signal::USR1).unwrap();
        assert_eq!(child.communicate(b"").unwrap().stdout, b"two\n");
    });
}

#[test]
fn a_killed_child_leaves_its_output() {
    in_greenlet(|| {
        let mut child = piped("echo one; exec sleep 1000");
        until(|| {
            let _ = child.communicate_timeout(b"", MOMENT);
            !child.output_so_far().0.is_empty()
        });
        child.kill().unwrap();
        let output = child.communicate(b"").unwrap();
        assert_eq!(output.stdout, b"one\n");
        assert_eq!(output.status.signal(), Some(9));
    });
}

#[test]
fn a_child_need_not_read_its_input() {
    everywhere(|| {
        let output = piped("echo done").communicate(&pattern(MUCH)).unwrap();
        assert_eq!(output.stdout, b"done\n");
        assert!(output.status.success());
    });
}

#[test]
fn input_needs_a_pipe() {
    in_greenlet(|| {
        let mut child = shell("true").spawn().unwrap();
        let refused = child.communicate(b"x").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert!(child.communicate(b"").unwrap().status.success());
        // The end of the input was sent.
        let mut child = waits_for_usr1("true");
        communicate_until_ready(&mut child);
        let refused = child.communicate(b"x").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        child.kill().unwrap();
        child.wait().unwrap();
    });
}

#[test]
fn children_of_the_child_are_read_to_their_end() {
    in_greenlet(|| {
        // Without `<&0` a shell gives what runs in the background no input.
        let mut child = piped("(read line; echo grandchild) <&0 & exit 5");
        until(|| child.try_wait().unwrap().is_some());
        let output = child.communicate(b"go\n").unwrap();
        assert_eq!(output.status.code(), Some(5));
        assert_eq!(output.stdout, b"grandchild\n");
    });
}

#[test]
fn too_much_output_is_an_error() {
    everywhere(|| {
        let error = shell("yes").output_limit(1000).output().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
        assert!(error.to_string().contains("1000"), "{error}");
        let partial = PartialOutput::of(&error).unwrap();
        assert!(partial.stdout.starts_with(b"y\ny\n"));
        assert_eq!(partial.stdout.len(), 1001);
        // Just as much is none.
        let output = shell("printf 1234").output_limit(4).output().unwrap();
        assert_eq!(output.stdout, b"1234");
        let error = shell("printf 12345 >&2").output_limit(4).output();
        assert_eq!(error.unwrap_err().kind(), ErrorKind::QuotaExceeded);
    });
}

#[test]
fn a_window_over_endless_output() {
    in_greenlet(|| {
        let mut yes = Command::new("yes")
            .stdout(Stdio::piped())
            .output_limit(999)
            .spawn()
            .unwrap();
        for _ in 0..100 {
            let full = yes.communicate(b"").unwrap_err();
            assert_eq!(full.kind(), ErrorKind::QuotaExceeded);
            let again = yes.communicate(b"").unwrap_err();
            assert_eq!(again.kind(), ErrorKind::QuotaExceeded);
            assert_eq!(yes.take_output().0.len(), 1000);
        }
        yes.kill().unwrap();
        yes.wait().unwrap();
    });
}

#[test]
fn endless_output_stops_at_the_limit_of_time() {
    everywhere(|| {
        let error = Command::new("yes").output_timeout(MOMENT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let mut yes = Command::new("yes").stdout(Stdio::piped()).spawn().unwrap();
        assert!(with_timeout(MOMENT, || yes.communicate(b"")).is_err());
        yes.kill().unwrap();
        yes.wait().unwrap();
    });
}
