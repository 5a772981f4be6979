//! What tests over TLS need: an identity, and the `openssl` command as a client
//! that has nothing in common with our code. Without that command, which
//! Debian's and Ubuntu's `ca-certificates` bring along, tests say so and pass.

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use maypole::server::{TlsConfig, TlsConfigBuilder};

use super::has_command;

/// A file of the throw-away identities.
pub(crate) fn testdata(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("server/src/tls/testdata").join(name)
}

pub(crate) fn read_testdata(name: &str) -> Vec<u8> {
    fs::read(testdata(name)).unwrap()
}

/// The identity that clients here trust, with these options.
pub(crate) fn tls_config_with(options: &TlsConfigBuilder) -> TlsConfig {
    let (cert, key) = (read_testdata("cert.pem"), read_testdata("key.pem"));
    options.pem(&cert, &key).unwrap()
}

pub(crate) fn tls_config() -> TlsConfig {
    tls_config_with(&TlsConfig::builder())
}

pub(crate) fn has_openssl() -> bool {
    has_command("openssl", "version")
}

/// `openssl s_client`, which checks the server's certificate and tells what it
/// sees, without input and to its end.
pub(crate) fn openssl_tells(addr: SocketAddr, args: &[&str]) -> String {
    let Output { stdout, stderr, .. } = s_client(addr, "cert.pem")
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned()
}

fn s_client(addr: SocketAddr, cert: &str) -> Command {
    let mut command = Command::new("openssl");
    command
        .arg("s_client")
        .args(["-verify_return_error", "-verify_hostname", "localhost"])
        .arg("-CAfile")
        .arg(testdata(cert))
        .args(["-servername", "localhost", "-connect", &addr.to_string()]);
    command
}

/// A client process: what is written to it goes out encrypted, what comes in
/// can be read from it. Killed when dropped. The watchdog limits its waits.
pub(crate) struct TlsClient {
    process: Child,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: ChildStdout,
}

impl TlsClient {
    /// Connects and checks the server's certificate.
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        Self::trusting(addr, "cert.pem")
    }

    /// The same, for a server with this certificate.
    pub(crate) fn trusting(addr: SocketAddr, cert: &str) -> Self {
        Self::spawn(s_client(addr, cert).args(["-quiet", "-no_ign_eof", "-nocommands"]))
    }

    /// One that takes commands: a line `R` renegotiates.
    pub(crate) fn obeying(addr: SocketAddr) -> Self {
        Self::spawn(s_client(addr, "cert.pem").args(["-quiet", "-no_ign_eof"]))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            stdin: process.stdin.take(),
            stdout: process.stdout.take().unwrap(),
            process,
        }
    }

    /// Sends, unless the connection is over.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(bytes.as_ref()).and_then(|()| stdin.flush());
        }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(bytes.as_ref()).unwrap();
        stdin.flush().unwrap();
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, bytes: &[u8]) {
        let got = self.read_exact(bytes.len());
        assert!(got == bytes, "{}", got.escape_ascii());
    }

    #[track_caller]
    pub(crate) fn read_exact(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.stdout.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Reads to the end, which is the process's: the server has closed.
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.stdout.read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Reads to the end and returns whether that was TLS's own.
    pub(crate) fn ends_properly(&mut self) -> bool {
        self.read_to_end();
        self.process.wait().unwrap().success()
    }
}

impl Drop for TlsClient {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
