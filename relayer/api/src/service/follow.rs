//! Following one transfer: every event once, in order, read from the ledger. Where an order comes to follow another deposit,
//! that one's from its first.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::time::Instant;

use super::{Changes, EventView, Seen, Service};
use crate::Problem;

/// How long a transfer is followed at a time, when nothing else is said: clients resume after the last event they saw.
pub const WATCH: Duration = Duration::from_secs(3600);

/// Somebody who follows a transfer.
pub struct Follow {
    service: Arc<Service>,
    id: String,
    seen: Seen,
    changes: Changes,
    until: Instant,
}

impl Service {
    /// Follows a transfer from the event after those `seen` on.
    ///
    /// # Errors
    /// 404 when there is neither order nor deposit.
    pub async fn follow(self: Arc<Self>, id: String, seen: Seen) -> Result<Follow, Problem> {
        // Woken by what changes from now on, before anything is read.
        let changes = self.live.subscribe();
        self.deposits(&id).await?;
        let until = Instant::now() + self.watch;
        Ok(Follow { service: self, id, seen, changes, until })
    }
}

impl Follow {
    /// The events since the last call: waits for some, and ends with the transfer.
    ///
    /// # Errors
    /// When the ledger fails; 503 `WATCHED_LONG_ENOUGH` when the transfer is to be followed anew from the event after the last
    /// one.
    pub async fn next(&mut self) -> Result<Option<Vec<EventView>>, Problem> {
        loop {
            let events = self.take().await?;
            if !events.is_empty() {
                return Ok(Some(events));
            }
            if !self.wait().await? {
                return Ok(None);
            }
        }
    }

    /// The events since the last call, if there are any.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn take(&mut self) -> Result<Vec<EventView>, Problem> {
        let events = self.service.events(&self.id, &self.seen).await?;
        if let Some(last) = events.last() {
            self.seen = Seen::up_to(last);
        }
        Ok(events)
    }

    /// Waits for a change; `false` when there will be none.
    async fn wait(&mut self) -> Result<bool, Problem> {
        if self.service.transfer(&self.id).await?.terminal {
            // What came between the last read and this one is not lost.
            return Ok(!self.service.events(&self.id, &self.seen).await?.is_empty());
        }
        let names = self.service.names(&self.id).await?;
        let changed = tokio::time::timeout_at(self.until, self.changes.of(&names)).await;
        changed.map_err(|_| {
            let detail = "it is not at its end: follow it again from the event after the last one";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "WATCHED_LONG_ENOUGH", detail).retry_in(1)
        })
    }
}
