//! What each lane would take now, and why not.

use alloy::primitives::{B256, U256};
use serde::Serialize;
use spandrel_risk::{Decision, Lane, Limit, Limits, Position, RiskEvent, RiskPolicy, RiskState};
use spandrel_verifiers::{Deposit, DepositId, LanePreference, UnixSeconds};
use utoipa::ToSchema;

use super::{QuoteRequest, ReasonView, Service};
use crate::{Problem, Route, amount};

/// One lane of a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LaneLimits {
    /// `fast` or `light_client`.
    pub lane: String,
    /// Smallest transfer, base units.
    pub minimum: String,
    /// Largest single transfer, base units or `unlimited`.
    pub per_transfer: String,
    /// What is left of the sliding 24 hours, base units or `unlimited`: of all windows that bound this lane, by amount and by
    /// value.
    pub window_remaining: String,
    /// What may still be paid before proof (fast lane), base units or `unlimited`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure_remaining: Option<String>,
    /// From this amount on a transfer waits.
    pub large_from: String,
    /// Seconds that a large transfer waits.
    pub large_delay_seconds: u64,
    /// Why nothing passes now, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<ReasonView>,
}

/// What a lane would do with an amount now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LaneOffer {
    /// `fast` or `light_client`.
    pub lane: String,
    /// Whether it would be paid on this lane.
    pub offered: bool,
    /// Seconds from deposit to payout, typically; absent when it is not offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<u64>,
    /// Why not, or why later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonView>,
}

impl Service {
    /// The limits of a route, lane by lane.
    ///
    /// # Errors
    /// 404 when there is no such route.
    pub async fn limits(&self, route: &str) -> Result<Vec<LaneLimits>, Problem> {
        let route = self.catalog.route(route)?;
        let ((risk, policy), now) = (self.risk(), self.now());
        let lanes = route.lanes.iter().filter_map(|lane| {
            let corridor = route.corridor(*lane);
            let limits = policy.limits(&corridor)?;
            let exposed = saturated(risk.exposure(&route.source, &route.asset, &route.destination));
            let probe = self.probe(route, limits.dust.max(U256::ONE), *lane, now);
            let paused = risk.paused_by(&probe, *lane, now);
            let position = Position::new(&risk, probe.id(), &probe, *lane, now);
            Some(LaneLimits {
                lane: lane.to_string(),
                minimum: limits.dust.max(U256::ONE).to_string(),
                per_transfer: shown(limits.per_transfer),
                window_remaining: shown(position.window_left(&policy)),
                exposure_remaining: (*lane == Lane::Fast)
                    .then(|| remaining(policy.exposure_cap(&risk, &corridor), exposed)),
                large_from: shown(limits.large_from),
                large_delay_seconds: limits.large_delay,
                closed: paused.map(|scope| ReasonView::paused(scope, &risk, now)).or_else(|| closed(limits)),
            })
        });
        Ok(lanes.collect())
    }

    /// What each lane would do with what is asked, whether or not one takes it.
    ///
    /// # Errors
    /// 400 for an amount that does not read, 404 for an unknown route.
    pub async fn weigh(&self, request: &QuoteRequest) -> Result<Vec<LaneOffer>, Problem> {
        let amount = amount::parse("amount", &request.amount)?;
        let route = self.catalog.route(&request.route)?;
        Ok(self.offers(route, amount, request.lane.unwrap_or(LanePreference::Any)).await)
    }

    /// What each lane of `route` would do with `amount`.
    pub(super) async fn offers(&self, route: &Route, amount: U256, asked: LanePreference) -> Vec<LaneOffer> {
        let ((risk, policy), now) = (self.risk(), self.now());
        route.lanes.iter().map(|lane| self.offer(route, (&policy, &risk), amount, asked, *lane, now)).collect()
    }

    fn offer(
        &self,
        route: &Route,
        (policy, risk): (&RiskPolicy, &RiskState),
        amount: U256,
        asked: LanePreference,
        lane: Lane,
        now: UnixSeconds,
    ) -> LaneOffer {
        let mut probe = self.probe(route, amount, lane, now);
        probe.lane = asked;
        let id = probe.id();
        let decision = position(risk, id, &probe, lane, now).decide(policy, now);
        let source = self.catalog.source(&route.source);
        let seconds = source.map(|source| match lane {
            Lane::Fast => source.fast_seconds,
            Lane::LightClient => source.finality_seconds,
        });
        let (offered, later, reason) = match &decision {
            Decision::Allow => (true, 0, None),
            Decision::Delay { until, reason, .. } => {
                (true, until.saturating_sub(now), Some(ReasonView::of(reason, Some(*until), risk, now)))
            }
            Decision::Hold { reason } | Decision::Reject { reason } => {
                (false, 0, Some(ReasonView::of(reason, None, risk, now)))
            }
        };
        let eta_seconds = seconds.filter(|_| offered).map(|seconds| seconds.saturating_add(later));
        LaneOffer { lane: lane.to_string(), offered, eta_seconds, reason }
    }

    /// A deposit that nobody made, to ask the risk engine with.
    fn probe(&self, route: &Route, amount: U256, lane: Lane, now: UnixSeconds) -> Deposit {
        let destination = self.policy.destinations.get(&route.destination);
        Deposit {
            version: Deposit::VERSION,
            source_chain: route.source.clone(),
            source_bridge: self.policy.sources.get(&route.source).copied().unwrap_or_default(),
            source_key: B256::ZERO,
            asset: route.asset.clone(),
            amount,
            destination_chain: route.destination.clone(),
            destination_bridge: destination.map(|to| to.domain.inbox.into_word()).unwrap_or_default(),
            recipient: B256::ZERO,
            sender: B256::ZERO,
            lane: if lane == Lane::Fast { LanePreference::Fast } else { LanePreference::LightClient },
            expiry: now.saturating_add(super::quotes::LIFETIME),
        }
    }
}

/// As if the deposit were deep in its chain, and proven already: a light-client payout is asked for only then.
fn position<'a>(
    risk: &'a RiskState,
    id: DepositId,
    deposit: &'a Deposit,
    lane: Lane,
    now: UnixSeconds,
) -> Position<'a> {
    let position = Position::new(risk, id, deposit, lane, now).with_confirmations(u64::MAX);
    if lane == Lane::Fast {
        return position;
    }
    position.after(&RiskEvent::Proven {
        id,
        source: deposit.source_chain.clone(),
        asset: deposit.asset.clone(),
        amount: deposit.amount,
    })
}

fn closed(limits: &Limits) -> Option<ReasonView> {
    let is_closed = limits.per_transfer == Limit::CLOSED || limits.window == Limit::CLOSED;
    is_closed.then(|| ReasonView::new("CLOSED", "this lane is closed", None))
}

fn shown(limit: Limit) -> String {
    match limit {
        Limit::Amount(amount) => amount.to_string(),
        Limit::Unlimited => "unlimited".to_owned(),
    }
}

fn remaining(limit: Limit, used: U256) -> String {
    match limit {
        Limit::Amount(amount) => amount.saturating_sub(used).to_string(),
        Limit::Unlimited => "unlimited".to_owned(),
    }
}

fn saturated(sum: alloy::primitives::U512) -> U256 {
    sum.saturating_to()
}
