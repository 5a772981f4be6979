//! The file of a Unix socket: taken over when it is stale, removed at the end.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, socket_with,
};

/// The file of a socket that was bound here. Dropping it removes the file, unless
/// somebody else has put another one in its place.
#[derive(Debug)]
pub(crate) struct UnixPath {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl UnixPath {
    /// Makes a socket at `path` with these permissions, taking the place of one
    /// that nobody uses any more.
    pub(crate) fn bind(
        path: &Path,
        kind: SocketType,
        mode: Option<u32>,
    ) -> io::Result<(OwnedFd, Self)> {
        let naming =
            |error: io::Error| io::Error::new(error.kind(), format!("{error}: {}", path.display()));
        remove_stale(path, kind).map_err(naming)?;
        bind_new(path, kind, mode).map_err(naming)
    }

    /// The file of a socket that another process has bound, and leaves to this
    /// one.
    pub(crate) fn adopt(path: &Path) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        Ok(Self {
            path: std::path::absolute(path)?,
            device: found.dev(),
            inode: found.ino(),
        })
    }

    /// Gives the file another name; what has it is replaced.
    pub(crate) fn rename(&mut self, to: &Path) -> io::Result<()> {
        let to = std::path::absolute(to)?;
        fs::rename(&self.path, &to)?;
        self.path = to;
        Ok(())
    }

    /// Leaves the file to another process.
    pub(crate) fn keep(mut self) {
        self.path = PathBuf::new(); // which no file has
    }
}

fn bind_new(path: &Path, kind: SocketType, mode: Option<u32>) -> io::Result<(OwnedFd, UnixPath)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, kind, flags, None)?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    let made = fs::symlink_metadata(path)?;
    let file = UnixPath {
        // The process may change its folder meanwhile.
        path: std::path::absolute(path)?,
        device: made.dev(),
        inode: made.ino(),
    };
    if let Some(mode) = mode {
        // Before it listens: until then nobody can connect.
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok((socket, file))
}

/// Removes a socket that nobody has open.
fn remove_stale(path: &Path, kind: SocketType) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is a file that is no socket",
        ));
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let probe = socket_with(AddressFamily::UNIX, kind, flags, None)?;
    match connect(&probe, &SocketAddrUnix::new(path)?) {
        // Nobody listens. Who binds and listens in this very moment loses.
        Err(Errno::CONNREFUSED) => fs::remove_file(path),
        Err(Errno::NOENT) => Ok(()),
        Err(Errno::ACCESS) => Err(Errno::ACCESS.into()),
        // It took the connection, has no room for it, or is of another kind.
        _ => Err(Errno::ADDRINUSE.into()),
    }
}

impl Drop for UnixPath {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|now| now.dev() == self.device && now.ino() == self.inode);
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            log::warn!("{} stays behind: {error}", self.path.display());
        }
    }
}
