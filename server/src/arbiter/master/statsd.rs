//! Figures for statsd.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::SocketAddr as UnixAddr;
use std::time::{Duration, Instant};

use maypole_runtime::net::{UdpSocket, UnixDatagram};
use maypole_runtime::queue::Queue;
use maypole_runtime::{Builder, Greenlet, sleep};

use super::super::options::Statsd as Settings;
use super::super::{FigureKind, Figures};

/// What one datagram holds at most: it passes an Ethernet in one piece.
const MAX_DATAGRAM: usize = 1400;

/// The pause before a target that cannot be had is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Sends figures, until it is dropped.
pub(super) struct Statsd {
    settings: Settings,
    next: Instant,
    /// Counters go as what was added since the last time.
    sent: BTreeMap<String, f64>,
    datagrams: Queue<Vec<String>>,
    sender: Greenlet<()>,
}

impl Statsd {
    pub(super) fn start(settings: &Settings) -> io::Result<Self> {
        // One is being sent; more than another one would be old.
        let datagrams = Queue::new(1);
        let (from, target) = (datagrams.clone(), settings.target.clone());
        let sender = Builder::new()
            .name("maypole-statsd")
            .spawn(move || send_all(&from, &target))?;
        Ok(Self {
            settings: settings.clone(),
            next: Instant::now() + settings.period,
            sent: BTreeMap::new(),
            datagrams,
            sender,
        })
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Has them sent. Never suspends.
    pub(super) fn send(&mut self, figures: &Figures, now: Instant) {
        self.next = now + self.settings.period;
        if self.datagrams.is_full() {
            return; // what was added is sent next time
        }
        let mut lines = Vec::new();
        for (name, value, kind) in figures.iter() {
            let (value, kind) = match kind {
                FigureKind::Gauge => (value, "g"),
                FigureKind::Counter => {
                    let before = self.sent.insert(name.to_owned(), value).unwrap_or(0.0);
                    if value == before {
                        continue;
                    }
                    // A worker that was killed has taken its last counts along.
                    ((value - before).max(0.0), "c")
                }
            };
            lines.push(line(&self.settings, name, value, kind));
        }
        let _ = self.datagrams.try_put(datagrams(lines));
    }
}

impl Drop for Statsd {
    fn drop(&mut self) {
        self.sender.start_kill();
    }
}

/// One figure in statsd's words.
fn line(settings: &Settings, name: &str, value: f64, kind: &str) -> String {
    let (base, labels) = split(name);
    let mut full = match &*settings.prefix {
        "" => base.to_owned(),
        prefix => format!("{}.{base}", prefix.trim_end_matches('.')),
    };
    let mut tags = String::new();
    for (label, text) in labels {
        // What has a meaning in a line is no part of a name.
        let text = text.replace([':', '|', '@', '#', ',', '.', ' '], "_");
        if settings.tags {
            tags.push_str(if tags.is_empty() { "|#" } else { "," });
            tags.push_str(&format!("{label}:{text}"));
        } else {
            full.push_str(&format!(".{text}"));
        }
    }
    format!("{full}:{value}|{kind}{tags}")
}

/// A name without its labels, and they.
fn split(name: &str) -> (&str, Vec<(&str, &str)>) {
    let Some((base, rest)) = name.split_once('{') else {
        return (name, Vec::new());
    };
    let mut labels = Vec::new();
    let mut rest = rest.trim_end_matches('}');
    while let Some((label, quoted)) = rest.split_once("=\"") {
        let mut escaped = false;
        let end = quoted.find(|c: char| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let end = end.unwrap_or(quoted.len());
        labels.push((label.trim_matches([',', ' ']), &quoted[..end]));
        rest = quoted.get(end + 1..).unwrap_or_default();
    }
    (base, labels)
}

/// As many lines to a datagram as fit.
fn datagrams(lines: Vec<String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in lines {
        match all.last_mut() {
            Some(last) if last.len() + 1 + line.len() <= MAX_DATAGRAM => {
                last.push('\n');
                last.push_str(&line);
            }
            _ => all.push(line),
        }
    }
    all
}

enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Socket {
    fn connect(target: &str) -> io::Result<Self> {
        if let Some(path) = target.strip_prefix("unix:") {
            let socket = UnixDatagram::unbound()?;
            socket.connect_addr(&UnixAddr::from_pathname(path.trim_start_matches("//"))?)?;
            return Ok(Self::Unix(socket));
        }
        let socket = match UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
            socket.connect(target)?;
            Ok(socket)
        }) {
            Ok(socket) => socket,
            Err(_) => {
                let socket = UdpSocket::bind("[::]:0")?;
                socket.connect(target)?;
                socket
            }
        };
        Ok(Self::Udp(socket))
    }

    fn send(&self, datagram: &str) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send(datagram.as_bytes()).map(drop),
            Self::Unix(socket) => socket.send(datagram.as_bytes()).map(drop),
        }
    }
}

/// Sends what comes, for ever. A target that is not there is looked for again.
fn send_all(from: &Queue<Vec<String>>, target: &str) {
    let mut socket = None;
    let mut complained = false;
    while let Ok(datagrams) = from.get() {
        let sent = datagrams.iter().try_for_each(|datagram| {
            let socket = match &mut socket {
                Some(socket) => socket,
                none => none.insert(Socket::connect(target)?),
            };
            socket.send(datagram)
        });
        match sent {
            Ok(()) => complained = false,
            Err(error) => {
                if !std::mem::replace(&mut complained, true) {
                    log::warn!("statsd at {target} cannot be reached: {error}");
                }
                socket = None;
                sleep(RETRY);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(tags: bool) -> Settings {
        Settings {
            target: String::new(),
            prefix: "shop.".to_owned(),
            period: Duration::from_secs(1),
            tags,
        }
    }

    #[test]
    fn labels_become_names_or_tags() {
        let name = "answers_total{code=\"200\",path=\"a \\\"b\\\".c\"}";
        let plain = line(&settings(false), name, 2.0, "c");
        assert_eq!(plain, "shop.answers_total.200.a_\\\"b\\\"_c:2|c");
        let tagged = line(
            &settings(true),
            "answers_total{code=\"200\", x=\"y\"}",
            0.5,
            "g",
        );
        assert_eq!(tagged, "shop.answers_total:0.5|g|#code:200,x:y");
        assert_eq!(line(&settings(true), "up", 1.0, "g"), "shop.up:1|g");
    }

    #[test]
    fn lines_share_datagrams() {
        let lines: Vec<String> = (0..1000).map(|n| format!("n{n}:1|c")).collect();
        let all = datagrams(lines.clone());
        assert!(all.len() > 1 && all.iter().all(|datagram| datagram.len() <= MAX_DATAGRAM));
        assert_eq!(all.join("\n"), lines.join("\n"));
    }
}
