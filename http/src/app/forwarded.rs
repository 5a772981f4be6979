//! What trusted proxies say about a request: whom it came from, and how.

use std::net::{IpAddr, SocketAddr};

use maypole_server::{Network, NetworkError};

use crate::proto::{Head, HeaderLine};

/// The name of whoever connects to a Unix socket.
const UNIX: &str = "unix:";

/// The proxies whose word is taken, and for what. Nobody's is unless a server is
/// given this.
///
/// A proxy says in a header line whom it forwards for. Clients can send the same
/// line; so choose what your proxy sets or extends itself, and nothing else. Of
/// several hops the nearest one is taken that is no trusted proxy: what is left
/// of it could be anybody's invention.
///
/// [`Environ::peer_addr`](crate::Environ::peer_addr) and `REMOTE_ADDR` are the
/// client's then, [`Environ::scheme`](crate::Environ::scheme) and
/// `wsgi.url_scheme` are what the client used, and the access log shows the
/// client. The port is 0 when the proxy does not tell it.
///
/// A proxy that connects to a Unix socket is named `unix:`, as nginx names it:
/// who may open the socket's file is trusted then.
///
/// # Examples
///
/// ```
/// use maypole_http::{StatusCode, TrustedProxies, pywsgi::WsgiServer};
///
/// let proxies = TrustedProxies::new(["127.0.0.1", "10.0.0.0/8"])?.x_forwarded();
/// let server = WsgiServer::builder()
///     .trusted_proxies(proxies)
///     .bind("127.0.0.1:0", |env, start_response| {
///         let client = env.var("REMOTE_ADDR").unwrap_or_default().into_owned();
///         start_response.send(StatusCode::OK, format!("hello {client}\n"))
///     })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "forwarded_allow_ips")]
#[derive(Clone, Debug)]
#[must_use = "it does nothing until a server is given it"]
pub struct TrustedProxies {
    networks: Vec<Network>,
    unix: bool,
    x_forwarded: bool,
    forwarded: bool,
    proxy_protocol: bool,
}

impl TrustedProxies {
    /// Proxies with addresses in these networks, such as `10.0.0.0/8` or `::1`;
    /// `unix:` for those that connect to a Unix socket. Say what they are trusted
    /// with by the other methods.
    ///
    /// # Errors
    ///
    /// For a text that is no network.
    ///
    /// See the example of [`TrustedProxies`].
    pub fn new<I>(networks: I) -> Result<Self, NetworkError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut proxies = Self {
            networks: Vec::new(),
            unix: false,
            x_forwarded: false,
            forwarded: false,
            proxy_protocol: false,
        };
        for network in networks {
            match network.as_ref() {
                UNIX => proxies.unix = true,
                network => proxies.networks.push(network.parse()?),
            }
        }
        Ok(proxies)
    }

    /// They set `X-Forwarded-For` and `X-Forwarded-Proto`.
    ///
    /// See the example of [`TrustedProxies`].
    pub fn x_forwarded(mut self) -> Self {
        self.x_forwarded = true;
        self
    }

    /// They set `Forwarded`, RFC 7239. Where it is there, it outranks the older
    /// fields.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_http::TrustedProxies;
    ///
    /// let proxies = TrustedProxies::new(["unix:"])?.forwarded();
    /// # drop(proxies);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn forwarded(mut self) -> Self {
        self.forwarded = true;
        self
    }

    /// They begin every connection with a header of the PROXY protocol, version
    /// 1 or 2. A connection of theirs without one is closed; anybody else's is
    /// served as it is. Not over Unix sockets.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_http::{StatusCode, TrustedProxies, pywsgi::WsgiServer};
    ///
    /// let proxies = TrustedProxies::new(["127.0.0.0/8"])?.proxy_protocol();
    /// let server = WsgiServer::builder()
    ///     .trusted_proxies(proxies)
    ///     .bind("127.0.0.1:0", |env, start_response| {
    ///         let client = env.var("REMOTE_ADDR").unwrap_or_default().into_owned();
    ///         start_response.send(StatusCode::OK, client)
    ///     })?;
    /// server.start()?;
    /// # use std::io::{Read, Write};
    /// let mut proxy = std::net::TcpStream::connect(server.local_addr())?;
    /// proxy.write_all(b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 80\r\n")?;
    /// # proxy.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    /// # let mut answer = String::new();
    /// # proxy.read_to_string(&mut answer)?;
    /// # assert!(answer.ends_with("192.0.2.1"), "{answer}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn proxy_protocol(mut self) -> Self {
        self.proxy_protocol = true;
        self
    }

    /// Who begins connections with a header of the PROXY protocol.
    pub(crate) fn speakers(&self) -> Option<&[Network]> {
        self.proxy_protocol.then_some(&self.networks)
    }

    /// Where a request comes from, if its peer is trusted.
    #[inline(never)] // over before the application runs
    pub(crate) fn origin(&self, head: &Head<'_>, direct: Origin) -> Origin {
        let is_trusted = match direct.peer {
            Some(peer) => self.trusts(peer.ip()),
            None => self.unix,
        };
        if !is_trusted {
            return direct;
        }
        if self.forwarded
            && let Some(hops) = forwarded(head)
        {
            return self.walk(direct, hops.into_iter().rev());
        }
        if !self.x_forwarded {
            return direct;
        }
        let hops = values(head, "x-forwarded-for").map(|value| Hop {
            address: address(value),
            is_https: None,
        });
        let mut origin = self.walk(direct, hops);
        // The nearest proxy's word, whatever others say.
        if let Some(value) = values(head, "x-forwarded-proto").next() {
            origin.is_https = scheme(value).unwrap_or(origin.is_https);
        }
        origin
    }

    /// Goes from hop to hop, the nearest first, as far as they are trusted.
    fn walk(&self, direct: Origin, hops: impl Iterator<Item = Hop>) -> Origin {
        let mut origin = direct;
        for hop in hops {
            if let Some(is_https) = hop.is_https {
                origin.is_https = is_https;
            }
            let Some(peer) = hop.address else {
                break; // hidden, or nonsense
            };
            origin.peer = Some(peer);
            if !self.trusts(peer.ip()) {
                break;
            }
        }
        origin
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(address))
    }
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Origin {
    /// Unless it came through a Unix socket.
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) is_https: bool,
}

/// One step of a request's way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Hop {
    address: Option<SocketAddr>,
    is_https: Option<bool>,
}

/// The elements of all lines of this name, the last one first.
fn values<'a>(head: &'a Head<'_>, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    lines(head, name)
        .rev()
        .flat_map(|line| line.value.rsplit(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
}

fn lines<'a>(
    head: &'a Head<'_>,
    name: &'a str,
) -> impl DoubleEndedIterator<Item = &'a HeaderLine<'a>> {
    head.headers
        .iter()
        .filter(move |line| line.name.eq_ignore_ascii_case(name))
}

/// An address with a port or without; IPv6's may be in brackets.
fn address(value: &[u8]) -> Option<SocketAddr> {
    let text = str::from_utf8(value).ok()?;
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address);
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address: IpAddr = bare.unwrap_or(text).parse().ok()?;
    (bare.is_none() || address.is_ipv6()).then_some((address, 0).into())
}

fn scheme(value: &[u8]) -> Option<bool> {
    if value.eq_ignore_ascii_case(b"https") {
        Some(true)
    } else {
        value.eq_ignore_ascii_case(b"http").then_some(false)
    }
}

/// The hops of `Forwarded`, RFC 7239 section 4. `None` if it is not there, or is
/// not what it should be: half of it could be anybody's.
fn forwarded(head: &Head<'_>) -> Option<Vec<Hop>> {
    let mut hops = Vec::new();
    let mut lines = lines(head, "forwarded").peekable();
    lines.peek()?;
    for line in lines {
        let mut rest = line.value;
        loop {
            let mut hop = Hop::default();
            rest = element(rest, &mut hop)?;
            hops.push(hop);
            match rest.split_first() {
                None => break,
                Some((_, after)) => rest = after,
            }
        }
    }
    Some(hops)
}

/// Reads one element; what is left is empty or begins with the comma.
fn element<'a>(mut rest: &'a [u8], hop: &mut Hop) -> Option<&'a [u8]> {
    loop {
        rest = rest.trim_ascii_start();
        if !matches!(rest.first(), None | Some(b';' | b',')) {
            let equals = rest.iter().position(|&byte| byte == b'=')?;
            let (name, value) = (&rest[..equals], &rest[equals + 1..]);
            let (value, after) = pair_value(value)?;
            if name.eq_ignore_ascii_case(b"for") {
                hop.address = address(&value);
            } else if name.eq_ignore_ascii_case(b"proto") {
                hop.is_https = scheme(&value);
            }
            rest = after.trim_ascii_start();
        }
        match rest.split_first() {
            Some((b';', after)) => rest = after,
            None | Some((b',', _)) => return Some(rest),
            Some(_) => return None,
        }
    }
}

/// A token, or a quoted string without its quotes.
fn pair_value(value: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = value.strip_prefix(b"\"") else {
        let ends = |byte: &u8| matches!(byte, b';' | b',' | b' ' | b'\t');
        let end = value.iter().position(ends).unwrap_or(value.len());
        return Some((value[..end].to_vec(), &value[end..]));
    };
    let mut text = Vec::new();
    let mut rest = quoted;
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => return Some((text, rest)),
            b'\\' => {
                let (&escaped, after) = rest.split_first()?;
                text.push(escaped);
                rest = after;
            }
            _ => text.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{HeadParser, HeaderTable, Limits};

    /// The origin of a request with these lines, from a proxy at 10.0.0.1.
    fn origin(proxies: &TrustedProxies, peer: &str, lines: &str) -> (String, bool) {
        let bytes = format!("GET / HTTP/1.1\r\nHost: x\r\n{lines}\r\n");
        let mut table = HeaderTable::new(&Limits::DEFAULT);
        let mut parser = HeadParser::default();
        let head = parser.parse(bytes.as_bytes(), &Limits::DEFAULT, &mut table);
        let direct = Origin {
            peer: peer.parse().ok(),
            is_https: false,
        };
        let origin = proxies.origin(&head.unwrap().unwrap(), direct);
        let peer = origin
            .peer
            .map_or_else(|| "none".to_owned(), |peer| peer.to_string());
        (peer, origin.is_https)
    }

    fn proxies() -> TrustedProxies {
        TrustedProxies::new(["10.0.0.0/8", "fd00::/8"]).unwrap()
    }

    #[test]
    fn x_forwarded_for() {
        let proxies = proxies().x_forwarded();
        for (lines, peer, is_https) in [
            ("", "10.0.0.1:9", false),
            ("X-Forwarded-For: 1.2.3.4\r\n", "1.2.3.4:0", false),
            ("x-forwarded-for: 1.2.3.4:567\r\n", "1.2.3.4:567", false),
            ("X-Forwarded-For: 2001:db8::1\r\n", "[2001:db8::1]:0", false),
            (
                "X-Forwarded-For: [2001:db8::1]:8\r\n",
                "[2001:db8::1]:8",
                false,
            ),
            // What the client says is left of what its proxy saw.
            ("X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\n", "1.2.3.4:0", false),
            ("X-Forwarded-For: 1.2.3.4, 10.0.0.7\r\n", "1.2.3.4:0", false),
            (
                "X-Forwarded-For: 6.6.6.6,1.2.3.4 , 10.0.0.7\r\n",
                "1.2.3.4:0",
                false,
            ),
            (
                "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 1.2.3.4\r\n",
                "1.2.3.4:0",
                false,
            ),
            (
                "X-Forwarded-For: 10.0.0.9, 10.0.0.8\r\n",
                "10.0.0.9:0",
                false,
            ),
            (
                "X-Forwarded-For: 1.2.3.4, nonsense\r\n",
                "10.0.0.1:9",
                false,
            ),
            (
                "X-Forwarded-For: nonsense, 10.0.0.7\r\n",
                "10.0.0.7:0",
                false,
            ),
            ("X-Forwarded-For:\r\n", "10.0.0.1:9", false),
            ("X-Forwarded-For: [1.2.3.4]\r\n", "10.0.0.1:9", false),
            ("X-Forwarded-Proto: https\r\n", "10.0.0.1:9", true),
            ("X-Forwarded-Proto: https, http\r\n", "10.0.0.1:9", false),
            ("X-Forwarded-Proto: HTTPS\r\n", "10.0.0.1:9", true),
            ("X-Forwarded-Proto: gopher\r\n", "10.0.0.1:9", false),
            (
                "Forwarded: for=1.2.3.4;proto=https\r\n",
                "10.0.0.1:9",
                false,
            ),
        ] {
            let expected = (peer.to_owned(), is_https);
            assert_eq!(origin(&proxies, "10.0.0.1:9", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn forwarded_of_rfc_7239() {
        let proxies = proxies().forwarded();
        for (lines, peer, is_https) in [
            ("Forwarded: for=1.2.3.4\r\n", "1.2.3.4:0", false),
            (
                "Forwarded: For=1.2.3.4;Proto=https;by=10.0.0.1\r\n",
                "1.2.3.4:0",
                true,
            ),
            (
                "Forwarded: for=\"[2001:db8::1]:47\"\r\n",
                "[2001:db8::1]:47",
                false,
            ),
            (
                "Forwarded: for=\"1.2.3.\\4:5\"; proto=http\r\n",
                "1.2.3.4:5",
                false,
            ),
            (
                "Forwarded: for=6.6.6.6, for=1.2.3.4;proto=https, for=10.0.0.7;proto=http\r\n",
                "1.2.3.4:0",
                true,
            ),
            (
                "Forwarded: for=1.2.3.4\r\nForwarded: for=10.0.0.7\r\n",
                "1.2.3.4:0",
                false,
            ),
            ("Forwarded: for=unknown\r\n", "10.0.0.1:9", false),
            (
                "Forwarded: for=_hidden, for=10.0.0.7\r\n",
                "10.0.0.7:0",
                false,
            ),
            ("Forwarded: proto=https\r\n", "10.0.0.1:9", true),
            (
                "Forwarded: host=\"a,for=6.6.6.6\";for=1.2.3.4\r\n",
                "1.2.3.4:0",
                false,
            ),
            // Malformed: all of it counts for nothing.
            ("Forwarded: for=1.2.3.4 x\r\n", "10.0.0.1:9", false),
            ("Forwarded: for=\"1.2.3.4\r\n", "10.0.0.1:9", false),
            ("Forwarded: nonsense\r\n", "10.0.0.1:9", false),
            ("X-Forwarded-For: 1.2.3.4\r\n", "10.0.0.1:9", false),
        ] {
            let expected = (peer.to_owned(), is_https);
            assert_eq!(origin(&proxies, "10.0.0.1:9", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn others_are_not_believed() {
        let proxies = proxies().forwarded().x_forwarded();
        let lines = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n\
                     Forwarded: for=6.6.6.6;proto=https\r\n";
        for peer in ["1.2.3.4:5", "[fe80::1]:5", "11.0.0.1:5"] {
            assert_eq!(origin(&proxies, peer, lines), (peer.to_owned(), false));
        }
        let both = origin(&proxies, "[::ffff:10.0.0.1]:9", lines);
        assert_eq!(both, ("6.6.6.6:0".to_owned(), true));
    }

    #[test]
    fn proxies_on_a_unix_socket() {
        let lines = "X-Forwarded-For: 1.2.3.4, 10.0.0.7\r\nX-Forwarded-Proto: https\r\n";
        let nobody = proxies().x_forwarded();
        assert_eq!(origin(&nobody, "unix:", lines), ("none".to_owned(), false));
        let networks = ["unix:", "10.0.0.0/8"];
        let theirs = TrustedProxies::new(networks).unwrap().x_forwarded();
        let found = origin(&theirs, "unix:", lines);
        assert_eq!(found, ("1.2.3.4:0".to_owned(), true));
        assert_eq!(origin(&theirs, "unix:", ""), ("none".to_owned(), false));
    }
}
