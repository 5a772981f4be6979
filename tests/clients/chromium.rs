//! Chromium, which asks for the parts of a page over several connections.

use std::io;
use std::process::Command;
use std::sync::Arc;

use maypole::http::{Environ, StartResponse, StatusCode};
use parking_lot::Mutex; // ThreadSanitizer can follow it

use crate::support::{has_command, watchdog};
use crate::{run, serve};

/// Of each kind.
const PARTS: usize = 10;

/// Style sheets, scripts and images, ten of each. The images are counted as
/// they come, the scripts count themselves, and the style sheets show.
fn page() -> String {
    let parts = |part: fn(usize) -> String| (0..PARTS).map(part).collect::<String>();
    let styles = parts(|n| format!("<link rel=stylesheet href=/part/{n}.css>"));
    let scripts = parts(|n| format!("<script src=/part/{n}.js></script>"));
    let images = parts(|n| format!("<img src=/part/{n}.svg onload=count++>"));
    let places = parts(|n| format!("<i id=i{n}></i>"));
    format!(
        "<!DOCTYPE html><title>parts</title>{styles}<script>let count = 0</script>{scripts}
        {places}<p id=told></p>{images}
        <script>onload = () => {{
            const styled = [...document.querySelectorAll('i')].filter(i => getComputedStyle(i).opacity == '0.5')
            told.textContent = `${{count}} came, ${{styled.length}} styled`
        }}</script>"
    )
}

fn part(env: &mut Environ<'_>, start_response: StartResponse<'_>) -> io::Result<()> {
    let path = env.path_info();
    if path == "/" {
        let start_response = start_response.header("Content-Type", "text/html");
        return start_response.send(StatusCode::OK, page());
    }
    let name = path
        .strip_prefix("/part/")
        .and_then(|name| name.split_once('.'));
    let (content_type, text) = match name {
        Some((n, "css")) => ("text/css", format!("#i{n} {{ opacity: 0.5 }}")),
        Some((_, "js")) => ("text/javascript", "count++".to_owned()),
        Some((_, "svg")) => {
            let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>";
            ("image/svg+xml", svg.to_owned())
        }
        _ => return start_response.send(StatusCode::NOT_FOUND, b""),
    };
    let start_response = start_response.header("Content-Type", content_type);
    start_response.send(StatusCode::OK, text)
}

#[test]
fn chromium_loads_a_page_of_thirty_parts() {
    let _watchdog = watchdog();
    if !has_command("chromium", "--version") {
        return;
    }
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let theirs = asked.clone();
    let (server, url) = serve(move |env, start_response| {
        theirs.lock().push(env.path_info().to_owned());
        part(env, start_response)
    });
    let profile = tempfile::tempdir().unwrap();
    let told = run(Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(&url));
    assert!(told.contains("20 came, 10 styled"), "{told}");
    let mut parts = asked.lock().clone();
    parts.retain(|path| path.starts_with("/part/"));
    parts.sort();
    parts.dedup();
    assert_eq!(parts.len(), 3 * PARTS);
    // A browser opens six connections to one server, and one or two to be ready;
    // parts share them.
    let connections = server.counters().accepted;
    assert!(connections < 3 * PARTS as u64, "{connections}");
}
