//! Where a proven transfer goes: settle the fast payout, pay it, hold it, or end it.

use std::mem::discriminant;

use spandrel_risk::{Decision, Lane, Reason, RiskEvent};
use spandrel_verifiers::UnixSeconds;

use super::Draft;
use crate::{Effect, Event, Refusal, Status};

impl Draft<'_> {
    /// The next step of a proven deposit. A fast payout under way is waited for, whatever becomes of it; one that was
    /// issued and then given back still blocks the other lane until the submitter definitively refused it.
    pub(super) fn clear_or_settle(&mut self) -> Result<(), Refusal> {
        if self.transfer.mined().is_none() || self.transfer.checkpoint.is_none() {
            return Ok(());
        }
        if self.transfer.payout.is_some() {
            self.settle_if_claimed();
            return Ok(());
        }
        if self.transfer.issued.is_some() || self.is_quarantined() || self.is_held_until_later() {
            return Ok(());
        }
        let (decision, decided) = self.assess(Lane::LightClient);
        match decision {
            Decision::Delay { until, reason, .. } => self.hold(reason, Some(until), decided),
            Decision::Hold { reason } => self.hold(reason, None, decided),
            Decision::Allow => {
                self.risk(decided);
                self.pay_proven()
            }
            Decision::Reject { reason: Reason::Expired { .. } } => {
                self.risk(decided);
                self.confirm_unpaid()
            }
            Decision::Reject { reason } => {
                self.risk(decided);
                self.record(Event::Rejected { reason })
            }
        }
    }

    /// Asks for settlement once the fast payout stands in a block, or is promised, and its deposit is proven. It pays nothing,
    /// so no hold and no pause is asked: left owed, anybody could close the lane over it.
    pub(super) fn settle_if_claimed(&mut self) {
        let transfer = &self.transfer;
        if let (true, Some(evidence), Some(checkpoint)) =
            (transfer.is_claimed_fast(), transfer.evidence.clone(), transfer.checkpoint.clone())
        {
            let deposit = transfer.deposit.clone();
            self.ask_destination(Effect::Settle { deposit, evidence, checkpoint });
        }
    }

    pub(super) fn pay_proven(&mut self) -> Result<(), Refusal> {
        let transfer = &self.transfer;
        let (Some(evidence), Some(checkpoint)) = (transfer.evidence.clone(), transfer.checkpoint.clone()) else {
            return Ok(());
        };
        let deposit = transfer.deposit.clone();
        self.clear(Lane::LightClient)?;
        self.ask_destination(Effect::PayProven { deposit, evidence, checkpoint });
        Ok(())
    }

    /// Records the clearance and charges it.
    pub(super) fn clear(&mut self, lane: Lane) -> Result<(), Refusal> {
        self.record(Event::Cleared { lane })?;
        let (id, deposit) = (self.id(), self.transfer.deposit.clone());
        let charge = self.context.policy.risk.wide.charge(self.context.risk, &deposit, self.context.now);
        self.risk(RiskEvent::cleared(id, &deposit, lane));
        self.risk(RiskEvent::Charged { id, charge });
        Ok(())
    }

    /// Holds, unless it is held for the same already: a reason's numbers alone are no news.
    fn hold(&mut self, reason: Reason, until: Option<UnixSeconds>, decided: RiskEvent) -> Result<(), Refusal> {
        if let Status::Held { reason: standing, until: standing_until } = &self.transfer.status
            && discriminant(standing) == discriminant(&reason)
            && *standing_until == until
        {
            return Ok(());
        }
        self.risk(decided);
        self.record(Event::Held { reason, until })
    }

    /// Time has passed: what is held is assessed again, and what expired unpaid is about to end.
    pub(super) fn tick(&mut self) -> Result<(), Refusal> {
        let now = self.context.now;
        if self.is_idle() && self.is_expired() {
            return self.confirm_unpaid();
        }
        match &self.transfer.status {
            Status::Held { until: Some(until), .. } if now < *until => Ok(()),
            Status::Held { .. } | Status::Verified => self.clear_or_settle(),
            _ => Ok(()),
        }
    }

    /// Takes the work up again where it stands, after a quarantine.
    pub(super) fn resume(&mut self) -> Result<(), Refusal> {
        let Some(seen) = self.transfer.mined().cloned() else { return Ok(()) };
        if !self.transfer.is_source_final() {
            return self.ask_for_attestation();
        }
        if self.transfer.evidence.is_none() {
            let at = seen.block;
            self.build_evidence(seen, at);
        } else if self.transfer.checkpoint.is_none() {
            self.request_verdicts();
        } else {
            self.clear_or_settle()?;
        }
        Ok(())
    }
}
