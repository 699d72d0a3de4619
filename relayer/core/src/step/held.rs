//! What guardians do with a transfer that waits. Who may ask for it, and after which delay, is dual control's
//! (`spandrel_risk::control`); here it only happens where nothing was paid and nothing is under way.

use spandrel_risk::{Lane, Reason};
use spandrel_verifiers::UnixSeconds;

use super::Draft;
use crate::{Event, Refusal, Status};

impl Draft<'_> {
    /// Ends a transfer that is held or quarantined, and of which no payout was ever issued and not refused.
    pub(super) fn drop_unpaid(&mut self, reason: &str) -> Result<(), Refusal> {
        let is_waiting = self.is_held() || self.is_quarantined();
        if !is_waiting || self.transfer.payout.is_some() || self.transfer.issued.is_some() {
            return Ok(());
        }
        self.record(Event::Rejected { reason: Reason::Dropped { by: reason.to_owned() } })
    }

    /// A hold gets longer, never shorter.
    pub(super) fn extend_hold(&mut self, until: UnixSeconds) -> Result<(), Refusal> {
        match &self.transfer.status {
            Status::Held { reason, until: standing } if standing.is_none_or(|standing| standing < until) => {
                let reason = reason.clone();
                self.record(Event::Held { reason, until: Some(until) })
            }
            _ => Ok(()),
        }
    }

    /// Pays a transfer before its time, where guardians' word is enough.
    pub(super) fn release_early(&mut self) -> Result<(), Refusal> {
        let is_idle = self.transfer.payout.is_none() && self.transfer.issued.is_none();
        if !self.is_held() || !is_idle || self.transfer.mined().is_none() || self.transfer.checkpoint.is_none() {
            return Ok(());
        }
        if !self.position(Lane::LightClient).may_be_released(&self.context.policy.risk) {
            return Ok(());
        }
        let (_, decided) = self.assess(Lane::LightClient);
        self.risk(decided);
        self.pay_proven()
    }

    /// Whether a hold with an end has not ended: what guardians extended waits, whatever else would let it pass.
    pub(super) fn is_held_until_later(&self) -> bool {
        matches!(self.transfer.status, Status::Held { until: Some(until), .. } if self.context.now < until)
    }

    pub(super) fn is_held(&self) -> bool {
        matches!(self.transfer.status, Status::Held { .. })
    }
}
