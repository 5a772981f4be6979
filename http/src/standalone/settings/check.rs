//! Settings that must fit together.

use std::collections::BTreeMap;

use maypole_server::arbiter::BindSpec;

use super::{Fault, Server, Settings, Source};
use crate::AccessLog;
use crate::standalone::logging::is_json;

/// Adds what is wrong with the settings as a whole.
pub(super) fn together(
    settings: &Settings,
    sources: &BTreeMap<&'static str, Source>,
    faults: &mut Vec<Fault>,
) {
    let mut wrong = |name: &'static str, text: String| {
        let source = sources.get(name).cloned().unwrap_or(Source::Default);
        faults.push(Fault::Together { source, name, text });
    };
    if settings.bind.is_empty() {
        wrong("bind", "there is nowhere to listen".to_owned());
    }
    for text in &settings.bind {
        if let Err(error) = text.parse::<BindSpec>() {
            wrong("bind", error.to_string());
        }
    }
    if let Some(text) = &settings.metrics_bind
        && let Err(error) = text.parse::<BindSpec>()
    {
        wrong("metrics_bind", error.to_string());
    }
    if !is_json(&settings.access_log_format)
        && let Err(error) = AccessLog::new(&settings.access_log_format)
    {
        wrong("access_log_format", error.to_string());
    }
    for (name, list) in [
        ("forwarded_allow_ips", &settings.forwarded_allow_ips),
        ("proxy_allow_ips", &settings.proxy_allow_ips),
    ] {
        if let Err(error) = crate::standalone::trust::networks(list) {
            wrong(name, error.to_string());
        }
    }
    for (name, limit) in [
        ("head_timeout", settings.head_timeout),
        ("read_timeout", settings.read_timeout),
        ("write_timeout", settings.write_timeout),
        ("discard_timeout", settings.discard_timeout),
        ("handshake_timeout", settings.handshake_timeout),
    ] {
        if limit.is_zero() {
            wrong(
                name,
                "a time-out of zero would end every connection".to_owned(),
            );
        }
    }
    if settings.accept_delay > settings.max_accept_delay {
        wrong(
            "accept_delay",
            "it is longer than max_accept_delay".to_owned(),
        );
    }
    if settings.hubs.get() > 1 && !maypole_runtime::IS_NATIVE {
        wrong(
            "hubs",
            "more than 1 needs a program built with the feature `native`".to_owned(),
        );
    }
    if settings.certfile.is_none() && settings.keyfile.is_some() {
        wrong("keyfile", "there is a key and no certfile".to_owned());
    }
    if settings.certfile.is_some() {
        if !cfg!(feature = "tls") {
            wrong(
                "certfile",
                "the program was built without the feature `tls`".to_owned(),
            );
        }
        if settings.server == Server::Wsgi {
            wrong(
                "certfile",
                "the wsgi server speaks no TLS; pywsgi does".to_owned(),
            );
        }
    }
}
