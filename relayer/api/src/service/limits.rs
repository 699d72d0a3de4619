//! What each lane takes now.

use alloy::primitives::U256;
use serde::Serialize;
use spandrel_risk::{Lane, Limit, Limits, Position, RiskPolicy, RiskState};
use spandrel_verifiers::{LanePreference, UnixSeconds};
use utoipa::ToSchema;

use super::offers::Asked;
use super::{ReasonView, Service};
use crate::{Problem, Route};

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

impl Service {
    /// The limits of a route, lane by lane.
    ///
    /// # Errors
    /// 404 when there is no such route.
    pub async fn limits(&self, route: &str) -> Result<Vec<LaneLimits>, Problem> {
        let route = self.catalog.route(route)?;
        let (stopped, unpaid) = (self.stopped(route).await?, self.unpaid_lanes(route).await?);
        let ((risk, policy), now) = (self.risk(), self.now());
        let lanes = route.lanes.iter().filter_map(|lane| {
            let corridor = route.corridor(*lane);
            let limits = policy.limits(&corridor)?;
            let exposed = saturated(risk.exposure(&route.source, &route.asset, &route.destination));
            let probe = self.probe(route, &Asked::anyone(limits.dust.max(U256::ONE), LanePreference::Any), now);
            let paused = risk.paused_by(&probe, *lane, now);
            Some(LaneLimits {
                lane: lane.to_string(),
                minimum: limits.dust.max(U256::ONE).to_string(),
                per_transfer: shown(limits.per_transfer),
                window_remaining: shown(self.window_left(route, *lane, (&policy, &risk), now)),
                exposure_remaining: (*lane == Lane::Fast)
                    .then(|| remaining(policy.exposure_cap(&risk, &corridor), exposed)),
                large_from: shown(limits.large_from),
                large_delay_seconds: limits.large_delay,
                closed: stopped
                    .clone()
                    .or_else(|| paused.map(|scope| ReasonView::paused(scope, &risk, now)))
                    .or_else(|| closed(limits))
                    .or_else(|| unpaid.get(lane).cloned()),
            })
        });
        Ok(lanes.collect())
    }

    /// What all windows that bound a lane let pass now.
    pub(super) fn window_left(
        &self,
        route: &Route,
        lane: Lane,
        (policy, risk): (&RiskPolicy, &RiskState),
        now: UnixSeconds,
    ) -> Limit {
        let probe = self.probe(route, &Asked::anyone(U256::ONE, LanePreference::Any), now);
        Position::new(risk, probe.id(), &probe, lane, now).window_left(policy)
    }
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
