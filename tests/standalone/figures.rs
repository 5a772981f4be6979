//! Figures: of all workers together.

use std::net::{SocketAddr, UdpSocket};

use rustix::process::Signal;

use super::support::PATIENCE;
use super::{Client, Server, get, until, watchdog};

fn metrics_addr(server: &Server) -> SocketAddr {
    let places = server.said("listening on ");
    let mut named = places
        .split(", ")
        .filter_map(|place| place.strip_suffix(" (metrics)"));
    named.next().unwrap().parse().unwrap()
}

/// A figure as the listener for it tells it.
#[track_caller]
fn figure(addr: SocketAddr, name: &str) -> f64 {
    let response = Client::connect(addr).ask(get("/metrics"));
    assert_eq!(response.status, 200);
    let kind = response.header("content-type").unwrap();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let text = response.text();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(name));
    let value = lines.find_map(|rest| rest.strip_prefix(' '));
    value
        .unwrap_or_else(|| panic!("no {name} in {text}"))
        .parse()
        .unwrap()
}

#[test]
fn sums_over_workers() {
    let _watchdog = watchdog();
    let args = ["--workers", "3", "--metrics-bind", "127.0.0.1:0"];
    let server = Server::start(&args);
    let addr = metrics_addr(&server);
    let good = "maypole_http_requests_total{class=\"2xx\"}";
    assert_eq!(figure(addr, good), 0.0);
    let ask = |n| {
        for _ in 0..n {
            assert_eq!(server.ask("/").status, 200);
        }
    };
    ask(50);
    until("all of them", || figure(addr, good) == 50.0);
    assert_eq!(
        figure(addr, "maypole_http_requests_total{class=\"5xx\"}"),
        0.0
    );
    assert_eq!(server.ask("/panic").status, 500);
    until("the other", || {
        figure(addr, "maypole_http_requests_total{class=\"5xx\"}") == 1.0
    });
    assert_eq!(
        figure(addr, "maypole_http_request_duration_seconds_count"),
        51.0
    );
    assert_eq!(figure(addr, "maypole_workers"), 3.0);
    // Those of workers that have ended count on.
    server.signal(Signal::HUP);
    server.wait_for_nth("has ended: exit status: 0", 3);
    assert_eq!(figure(addr, good), 50.0);
    ask(10);
    until("all of them", || figure(addr, good) == 60.0);
    let (code, stats, _) = server.ctl(&["stats"]);
    assert_eq!(code, 0);
    assert!(stats.contains(&format!("{good} 60\n")), "{stats}");
    server.end();
}

#[test]
fn statsd() {
    let _watchdog = watchdog();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let addr = socket.local_addr().unwrap().to_string();
    let args = [
        "--statsd-host",
        &addr,
        "--statsd-prefix",
        "shop",
        "--statsd-period",
        "50ms",
    ];
    let server = Server::start(&args);
    assert_eq!(server.ask("/").status, 200);
    let mut seen = String::new();
    until("a request and a worker", || {
        let mut buffer = vec![0; 65536];
        let n = socket.recv(&mut buffer).unwrap();
        seen += &String::from_utf8_lossy(&buffer[..n]);
        seen += "\n";
        let line = |part: &str, value: &str| {
            seen.lines().any(|line| {
                line.starts_with("shop.") && line.contains(part) && line.ends_with(value)
            })
        };
        line("requests_total", ":1|c") && line("workers", ":1|g")
    });
    server.end();
}
