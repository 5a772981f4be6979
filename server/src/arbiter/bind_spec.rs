//! Where to listen, as people write it.

use std::error::Error;
use std::fmt;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::str::FromStr;

/// The port of a host that is given without one; gunicorn's.
const DEFAULT_PORT: u16 = 8000;

/// The longest name of an abstract socket: what the kernel's address holds.
const MAX_ABSTRACT: usize = 107;

/// Where an [`Arbiter`](super::Arbiter) listens. It is parsed from text:
///
/// | text | listens on |
/// |---|---|
/// | `HOST`, `HOST:PORT` | that address; port 8000 unless given |
/// | `[::1]:PORT`, `[::1]` | that IPv6 address |
/// | `:PORT`, `*:PORT` | all addresses; all IPv4 addresses |
/// | `tcp://…` | the same |
/// | `unix:PATH`, `unix://PATH` | that Unix socket |
/// | `unix:@NAME` | an abstract Unix socket, which has no file |
/// | `fd://N` | the socket that was left open under this number |
///
/// # Examples
///
/// ```
/// use maypole_server::arbiter::BindSpec;
///
/// let spec: BindSpec = "127.0.0.1".parse()?;
/// assert_eq!(spec.to_string(), "127.0.0.1:8000");
/// let error = "127.0.0.1:http".parse::<BindSpec>().unwrap_err();
/// assert!(error.to_string().contains("\"http\" is no port"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum BindSpec {
    /// A host, by name or address, and a port; 0 for one that the kernel
    /// chooses. An empty host is all addresses, `*` all of IPv4.
    Tcp(String, u16),
    /// The path of a Unix socket.
    Unix(PathBuf),
    /// The name of an abstract Unix socket.
    Abstract(String),
    /// A socket that the process was started with.
    Fd(RawFd),
}

/// Text that says no place to listen. Its `Display` says what is wrong, and
/// quotes what was given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BindSpecError {
    given: String,
    why: String,
}

impl Error for BindSpecError {}

impl fmt::Display for BindSpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {:?}: {}", self.given, self.why)
    }
}

impl FromStr for BindSpec {
    type Err = BindSpecError;

    fn from_str(given: &str) -> Result<Self, BindSpecError> {
        parse(given.trim()).map_err(|why| BindSpecError {
            given: given.to_owned(),
            why,
        })
    }
}

fn parse(text: &str) -> Result<BindSpec, String> {
    if let Some(rest) = text.strip_prefix("unix:") {
        return unix(rest);
    }
    if let Some(number) = text.strip_prefix("fd://") {
        return fd(number);
    }
    let addr = text.strip_prefix("tcp://").unwrap_or(text);
    if addr.contains("://") {
        return Err("the schemes are tcp://, unix: and fd://".to_owned());
    }
    if addr.starts_with(['/', '.']) {
        return Err(format!("a Unix socket is written unix:{addr}"));
    }
    tcp(addr.strip_suffix('/').unwrap_or(addr))
}

fn unix(rest: &str) -> Result<BindSpec, String> {
    if let Some(name) = rest.strip_prefix('@') {
        return match name.len() {
            0 => Err("the abstract socket has no name".to_owned()),
            1..=MAX_ABSTRACT => Ok(BindSpec::Abstract(name.to_owned())),
            _ => Err(format!("the name is longer than {MAX_ABSTRACT} bytes")),
        };
    }
    let path = match rest.strip_prefix("//") {
        // `unix:///run/x` and `unix://run/x`, which is relative.
        Some(path) => path,
        None => rest,
    };
    if path.is_empty() {
        return Err("the path is missing".to_owned());
    }
    Ok(BindSpec::Unix(PathBuf::from(path)))
}

fn fd(number: &str) -> Result<BindSpec, String> {
    match number.parse::<RawFd>() {
        Ok(fd @ 3..) => Ok(BindSpec::Fd(fd)),
        Ok(0..=2) => Err("0 to 2 are the standard streams".to_owned()),
        _ => Err(format!("{number:?} is no descriptor")),
    }
}

fn tcp(addr: &str) -> Result<BindSpec, String> {
    let port = |text: &str| {
        text.parse::<u16>()
            .map_err(|_| format!("{text:?} is no port; those are 0 to 65535"))
    };
    if let Some(rest) = addr.strip_prefix('[') {
        let Some((host, rest)) = rest.split_once(']') else {
            return Err("the ] after the IPv6 address is missing".to_owned());
        };
        if host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(format!("{host:?} is no IPv6 address"));
        }
        return match rest.strip_prefix(':') {
            Some(text) => Ok(BindSpec::Tcp(host.to_owned(), port(text)?)),
            None if rest.is_empty() => Ok(BindSpec::Tcp(host.to_owned(), DEFAULT_PORT)),
            None => Err(format!("{rest:?} is no port")),
        };
    }
    let (host, port) = match addr.split_once(':') {
        Some((_, rest)) if rest.contains(':') => {
            return Err(format!(
                "an IPv6 address is written [{addr}]:{DEFAULT_PORT}"
            ));
        }
        Some((host, text)) => (host, port(text)?),
        None if addr.is_empty() => return Err("it is empty".to_owned()),
        None if addr.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Err(format!("a port without a host is written :{addr}"));
        }
        None => (addr, DEFAULT_PORT),
    };
    if host.contains(|c: char| c.is_whitespace() || c == '/' || c == '@') {
        return Err(format!("{host:?} is no host"));
    }
    Ok(BindSpec::Tcp(host.to_owned(), port))
}

impl fmt::Display for BindSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Abstract(name) => write!(f, "unix:@{name}"),
            Self::Fd(number) => write!(f, "fd://{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_understood_and_written_back() {
        for (given, meant) in [
            ("localhost", "localhost:8000"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            (" 0.0.0.0:80 ", "0.0.0.0:80"),
            ("tcp://example.org:443/", "example.org:443"),
            (":9000", ":9000"),
            ("*:9000", "*:9000"),
            ("[::1]", "[::1]:8000"),
            ("tcp://[::]:80", "[::]:80"),
            ("unix:/run/x.sock", "unix:/run/x.sock"),
            ("unix:///run/x.sock", "unix:/run/x.sock"),
            ("unix:x.sock", "unix:x.sock"),
            ("unix:@hidden name", "unix:@hidden name"),
            ("fd://3", "fd://3"),
        ] {
            let spec: BindSpec = given.parse().unwrap();
            assert_eq!(spec.to_string(), meant, "{given:?}");
            assert_eq!(spec.to_string().parse(), Ok(spec), "{given:?}");
        }
    }

    #[test]
    fn the_rest_says_what_is_wrong() {
        for (given, why) in [
            ("", "empty"),
            ("8000", ":8000"),
            ("::1", "[::1]"),
            ("[::1", "]"),
            ("[nonsense]:80", "IPv6"),
            ("[::1]80", "no port"),
            ("a:b", "no port"),
            ("a:70000", "65535"),
            ("a:", "no port"),
            ("/run/x.sock", "unix:/run/x.sock"),
            ("./x.sock", "unix:./x.sock"),
            ("unix:", "path"),
            ("unix://", "path"),
            ("unix:@", "no name"),
            ("fd://x", "descriptor"),
            ("fd://1", "standard streams"),
            ("fd://-1", "descriptor"),
            ("udp://a:1", "schemes"),
            ("a b:80", "no host"),
        ] {
            let error = given.parse::<BindSpec>().unwrap_err().to_string();
            assert!(error.contains(why), "{given:?}: {error}");
            assert!(error.contains(&format!("{given:?}")), "{error}");
        }
    }
}
