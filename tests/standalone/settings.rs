//! Where settings come from, and what is said of those that are wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Server, run, watchdog};

/// What `--print-config` has for a setting.
#[track_caller]
fn printed(folder: &Path, variables: &[(&str, &str)], args: &[&str], name: &str) -> String {
    let args = [args, &["--print-config"]].concat();
    let (code, stdout, stderr) = run(folder, variables, &args);
    assert_eq!(code, 0, "{stderr}");
    let start = format!("{name} = ");
    let line = stdout
        .lines()
        .find(|line| line.starts_with(&start))
        .unwrap();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_strongest_source_wins() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let connections = "worker_connections";
    let show =
        |variables: &[(&str, &str)], args: &[&str]| printed(folder, variables, args, connections);
    assert_eq!(show(&[], &[]), "worker_connections = 500 # the program");
    fs::write(folder.join("maypole.toml"), "\nworker_connections = 600\n").unwrap();
    assert_eq!(show(&[], &[]), "worker_connections = 600 # maypole.toml:2");
    let variable = [("MAYPOLE_WORKER_CONNECTIONS", "700")];
    assert_eq!(
        show(&variable, &[]),
        "worker_connections = 700 # MAYPOLE_WORKER_CONNECTIONS"
    );
    assert_eq!(
        show(&variable, &["--worker-connections", "800"]),
        "worker_connections = 800 # --worker-connections"
    );
    fs::write(folder.join("other.toml"), "worker_connections = 900\n").unwrap();
    assert_eq!(
        show(&[], &["--config", "other.toml"]),
        "worker_connections = 900 # other.toml:1"
    );
    assert_eq!(
        show(&[("MAYPOLE_CONFIG", "other.toml")], &[]),
        "worker_connections = 900 # other.toml:1"
    );
}

#[test]
fn common_variables_are_weak() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let common = [("PORT", "81"), ("WEB_CONCURRENCY", "3")];
    let show = |args: &[&str], name: &str| printed(folder.path(), &common, args, name);
    assert_eq!(show(&[], "bind"), "bind = [\"0.0.0.0:81\"] # PORT");
    assert_eq!(show(&[], "workers"), "workers = 3 # WEB_CONCURRENCY");
    assert_eq!(show(&["-w", "4"], "workers"), "workers = 4 # --workers");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("maypole.toml");
    for (text, said) in [
        (
            "workrs = 2\n",
            "maypole.toml:1: there is no setting \"workrs\"; is it \"workers\"?",
        ),
        (
            "\nworkers = \"many\"\n",
            "maypole.toml:2: workers: \"many\" is not a number",
        ),
        ("bind = [\"nowhere:x\"]\n", "maypole.toml:1: bind: "),
        ("bind = [\n", "maypole.toml:"),
        ("keyfile = \"key.pem\"\n", "maypole.toml:1: keyfile: "),
        (
            "access_log_format = \"%(zz)s\"\n",
            "maypole.toml:1: access_log_format: ",
        ),
        (
            "forwarded_allow_ips = [\"everybody\"]\n",
            "maypole.toml:1: forwarded_allow_ips: ",
        ),
    ] {
        fs::write(&file, text).unwrap();
        for args in [&["--check-config"][..], &["--print-config"], &[]] {
            let (code, stdout, stderr) = run(folder.path(), &[], args);
            assert_eq!(code, 1, "{text:?} {args:?}: {stdout}");
            assert!(stderr.contains(said), "{text:?} {args:?}: {stderr}");
        }
    }
    fs::write(&file, "").unwrap();
    let (code, _, stderr) = run(
        folder.path(),
        &[("MAYPOLE_TIMEOUT", "soon")],
        &["--check-config"],
    );
    assert_eq!(code, 1);
    assert!(
        stderr.starts_with("MAYPOLE_TIMEOUT: \"soon\" is not a time"),
        "{stderr}"
    );
    let (code, _, stderr) = run(folder.path(), &[], &["--wrokers", "2"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("--workers"), "{stderr}");
    let args = ["--check-config", "--user", "nobody-at-all"];
    let (code, _, stderr) = run(folder.path(), &[], &args);
    assert_eq!(code, 1);
    assert!(stderr.contains("there is no user"), "{stderr}");
    let (code, stdout, _) = run(folder.path(), &[], &["--check-config"]);
    assert_eq!((code, &*stdout), (0, "The configuration is good.\n"));
}

#[test]
fn a_file_that_cannot_be_read() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let (code, _, stderr) = run(folder.path(), &[], &["--config", "none.toml"]);
    assert_eq!(code, 1);
    assert!(
        stderr.contains("none.toml: cannot read the configuration: "),
        "{stderr}"
    );
    let file = folder.path().join("maypole.toml");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o0)).unwrap();
    if fs::read(&file).is_ok() {
        return; // root reads everything
    }
    let (code, _, stderr) = run(folder.path(), &[], &[]);
    assert_eq!(code, 1);
    assert!(
        stderr.contains("maypole.toml: cannot read the configuration: "),
        "{stderr}"
    );
}

#[test]
fn they_reach_the_workers() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let folder = fs::canonicalize(folder.path()).unwrap();
    let folder = folder.to_str().unwrap();
    let args = [
        "--chdir",
        folder,
        "--raw-env",
        "STAGE=test, or not",
        "--environ",
        "SCRIPT_NAME=/app",
        "--accesslog",
        "access.log",
    ];
    let server = Server::start(&args);
    assert_eq!(server.ask("/folder").text(), folder);
    assert_eq!(server.ask("/variable?STAGE").text(), "test, or not");
    assert_eq!(server.ask("/environ?SCRIPT_NAME").text(), "/app");
    // Not where the workers went.
    assert_eq!(server.read("access.log").lines().count(), 3);
    server.end();
}

#[test]
fn the_page_has_all_of_them() {
    let _watchdog = watchdog();
    let folder = tempfile::tempdir().unwrap();
    let (_, shown, _) = run(folder.path(), &[], &["--print-config"]);
    let lines = shown.lines().filter(|line| !line.starts_with('#'));
    let names = lines.filter_map(|line| line.split_once(" = ").map(|(name, _)| name));
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed = rows.filter_map(|row| row.split_once('`').map(|(name, _)| name));
    assert_eq!(listed.collect::<Vec<_>>(), names.collect::<Vec<_>>());
}
