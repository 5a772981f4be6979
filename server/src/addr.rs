//! Addresses of sockets of any kind, and where servers can be told to listen.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr as UnixSocketAddr;
use std::path::Path;

use maypole_runtime::net::{Target, ToSocketAddrs};

/// Where a socket is, or its peer.
///
/// # Examples
///
/// ```
/// use std::net::SocketAddr;
/// use maypole_server::Addr;
///
/// let addr = Addr::from(SocketAddr::from(([127, 0, 0, 1], 80)));
/// assert_eq!(addr.to_string(), "127.0.0.1:80");
/// assert!(addr.path().is_none());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Addr {
    /// IPv4 or IPv6.
    Inet(SocketAddr),
    /// Within the machine. Clients mostly have no name. Boxed: it is four times
    /// as large as the other.
    Unix(Box<UnixSocketAddr>),
}

impl Addr {
    /// The address, if it is one of IPv4 or IPv6.
    ///
    /// See the example of [`Addr`].
    #[must_use]
    pub fn inet(&self) -> Option<SocketAddr> {
        match self {
            Self::Inet(addr) => Some(*addr),
            Self::Unix(_) => None,
        }
    }

    /// The path of a Unix socket that has one.
    ///
    /// See the example of [`Addr`].
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Inet(_) => None,
            Self::Unix(addr) => addr.as_pathname(),
        }
    }
}

impl From<SocketAddr> for Addr {
    fn from(addr: SocketAddr) -> Self {
        Self::Inet(addr)
    }
}

impl From<UnixSocketAddr> for Addr {
    fn from(addr: UnixSocketAddr) -> Self {
        Self::Unix(Box::new(addr))
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unix = match self {
            Self::Inet(addr) => return addr.fmt(f),
            Self::Unix(addr) => addr,
        };
        if let Some(path) = unix.as_pathname() {
            write!(f, "unix:{}", path.display())
        } else if let Some(name) = unix.as_abstract_name() {
            write!(f, "unix:@{}", name.escape_ascii())
        } else {
            f.write_str("unix:")
        }
    }
}

/// Where a server can be told to listen: anything that is
/// [`ToSocketAddrs`], and gevent's short forms.
///
/// | given | listens on |
/// |---|---|
/// | `"127.0.0.1:80"`, `("127.0.0.1", 80)`, a `SocketAddr` | that address |
/// | `"localhost:80"`, `("localhost", 80)` | the first of the name's addresses that can be bound |
/// | `"[::1]:80"` | that IPv6 address |
/// | `":80"`, `"*:80"` | all IPv4 addresses |
/// | `80`, `"80"`, `("", 80)`, `("::", 80)` | all addresses, by IPv6, where the kernel's `bindv6only` is off; IPv4 where there is no IPv6 |
///
/// Port 0 is one that the kernel chooses. Everything else is an error of kind
/// `InvalidInput` that names what was given. A path is none of these: see
/// [`bind_unix`](crate::Builder::bind_unix).
///
/// # Examples
///
/// ```
/// use maypole_server::StreamServer;
///
/// for addr in ["127.0.0.1:0", "localhost:0", ":0"] {
///     StreamServer::bind(addr, |_stream, _peer| Ok(()))?;
/// }
/// StreamServer::bind(("127.0.0.1", 0), |_stream, _peer| Ok(()))?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait ListenAddr {
    /// What to bind to.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for what is no address.
    fn to_listen(&self) -> io::Result<Target>;
}

/// All addresses, by IPv6 if there is any.
fn everywhere(port: u16) -> Target {
    Target::Addrs(vec![
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
    ])
}

impl ListenAddr for u16 {
    fn to_listen(&self) -> io::Result<Target> {
        Ok(everywhere(*self))
    }
}

impl ListenAddr for str {
    fn to_listen(&self) -> io::Result<Target> {
        if let Ok(port) = self.parse::<u16>() {
            return Ok(everywhere(port));
        }
        let rest = self.strip_prefix('*').unwrap_or(self);
        if let Some(port) = rest.strip_prefix(':')
            && let Ok(port) = port.parse::<u16>()
        {
            return (Ipv4Addr::UNSPECIFIED, port).to_target();
        }
        if ["/", "unix:/", "unix:@"]
            .iter()
            .any(|start| self.starts_with(start))
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{self:?} is a path: a Unix socket is bound by bind_unix"),
            ));
        }
        self.to_target()
    }
}

impl ListenAddr for (&str, u16) {
    fn to_listen(&self) -> io::Result<Target> {
        match self.0 {
            "" => Ok(everywhere(self.1)),
            "*" => (Ipv4Addr::UNSPECIFIED, self.1).to_target(),
            _ => self.to_target(),
        }
    }
}

impl ListenAddr for (String, u16) {
    fn to_listen(&self) -> io::Result<Target> {
        (self.0.as_str(), self.1).to_listen()
    }
}

impl ListenAddr for String {
    fn to_listen(&self) -> io::Result<Target> {
        self.as_str().to_listen()
    }
}

impl<A: ListenAddr + ?Sized> ListenAddr for &A {
    fn to_listen(&self) -> io::Result<Target> {
        (**self).to_listen()
    }
}

macro_rules! as_it_is {
    ($($kind:ty),*) => {$(
        impl ListenAddr for $kind {
            fn to_listen(&self) -> io::Result<Target> {
                self.to_target()
            }
        }
    )*};
}

as_it_is!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    [SocketAddr],
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16)
);

/// A [`ListenAddr`] as the sockets of the runtime take it.
pub(crate) struct Resolvable(Target);

impl Resolvable {
    pub(crate) fn new(addr: &impl ListenAddr) -> io::Result<Self> {
        Ok(Self(addr.to_listen()?))
    }
}

impl ToSocketAddrs for Resolvable {
    fn to_target(&self) -> io::Result<Target> {
        Ok(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addrs(given: impl ListenAddr) -> Vec<String> {
        match given.to_listen().unwrap() {
            Target::Addrs(addrs) => addrs.iter().map(SocketAddr::to_string).collect(),
            Target::Name(host, port) => vec![format!("{host} {port}")],
            _ => panic!("another target"),
        }
    }

    #[test]
    fn the_forms_of_gevent_are_understood() {
        let everywhere = ["[::]:80", "0.0.0.0:80"];
        assert_eq!(addrs(80), everywhere);
        assert_eq!(addrs("80"), everywhere);
        assert_eq!(addrs(("", 80)), everywhere);
        assert_eq!(addrs((String::new(), 80)), everywhere);
        assert_eq!(addrs(("::", 80)), ["[::]:80"]);
        assert_eq!(addrs(":80"), ["0.0.0.0:80"]);
        assert_eq!(addrs("*:80"), ["0.0.0.0:80"]);
        assert_eq!(addrs(String::from("*:80")), ["0.0.0.0:80"]);
        assert_eq!(addrs("127.0.0.1:80"), ["127.0.0.1:80"]);
        assert_eq!(addrs(("127.0.0.1", 80)), ["127.0.0.1:80"]);
        assert_eq!(addrs("[::1]:80"), ["[::1]:80"]);
        assert_eq!(addrs("localhost:80"), ["localhost 80"]);
        assert_eq!(addrs(("localhost", 80)), ["localhost 80"]);
        assert_eq!(addrs(SocketAddr::from(([10, 0, 0, 1], 0))), ["10.0.0.1:0"]);
    }

    #[test]
    fn the_rest_is_an_error_that_names_what_was_given() {
        for given in [
            "",
            "abc",
            "abc:def",
            "70000",
            ":70000",
            "*:",
            "/run/x.sock",
            "unix:/run/x.sock",
            "-1",
        ] {
            let error = given.to_listen().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{given:?}");
            assert!(error.to_string().contains(given), "{error}");
        }
    }

    #[test]
    fn paths_are_told_where_they_belong() {
        for given in ["/run/x.sock", "unix:/run/x.sock", "unix:@x"] {
            let error = given.to_listen().unwrap_err().to_string();
            assert!(error.ends_with("is bound by bind_unix"), "{error}");
        }
        assert_eq!(addrs("unix:80"), ["unix 80"]); // a host may have that name
    }

    #[test]
    fn unix_addresses_are_shown() {
        let named = UnixSocketAddr::from_pathname("/run/x.sock").unwrap();
        assert_eq!(Addr::from(named).to_string(), "unix:/run/x.sock");
        let hidden = UnixSocketAddr::from_abstract_name("x\0y").unwrap();
        assert_eq!(Addr::from(hidden).to_string(), "unix:@x\\x00y");
    }
}
