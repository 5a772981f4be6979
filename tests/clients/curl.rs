//! curl.

use std::process::{Command, Stdio};

use crate::support::{has_command, noise, watchdog};
use crate::{STREAMED, application, run, serve};

fn curl() -> Command {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "60"]);
    command
}

fn has_curl() -> bool {
    has_command("curl", "--version")
}

#[test]
fn curl_asks_over_one_connection() {
    let _watchdog = watchdog();
    if !has_curl() {
        return;
    }
    let (_server, url) = serve(application);
    let format = "%{http_code} %{num_connects} %{size_download}\n";
    let told = run(curl()
        .args(["--write-out", format, "--output", "/dev/null", &url])
        .args(["--output", "/dev/null", &format!("{url}/stream")])
        .args(["--output", "/dev/null", &format!("{url}/unchanged")]));
    assert_eq!(told, format!("200 1 18\n200 0 {STREAMED}\n304 0 0\n"));
}

#[test]
fn curl_waits_to_be_told_to_send() {
    let _watchdog = watchdog();
    if !has_curl() {
        return;
    }
    let (_server, url) = serve(application);
    let form = "x".repeat(100_000);
    let mut posts = curl();
    posts.args(["--verbose", "--header", "Expect: 100-continue"]);
    posts.args(["--data", &form, "--stderr", "-"]);
    let told = run(posts.arg(format!("{url}/echo")));
    assert!(told.contains("< HTTP/1.1 100 Continue"), "{told:.600}");
    assert!(told.contains(&form));

    // Who does not want the body says so before it comes.
    let told = run(curl()
        .args(["--verbose", "--header", "Expect: 100-continue"])
        .args(["--expect100-timeout", "60", "--data", &form])
        .args(["--stderr", "-", &format!("{url}/unread")]));
    assert!(!told.contains("100 Continue"), "{told:.600}");
    assert!(told.contains("< HTTP/1.1 403 Forbidden"), "{told:.600}");
}

#[test]
fn curl_uploads_what_it_does_not_know_the_length_of() {
    let _watchdog = watchdog();
    if !has_curl() {
        return;
    }
    let (_server, url) = serve(application);
    let data = noise(2 << 20);
    let dir = tempfile::tempdir().unwrap();
    let (file, back) = (dir.path().join("file"), dir.path().join("back"));
    std::fs::write(&file, &data).unwrap();
    for path in ["echo", "mirror"] {
        run(curl()
            .args(["--upload-file", "-", "--output"])
            .arg(&back)
            .arg(format!("{url}/{path}"))
            .stdin(Stdio::from(std::fs::File::open(&file).unwrap())));
        assert!(std::fs::read(&back).unwrap() == data, "{path}");
    }
}

#[test]
fn curl_speaks_http_1_0() {
    let _watchdog = watchdog();
    if !has_curl() {
        return;
    }
    let (_server, url) = serve(application);
    let told = run(curl().args(["--http1.0", &format!("{url}/flushed"), &url]));
    assert_eq!(told, "one two three<b>hello world</b>");
}
