//! Colours, for readers with a light and with a dark screen.
//!
//! The paper is drawn too: a page may be light while the reader's screen is set
//! to dark.

use std::fmt::Write;

/// How the lines of a peer are drawn.
struct Line {
    peer: &'static str,
    light: &'static str,
    dark: &'static str,
    width: f64,
    /// Lengths of dashes and gaps, if any.
    dashes: &'static str,
}

const fn line(
    peer: &'static str,
    light: &'static str,
    dark: &'static str,
    width: f64,
    dashes: &'static str,
) -> Line {
    Line {
        peer,
        light,
        dark,
        width,
        dashes,
    }
}

/// Peers that are never in one chart share a colour.
const LINES: &[Line] = &[
    line("maypole", "#cf222e", "#ff7b72", 3.0, "none"),
    line("native", "#bc4c00", "#ffa657", 3.0, "none"),
    line("wsgi", "#bf3989", "#f778ba", 2.0, "7 3"),
    line("may_minihttp", "#8250df", "#d2a8ff", 1.5, "none"),
    line("may", "#8250df", "#d2a8ff", 1.5, "none"),
    line("hyper", "#0969da", "#79c0ff", 1.5, "none"),
    line("tokio", "#0969da", "#79c0ff", 1.5, "none"),
    line("actix-web", "#1b7c83", "#39c5cf", 1.5, "4 3"),
    line("nginx", "#1a7f37", "#56d364", 1.5, "none"),
    line("go", "#9a6700", "#e3b341", 1.5, "none"),
    line("threads", "#57606a", "#8b949e", 1.5, "none"),
    line("gevent", "#24292f", "#f0f6fc", 1.5, "6 3"),
    line("gunicorn", "#24292f", "#f0f6fc", 1.5, "2 3"),
];

/// Who the charts are about: their bars have their colours, others are grey.
pub(super) const OURS: &[&str] = &["maypole", "native", "wsgi"];

const COMMON: &str = "\
text{font:12px system-ui,-apple-system,'Segoe UI',sans-serif}
.head{font-size:14px;font-weight:600}
.strong{font-weight:600}
.paper{fill:#ffffff}
text{fill:#1f2328}
.dim{fill:#59636e}
.grid{stroke:#d8dee4;fill:none}
.one{stroke:#59636e;fill:none;stroke-dasharray:3 2}
.lead{stroke:#8c959f;stroke-width:.6;fill:none}
.bar{fill:#afb8c1}
.over{paint-order:stroke;stroke:#ffffff;stroke-width:4}
.tear{stroke:#ffffff;stroke-width:3;fill:none}
";

const COMMON_DARK: &str = "\
.paper{fill:#0d1117}
text{fill:#f0f6fc}
.dim{fill:#9198a1}
.grid{stroke:#30363d}
.one{stroke:#9198a1}
.lead{stroke:#6e7681}
.bar{fill:#57606a}
.over{stroke:#0d1117}
.tear{stroke:#0d1117}
";

/// The class of a peer's lines.
pub(super) fn line_of(peer: &str) -> String {
    format!("line of-{peer}")
}

/// The class of its dots.
pub(super) fn dot_of(peer: &str) -> String {
    format!("dot-{peer}")
}

/// The class of its bars.
pub(super) fn bar_of(peer: &str) -> String {
    match OURS.contains(&peer) {
        true => format!("bar dot-{peer}"),
        false => "bar".to_owned(),
    }
}

/// The style sheet.
pub(super) fn sheet() -> String {
    let mut sheet = COMMON.to_owned();
    sheet.push_str(".line{fill:none;stroke-linejoin:round}\n");
    // Writing to a string does not fail.
    for line in LINES {
        let Line {
            peer,
            light,
            width,
            dashes,
            ..
        } = line;
        let _ = writeln!(
            sheet,
            ".of-{peer}{{stroke:{light};stroke-width:{width};stroke-dasharray:{dashes}}}.dot-{peer}{{fill:{light}}}"
        );
    }
    sheet.push_str("@media(prefers-color-scheme:dark){\n");
    sheet.push_str(COMMON_DARK);
    for Line { peer, dark, .. } in LINES {
        let _ = writeln!(
            sheet,
            ".of-{peer}{{stroke:{dark}}}.dot-{peer}{{fill:{dark}}}"
        );
    }
    sheet.push_str("}\n");
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::PEERS;

    #[test]
    fn every_peer_has_a_colour() {
        for peer in PEERS {
            assert!(
                LINES.iter().any(|line| line.peer == peer.name),
                "{}",
                peer.name
            );
        }
    }
}
