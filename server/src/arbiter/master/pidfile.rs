//! The file with the number of the master's process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use rustix::process::{Pid, test_kill_process};

/// The file, which is removed when this is dropped, if it still is this process's.
#[derive(Debug)]
pub(super) struct Pidfile {
    path: PathBuf,
}

impl Pidfile {
    /// Writes it. One of a process that has ended is replaced.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let named = |error: io::Error| {
            let why = format!("pid file {}: {error}", path.display());
            io::Error::new(error.kind(), why)
        };
        if let Some(pid) = holder(path).map_err(named)? {
            if pid != process::id() && runs(pid) {
                let why = format!("process {pid} runs, which has written it");
                return Err(named(io::Error::new(io::ErrorKind::AlreadyExists, why)));
            }
            log::warn!(
                "pid file {}: process {pid} is gone, it is replaced",
                path.display()
            );
        }
        // Whoever reads it finds a whole number.
        let mut whole = path.as_os_str().to_owned();
        whole.push(format!(".{}", process::id()));
        let write = fs::write(&whole, format!("{}\n", process::id()));
        write
            .and_then(|()| fs::rename(&whole, path))
            .map_err(named)?;
        // The process may change its folder meanwhile.
        let path = std::path::absolute(path)?;
        Ok(Self { path })
    }

    /// Gives it another name.
    pub(super) fn rename(&mut self, path: &Path) -> io::Result<()> {
        let path = std::path::absolute(path)?;
        fs::rename(&self.path, &path)?;
        self.path = path;
        Ok(())
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        if holder(&self.path).is_ok_and(|pid| pid == Some(process::id()))
            && let Err(error) = fs::remove_file(&self.path)
        {
            log::warn!("{} stays behind: {error}", self.path.display());
        }
    }
}

/// The process that has written the file, if there is one.
fn holder(path: &Path) -> io::Result<Option<u32>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match text.trim() {
        "" => Ok(None),
        text => match text.parse() {
            Ok(pid) => Ok(Some(pid)),
            // Somebody's file, named by mistake.
            Err(_) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it is there and holds no number of a process",
            )),
        },
    }
}

fn runs(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // One of another user runs too.
    pid.is_some_and(|pid| !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_as_long_as_it_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let mut file = Pidfile::create(&path).unwrap();
        assert_eq!(holder(&path).unwrap(), Some(process::id()));
        let other = folder.path().join("other");
        file.rename(&other).unwrap();
        assert!(!path.exists());
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_stale_one_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        fs::write(&path, "999999999\n").unwrap();
        let file = Pidfile::create(&path).unwrap();
        fs::write(&path, "1\n").unwrap();
        let error = Pidfile::create(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert!(error.to_string().contains("process 1 runs"), "{error}");
        drop(file);
        assert!(path.exists(), "that of another");
        fs::write(&path, "my poems").unwrap();
        assert!(Pidfile::create(&path).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "my poems");
    }
}
