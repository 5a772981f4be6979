//! TLS, and certificates that are renewed.

use std::fs;

use rustix::process::Signal;

use super::support::{TlsClient, has_openssl, read_testdata};
use super::{Server, run, watchdog};

fn ask(server: &Server, trusted: &str) -> String {
    let mut client = TlsClient::trusting(server.addr, trusted);
    client.send(
        "GET /environ?wsgi.url_scheme HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    String::from_utf8(client.read_to_end()).unwrap()
}

#[test]
fn a_certificate_is_renewed() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert"), folder.path().join("key"));
    let put = |cert_file, key_file| {
        fs::write(&cert, read_testdata(cert_file)).unwrap();
        fs::write(&key, read_testdata(key_file)).unwrap();
    };
    put("cert.pem", "key.pem");
    let (certfile, keyfile) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let server = Server::start(&[
        "--certfile",
        certfile,
        "--keyfile",
        keyfile,
        "--workers",
        "2",
    ]);
    assert!(ask(&server, "cert.pem").ends_with("https"));
    let workers = server.workers();
    // What does not belong together is not taken.
    put("other-cert.pem", "key.pem");
    server.signal(Signal::USR1);
    server.wait_for_nth("the old certificate stays in use", 2);
    assert!(ask(&server, "cert.pem").ends_with("https"));
    server.signal(Signal::HUP);
    server.wait_for_nth("no client could connect", 3);
    assert!(ask(&server, "cert.pem").ends_with("https"));
    // By the same workers,
    put("other-cert.pem", "other-key.pem");
    server.signal(Signal::USR1);
    server.wait_for_nth("The certificate is read anew", 2);
    assert!(ask(&server, "other-cert.pem").ends_with("https"));
    assert_eq!(server.workers(), workers);
    // and by new ones.
    put("cert.pem", "key.pem");
    server.signal(Signal::HUP);
    server.wait_for("] reloaded, with 2 workers");
    server.wait_for_nth("has ended: exit status: 0", 2);
    assert!(ask(&server, "cert.pem").ends_with("https"));
    server.end();
}

#[test]
fn files_that_are_none() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let args = ["--certfile", "cert.pem"];
    for more in [&[][..], &["--check-config"]] {
        let args = [&args[..], more].concat();
        let (code, _, stderr) = run(folder.path(), &[], &args);
        assert_eq!(code, 1, "{stderr}");
        assert!(stderr.contains("certfile: "), "{stderr}");
    }
    let (code, _, stderr) = run(folder.path(), &[], &["--certfile", "x", "--server", "wsgi"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("speaks no TLS"), "{stderr}");
}
