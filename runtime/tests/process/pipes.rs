//! The pipes.

use super::*;

#[test]
fn lines_go_to_and_fro() {
    everywhere(|| {
        let mut cat = piped("exec cat");
        let mut input = cat.stdin.take().unwrap();
        let mut lines = BufReader::new(cat.stdout.take().unwrap()).lines();
        for number in 0..100 {
            writeln!(input, "line {number}").unwrap();
            assert_eq!(lines.next().unwrap().unwrap(), format!("line {number}"));
        }
        drop(input);
        assert!(lines.next().is_none());
        assert!(cat.wait().unwrap().success());
    });
}

#[test]
fn a_full_pipe_suspends_only_the_writer() {
    in_greenlet(|| {
        let mut cat = piped("exec cat");
        let mut input = cat.stdin.take().unwrap();
        let mut output = cat.stdout.take().unwrap();
        let writer = spawn(move || input.write_all(&pattern(MUCH)));
        let mut got = Vec::new();
        output.read_to_end(&mut got).unwrap();
        assert!(got == pattern(MUCH));
        writer.get().unwrap().unwrap();
        cat.wait().unwrap();
    });
}

#[test]
fn a_closed_pipe_is_an_error_and_not_a_signal() {
    everywhere(|| {
        let mut child = piped("exec <&-; echo closed; read line");
        let mut input = child.stdin.take().unwrap();
        let mut closed = [0; 7];
        child
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut closed)
            .unwrap();
        // Children of other tests hold a copy until they run their program.
        until(|| match input.write(b"x") {
            Ok(_) => false,
            Err(error) => error.kind() == ErrorKind::BrokenPipe,
        });
        child.wait().unwrap();
    });
}

#[test]
fn a_read_is_interrupted_and_loses_nothing() {
    everywhere(|| {
        let mut cat = piped("exec cat");
        let mut output = cat.stdout.take().unwrap();
        let mut byte = [0];
        assert!(with_timeout(MOMENT, || output.read(&mut byte)).is_err());
        cat.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        assert_eq!(output.read(&mut byte).unwrap(), 1);
        assert_eq!(byte, *b"x");
        cat.wait().unwrap();
    });
}

#[test]
fn one_child_writes_to_the_next() {
    everywhere(|| {
        let mut first = piped("read line; echo late");
        // If the pipe did not block, `cat` would fail at once.
        let mut second = Command::new("cat")
            .stdin(first.stdout.take().unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        assert_eq!(second.wait_timeout(4 * MOMENT).unwrap(), None);
        first.wait().unwrap();
        let output = second.wait_with_output().unwrap();
        assert_eq!((output.stdout, output.stderr), (b"late\n".to_vec(), vec![]));
    });
}

#[test]
fn nothing_is_without_a_debug_text() {
    in_greenlet(|| -> io::Result<()> {
        let child = piped("true");
        let text = format!("{child:?} {:?} {:?}", child.handle(), shell("true"));
        assert!(text.contains(&child.id().to_string()), "{text}");
        assert!(text.contains("ChildStdin("), "{text}");
        child.wait_with_output()?;
        Ok(())
    })
    .unwrap();
}
