//! What is refused whatever the pauses here say: by a chain that is halted, or by a contract that is paused itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use spandrel_core::ledger::Ledger;
use spandrel_core::watch::{Watch, Watchbook};
use spandrel_risk::{Corridor, Lane};
use spandrel_verifiers::UnixSeconds;

use super::{ReasonView, Service};
use crate::{Problem, Route};

impl Service {
    /// Why no deposit for `route` is asked for on any lane, whatever the pauses here say: its source is halted, or its vault
    /// is paused by its own contract and would not take one.
    pub(super) async fn stopped(&self, route: &Route) -> Result<Option<ReasonView>, Problem> {
        let chain = &route.source;
        if self.store.halted(chain).await?.is_some() {
            return Ok(Some(ReasonView::new("HALTED", format!("halted: {chain}"), None)));
        }
        let now = self.now();
        let watches = self.told().await?;
        let closed = standing(&watches, now).flat_map(|watch| &watch.closed);
        let closed = closed.filter(|closed| closed.stops(chain, &route.destination, &route.asset, now));
        let longest = closed.max_by_key(|closed| closed.until.unwrap_or(UnixSeconds::MAX));
        Ok(longest.map(|closed| {
            let message = format!("the vault on {chain} takes no such deposit: its contract is paused");
            ReasonView::new("VAULT_PAUSED", message, closed.until)
        }))
    }

    /// Why the destination of `corridor` pays nothing of it now, if it is paused by its own contract.
    pub(super) async fn unpaid(&self, corridor: &Corridor) -> Result<Option<ReasonView>, Problem> {
        Ok(unpaid(&self.told().await?, corridor, self.now()))
    }

    /// The same of each lane of `route` that it does not pay on.
    pub(super) async fn unpaid_lanes(&self, route: &Route) -> Result<BTreeMap<Lane, ReasonView>, Problem> {
        let (watches, now) = (self.told().await?, self.now());
        let lanes = route.lanes.iter();
        Ok(lanes.filter_map(|lane| Some((*lane, unpaid(&watches, &route.corridor(*lane), now)?))).collect())
    }

    /// What sentinels told last.
    async fn told(&self) -> Result<Arc<Vec<Watch>>, Problem> {
        self.watches.or_read(async { Ok(self.store.watches().await?) }).await
    }
}

/// Those of sentinels that are there.
fn standing(watches: &[Watch], now: UnixSeconds) -> impl Iterator<Item = &Watch> {
    watches.iter().filter(move |watch| !watch.is_gone(now))
}

fn unpaid(watches: &[Watch], corridor: &Corridor, now: UnixSeconds) -> Option<ReasonView> {
    let closed = standing(watches, now).flat_map(|watch| &watch.closed_payouts);
    let closed = closed.filter(|closed| closed.stops(corridor, now));
    let longest = closed.max_by_key(|closed| closed.until.unwrap_or(UnixSeconds::MAX))?;
    let message = format!("{} makes no such payout: its contract is paused", corridor.destination);
    Some(ReasonView::new("DESTINATION_PAUSED", message, longest.until))
}
