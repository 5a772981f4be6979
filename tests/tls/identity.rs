//! Which certificate clients see.

use maypole::server::{StreamServer, TlsConfig};

use super::support::{TlsClient, has_openssl, openssl_tells, read_testdata, tls_config, watchdog};
use super::{echo, serve};

fn other_config() -> TlsConfig {
    let (cert, key) = (
        read_testdata("other-cert.pem"),
        read_testdata("other-key.pem"),
    );
    TlsConfig::from_pem(&cert, &key).unwrap()
}

#[test]
fn a_reload_is_for_new_connections() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let config = tls_config();
    let server = serve(StreamServer::builder().tls(config.clone()), echo);
    let mut before = TlsClient::trusting(server.local_addr(), "cert.pem");
    before.send("before\n");
    before.expect(b"before\n");

    config.reload(other_config());
    let mut after = TlsClient::trusting(server.local_addr(), "other-cert.pem");
    after.send("after\n");
    after.expect(b"after\n");
    let mut distrusting = TlsClient::trusting(server.local_addr(), "cert.pem");
    assert!(distrusting.read_to_end().is_empty());
    // The connection from before goes on.
    before.send("still\n");
    before.expect(b"still\n");
}

/// PKCS #12, and PEM with a chain.
#[test]
fn all_certificates_of_the_chain_are_sent() {
    let _watchdog = watchdog();
    if !has_openssl() {
        return;
    }
    let chain = [read_testdata("cert.pem"), read_testdata("other-cert.pem")].concat();
    let chain = TlsConfig::from_pem(&chain, &read_testdata("key.pem")).unwrap();
    let alone = TlsConfig::from_pkcs12(&read_testdata("identity.p12"), "maypole").unwrap();
    for (config, count) in [(chain, 2), (alone, 1)] {
        let server = serve(StreamServer::builder().tls(config), echo);
        let seen = openssl_tells(server.local_addr(), &["-showcerts"]);
        let sent = seen.matches("-----BEGIN CERTIFICATE-----").count();
        assert_eq!(sent, count, "{seen}");
        assert!(seen.contains("Verify return code: 0 (ok)"), "{seen}");
    }
}

#[test]
fn a_key_of_another_form_is_told_what_to_do() {
    let key = b"-----BEGIN EC PRIVATE KEY-----\n-----END EC PRIVATE KEY-----\n";
    let error = TlsConfig::from_pem(&read_testdata("cert.pem"), key).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("openssl pkcs8"), "{error}");
}
