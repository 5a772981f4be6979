//! Whose word is taken.

use maypole_server::{Network, NetworkError};

use crate::TrustedProxies;

use super::settings::{ForwardedHeader, Settings};

/// gunicorn's name for everybody, and who that is.
const EVERYBODY: (&str, [&str; 3]) = ("*", ["0.0.0.0/0", "::/0", "unix:"]);

/// Proxies in these networks.
///
/// # Errors
///
/// For a text that is no network.
pub(super) fn networks(list: &[String]) -> Result<TrustedProxies, NetworkError> {
    let (star, everybody) = EVERYBODY;
    let texts = list.iter().map(String::as_str);
    if list.iter().any(|text| text == star) {
        TrustedProxies::new(texts.filter(|text| *text != star).chain(everybody))
    } else {
        TrustedProxies::new(texts)
    }
}

/// Whom requests' headers are believed, and which; `None` for nobody.
///
/// # Errors
///
/// As [`networks`].
pub(super) fn forwarders(settings: &Settings) -> Result<Option<TrustedProxies>, NetworkError> {
    let proxies = networks(&settings.forwarded_allow_ips)?;
    Ok(match settings.forwarded_header {
        ForwardedHeader::None => None,
        ForwardedHeader::XForwarded => Some(proxies.x_forwarded()),
        ForwardedHeader::Forwarded => Some(proxies.forwarded()),
    })
}

/// Who begins connections with a header of the PROXY protocol.
///
/// # Errors
///
/// As [`networks`].
pub(super) fn speakers(settings: &Settings) -> Result<Vec<Network>, NetworkError> {
    if !settings.proxy_protocol {
        return Ok(Vec::new());
    }
    let proxies = networks(&settings.proxy_allow_ips)?.proxy_protocol();
    Ok(proxies.speakers().unwrap_or_default().to_vec())
}
