//! The bridge at a glance: routes with what their lanes have used, how far behind each chain is, how verifiers agree.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, U256, U512};
use spandrel_core::{Policy, Transfer};
use spandrel_risk::{Lane, Limit, RiskPolicy, RiskState};
use spandrel_store::PageFilter;
use spandrel_verifiers::{ChainId, UnixSeconds};

use super::event::verifiers_of;
use super::reason::end;
use super::{LaneLimits, RouteView, Service};
use crate::{Problem, Route};

/// Of how many of the newest transfers the signatures are looked at.
const LOOKED_AT: u32 = 20;

/// The bridge at a glance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// When it was looked at.
    pub now: UnixSeconds,
    /// Pauses in force.
    pub pauses: Vec<PauseNow>,
    /// Every route.
    pub routes: Vec<RouteUse>,
    /// Every chain that is read.
    pub chains: Vec<ChainLag>,
    /// How verifiers agree.
    pub agreement: Agreement,
    /// Transfers by status; only those that occur.
    pub transfers: BTreeMap<String, u64>,
}

/// A pause in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PauseNow {
    /// What is paused.
    pub scope: String,
    /// Until when; absent for a freeze.
    pub until: Option<UnixSeconds>,
    /// Why.
    pub reason: String,
}

/// A route and its lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteUse {
    /// The route.
    pub route: RouteView,
    /// Its lanes.
    pub lanes: Vec<LaneUse>,
}

/// What a lane takes, and what of it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneUse {
    /// What it takes now.
    pub limits: LaneLimits,
    /// Cleared and not paid, or paid within 24 hours, of what all windows that bound the lane let pass, by amount and by value.
    pub window: Gauge,
    /// Paid and not proven yet; the fast lane's alone.
    pub exposure: Option<Gauge>,
}

/// An amount beside its bound, base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gauge {
    /// What is used.
    pub used: U256,
    /// The bound.
    pub limit: Limit,
}

/// How far behind a chain is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLag {
    /// CAIP-2.
    pub chain: String,
    /// The last block read.
    pub height: Option<u64>,
    /// Its age, seconds: how late a deposit would be seen.
    pub age: Option<u64>,
    /// The last final block.
    pub finalized: Option<u64>,
    /// Whether the last block is older than expected, or none was read.
    pub is_late: bool,
    /// Why it is not read any more, if so.
    pub halted: Option<String>,
}

/// How verifiers agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// How many must.
    pub threshold: usize,
    /// How many of the newest transfers a quorum proved.
    pub proven: u64,
    /// Under how many of those each verifier's signature stands. A quorum is complete with the first that are enough.
    pub signed: BTreeMap<Address, u64>,
    /// Verdicts that are waited for.
    pub waiting: u64,
    /// Seconds since the one that is due longest was due.
    pub waiting_since: Option<u64>,
}

impl Gauge {
    /// How full, in thousandths; `None` without a bound.
    pub fn permille(&self) -> Option<u64> {
        let Limit::Amount(limit) = self.limit else { return None };
        if limit.is_zero() {
            return Some(1000);
        }
        let full = U512::from(1000).saturating_mul(U512::from(self.used.min(limit))).checked_div(U512::from(limit))?;
        Some(full.saturating_to())
    }
}

impl Service {
    /// The bridge at a glance.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn overview(&self) -> Result<Overview, Problem> {
        let now = self.now();
        let summary = self.summary().await?;
        let (risk, policy) = self.risk();
        let mut routes = Vec::new();
        for view in self.routes().await? {
            let route = self.catalog.route(&view.id)?;
            let limits = self.limits(&route.id).await?;
            let lanes = limits.into_iter().filter_map(|limits| {
                let lane = route.lanes.iter().find(|lane| lane.to_string() == limits.lane)?;
                let left = self.window_left(route, *lane, (&policy, &risk), now);
                Some(lane_use((&policy, &risk), route, *lane, limits, left, now))
            });
            let lanes = lanes.collect();
            routes.push(RouteUse { route: view, lanes });
        }
        // A chain that is halted before anything of it was read is told too.
        let ids: BTreeSet<_> = summary.cursors.keys().chain(summary.halted.keys()).collect();
        let late: BTreeSet<&ChainId> = summary.late(&self.late_after, now).map(|(chain, _)| chain).collect();
        let chains = ids.into_iter().map(|chain| {
            let cursor = summary.cursors.get(chain);
            let tip = cursor.and_then(|cursor| cursor.tip);
            ChainLag {
                chain: chain.to_string(),
                height: tip.map(|tip| tip.height),
                age: tip.map(|tip| now.saturating_sub(tip.time)),
                finalized: cursor.and_then(|cursor| cursor.finalized).map(|block| block.height),
                is_late: late.contains(chain),
                halted: summary.halted.get(chain).cloned(),
            }
        });
        let pauses = risk.pauses_at(now).map(|(scope, pause)| PauseNow {
            scope: scope.to_string(),
            until: end(pause),
            reason: pause.reason.clone(),
        });
        let mut agreement = Agreement::clone(&*self.agreement.or_read(self.agreement_of_newest()).await?);
        if let Some(depth) = summary.outbox.get("verifiers") {
            agreement.waiting = depth.waiting.saturating_add(depth.leased);
            agreement.waiting_since = depth.oldest_due_age;
        }
        Ok(Overview {
            now,
            pauses: pauses.collect(),
            routes,
            chains: chains.collect(),
            agreement,
            transfers: summary.transfers.clone(),
        })
    }

    async fn agreement_of_newest(&self) -> Result<Agreement, Problem> {
        let newest = self.store.page(&PageFilter::default(), LOOKED_AT).await?;
        Ok(agreement(&self.policy, newest.iter().map(|(_, transfer)| transfer)))
    }
}

fn lane_use(
    (policy, risk): (&RiskPolicy, &RiskState),
    route: &Route,
    lane: Lane,
    limits: LaneLimits,
    left: Limit,
    now: UnixSeconds,
) -> LaneUse {
    let corridor = route.corridor(lane);
    let bounds = policy.limits(&corridor).copied().unwrap_or(spandrel_risk::Limits::CLOSED);
    let exposed = risk.exposure(&route.source, &route.asset, &route.destination);
    let used: U256 = risk.window_used(&corridor, now).saturating_to();
    let limit = match left {
        Limit::Amount(left) => bounds.window.min(Limit::Amount(used.saturating_add(left))),
        Limit::Unlimited => bounds.window,
    };
    LaneUse {
        limits,
        window: Gauge { used, limit },
        exposure: (lane == Lane::Fast)
            .then(|| Gauge { used: exposed.saturating_to(), limit: policy.exposure_cap(risk, &corridor) }),
    }
}

/// Whose signatures stand under the checkpoints of `transfers`. They were checked before they were stored.
fn agreement<'a>(policy: &Policy, transfers: impl Iterator<Item = &'a Transfer>) -> Agreement {
    let mut signed: BTreeMap<Address, u64> = policy.verifiers.members.iter().map(|member| (*member, 0)).collect();
    let mut proven = 0;
    for transfer in transfers {
        let (Some(checkpoint), destination) = (&transfer.checkpoint, &transfer.deposit.destination_chain) else {
            continue;
        };
        proven += u64::from(policy.destinations.contains_key(destination));
        for verifier in verifiers_of(policy, destination, checkpoint) {
            signed.entry(verifier).and_modify(|count| *count += 1);
        }
    }
    let threshold = policy.verifiers.threshold;
    Agreement { threshold, proven, signed, waiting: 0, waiting_since: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_is_full_at_its_bound_and_has_none_without() {
        let gauge = |used: u64, limit| Gauge { used: U256::from(used), limit };
        let bound = Limit::Amount(U256::from(400));
        assert_eq!([0, 100, 400, 900].map(|used| gauge(used, bound).permille()), [0, 250, 1000, 1000].map(Some));
        assert_eq!(gauge(0, Limit::CLOSED).permille(), Some(1000));
        assert_eq!(gauge(5, Limit::Unlimited).permille(), None);
        let whole = Gauge { used: U256::MAX, limit: Limit::Amount(U256::MAX) };
        assert_eq!(whole.permille(), Some(1000));
    }
}
