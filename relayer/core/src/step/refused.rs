//! Refusals: what becomes of a transfer whose payout or settlement the destination does not take, and the end of one
//! that expired unpaid.

use spandrel_risk::{Lane, Reason, RiskEvent};

use super::Draft;
use crate::submission::{Lasting, Progress};
use crate::{Effect, Event, Refusal, Status};

impl Draft<'_> {
    /// A refused fast payout opens the other lane, for how long it may be refused; one that was promised only when its
    /// destination has dropped it, or never had it. A payout with proof that is refused for now is tried again; with this
    /// proof, it is proven again; for ever, it fails, or ends as expired.
    pub(super) fn payout_refused(
        &mut self,
        lane: Lane,
        proof: u32,
        reason: &str,
        lasting: Lasting,
    ) -> Result<(), Refusal> {
        let is_current = self.transfer.issued.is_some_and(|issued| match lane {
            Lane::Fast => issued.lane == Lane::Fast,
            Lane::LightClient => issued.lane == Lane::LightClient && issued.proof == proof,
        });
        if !is_current || self.transfer.is_paid_by(lane) {
            return Ok(());
        }
        // The destination owes what it promised, whatever keeps it from being paid now.
        if lane == Lane::Fast && lasting == Lasting::ForNow && self.transfer.is_claimed_fast() {
            return Ok(());
        }
        if lane == Lane::Fast {
            let is_charged = self.transfer.payout.is_some();
            self.record(Event::FastRefused { reason: reason.to_owned() })?;
            self.give_back(is_charged);
            return self.clear_or_settle();
        }
        if lasting == Lasting::ForNow {
            return Ok(());
        }
        let was_given_back = self.transfer.payout.is_none();
        self.release(lane, reason)?;
        match lasting {
            _ if was_given_back => self.clear_or_settle(),
            _ if self.is_expired() => self.confirm_unpaid(),
            _ if self.transfer.mined().is_none() => self.prove_again(reason),
            Lasting::WithThisProof if proof < self.transfer.turn.proofs => self.clear_or_settle(),
            Lasting::WithThisProof => self.prove_again(reason),
            Lasting::ForEver | Lasting::ForNow => self.record(Event::Failed { reason: reason.to_owned() }),
        }
    }

    /// Takes a payout back that was issued and paid nothing.
    pub(super) fn release(&mut self, lane: Lane, reason: &str) -> Result<(), Refusal> {
        let is_charged = self.transfer.payout.is_some();
        self.record(Event::PayoutRefused { lane, reason: reason.to_owned() })?;
        self.give_back(is_charged);
        Ok(())
    }

    fn give_back(&mut self, is_charged: bool) {
        if is_charged {
            self.risk(RiskEvent::Returned { id: self.id() });
        }
    }

    /// The proof is forgotten; evidence is built again once the source has a newer final block.
    fn prove_again(&mut self, reason: &str) -> Result<(), Refusal> {
        if self.transfer.checkpoint.is_none() {
            return Ok(());
        }
        self.record(Event::ProofRefused { reason: reason.to_owned() })
    }

    pub(super) fn settlement_refused(&mut self, reason: &str, lasting: Lasting) -> Result<(), Refusal> {
        match lasting {
            Lasting::ForNow => Ok(()),
            Lasting::WithThisProof => self.prove_again(reason),
            // What was promised is not paid: it was dropped.
            Lasting::ForEver if !self.transfer.is_paid_by(Lane::Fast) => {
                self.payout_refused(Lane::Fast, 0, reason, lasting)
            }
            Lasting::ForEver => self.broken(&format!("settlement refused: {reason}")),
        }
    }

    /// An expired deposit ends only once the destination's final state says that nobody had it paid.
    pub(super) fn confirm_unpaid(&mut self) -> Result<(), Refusal> {
        let expiry = self.transfer.deposit.expiry;
        if !self.waits_for_confirmation() {
            self.record(Event::Held { reason: Reason::Expired { expiry }, until: None })?;
            let deposit = self.transfer.deposit.clone();
            self.ask_destination(Effect::ConfirmUnpaid { deposit });
        }
        Ok(())
    }

    pub(super) fn waits_for_confirmation(&self) -> bool {
        matches!(&self.transfer.status, Status::Held { reason: Reason::Expired { .. }, .. })
    }

    /// The answer to [`Effect::ConfirmUnpaid`]: refused for ever.
    pub(super) fn end_if_unpaid(&mut self, progress: &Progress) -> Result<(), Refusal> {
        let is_confirmed = matches!(progress, Progress::Refused { lasting: Lasting::ForEver, .. });
        if is_confirmed && self.is_idle() && self.is_expired() {
            let expiry = self.transfer.deposit.expiry;
            self.record(Event::Rejected { reason: Reason::Expired { expiry } })?;
        }
        Ok(())
    }

    /// Whether nothing of it is in anybody's hands.
    pub(super) fn is_idle(&self) -> bool {
        self.transfer.payout.is_none() && self.transfer.issued.is_none() && !self.is_quarantined()
    }
}
