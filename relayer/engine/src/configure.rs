//! What a start makes of what was agreed on, stored like guardians' orders.

use spandrel_core::ledger::Ledger;
use spandrel_risk::Agreement;
use spandrel_risk::control::{ConfigureRefusal, ControlEvent, configure};

use crate::book::{MAX_CONFLICTS, conflict};
use crate::{Book, Change, Clock, EngineError};

/// Why a process must not go on with its configuration.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It is not what was agreed on.
    #[error(transparent)]
    Refused(#[from] ConfigureRefusal),
    /// It could not be stored.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl<L: Ledger, C: Clock> Book<L, C> {
    /// Goes on with `file` where it allows nothing beyond what the ledger says is agreed on: what is stricter in it is
    /// agreed on from then on, for all processes over this ledger. Answers what was stored; nothing when the file says what
    /// the one before said.
    ///
    /// # Errors
    /// What it allows beyond that. Nothing is changed then.
    pub async fn configure(&self, file: Agreement) -> Result<Vec<ControlEvent>, StartError> {
        let mut view = self.risk.lock().await;
        for _ in 0..MAX_CONFLICTS {
            let events = configure(&view.control, &file, self.clock.now())?;
            let is_stored =
                events.is_empty() || self.record_once(&Change::default(), &events, &mut view).await?.is_some();
            if is_stored {
                view.serve(file);
                self.show(&view);
                return Ok(events);
            }
        }
        Err(conflict("control log").into())
    }
}
