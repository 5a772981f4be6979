//! What all requests of a server have in common.

use std::fmt;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::sync::OnceLock;

use maypole_server::{Addr, Stream};

/// The server's part of every environ.
#[derive(Debug, Default)]
pub(crate) struct Server {
    // Set before it starts: the sockets are made after the handler.
    addrs: OnceLock<Box<[Addr]>>,
    pub(super) environ: BaseEnviron,
}

impl Server {
    pub(crate) fn new(environ: BaseEnviron) -> Self {
        let addrs = OnceLock::new();
        Self { addrs, environ }
    }

    /// Where it listens; the first call counts.
    pub(crate) fn set_addrs(&self, addrs: &[Addr]) {
        self.addrs.get_or_init(|| addrs.into());
    }

    /// Where it listens; of several addresses the one that a connection has come
    /// by.
    ///
    /// # Errors
    ///
    /// The kernel's.
    #[inline(never)] // once a connection; not on the stack of what follows
    pub(crate) fn addr_of(&self, stream: &Stream) -> io::Result<&Addr> {
        let addrs = self.addrs.get().map_or(&[][..], |addrs| addrs);
        let found = match addrs {
            [only] => Some(only),
            _ => nearest(addrs, &stream.get_ref().local_addr()?),
        };
        found.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    /// What a request came by: as configured, else as it did.
    pub(super) fn scheme(&self, is_https: bool) -> &str {
        let own = if is_https { "https" } else { "http" };
        // Empty nearly always, and then this is no search.
        self.environ.get("wsgi.url_scheme").unwrap_or(own)
    }
}

/// The listener's address behind a connection's own, which differs from it where
/// that is a wildcard.
fn nearest<'a>(addrs: &'a [Addr], own: &Addr) -> Option<&'a Addr> {
    let port = |addr: &Addr| addr.inet().map(|addr| addr.port());
    let same = |addr: &&Addr| match (addr, own) {
        (Addr::Unix(one), Addr::Unix(other)) => {
            one.as_pathname() == other.as_pathname()
                && one.as_abstract_name() == other.as_abstract_name()
        }
        _ => addr.inet() == own.inet(),
    };
    let like = |addr: &&Addr| port(addr) == port(own);
    addrs
        .iter()
        .find(same)
        .or_else(|| addrs.iter().find(like))
        .or_else(|| addrs.first())
}

/// Names and values that a server's owner adds to every environ.
#[derive(Clone, Default)]
pub(crate) struct BaseEnviron(Vec<(String, String)>);

impl BaseEnviron {
    /// Sets a value; the last one of a name counts.
    pub(crate) fn set(&mut self, name: String, value: String) {
        self.0.retain(|(other, _)| *other != name);
        self.0.push((name, value));
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(other, _)| other == name)?;
        Some(value)
    }
}

/// The names only: values may be secret.
impl fmt::Debug for BaseEnviron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::os::unix::net::SocketAddr as UnixSocketAddr;

    use super::*;

    #[test]
    fn the_last_value_counts() {
        let mut base = BaseEnviron::default();
        assert_eq!(base.get("a"), None);
        base.set("a".to_owned(), "1".to_owned());
        base.set("b".to_owned(), "2".to_owned());
        base.set("a".to_owned(), "3".to_owned());
        assert_eq!(base.get("a"), Some("3"));
        assert_eq!(base.get("b"), Some("2"));
        assert_eq!(base.get("A"), None);
        assert_eq!(format!("{base:?}"), r#"["b", "a"]"#);
    }

    #[test]
    fn the_scheme_is_the_socket_s_unless_set() {
        let mut server = Server::default();
        assert_eq!(server.scheme(false), "http");
        assert_eq!(server.scheme(true), "https");
        server
            .environ
            .set("wsgi.url_scheme".to_owned(), "http".to_owned());
        assert_eq!(server.scheme(true), "http");
    }

    #[test]
    fn the_listener_behind_a_connection_is_found() {
        let inet = |text: &str| Addr::from(text.parse::<SocketAddr>().unwrap());
        let unix = |path| Addr::from(UnixSocketAddr::from_pathname(path).unwrap());
        let addrs = [
            inet("0.0.0.0:80"),
            inet("127.0.0.1:81"),
            inet("[::]:443"),
            unix("/run/a"),
            unix("/run/b"),
        ];
        for (own, listener) in [
            (inet("0.0.0.0:80"), "0.0.0.0:80"),
            (inet("10.0.0.1:80"), "0.0.0.0:80"),
            (inet("127.0.0.1:81"), "127.0.0.1:81"),
            (inet("[::ffff:10.0.0.1]:443"), "[::]:443"),
            (unix("/run/a"), "unix:/run/a"),
            (unix("/run/b"), "unix:/run/b"),
        ] {
            assert_eq!(nearest(&addrs, &own).unwrap().to_string(), listener);
        }
        assert!(nearest(&[], &unix("/run/a")).is_none());
    }
}
