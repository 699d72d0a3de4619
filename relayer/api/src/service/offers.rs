//! What each lane would do with a deposit now, asked as the machine will ask, and by when it would have paid it.

use alloy::primitives::{B256, U256};
use serde::Serialize;
use spandrel_risk::{Decision, Lane, Limit, Position, Reason, RiskEvent, RiskPolicy, RiskState};
use spandrel_verifiers::{Deposit, LanePreference, UnixSeconds};
use utoipa::ToSchema;

use super::{QuoteRequest, ReasonView, Service};
use crate::catalog::Source;
use crate::{Problem, Route, amount};

/// Seconds from an order in which its deposit is made, beside all that it may wait for after that.
const TO_DEPOSIT: u64 = 86_400;

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

/// What a lane is asked about: a deposit that is not made yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub amount: U256,
    pub lane: LanePreference,
    /// Zero while nobody knows.
    pub sender: B256,
    /// Zero while nobody knows.
    pub recipient: B256,
}

impl Asked {
    /// Of whomever, to whomever.
    pub(super) fn anyone(amount: U256, lane: LanePreference) -> Self {
        Self { amount, lane, sender: B256::ZERO, recipient: B256::ZERO }
    }
}

/// Of a lane that pays it: seconds that it waits after the deposit, and for what beside its chain. Or why it does not.
type Answer = Result<(u64, Option<ReasonView>), ReasonView>;

impl Service {
    /// What each lane would do with what is asked, whether or not one takes it.
    ///
    /// # Errors
    /// 400 for an amount that does not read, 404 for an unknown route, 503 when the ledger fails; those of an order for the
    /// parties, where they are named.
    pub async fn weigh(&self, request: &QuoteRequest) -> Result<Vec<LaneOffer>, Problem> {
        let amount = amount::parse("amount", &request.amount)?;
        let route = self.catalog.route(&request.route)?;
        self.offers(route, &self.asked(route, amount, request)?).await
    }

    /// What each lane of `route` would do with a deposit.
    ///
    /// # Errors
    /// 503 when the ledger fails.
    pub(super) async fn offers(&self, route: &Route, asked: &Asked) -> Result<Vec<LaneOffer>, Problem> {
        let (stopped, unpaid) = (self.stopped(route).await?, self.unpaid_lanes(route).await?);
        let ((risk, policy), now) = (self.risk(), self.now());
        let (probe, source) = (self.probe(route, asked, now), self.catalog.source(&route.source));
        let offers = route.lanes.iter().map(|lane| {
            let answer = match (&stopped, lane) {
                (Some(stopped), _) => Err(stopped.clone()),
                (None, Lane::Fast) => fast(&policy, &risk, &probe, source, now),
                (None, Lane::LightClient) => light_client(&policy, &risk, &probe, source, now),
            };
            let (offered, eta, reason) = match (answer, unpaid.get(lane)) {
                (Ok((eta, reason)), None) => (true, source.map(|_| eta), reason),
                (Ok(_), Some(unpaid)) => (false, None, Some(unpaid.clone())),
                (Err(reason), _) => (false, None, Some(reason)),
            };
            LaneOffer { lane: lane.to_string(), offered, eta_seconds: eta, reason }
        });
        Ok(offers.collect())
    }

    /// The same of what is about to be promised.
    ///
    /// # Errors
    /// 422 `NO_LANE` with the reasons when none takes it.
    pub(super) async fn require_lane(&self, route: &Route, asked: &Asked) -> Result<Vec<LaneOffer>, Problem> {
        let lanes = self.offers(route, asked).await?;
        if lanes.iter().any(|offer| offer.offered) {
            return Ok(lanes);
        }
        let reasons =
            lanes.iter().filter_map(|offer| Some(format!("{}: {}", offer.lane, offer.reason.as_ref()?.message)));
        let reasons: Vec<String> = reasons.collect();
        let detail = format!("no lane takes it: {}", reasons.join("; "));
        Err(Problem::unprocessable("NO_LANE", "amount", detail).with_lanes(lanes))
    }

    /// When a deposit that is ordered now expires: a day to make it, and whatever it may wait for after that. So a payout
    /// that is held back for its size or its party's pace is not too late by that alone.
    pub(super) fn expiry(&self, route: &Route, asked: &Asked) -> UnixSeconds {
        let ((risk, policy), now) = (self.risk(), self.now());
        let probe = self.probe(route, asked, now);
        let limits = policy.limits(&route.corridor(Lane::LightClient));
        let is_large = |from: Limit| from != Limit::Unlimited && asked.amount >= from.amount();
        let large = limits.filter(|limits| is_large(limits.large_from)).map_or(0, |limits| limits.large_delay);
        let parties = policy.wide.assets.get(&route.asset).map(|rules| [&rules.sender, &rules.recipient]);
        let refills = parties.into_iter().flatten().filter(|bucket| bucket.capacity != Limit::Unlimited);
        let refill = refills.map(|bucket| bucket.refill_seconds).max().unwrap_or_default();
        let source = self.catalog.source(&route.source);
        let (is_final, longest) = source.map_or((0, u64::MAX), |source| {
            (seconds_to_finality(&policy, &risk, &probe, source, now), source.kind.longest_wait())
        });
        let wait = is_final.saturating_add(large).saturating_add(refill).min(longest);
        now.saturating_add(TO_DEPOSIT).saturating_add(wait)
    }

    /// A deposit that nobody made, to ask the risk engine with.
    pub(super) fn probe(&self, route: &Route, asked: &Asked, now: UnixSeconds) -> Deposit {
        let destination = self.policy.destinations.get(&route.destination);
        Deposit {
            version: Deposit::VERSION,
            source_chain: route.source.clone(),
            source_bridge: self.policy.sources.get(&route.source).copied().unwrap_or_default(),
            source_key: B256::ZERO,
            asset: route.asset.clone(),
            amount: asked.amount,
            destination_chain: route.destination.clone(),
            destination_bridge: destination.map(|to| to.domain.inbox.into_word()).unwrap_or_default(),
            recipient: asked.recipient,
            sender: asked.sender,
            lane: asked.lane,
            expiry: now.saturating_add(TO_DEPOSIT),
        }
    }
}

/// It is asked once, before the deposit is final: no block stands on it for good, and what would wait takes the other lane.
fn fast(policy: &RiskPolicy, risk: &RiskState, probe: &Deposit, source: Option<&Source>, now: UnixSeconds) -> Answer {
    match Position::new(risk, probe.id(), probe, Lane::Fast, now).decide(policy, now) {
        Decision::Allow => Ok((source.map_or(0, |source| source.fast_seconds), None)),
        Decision::Delay { reason, .. } | Decision::Hold { reason } | Decision::Reject { reason } => {
            Err(ReasonView::of(&reason, None, risk, now))
        }
    }
}

/// It is asked once the deposit is proven, and again while it waits.
fn light_client(
    policy: &RiskPolicy,
    risk: &RiskState,
    probe: &Deposit,
    source: Option<&Source>,
    now: UnixSeconds,
) -> Answer {
    let Wait { large, pace, why } = wait_once_proven(policy, risk, probe, now)?;
    let Some(source) = source else { return Ok((0, why)) };
    let eta = seconds_to_finality(policy, risk, probe, source, now).saturating_add(large).max(pace);
    let most = source.kind.longest_wait();
    if eta > most {
        let late = format!("it would be paid {eta} seconds after its deposit; its deposit is good for {most}");
        return Err(ReasonView::new("PAID_TOO_LATE", late, None));
    }
    Ok((eta, why))
}

/// What the light-client lane has a proven deposit wait for.
pub(super) struct Wait {
    /// Seconds from its proof, for its size.
    pub(super) large: u64,
    /// Seconds from now, for its pace.
    pub(super) pace: u64,
    why: Option<ReasonView>,
}

/// That of a deposit as if it were proven now, or why it would not be paid.
pub(super) fn wait_once_proven(
    policy: &RiskPolicy,
    risk: &RiskState,
    probe: &Deposit,
    now: UnixSeconds,
) -> Result<Wait, ReasonView> {
    let position = proven(risk, probe, now);
    let first = position.decide(policy, now);
    // What waits for its size is asked as if it had waited: the checks that come after are not passed over.
    let then = if let Decision::Delay { .. } = first { position.decide(policy, 0) } else { first.clone() };
    let shown = |reason: &Reason, until| Some(ReasonView::of(reason, until, risk, now));
    let (large, why) = match &first {
        Decision::Delay { until, reason } => {
            let is_large = matches!(reason, Reason::LargeTransfer { .. });
            (if is_large { until.saturating_sub(now) } else { 0 }, shown(reason, Some(*until)))
        }
        _ => (0, None),
    };
    let pace = match &then {
        Decision::Allow => 0,
        Decision::Delay { until, .. } => until.saturating_sub(now),
        Decision::Hold { reason } | Decision::Reject { reason } => {
            return Err(ReasonView::of(reason, None, risk, now));
        }
    };
    Ok(Wait { large, pace, why })
}

/// Seconds until a deposit is final and stands as deep as its value asks for.
fn seconds_to_finality(
    policy: &RiskPolicy,
    risk: &RiskState,
    probe: &Deposit,
    source: &Source,
    now: UnixSeconds,
) -> u64 {
    source.seconds_to(probe.amount, depth_needed(policy, risk, probe, now))
}

/// Under how many final blocks its value has it stand; `u64::MAX` where nothing may pass.
pub(super) fn depth_needed(policy: &RiskPolicy, risk: &RiskState, probe: &Deposit, now: UnixSeconds) -> u64 {
    proven(risk, probe, now).confirmations_needed(policy).unwrap_or_default()
}

/// Whether the fast lane would pay it now.
pub(super) fn is_fast(policy: &RiskPolicy, risk: &RiskState, probe: &Deposit, now: UnixSeconds) -> bool {
    fast(policy, risk, probe, None, now).is_ok()
}

/// As if the deposit were deep in its chain, and proven already: a light-client payout is asked for only then.
fn proven<'a>(risk: &'a RiskState, probe: &'a Deposit, now: UnixSeconds) -> Position<'a> {
    let id = probe.id();
    let position = Position::new(risk, id, probe, Lane::LightClient, now).with_confirmations(u64::MAX);
    position.after(&RiskEvent::Proven {
        id,
        source: probe.source_chain.clone(),
        asset: probe.asset.clone(),
        amount: probe.amount,
    })
}
