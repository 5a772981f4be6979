//! Networks: which peers are trusted.

use std::net::IpAddr;
use std::str::FromStr;
use std::{error, fmt};

/// A network, as `10.0.0.0/8`, `2001:db8::/32`, or one address.
///
/// # Examples
///
/// ```
/// use maypole_server::Network;
///
/// let network: Network = "10.0.0.0/8".parse()?;
/// assert!(network.contains("10.1.2.3".parse()?));
/// assert!(!network.contains("11.0.0.1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Network {
    // With all bits behind the prefix at zero.
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The network of `address` with this many leading bits in common; `None` for
    /// more bits than it has.
    ///
    /// # Examples
    ///
    /// ```
    /// use maypole_server::Network;
    ///
    /// let network = Network::new([192, 0, 2, 0].into(), 24).unwrap();
    /// assert_eq!(network.to_string(), "192.0.2.0/24");
    /// assert_eq!(Network::new([192, 0, 2, 0].into(), 33), None);
    /// ```
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let address = address.to_canonical();
        let bits = bits_of(address);
        (prefix <= bits).then(|| Self {
            address: masked(address, prefix),
            prefix,
        })
    }

    /// Whether the address lies in it. An IPv4 address may come in IPv6's form,
    /// as sockets for both give it.
    ///
    /// See the example of [`Network`].
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        bits_of(address) == bits_of(self.address) && masked(address, self.prefix) == self.address
    }
}

fn bits_of(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self {
            address,
            prefix: bits_of(address),
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError { text: text.into() };
        let Some((address, prefix)) = text.split_once('/') else {
            return text.parse::<IpAddr>().map(Self::from).map_err(|_| wrong());
        };
        if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let address = address.parse().map_err(|_| wrong())?;
        let prefix = prefix.parse().map_err(|_| wrong())?;
        Self::new(address, prefix).ok_or_else(wrong)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// A text that is no network.
///
/// # Examples
///
/// ```
/// assert!("10.0.0.0/33".parse::<maypole_server::Network>().is_err());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NetworkError {
    text: Box<str>,
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no network: {:?}", self.text)
    }
}

impl error::Error for NetworkError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn membership() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.1.2.3/8", "10.0.0.0", "9.255.255.255"),
            ("192.168.1.7", "192.168.1.7", "192.168.1.8"),
            ("192.168.1.128/25", "192.168.1.200", "192.168.1.127"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "ffff::", "1.2.3.4"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::1", "::1", "::2"),
            ("127.0.0.0/8", "::ffff:127.0.0.1", "::127.0.0.1"),
            ("::ffff:127.0.0.1", "127.0.0.1", "127.0.0.2"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(
                network.contains(inside.parse().unwrap()),
                "{network} {inside}"
            );
            assert!(
                !network.contains(outside.parse().unwrap()),
                "{network} {outside}"
            );
            assert_eq!(network.to_string().parse(), Ok(network));
        }
    }

    #[test]
    fn others_are_refused() {
        for text in [
            "",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "::/129",
            "10.0.0/8",
            "example.org",
            "10.0.0.0/8/8",
            "10.0.0.0 /8",
            "10.0.0.0/256",
        ] {
            let error = text.parse::<Network>().unwrap_err();
            assert!(error.to_string().contains(text));
        }
    }
}
