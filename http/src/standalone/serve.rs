//! From settings to one of the two servers.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use maypole_runtime::Pool;
use maypole_server::arbiter::Serve;
use maypole_server::{Listener, WhenFull as Full};

use crate::app::Application;
use crate::observe::{Ears, Metrics};
use crate::proto::Limits;
use crate::{pywsgi, wsgi};

use super::settings::{Server, Settings, WhenFull};
use super::{logging, trust};

/// Connections accepted in a row: by one worker, and by one of several, which
/// share a burst better one by one. gunicorn's.
const MAX_ACCEPT: (usize, usize) = (100, 1);

/// How long a connection waits for another request where there is none.
const NO_KEEP_ALIVE: Duration = Duration::from_secs(1);

/// What a server is made of, beside its settings.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) listeners: Vec<Listener>,
    pub(super) metrics: Metrics,
    pub(super) ears: Option<Arc<dyn Ears>>,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<maypole_server::TlsConfig>,
}

/// Makes the server that the settings ask for.
///
/// # Errors
///
/// Those of the builders.
pub(super) fn server(
    settings: &Settings,
    parts: Parts,
    application: Application,
) -> io::Result<Box<dyn Serve>> {
    let call = move |env: &mut crate::Environ<'_>, start_response: crate::StartResponse<'_>| {
        application(env, start_response)
    };
    let builder = common(settings, parts)?;
    let pool = Pool::new(settings.worker_connections.get());
    Ok(match settings.server {
        Server::Pywsgi => Box::new(builder.pool(pool).serve(call)?),
        Server::Wsgi => {
            let mut buffered = wsgi::WsgiServer::builder()
                .pool(pool)
                .keep_alive(!settings.keepalive.is_zero());
            if let Some(most) = settings.limit_request_body {
                buffered = buffered.max_body(most.0);
            }
            let buffered = match &settings.server_header {
                Some(_) => buffered,
                None => buffered.no_server_header(),
            };
            let mut buffered = buffered;
            *buffered.inner() = builder;
            Box::new(buffered.serve(call)?)
        }
    })
}

/// What both have in common.
fn common(settings: &Settings, parts: Parts) -> io::Result<pywsgi::Builder> {
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
    let speakers = trust::speakers(settings).map_err(invalid)?;
    let (alone, of_several) = MAX_ACCEPT;
    let max_accept = match settings.max_accept {
        Some(most) => most.get(),
        None if settings.workers.get() == 1 => alone,
        None => of_several,
    };
    let mut builder = pywsgi::WsgiServer::builder()
        .server(|mut server| {
            if let Some(most) = settings.max_connections {
                server = server.max_connections(most.get());
            }
            #[cfg(feature = "tls")]
            if let Some(tls) = parts.tls {
                server = server
                    .tls(tls)
                    .max_handshakes(settings.max_handshakes.get());
            }
            server
                .listeners(parts.listeners)
                .handle_signals(false)
                .max_accept(max_accept)
                .accept_delays(settings.accept_delay, settings.max_accept_delay)
                .proxy_protocol(speakers)
                .when_full(match settings.when_full {
                    WhenFull::Wait => Full::Wait,
                    WhenFull::Refuse => Full::Refuse,
                })
        })
        .metrics(parts.metrics)
        .access_log(logging::access_log(settings))
        .limits(limits(settings))
        .head_timeout(settings.head_timeout)
        .read_timeout(settings.read_timeout)
        .write_timeout(settings.write_timeout)
        .discard_timeout(settings.discard_timeout)
        .drain_timeout(settings.drain_timeout)
        .max_discard(settings.max_discard.0)
        .max_queued(settings.max_queued.0)
        .stream_buffer(settings.stream_buffer.0);
    builder = if settings.keepalive.is_zero() {
        builder.settings.keep_alive = false;
        builder.keep_alive_timeout(NO_KEEP_ALIVE)
    } else {
        builder.keep_alive_timeout(settings.keepalive)
    };
    if let Some(name) = &settings.server_header {
        builder = builder.server_header(name);
    }
    if let Some(proxies) = trust::forwarders(settings).map_err(invalid)? {
        builder = builder.trusted_proxies(proxies);
    }
    if let Some(ears) = parts.ears {
        builder = builder.ears(ears);
    }
    let pairs = settings.environ.0.iter();
    Ok(pairs.fold(builder, |builder, (name, value)| {
        builder.environ(name, value)
    }))
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        request_line: settings.limit_request_line.0,
        header_lines: settings.limit_request_fields.get(),
        header_line: settings.limit_request_field_size.0,
        head: settings.limit_request_head.0,
        chunk_extension: settings.limit_chunk_extension.0,
        trailer_line: settings.limit_trailer_field_size.0,
        trailer_lines: settings.limit_trailer_fields,
        body: settings.limit_request_body.map(|most| most.0 as u64),
    }
}
