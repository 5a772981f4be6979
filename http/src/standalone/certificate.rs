//! The certificate, and its renewal.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use maypole_server::{TlsConfig, TlsVersion};

use super::settings::{Settings, Tls};

/// What the settings name; `None` if they name none.
///
/// # Errors
///
/// For a file that cannot be read or used; names it.
pub(super) fn load(settings: &Settings) -> io::Result<Option<TlsConfig>> {
    let Some(certfile) = &settings.certfile else {
        return Ok(None);
    };
    let keyfile = settings.keyfile.as_ref().unwrap_or(certfile);
    let (chain, key) = (read("certfile", certfile)?, read("keyfile", keyfile)?);
    let config = TlsConfig::builder()
        .min_version(match settings.tls_min_version {
            Tls::Tls10 => TlsVersion::Tls10,
            Tls::Tls11 => TlsVersion::Tls11,
            Tls::Tls12 => TlsVersion::Tls12,
            Tls::Tls13 => TlsVersion::Tls13,
        })
        .handshake_timeout(settings.handshake_timeout)
        .pem(&chain, &key)
        .map_err(|error| {
            let files = match &settings.keyfile {
                Some(keyfile) => format!("{} and {}", certfile.display(), keyfile.display()),
                None => certfile.display().to_string(),
            };
            told("certfile", &files, &error)
        })?;
    Ok(Some(config))
}

/// Takes over what the files hold now; if that cannot be used, the old one stays.
pub(super) fn reload(config: &TlsConfig, settings: &Settings) {
    match load(settings) {
        Ok(Some(new)) => {
            config.reload(new);
            log::info!("The certificate is read anew");
        }
        Ok(None) => {}
        Err(error) => log::error!("the old certificate stays in use: {error}"),
    }
}

fn read(name: &str, path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path).map_err(|error| told(name, &path.display(), &error))
}

fn told(name: &str, files: &dyn fmt::Display, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{name}: {files}: {error}"))
}
