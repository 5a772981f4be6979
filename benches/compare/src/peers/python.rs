//! Pythons that have what a peer needs.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{folder, output};

/// What `--venv` installs. gunicorn's worker imports the last and does not ask for
/// it.
const PACKAGES: [&str; 3] = ["gevent", "gunicorn", "packaging"];

/// The one that can import a module, and what the script prints about it. Ours
/// comes before the system's.
pub(super) fn find(module: &str, script: &str) -> Result<(PathBuf, String)> {
    let own = venv()?.join("bin/python");
    let tell = |python: PathBuf| {
        let told = output(Command::new(&python).args(["-c", script])).ok()?;
        Some((python, told))
    };
    [own, "python3".into()]
        .into_iter()
        .find_map(tell)
        .with_context(|| format!("no Python has {module}; --venv installs it"))
}

/// Makes a virtual environment of our own with all that the peers need.
pub(crate) fn install() -> Result<()> {
    let venv = venv()?;
    let run = |command: &mut Command| {
        let status = command.status();
        let status = status.with_context(|| command.get_program().display().to_string())?;
        ensure!(
            status.success(),
            "{}: {status}",
            command.get_program().display()
        );
        Ok(())
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    run(Command::new(venv.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .args(PACKAGES))
}

fn venv() -> Result<PathBuf> {
    Ok(folder()?.join("venv"))
}
