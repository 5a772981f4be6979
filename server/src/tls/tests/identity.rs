use std::io;
use std::time::Duration;

use super::super::TlsVersion;
use super::{CERT, KEY, P12, TlsConfig};

const OTHER_CERT: &[u8] = include_bytes!("../testdata/other-cert.pem");
const OTHER_KEY: &[u8] = include_bytes!("../testdata/other-key.pem");

#[test]
fn identities() {
    let config = TlsConfig::from_pkcs12(P12, "maypole").unwrap();
    TlsConfig::from_pem(CERT, KEY).unwrap();
    TlsConfig::from_pem(OTHER_CERT, OTHER_KEY).unwrap();
    assert_eq!(format!("{config:?}"), "TlsConfig { .. }");

    for wrong in [
        TlsConfig::from_pkcs12(P12, "secret"),
        TlsConfig::from_pkcs12(CERT, "maypole"),
        TlsConfig::from_pem(b"", KEY),
        TlsConfig::from_pem(CERT, CERT),
        TlsConfig::from_pem(CERT, b"-----BEGIN PRIVATE KEY-----"),
        TlsConfig::from_pem(CERT, b""),
    ] {
        let err = wrong.unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::InvalidInput);
        assert!(err.to_string().len() < 100, "{err}");
    }
}

#[test]
fn a_file_with_everything_in_it() {
    let both = [b"# our key\n", KEY, b"\nand what belongs to it\n", CERT].concat();
    TlsConfig::from_pem(&both, &both).unwrap();
}

/// OpenSSL would take them, and turn away every client.
#[test]
fn key_and_certificate_belong_together() {
    let stranger = b"-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgX7lUhnbjmzvB4ffC
6Wog1MTL2hGOjOudtRFW1rvt6N6hRANCAAS0HyVXZcnfMkaq2zg5vxSlEbJP0kYe
8artk3e6wax58Bl/iI7POpTzI1K/2Df0Ud4+Jml/jWTIhaGhUxHPuJni
-----END PRIVATE KEY-----
";
    for (cert, key) in [(CERT, &stranger[..]), (CERT, OTHER_KEY), (OTHER_CERT, KEY)] {
        let err = TlsConfig::from_pem(cert, key).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::InvalidInput);
        assert!(err.to_string().contains("belong together"), "{err}");
    }
}

#[test]
fn versions() {
    let at_least = |version| TlsConfig::builder().min_version(version).pem(CERT, KEY);
    at_least(TlsVersion::Tls12).unwrap();
    let err = at_least(TlsVersion::Tls13).unwrap_err();
    assert_eq!(err.kind(), io::ErrorKind::Unsupported);
    assert!(TlsVersion::Tls10 < TlsVersion::Tls12);
}

#[test]
fn reload_is_for_all_clones_and_for_good() {
    let config = TlsConfig::from_pem(CERT, KEY).unwrap();
    let clone = config.clone();
    let limit = Duration::from_secs(3);
    let new = TlsConfig::builder().handshake_timeout(limit);
    config.reload(new.pem(OTHER_CERT, OTHER_KEY).unwrap());
    assert_eq!(clone.settings().handshake_timeout, limit);
    // Itself: nothing changes, and nothing hangs.
    config.reload(clone);
    assert_eq!(config.settings().handshake_timeout, limit);
}
