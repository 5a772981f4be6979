//! Who is measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::measures::Measure;
use super::{on_may, on_maypole, on_tokio};

const TARGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target");
const GO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin/micro/go/main.go");
const GEVENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin/micro/on_gevent.py");

/// Makes the measurement of this name: figures for each of its rows.
type Here = fn(&str) -> Option<Vec<f64>>;

pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// For subjects that are in this program.
    pub(crate) here: Option<Here>,
    /// The program that makes it else, which gets the measure's name.
    program: fn() -> Command,
    /// Called once; an error says why it is not there.
    pub(crate) prepare: fn() -> Result<(), String>,
}

pub(crate) const SUBJECTS: &[Subject] = &[
    Subject {
        name: "maypole",
        here: Some(on_maypole::measure),
        program: || this("maypole"),
        prepare: || Ok(()),
    },
    // An engine is for a whole program: this one, built a second time.
    #[cfg(not(feature = "native"))]
    Subject {
        name: "native",
        here: None,
        program: || with(native(), &["maypole"]),
        prepare: || match native().exists() {
            true => Ok(()),
            false => Err(
                "built by: cargo build --release --features native --target-dir target/native"
                    .to_owned(),
            ),
        },
    },
    Subject {
        name: "may",
        here: Some(on_may::measure),
        program: || this("may"),
        prepare: || Ok(()),
    },
    Subject {
        name: "tokio",
        here: Some(on_tokio::measure),
        program: || this("tokio"),
        prepare: || Ok(()),
    },
    Subject {
        name: "go",
        here: None,
        program: || pinned(&go(), &[]),
        prepare: || {
            let folder = Path::new(TARGET).join("peers");
            std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
            let mut build = Command::new("go");
            succeeds(build.args(["build", "-o"]).arg(go()).arg(GO))
        },
    },
    Subject {
        name: "gevent",
        here: None,
        program: || pinned(&python(), &[GEVENT]),
        prepare: || succeeds(Command::new(python()).args(["-c", "import gevent"])),
    },
];

pub(crate) fn find(name: &str) -> Option<&'static Subject> {
    SUBJECTS.iter().find(|subject| subject.name == name)
}

impl Subject {
    /// One measurement in a process of its own.
    pub(crate) fn measure(&self, measure: &Measure) -> Option<Vec<f64>> {
        let output = (self.program)().arg(measure.name).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let figures: Option<Vec<f64>> = text
            .split_ascii_whitespace()
            .map(|figure| figure.parse().ok())
            .collect();
        let error = String::from_utf8_lossy(&output.stderr);
        if !error.is_empty() {
            eprintln!("{} {}: {}", self.name, measure.name, error.trim());
        }
        figures.filter(|figures| !figures.is_empty())
    }
}

#[cfg(not(feature = "native"))]
fn native() -> PathBuf {
    Path::new(TARGET).join("native/release/micro")
}

fn go() -> PathBuf {
    Path::new(TARGET).join("peers/go-micro")
}

fn python() -> PathBuf {
    let own = Path::new(TARGET).join("peers/venv/bin/python");
    if own.exists() { own } else { "python3".into() }
}

fn this(subject: &str) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| "micro".into());
    with(program, &[subject])
}

/// For programs that do not pin themselves.
fn pinned(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program).args(args);
    command
}

fn with(program: PathBuf, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

fn succeeds(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}
