//! Where lines go.

use std::fs;
use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;

use super::support::PATIENCE;
use super::{Client, Load, Server, get, until, watchdog};

#[test]
fn gunicorn_s_atoms() {
    let _watchdog = watchdog();
    let format = r#"%(h)s "%(r)s" %(s)s %(B)s "%({X-Id}i)s" %(p)s"#;
    let args = [
        "--access-logfile",
        "access.log",
        "--access-logformat",
        format,
    ];
    let server = Server::start(&args);
    let mut client = Client::connect(server.addr);
    let response = client.ask("GET /pid?a HTTP/1.1\r\nHost: x\r\nX-Id: 7\"\r\n\r\n");
    let pid = response.text();
    let line = format!(
        "127.0.0.1 \"GET /pid?a HTTP/1.1\" 200 {} \"7\\\"\" <{pid}>\n",
        pid.len()
    );
    until("the line", || server.read("access.log") == line);
    server.end();
}

#[test]
fn lines_of_json() {
    let _watchdog = watchdog();
    let file = "
        accesslog = \"access.log\"
        access_log_format = \"json\"
        log_format = \"json\"
    ";
    let server = Server::start_with(&[], file, &[]);
    assert_eq!(server.ask("/pid \"b\"").status, 400);
    assert_eq!(server.ask("/pid?a=b").status, 200);
    until("two lines", || {
        server.read("access.log").lines().count() == 2
    });
    let text = server.read("access.log");
    for (line, part) in text.lines().zip([
        r#","request":"GET /pid \"b\" HTTP/1.1","status":400,"#,
        r#","method":"GET","path":"/pid","query":"a=b","protocol":"HTTP/1.1","host":"x","#,
    ]) {
        assert!(line.starts_with("{\"time\":\"2"), "{line}");
        assert!(line.ends_with('}') && line.contains(part), "{line}");
    }
    let log = server.log();
    assert!(
        log.lines()
            .all(|line| line.starts_with("{\"time\":\"2") && line.ends_with('}')),
        "{log}"
    );
    server.end();
}

#[test]
fn usr1_opens_files_anew_and_loses_no_line() {
    let _watchdog = watchdog();
    let server = Server::start(&["--accesslog", "access.log", "--workers", "2"]);
    let load = Load::start(server.addr, 8);
    fs::rename(server.path("access.log"), server.path("access.1")).unwrap();
    fs::rename(server.path("error.log"), server.path("error.1")).unwrap();
    server.signal(Signal::USR1);
    // Master and workers.
    server.wait_for_nth("Logs are open anew", 3);
    load.goes_on();
    let answers_before = load.answers();
    let failures = load.finish();
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(answers_before > 0);
    server.signal(Signal::TERM);
    until("all lines", || server.log().contains("hook on_exit"));
    let count = |name: &str| server.read(name).lines().count();
    let all = server.read("access.1") + &server.read("access.log");
    assert!(
        all.lines().all(|line| line.starts_with("127.0.0.1 - - [")),
        "{all}"
    );
    assert!(count("access.1") > 0 && count("access.log") > 0);
    assert!(count("access.1") + count("access.log") >= answers_before);
}

#[test]
fn syslog() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let place = format!("unix:{}", path.display());
    let args = [
        "--accesslog",
        "syslog",
        "--syslog",
        &place,
        "--syslog-prefix",
        "shop",
        "--syslog-facility",
        "local3",
    ];
    let server = Server::start(&args);
    assert_eq!(server.ask("/").status, 200);
    let mut buffer = [0; 1024];
    let n = socket.recv(&mut buffer).unwrap();
    let line = String::from_utf8_lossy(&buffer[..n]).into_owned();
    // Facility 19, severity 6.
    assert!(line.starts_with("<158>"), "{line}");
    assert!(
        line.contains(" shop[") && line.contains("\"GET / HTTP/1.1\" 200 5"),
        "{line}"
    );
    server.end();
}

#[test]
fn a_full_line_for_each_of_many() {
    let _watchdog = watchdog();
    let server = Server::start(&["--accesslog", "access.log", "--workers", "3"]);
    let clients: Vec<_> = (0..20)
        .map(|_| Client::with(server.addr, get("/sleep?10")))
        .collect();
    for mut client in clients {
        assert_eq!(client.response().status, 200);
    }
    until("all", || server.read("access.log").lines().count() == 20);
    server.end();
}

#[test]
fn files_belong_to_the_user_of_workers() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    let _watchdog = watchdog();
    if !rustix::process::geteuid().is_root() {
        return; // who may not become another
    }
    let args = [
        "--accesslog",
        "access.log",
        "--user",
        "65534",
        "--group",
        "65533",
    ];
    let server = Server::start(&args);
    fs::set_permissions(server.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    fs::rename(server.path("access.log"), server.path("access.1")).unwrap();
    server.signal(Signal::USR1);
    // Master and worker: who is no longer root opens it, too.
    server.wait_for_nth("Logs are open anew", 2);
    let file = fs::metadata(server.path("access.log")).unwrap();
    assert_eq!((file.uid(), file.gid()), (65534, 65533));
    assert_eq!(server.ask("/").status, 200);
    until("the line", || {
        server.read("access.log").lines().count() == 1
    });
    server.end();
}
