//! The process that was started by hand, and the way from there to a worker.

use std::env;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use maypole_server::arbiter::{self, Arbiter, Options};

use super::builder::Standalone;
use super::settings::{Loaded, Server, Settings, Sources};
use super::{logging, options, worker};

/// Serves until a signal ends it; the code to end with.
pub(super) fn run(standalone: Standalone, sources: Sources) -> u8 {
    let Standalone { make, hooks, .. } = standalone;
    let loading = Arc::new(Loading {
        sources,
        settings: Mutex::default(),
    });
    let shared = hooks.clone().unwrap_or_default();
    let loaded = Arc::clone(&loading);
    Arbiter::new(move || loading.load())
        .hooks(shared)
        .run_to_code(|process| {
            let settings = loaded.settings()?;
            worker::run(process, settings, make, hooks)
        })
}

/// Reads the configuration: in the master at its start and at each reload, in a
/// worker once.
struct Loading {
    sources: Sources,
    settings: Mutex<Option<Arc<Settings>>>,
}

impl Loading {
    fn load(&self) -> io::Result<Options> {
        let given = env::var(options::SETTINGS)
            .ok()
            .filter(|_| arbiter::is_worker());
        let (settings, shown) = match given {
            Some(shown) => (Settings::shown(&shown)?, shown),
            None => self.load_as_master()?,
        };
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        let options = options::of(&settings, &shown).map_err(invalid)?;
        // While a worker still has the rights to open them.
        logging::install(&settings, options.owner()?)?;
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(settings));
        Ok(options)
    }

    fn load_as_master(&self) -> io::Result<(Settings, String)> {
        let loaded = self.sources.load()?;
        // Told here, with a place, and not by each worker.
        #[cfg(feature = "tls")]
        super::certificate::load(&loaded.settings)?;
        let before = self
            .settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match before {
            Some(before) => {
                for name in loaded.waiting(&before) {
                    log::warn!("{name} has changed: that takes a new start, or SIGUSR2");
                }
            }
            None => announce(&loaded)?,
        }
        let shown = loaded.show();
        Ok((loaded.settings, shown))
    }

    fn settings(&self) -> io::Result<Arc<Settings>> {
        let settings = self
            .settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        settings.ok_or_else(|| io::Error::other("no configuration was read"))
    }
}

/// The first lines of the log.
fn announce(
    Loaded {
        settings,
        strangers,
        ..
    }: &Loaded,
) -> io::Result<()> {
    logging::install(settings, (None, None))?;
    for stranger in strangers {
        log::warn!("{stranger} is the variable of no setting");
    }
    log::info!(
        "Starting maypole {}: {} worker(s) with {} hub(s), {}",
        env!("CARGO_PKG_VERSION"),
        settings.workers,
        settings.hubs,
        match settings.server {
            Server::Pywsgi => "pywsgi",
            Server::Wsgi => "wsgi",
        },
    );
    Ok(())
}
