//! What the submitter says of a payout or a settlement. What the destination shows is believed, whatever was planned.

use alloy_primitives::B256;
use spandrel_risk::{Lane, RiskEvent};
use spandrel_verifiers::{ChainId, UnixSeconds};

use super::Draft;
use crate::submission::Progress;
use crate::{Effect, EffectId, Event, PayoutStage, Refusal, TxRef};

impl Draft<'_> {
    pub(super) fn progress(&mut self, id: EffectId, progress: &Progress) -> Result<(), Refusal> {
        if let Progress::PaidElsewhere { lane } = progress {
            return self.paid_elsewhere(*lane);
        }
        let effect = self.effect_of(id);
        if let Progress::Promised { tx, until } = progress
            && !matches!(effect, Some((None, _)))
        {
            return self.promised(tx, *until);
        }
        match effect {
            Some((Some(lane), proof)) => self.payout_progress(lane, proof, progress),
            Some((None, proof)) => self.settlement_progress(proof, progress),
            None if id == self.confirmation() => self.end_if_unpaid(progress),
            None => Ok(()),
        }
    }

    fn payout_progress(&mut self, lane: Lane, proof: u32, progress: &Progress) -> Result<(), Refusal> {
        if let Progress::Refused { reason, lasting } = progress {
            return self.payout_refused(lane, proof, reason, *lasting);
        }
        let Some(stage) = self.stage_on(lane, progress)? else { return Ok(()) };
        match progress {
            Progress::Broadcast { tx } => self.payout_broadcast(lane, stage, tx),
            Progress::Included { tx } => self.payout_included(lane, stage, tx),
            Progress::Finalized { tx } => self.payout_finalized(lane, stage, tx),
            Progress::Reorged | Progress::Reverted if stage == PayoutStage::Executed => {
                self.record(Event::PayoutReorged { lane })
            }
            _ => Ok(()),
        }
    }

    /// The stage of the payout on `lane`; `None` when this progress is not to be followed up.
    fn stage_on(&mut self, lane: Lane, progress: &Progress) -> Result<Option<PayoutStage>, Refusal> {
        let transfer = &self.transfer;
        if let Some(payout) = transfer.payout.as_ref().filter(|payout| payout.lane == lane) {
            return Ok(Some(payout.stage));
        }
        let is_on_chain = matches!(progress, Progress::Included { .. } | Progress::Finalized { .. });
        let is_sent = is_on_chain || matches!(progress, Progress::Broadcast { .. });
        let was_given_back = transfer.is_issued_on(lane);
        let was_refused = lane == Lane::Fast && transfer.issued.is_none() && transfer.fast_refused.is_some();
        let is_free = transfer.payout.is_none() && (was_given_back || (was_refused && is_on_chain));
        if is_free && is_sent {
            // It was on its way when it was given back, and was broadcast after all: charge it again.
            self.clear(lane)?;
            return Ok(Some(PayoutStage::Cleared));
        }
        if is_on_chain {
            self.broken(&format!("a payout on the {lane} lane that was not issued: {progress:?}"))?;
        }
        Ok(None)
    }

    fn payout_broadcast(&mut self, lane: Lane, stage: PayoutStage, tx: &TxRef) -> Result<(), Refusal> {
        let is_known = stage == PayoutStage::Submitted && self.is_tx(tx);
        if stage >= PayoutStage::Promised || is_known {
            return Ok(());
        }
        self.record(Event::Submitted { lane, tx: tx.clone() })
    }

    fn payout_included(&mut self, lane: Lane, stage: PayoutStage, tx: &TxRef) -> Result<(), Refusal> {
        let is_known = stage == PayoutStage::Executed && self.is_tx(tx);
        if stage == PayoutStage::Final || is_known {
            return Ok(());
        }
        self.record(Event::Executed { lane, tx: tx.clone() })?;
        if stage < PayoutStage::Executed { self.paid(lane) } else { Ok(()) }
    }

    /// The destination has taken a fast payout on, whatever was planned here, and delays it. It is an exposure from now on, and
    /// closes its lane if it stays unproven, as if it were paid.
    fn promised(&mut self, tx: &TxRef, until: UnixSeconds) -> Result<(), Refusal> {
        if self.transfer.is_claimed_fast() {
            return Ok(());
        }
        if self.transfer.is_paid_by(Lane::LightClient) {
            return self.broken("paid on the light-client lane, and promised on the fast lane");
        }
        if self.transfer.payout.as_ref().is_none_or(|payout| payout.lane != Lane::Fast) {
            self.give_way_to(Lane::Fast)?;
        }
        self.record(Event::Promised { tx: tx.clone(), until })?;
        self.paid(Lane::Fast)
    }

    /// It stands in a block for the first time, or is promised. A fast payout that stays unproven closes its lane on the
    /// destination: when it must be proven there, the destination says.
    fn paid(&mut self, lane: Lane) -> Result<(), Refusal> {
        if lane == Lane::Fast {
            let deposit = self.transfer.deposit.clone();
            self.ask_destination(Effect::CloseOverdue { deposit });
        }
        self.clear_or_settle()
    }

    fn payout_finalized(&mut self, lane: Lane, stage: PayoutStage, tx: &TxRef) -> Result<(), Refusal> {
        if stage == PayoutStage::Final {
            return Ok(());
        }
        if stage < PayoutStage::Executed {
            self.record(Event::Executed { lane, tx: tx.clone() })?;
        }
        self.record(Event::PayoutFinal { lane, tx: tx.clone() })?;
        // Not before: until then it may be gone from its block, and be paid later.
        self.risk(RiskEvent::Paid { id: self.id() });
        if stage < PayoutStage::Executed { self.paid(lane) } else { Ok(()) }
    }

    /// Somebody else may have had it paid, which is believed once it is final.
    pub(super) fn shown_paid(&mut self) -> Result<(), Refusal> {
        if self.transfer.payout.is_none() {
            let deposit = self.transfer.deposit.clone();
            self.ask_destination(Effect::ConfirmPaid { deposit });
        }
        Ok(())
    }

    /// Someone else had it paid, with a proof or an attestation that is public. Whatever was planned gives way: a fast
    /// payout is settled as if it were ours, one with proof is the end. What had ended unpaid ends otherwise.
    fn paid_elsewhere(&mut self, lane: Lane) -> Result<(), Refusal> {
        let tx = TxRef { chain: self.destination_chain(), hash: B256::ZERO, gas_used: None };
        if let Some(planned) = self.transfer.issued.map(|issued| issued.lane)
            && planned != lane
            && self.transfer.is_paid_by(planned)
        {
            return self.broken(&format!("paid on the {planned} lane, and by another on the {lane} lane"));
        }
        if self.transfer.status.may_be_paid_all_the_same() {
            self.record(Event::PaidAllTheSame)?;
            self.risk(RiskEvent::Reopened { id: self.id() });
        }
        if self.transfer.payout.as_ref().is_none_or(|payout| payout.lane != lane) {
            self.give_way_to(lane)?;
        }
        let stage = self.transfer.payout.as_ref().map_or(PayoutStage::Cleared, |payout| payout.stage);
        self.payout_finalized(lane, stage, &tx)
    }

    fn give_way_to(&mut self, lane: Lane) -> Result<(), Refusal> {
        let planned = self.transfer.issued.map(|issued| issued.lane);
        if let Some(planned) = planned.filter(|planned| *planned != lane) {
            self.release(planned, &format!("paid by someone else on the {lane} lane"))?;
        }
        let is_proven = lane == Lane::LightClient || self.transfer.checkpoint.is_some();
        if is_proven && !self.context.risk.is_proven(self.id()) {
            // The destination checked the proof, or a quorum did: what is released below is locked.
            self.risk_proven();
        }
        self.clear(lane)
    }

    fn settlement_progress(&mut self, proof: u32, progress: &Progress) -> Result<(), Refusal> {
        let is_fast = self.transfer.payout.as_ref().is_some_and(|payout| payout.lane == Lane::Fast);
        match progress {
            Progress::Finalized { tx } => {
                if !is_fast || !self.transfer.is_broadcast() {
                    return self.broken(&format!("a settlement without a fast payout: {progress:?}"));
                }
                self.record(Event::Settled { tx: tx.clone() })?;
                self.risk(RiskEvent::Settled { id: self.id() });
                Ok(())
            }
            Progress::Promised { tx, .. } if self.is_promised() => {
                self.record(Event::PromiseProven { tx: tx.clone() })?;
                self.risk(RiskEvent::Settled { id: self.id() });
                Ok(())
            }
            // Without a fast payout there is nothing to settle any more, and the proof may carry another payout.
            Progress::Refused { reason, lasting } if is_fast && proof == self.transfer.turn.proofs => {
                self.settlement_refused(reason, *lasting)
            }
            _ => Ok(()),
        }
    }

    fn is_promised(&self) -> bool {
        self.transfer.payout.as_ref().is_some_and(|payout| payout.stage == PayoutStage::Promised)
    }

    fn confirmation(&self) -> EffectId {
        EffectId::of_confirmation(self.id(), &self.transfer.deposit.destination_chain)
    }

    fn destination_chain(&self) -> ChainId {
        self.transfer.deposit.destination_chain.clone()
    }

    fn is_tx(&self, tx: &TxRef) -> bool {
        self.transfer.payout.as_ref().and_then(|payout| payout.tx.as_ref()).is_some_and(|known| known.hash == tx.hash)
    }
}
