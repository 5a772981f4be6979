//! The PROXY protocol, versions 1 and 2: a proxy says for whom it connects.
//!
//! The header comes before anything else, TLS included, and a server knows
//! whether to expect one: guessing would let clients name themselves.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use maypole_runtime::net::TcpStream;
use maypole_runtime::with_timeout;

use crate::network::Network;

/// How long the header may take. The proxy sends it at once, in one packet.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest header of version 1, with its line end; the protocol's.
const MAX_V1: usize = 107;

/// The longest addresses and options of version 2 that are read. Unix addresses
/// take 216 bytes; options a few hundred, when they describe TLS.
const MAX_V2: usize = 4096;

/// What both versions have at least: `PROXY UNKNOWN` and a line end.
const SHORTEST: usize = 15;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// For whom a connection is. Of peers that are no proxies nothing is read.
///
/// # Errors
///
/// When a proxy does not send what it should.
pub(crate) fn peer(
    stream: &TcpStream,
    peer: SocketAddr,
    proxies: &[Network],
) -> io::Result<SocketAddr> {
    if !proxies.iter().any(|network| network.contains(peer.ip())) {
        return Ok(peer);
    }
    let client = with_timeout(TIMEOUT, || read(stream))??;
    Ok(client.unwrap_or(peer))
}

/// Reads the header, and not a byte more. `None`: the proxy speaks for itself,
/// or for somebody without an address.
///
/// # Errors
///
/// `InvalidData` for what is no header; else those of reading.
fn read(mut stream: &TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut header = [0; MAX_V1];
    stream.read_exact(&mut header[..SHORTEST])?;
    if header.starts_with(SIGNATURE) {
        stream.read_exact(&mut header[SHORTEST..16])?;
        let mut rest = vec![0; v2_len(&header[12..16])?];
        stream.read_exact(&mut rest)?;
        return v2([header[12], header[13]], &rest);
    }
    if !header.starts_with(b"PROXY ") {
        return Err(malformed());
    }
    let mut len = SHORTEST;
    while !header[..len].ends_with(b"\r\n") {
        if len == MAX_V1 {
            return Err(malformed());
        }
        // One by one: what follows is not for us. A header is short and rare.
        stream.read_exact(&mut header[len..=len])?;
        len += 1;
    }
    v1(&header[..len - 2])
}

/// `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`
fn v1(line: &[u8]) -> io::Result<Option<SocketAddr>> {
    let line = str::from_utf8(line).map_err(|_| malformed())?;
    let mut words = line.split(' ').skip(1);
    let mut word = || words.next().ok_or_else(malformed);
    let family = word()?;
    if family == "UNKNOWN" {
        return Ok(None);
    }
    let (source, target) = (word()?, word()?);
    let (source_port, target_port) = (word()?, word()?);
    let is_v4 = match family {
        "TCP4" => true,
        "TCP6" => false,
        _ => return Err(malformed()),
    };
    let address = |text: &str| {
        let address: IpAddr = text.parse().map_err(|_| malformed())?;
        (address.is_ipv4() == is_v4)
            .then_some(address)
            .ok_or_else(malformed)
    };
    let port = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>()
            .ok()
            .filter(|_| plain)
            .ok_or_else(malformed)
    };
    address(target)?;
    port(target_port)?;
    let source = SocketAddr::new(address(source)?, port(source_port)?);
    words
        .next()
        .is_none()
        .then_some(Some(source))
        .ok_or_else(malformed)
}

fn v2_len(fixed: &[u8]) -> io::Result<usize> {
    let [_, _, high, low] = *fixed else {
        return Err(malformed());
    };
    let len = usize::from(u16::from_be_bytes([high, low]));
    (len <= MAX_V2).then_some(len).ok_or_else(malformed)
}

fn v2([version, family]: [u8; 2], rest: &[u8]) -> io::Result<Option<SocketAddr>> {
    match version {
        // LOCAL: the proxy checks on us.
        0x20 => return Ok(None),
        0x21 => {}
        _ => return Err(malformed()),
    }
    match family {
        0x11 | 0x12 => {
            let (addresses, _) = rest.split_first_chunk::<12>().ok_or_else(malformed)?;
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *addresses;
            let port = u16::from_be_bytes([high, low]);
            Ok(Some((Ipv4Addr::new(a, b, c, d), port).into()))
        }
        0x21 | 0x22 => {
            let (addresses, _) = rest.split_first_chunk::<36>().ok_or_else(malformed)?;
            let (address, more) = addresses.split_first_chunk::<16>().ok_or_else(malformed)?;
            let port = u16::from_be_bytes([more[16], more[17]]);
            Ok(Some((Ipv6Addr::from(*address), port).into()))
        }
        // Unspecified, or a Unix socket: it has no address that we could show.
        0x00 | 0x31 | 0x32 => Ok(None),
        _ => Err(malformed()),
    }
}

fn malformed() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "malformed PROXY protocol header",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1() {
        for (line, source) in [
            (
                "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443",
                Some("192.0.2.1:56324"),
            ),
            (
                "PROXY TCP6 2001:db8::1 ::1 1 65535",
                Some("[2001:db8::1]:1"),
            ),
            ("PROXY UNKNOWN", None),
            ("PROXY UNKNOWN ffff::1 ffff::2 1 2", None),
        ] {
            let source = source.map(|source| source.parse().unwrap());
            assert_eq!(v1(line.as_bytes()).unwrap(), source, "{line}");
        }
        for line in [
            "PROXY ",
            "PROXY TCP4",
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324",
            "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 ",
            "PROXY TCP4 192.0.2.1  198.51.100.1 56324 443",
            "PROXY TCP4 2001:db8::1 ::1 1 2",
            "PROXY TCP6 192.0.2.1 198.51.100.1 1 2",
            "PROXY TCP4 192.0.2.1 198.51.100.1 65536 443",
            "PROXY TCP4 192.0.2.1 198.51.100.1 +1 443",
            "PROXY TCP4 192.0.2.1 198.51.100.1 1 x",
            "PROXY UDP4 192.0.2.1 198.51.100.1 1 2",
            "PROXY TCP4 192.0.2 198.51.100.1 1 2",
        ] {
            assert!(v1(line.as_bytes()).is_err(), "{line}");
        }
        assert!(v1(b"PROXY TCP4 \xff").is_err());
    }

    #[test]
    fn version_2() {
        let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 4, 1, 187];
        let with_options = [&v4[..], &[4, 0, 1, 0]].concat();
        let source = Some("192.0.2.1:56324".parse().unwrap());
        assert_eq!(v2([0x21, 0x11], &v4).unwrap(), source);
        assert_eq!(v2([0x21, 0x11], &with_options).unwrap(), source);
        let mut v6 = [0; 36];
        v6[15] = 1;
        v6[33] = 80;
        assert_eq!(
            v2([0x21, 0x21], &v6).unwrap(),
            Some("[::1]:80".parse().unwrap())
        );
        for (start, rest) in [
            ([0x20, 0x00], &[][..]),
            ([0x20, 0x11], &v4),
            ([0x21, 0x00], &[]),
        ] {
            assert_eq!(v2(start, rest).unwrap(), None);
        }
        for (start, rest) in [
            ([0x11, 0x11], &v4[..]),
            ([0x22, 0x11], &v4),
            ([0x21, 0x11], &v4[..11]),
            ([0x21, 0x21], &v4),
            ([0x21, 0x41], &v4),
        ] {
            assert!(v2(start, rest).is_err(), "{start:?}");
        }
        assert_eq!(v2_len(&[0x21, 0x11, 0x10, 0]).unwrap(), 4096);
        assert!(v2_len(&[0x21, 0x11, 0x10, 1]).is_err());
    }
}
