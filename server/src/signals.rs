//! SIGINT and SIGTERM end a server.

use std::io;
use std::sync::Arc;

use maypole_runtime::signal::{self, Signal, SignalHandler};
use parking_lot::Mutex;

/// Has a function called at the first SIGINT or SIGTERM, for as long as it
/// lives. From the first on it keeps neither of them from its usual effect: a
/// second one ends the process. Several of these all hear of a signal.
#[derive(Debug)]
pub(crate) struct EndSignals {
    handlers: Arc<Mutex<Handlers>>,
}

#[derive(Debug, Default)]
struct Handlers {
    installed: Vec<SignalHandler>,
    came: bool,
}

impl EndSignals {
    pub(crate) fn new(then: impl Fn(Signal) + Send + Sync + 'static) -> io::Result<Self> {
        let then = Arc::new(then);
        let handlers = Arc::<Mutex<Handlers>>::default();
        for which in [Signal::INT, Signal::TERM] {
            let (all, then) = (Arc::downgrade(&handlers), then.clone());
            let handler = signal::handler(which, move || {
                let Some(all) = all.upgrade() else { return };
                let (installed, is_first) = {
                    let mut all = all.lock();
                    let is_first = !std::mem::replace(&mut all.came, true);
                    (std::mem::take(&mut all.installed), is_first)
                };
                drop(installed);
                if is_first {
                    then(which);
                }
            })?;
            let mut all = handlers.lock();
            if !all.came {
                all.installed.push(handler);
            }
        }
        Ok(Self { handlers })
    }
}

impl Drop for EndSignals {
    fn drop(&mut self) {
        let installed = std::mem::take(&mut self.handlers.lock().installed);
        drop(installed);
    }
}
