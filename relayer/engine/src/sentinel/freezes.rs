//! Pauses and freezes of the ledger that a chain does not keep: those that never came there, and freezes that end there by
//! themselves. Nothing else renews them.

use std::collections::{BTreeMap, BTreeSet};

use spandrel_core::ledger::Ledger;
use spandrel_core::watch::Watchbook;
use spandrel_risk::{Corridor, RiskState, Scope};
use spandrel_verifiers::{ChainId, UnixSeconds};
use spandrel_watchers::sentinel::{Finding, Unfrozen, Unpaused, judge_unfrozen, judge_unpaused};

use super::Sentinel;
use super::closed::Closed;
use crate::Clock;
use crate::on_chains::{concerns_deposits, concerns_payouts};

/// Of whom enough nodes told now what is refused.
#[derive(Default)]
pub(super) struct Read {
    pub(super) vaults: BTreeSet<ChainId>,
    pub(super) destinations: BTreeSet<ChainId>,
}

/// What is paused or frozen and where that is not kept, and since when.
pub(super) type Freezes = BTreeMap<(Scope, ChainId), UnixSeconds>;

impl<L: Ledger + Watchbook, C: Clock> Sentinel<L, C> {
    /// What is paused or frozen here and, by what chains tell, not there.
    pub(super) async fn judge_freezes(&self, closed: &Closed, read: &Read) -> Vec<Finding> {
        let now = self.book.clock().now();
        let untils = |risk: &RiskState| -> BTreeMap<Scope, UnixSeconds> {
            risk.pauses_at(now).map(|(scope, pause)| (scope.clone(), pause.until)).collect()
        };
        let paused = self.book.read_risk(untils).await;
        let is_frozen = |scope: &Scope| paused.get(scope) == Some(&UnixSeconds::MAX);
        let mut ends: BTreeMap<(Scope, ChainId), UnixSeconds> = BTreeMap::new();
        for scope in paused.keys() {
            for corridor in self.book.policy().risk.limits.keys().filter(|corridor| scope.stops(corridor)) {
                for (chain, end) in self.kept(scope, corridor, closed, read, now) {
                    let known = ends.entry((scope.clone(), chain.clone())).or_insert(end);
                    *known = end.min(*known);
                }
            }
        }
        // A pause may end there a little earlier or later.
        ends.retain(|(scope, _), end| *end == 0 || (is_frozen(scope) && *end != UnixSeconds::MAX));
        let mut freezes = self.freezes();
        freezes.retain(|known, _| ends.contains_key(known));
        let judged = ends.into_iter().filter_map(|((scope, chain), end)| {
            let since = *freezes.entry((scope.clone(), chain.clone())).or_insert(now);
            let (is_frozen, scope) = (is_frozen(&scope), scope.to_string());
            match is_frozen {
                true => judge_unfrozen(&Unfrozen { scope, chain, until: (end != 0).then_some(end), since }, now),
                false => judge_unpaused(&Unpaused { scope, chain, since }, now),
            }
        });
        judged.collect()
    }

    /// Until when each chain to which a pause of `scope` is brought refuses its part of a corridor: zero where it does not, the
    /// greatest number where it does so without end.
    fn kept<'a>(
        &self,
        scope: &Scope,
        corridor: &'a Corridor,
        closed: &Closed,
        read: &Read,
        now: UnixSeconds,
    ) -> Vec<(&'a ChainId, UnixSeconds)> {
        let Corridor { source, destination, asset, .. } = corridor;
        let pays =
            |chain: &ChainId| self.book.policy().destinations.contains_key(chain) && concerns_payouts(scope, chain);
        let takes = |chain: &ChainId| self.book.vaults.contains_key(chain) && concerns_deposits(scope, chain);
        let last = |untils: &mut dyn Iterator<Item = Option<UnixSeconds>>| {
            untils.map(|until| until.unwrap_or(UnixSeconds::MAX)).max().unwrap_or(0)
        };
        let mut kept = Vec::new();
        if read.destinations.contains(destination) && pays(destination) {
            let refused = closed.payouts.iter().filter(|refused| refused.stops(corridor, now));
            kept.push((destination, last(&mut refused.map(|refused| refused.until))));
        }
        // Lanes are of payouts.
        let is_of_deposits = !matches!(scope, Scope::Lane { .. });
        if is_of_deposits && read.vaults.contains(source) && (pays(source) || takes(source)) {
            let refused = closed.vaults.iter().filter(|refused| refused.stops(source, destination, asset, now));
            kept.push((source, last(&mut refused.map(|refused| refused.until))));
        }
        kept
    }
}
