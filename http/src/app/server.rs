//! What all requests of a server have in common.

use std::fmt;
use std::net::SocketAddr;

/// The server's part of every environ.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) local_addr: SocketAddr,
    pub(crate) tls: bool,
    pub(crate) environ: BaseEnviron,
}

impl Server {
    /// What a request came by: as configured, else as it did.
    pub(super) fn scheme(&self, is_https: bool) -> &str {
        let own = if is_https { "https" } else { "http" };
        // Empty nearly always, and then this is no search.
        self.environ.get("wsgi.url_scheme").unwrap_or(own)
    }
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
        let mut server = Server {
            local_addr: ([127, 0, 0, 1], 80).into(),
            tls: false,
            environ: BaseEnviron::default(),
        };
        assert_eq!(server.scheme(false), "http");
        assert_eq!(server.scheme(true), "https");
        server
            .environ
            .set("wsgi.url_scheme".to_owned(), "http".to_owned());
        assert_eq!(server.scheme(true), "http");
    }
}
