//! A process that serves.

use std::env;
use std::io;
use std::sync::Arc;

use http::Method;
use maypole_runtime::{Config, Pool};
use maypole_server::arbiter::{Serve, Worker, WorkerHandle};

use crate::StatusCode;
use crate::app::{Application, Environ, StartResponse};
use crate::observe::{CONTENT_TYPE, Ears, Metrics};
use crate::pywsgi::WsgiServer;

use super::builder::Make;
use super::hooks::Shared;
use super::options::METRICS;
use super::recycle::Recycle;
use super::serve::{Parts, server};
use super::settings::Settings;
use super::{figures, logging};

/// How many may read figures at once: they are for a machine or two.
const METRICS_READERS: usize = 16;

/// Serves until the master says that it is enough.
pub(super) fn run(
    worker: &mut Worker,
    settings: Arc<Settings>,
    make: Make,
    hooks: Option<Shared>,
) -> io::Result<()> {
    #[cfg(feature = "tls")]
    let tls = super::certificate::load(&settings)?;
    runtime(&settings)?;
    if let Some(folder) = &settings.chdir {
        env::set_current_dir(folder).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("chdir: {}: {error}", folder.display()),
            )
        })?;
    }
    if let Some(Shared(hooks)) = &hooks {
        hooks.worker_init(worker);
    }
    let application = watched(make()?, &settings, worker.handle(), hooks.clone());
    let metrics = Metrics::new();
    let parts = Parts {
        listeners: worker.listeners()?,
        metrics: metrics.clone(),
        ears: hooks.clone().map(|hooks| Arc::new(hooks) as Arc<dyn Ears>),
        #[cfg(feature = "tls")]
        tls: tls.clone(),
    };
    let main = server(&settings, parts, application)?;
    worker.figures(move || figures::of(&metrics.snapshot()));
    worker.on_reopen(logging::reopen);
    #[cfg(feature = "tls")]
    if let Some(tls) = tls {
        let settings = Arc::clone(&settings);
        worker.on_reopen(move || super::certificate::reload(&tls, &settings));
    }
    if settings.metrics_bind.is_some() {
        let metrics = metrics_server(worker)?;
        let both: [&dyn Serve; 2] = [&*main, &metrics];
        worker.serve(&both[..])?;
    } else {
        worker.serve(&*main)?;
    }
    if let Some(Shared(hooks)) = &hooks {
        hooks.worker_exit(worker);
    }
    Ok(())
}

/// Sets the runtime up; no greenlet runs yet.
fn runtime(settings: &Settings) -> io::Result<()> {
    let mut config = Config::new()
        .stack_size(settings.stack_size.0)
        .time_slice(settings.time_slice)
        .thread_pool_size(settings.threadpool_size.get())
        .monitor(settings.monitor);
    if settings.hubs.get() > 1 {
        config = config.hubs(settings.hubs.get());
    }
    if settings.track {
        config = config.track_greenlets();
    }
    config.install()
}

/// The application, with what happens before each call of it.
fn watched(
    application: Application,
    settings: &Settings,
    worker: WorkerHandle,
    hooks: Option<Shared>,
) -> Application {
    if hooks.is_none() && settings.max_requests == 0 {
        return application;
    }
    let recycle = Recycle::of(settings);
    Arc::new(
        move |env: &mut Environ<'_>, start_response: StartResponse<'_>| {
            if let Some(Shared(hooks)) = &hooks {
                hooks.request_start(env);
            }
            if recycle.is_last() {
                log::info!(
                    "Enough requests, worker {} is to be replaced",
                    worker.number()
                );
                let worker = worker.clone();
                // Not here: the client waits.
                let _retiring = maypole_runtime::spawn(move || {
                    if let Err(error) = worker.retire() {
                        log::warn!("the worker cannot retire: {error}");
                    }
                });
            }
            application(env, start_response)
        },
    )
}

/// The server that tells figures, of all workers, on a listener of its own.
fn metrics_server(worker: &mut Worker) -> io::Result<WsgiServer> {
    let listener = worker.listener(METRICS)?;
    let worker = worker.handle();
    WsgiServer::builder()
        .server(|server| server.listener(listener).handle_signals(false))
        .pool(Pool::new(METRICS_READERS))
        .access_log(None)
        .serve(move |env, start_response| {
            if !matches!(*env.method(), Method::GET | Method::HEAD) {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                return start_response.header("Allow", "GET, HEAD").send(status, "");
            }
            match worker.total_figures() {
                Ok(sum) => start_response
                    .header("Content-Type", CONTENT_TYPE)
                    .send(StatusCode::OK, figures::text(&sum)),
                Err(error) => {
                    let text = format!("{error}\n");
                    start_response.send(StatusCode::SERVICE_UNAVAILABLE, text)
                }
            }
        })
}
