//! What stands, told in the ledger: whoever decides on a resumption may be another process.

use spandrel_core::ledger::Ledger;
use spandrel_core::watch::{Found, Watch, Watchbook};
use spandrel_verifiers::UnixSeconds;
use spandrel_watchers::sentinel::Finding;

use super::closed::Closed;
use super::{Memory, Sentinel};
use crate::{Clock, EngineError};

/// After so many seconds it is told again that all is looked at, though nothing else changed.
const AGAIN: u64 = 15;

impl<L: Ledger + Watchbook, C: Clock> Sentinel<L, C> {
    /// Tells what stands, when it changed, and now and then that it is looked at.
    pub(super) async fn tell(&self, memory: &mut Memory) -> Result<(), EngineError> {
        let of = self.of();
        if memory.told.is_none() {
            // What was found before a restart has stood since then.
            memory.told = self.book.ledger().watches().await?.into_iter().find(|told| told.of == of);
        }
        let now = self.book.clock().now();
        let looked_at = self.alarms.looked_at().unwrap_or(self.began_at);
        let found = self.alarms.standing();
        let found = found.iter().map(|finding| told(finding, memory.told.as_ref(), now)).collect();
        let Closed { vaults: closed, payouts: closed_payouts } = self.closed().await?;
        let watch = Watch { of, looked_at, found, closed, closed_payouts };
        let differs = |before: &Watch| {
            before.found != watch.found
                || before.closed != watch.closed
                || before.closed_payouts != watch.closed_payouts
        };
        let is_news = |before: &Watch| differs(before) || before.looked_at + AGAIN <= watch.looked_at;
        if memory.told.as_ref().is_none_or(is_news) {
            self.book.ledger().tell(watch.clone()).await?;
            memory.told = Some(watch);
        }
        Ok(())
    }

    /// By what they look at.
    pub(super) fn of(&self) -> String {
        let destinations = self.destinations.iter().map(|destination| destination.chain());
        let chains: Vec<&str> = self.sources.keys().chain(destinations).map(|chain| chain.as_str()).collect();
        chains.join(" ")
    }
}

fn told(finding: &Finding, before: Option<&Watch>, now: UnixSeconds) -> Found {
    let key = finding.key();
    let known = before.and_then(|before| before.found.iter().find(|found| found.key == key));
    let since = known.map_or(now, |found| found.since);
    let what = format!("{}: {}", finding.rule, finding.what);
    Found { key, what, delays: finding.delays_resumption(), since }
}
