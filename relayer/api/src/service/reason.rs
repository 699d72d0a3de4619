//! Why something waits or will not go on.

use serde::Serialize;
use spandrel_core::Status;
use spandrel_risk::{Lane, Pause, Position, Reason, RiskPolicy, RiskState, Scope};
use spandrel_verifiers::{Deposit, DepositId, UnixSeconds};
use utoipa::ToSchema;

use super::shown_time;

/// Why a transfer or a lane waits or will not go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReasonView {
    /// Stable, for programs.
    pub code: String,
    /// For people.
    pub message: String,
    /// When it goes on at the earliest, RFC 3339; absent when that is not known. Not before this: of a window that is full, when
    /// enough of it has left for this amount, if nothing else is cleared until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_at: Option<String>,
}

impl ReasonView {
    pub(super) fn new(code: &str, message: impl ToString, release_at: Option<UnixSeconds>) -> Self {
        Self { code: code.to_owned(), message: message.to_string(), release_at: release_at.map(shown_time) }
    }

    pub(super) fn paused(scope: &Scope, risk: &RiskState, now: UnixSeconds) -> Self {
        let until = risk.pauses_at(now).find(|(paused, _)| *paused == scope).and_then(|(_, pause)| end(pause));
        Self::new("PAUSED", format!("paused: {scope}"), until)
    }

    /// As it stands now.
    pub(super) fn of(reason: &Reason, until: Option<UnixSeconds>, risk: &RiskState, now: UnixSeconds) -> Self {
        match reason {
            Reason::Paused { scope } if until.is_none() => Self::paused(scope, risk, now),
            _ => Self::decided(reason, until),
        }
    }

    /// As it was decided.
    pub(super) fn decided(reason: &Reason, until: Option<UnixSeconds>) -> Self {
        let code = match reason {
            Reason::Paused { .. } => "PAUSED",
            Reason::Dropped { .. } => "DROPPED",
            Reason::Unknown => "UNKNOWN_ROUTE",
            Reason::Ledger { .. } => "LEDGER",
            Reason::PerTransferCap { .. } => "PER_TRANSFER_CAP",
            Reason::ExposureCap { .. } => "EXPOSURE_CAP",
            Reason::Window { .. } => "WINDOW",
            Reason::AssetWindow { .. } => "ASSET_WINDOW",
            Reason::NotionalWindow { .. } => "NOTIONAL_WINDOW",
            Reason::Unvalued { .. } => "UNVALUED",
            Reason::Confirmations { .. } => "CONFIRMATIONS",
            Reason::Velocity { .. } => "VELOCITY",
            Reason::Unusual { .. } => "UNUSUAL",
            Reason::LargeTransfer { .. } => "LARGE_TRANSFER",
            Reason::Expired { .. } => "EXPIRED",
            Reason::Dust { .. } => "DUST",
            Reason::AlreadyCleared { .. } => "ALREADY_CLEARED",
            Reason::Mismatch { .. } => "MISMATCH",
            Reason::Over => "OVER",
            Reason::LaneNotAskedFor => "LANE_NOT_ASKED_FOR",
        };
        Self::new(code, reason, until)
    }
}

/// When a pause is over; `None` for a freeze, which people lift.
pub(super) fn end(pause: &Pause) -> Option<UnixSeconds> {
    (pause.until != UnixSeconds::MAX).then_some(pause.until)
}

/// A deposit, and what it waits in.
pub(super) struct Waiting<'a> {
    pub(super) id: DepositId,
    pub(super) deposit: &'a Deposit,
    pub(super) risk: &'a RiskState,
    pub(super) policy: &'a RiskPolicy,
    pub(super) now: UnixSeconds,
}

impl Waiting<'_> {
    /// When the windows have room for it, if it is one of them that it waits for. What waits takes the light-client lane.
    pub(super) fn room_at(&self, reason: &Reason) -> Option<UnixSeconds> {
        let Self { id, deposit, risk, policy, now } = *self;
        match reason {
            Reason::Window { .. } | Reason::AssetWindow { .. } | Reason::NotionalWindow { .. } => {
                Position::new(risk, id, deposit, Lane::LightClient, now).windows_free_at(policy)
            }
            _ => None,
        }
    }
}

/// Why a transfer waits or failed.
pub(super) fn reason(status: &Status, waiting: &Waiting<'_>) -> Option<ReasonView> {
    let Waiting { deposit, risk, now, .. } = *waiting;
    match status {
        Status::Cleared { lane } => {
            risk.paused_by(deposit, *lane, now).map(|scope| ReasonView::paused(scope, risk, now))
        }
        Status::Held { reason, until } => {
            Some(ReasonView::of(reason, until.or_else(|| waiting.room_at(reason)), risk, now))
        }
        Status::Rejected { reason } => Some(ReasonView::of(reason, None, risk, now)),
        Status::Reorged { .. } => Some(ReasonView::new("SOURCE_REORGED", "its block was replaced", None)),
        Status::Shortfall { .. } => {
            Some(ReasonView::new("SHORTFALL", "it was paid before finality, and its deposit is gone", None))
        }
        Status::Failed { .. } => Some(ReasonView::new("FAILED", "its payout cannot succeed", None)),
        Status::Quarantined { .. } => Some(ReasonView::new("QUARANTINED", "an operator looks at it", None)),
        _ => None,
    }
}
