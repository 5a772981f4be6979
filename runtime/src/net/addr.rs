//! Addresses, and names that have to be looked up off the hub.

use std::io;
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, ToSocketAddrs as _,
};

use crate::threadpool;

/// Anything that names one or more socket addresses, as
/// [`std::net::ToSocketAddrs`] does.
///
/// std's trait looks names up inside its method, which would stop the hub. This
/// one hands out either addresses or the name, so that the lookup can run on
/// another thread; see [`lookup_host`].
///
/// # Examples
///
/// ```
/// use maypole_runtime::net::{TcpListener, ToSocketAddrs};
///
/// fn listen(addr: impl ToSocketAddrs) -> std::io::Result<TcpListener> {
///     TcpListener::bind(addr)
/// }
///
/// listen("localhost:0")?; // a name is looked up
/// listen((std::net::Ipv4Addr::LOCALHOST, 0))?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait ToSocketAddrs {
    /// The addresses, or the name to look up.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a text that is no address.
    fn to_target(&self) -> io::Result<Target>;
}

/// What a [`ToSocketAddrs`] names.
///
/// # Examples
///
/// ```
/// use maypole_runtime::net::{Target, ToSocketAddrs};
///
/// assert!(matches!("[::1]:80".to_target()?, Target::Addrs(_)));
/// assert!(matches!("localhost:80".to_target()?, Target::Name(..)));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// Addresses that need no lookup.
    Addrs(Vec<SocketAddr>),
    /// A host name and a port.
    Name(String, u16),
}

impl Target {
    /// The addresses, looked up if need be. Suspends the caller for that.
    pub(super) fn resolve(self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::Addrs(addrs) if addrs.is_empty() => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no address to use",
            )),
            Self::Addrs(addrs) => Ok(addrs),
            Self::Name(host, port) => look_up(host, port),
        }
    }
}

impl ToSocketAddrs for SocketAddr {
    fn to_target(&self) -> io::Result<Target> {
        Ok(Target::Addrs(vec![*self]))
    }
}

impl ToSocketAddrs for [SocketAddr] {
    fn to_target(&self) -> io::Result<Target> {
        Ok(Target::Addrs(self.to_vec()))
    }
}

impl ToSocketAddrs for str {
    fn to_target(&self) -> io::Result<Target> {
        if let Ok(addr) = self.parse() {
            return Ok(Target::Addrs(vec![addr]));
        }
        let invalid = || {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{self:?} is not an address of the form host:port"),
            )
        };
        let (host, port) = self.rsplit_once(':').ok_or_else(invalid)?;
        let port = port.parse().map_err(|_| invalid())?;
        (host, port).to_target()
    }
}

impl ToSocketAddrs for (&str, u16) {
    fn to_target(&self) -> io::Result<Target> {
        let (host, port) = *self;
        Ok(match host.parse::<IpAddr>() {
            Ok(ip) => Target::Addrs(vec![SocketAddr::new(ip, port)]),
            Err(_) => Target::Name(host.to_owned(), port),
        })
    }
}

impl ToSocketAddrs for (String, u16) {
    fn to_target(&self) -> io::Result<Target> {
        (self.0.as_str(), self.1).to_target()
    }
}

impl ToSocketAddrs for String {
    fn to_target(&self) -> io::Result<Target> {
        self.as_str().to_target()
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    fn to_target(&self) -> io::Result<Target> {
        (**self).to_target()
    }
}

macro_rules! from_addr {
    ($($kind:ty),*) => {$(
        impl ToSocketAddrs for $kind {
            fn to_target(&self) -> io::Result<Target> {
                Ok(Target::Addrs(vec![SocketAddr::from(*self)]))
            }
        }
    )*};
}

from_addr!(
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16)
);

/// The addresses that a name stands for, IPv6 scopes included.
///
/// `getaddrinfo` blocks, so it runs on a thread of the
/// [default pool](crate::threadpool::default_pool); only the caller is
/// suspended. A kill or a time-out interrupts it; the lookup runs on then, and
/// its answer is dropped. Addresses that are no names are handed back at once.
///
/// # Errors
///
/// When the name is not known or cannot be looked up; `InvalidInput` for a text
/// that is no address.
///
/// # Examples
///
/// ```
/// use maypole_runtime::net::lookup_host;
///
/// let found = lookup_host("localhost:80")?;
/// assert!(found.iter().all(|addr| addr.ip().is_loopback() && addr.port() == 80));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "getaddrinfo")]
#[doc(alias = "gethostbyname")]
pub fn lookup_host(addr: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    addr.to_target()?.resolve()
}

fn look_up(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    threadpool::run_io(move || Ok((host.as_str(), port).to_socket_addrs()?.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_addresses_or_names() {
        let addr: SocketAddr = "127.0.0.1:80".parse().unwrap();
        assert_eq!(
            "127.0.0.1:80".to_target().unwrap(),
            Target::Addrs(vec![addr])
        );
        assert_eq!(
            ("127.0.0.1", 80).to_target().unwrap(),
            Target::Addrs(vec![addr])
        );
        assert_eq!(
            "localhost:80".to_target().unwrap(),
            Target::Name("localhost".to_owned(), 80)
        );
        for text in ["", "nothing", "host:", "host:port", "host:70000"] {
            let error = text.to_target().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{text:?}");
            assert!(error.to_string().contains(text));
        }
    }

    #[test]
    fn no_address_is_an_error() {
        let none: &[SocketAddr] = &[];
        let error = none.to_target().unwrap().resolve().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn names_that_nobody_has_are_errors() {
        lookup_host(("no-such-host.invalid", 80)).unwrap_err();
    }

    #[test]
    fn names_are_looked_up_in_greenlets_and_threads() {
        let look = || "localhost:80".to_target().and_then(Target::resolve);
        let found = look().unwrap();
        assert!(
            found
                .iter()
                .all(|addr| addr.ip().is_loopback() && addr.port() == 80)
        );
        assert_eq!(crate::spawn(look).get().unwrap().unwrap(), found);
    }
}
