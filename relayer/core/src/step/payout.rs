//! What the submitter says of a payout or a settlement. What the destination shows is believed, whatever was planned.

use spandrel_risk::{Lane, Reason, RiskEvent};

use super::Draft;
use crate::submission::Progress;
use crate::{EffectId, Event, PayoutStage, Refusal, TxRef};

impl Draft<'_> {
    pub(super) fn progress(&mut self, id: EffectId, progress: &Progress) -> Result<(), Refusal> {
        match self.effect_of(id) {
            Some(Some(lane)) => self.payout_progress(lane, progress),
            Some(None) => self.settlement_progress(progress),
            None => Ok(()),
        }
    }

    fn payout_progress(&mut self, lane: Lane, progress: &Progress) -> Result<(), Refusal> {
        if let Progress::Refused { reason, is_permanent } = progress {
            return self.payout_refused(lane, reason, *is_permanent);
        }
        let Some(stage) = self.stage_on(lane, progress)? else { return Ok(()) };
        match progress {
            Progress::Broadcast { tx } => self.payout_broadcast(lane, stage, tx),
            Progress::Included { tx } => self.payout_included(lane, stage, tx),
            Progress::Finalized { tx } => self.payout_finalized(lane, stage, tx),
            Progress::Reorged if stage == PayoutStage::Executed => self.record(Event::PayoutReorged { lane }),
            Progress::Reorged | Progress::Refused { .. } => Ok(()),
        }
    }

    /// The stage of the payout on `lane`; `None` when this progress is not to be followed up.
    fn stage_on(&mut self, lane: Lane, progress: &Progress) -> Result<Option<PayoutStage>, Refusal> {
        let transfer = &self.transfer;
        if let Some(payout) = transfer.payout.as_ref().filter(|payout| payout.lane == lane) {
            return Ok(Some(payout.stage));
        }
        let is_on_chain = matches!(progress, Progress::Included { .. } | Progress::Finalized { .. });
        let was_given_back = transfer.issued == Some(lane);
        let was_refused = lane == Lane::Fast && transfer.issued.is_none() && transfer.fast_refused.is_some();
        let is_free = transfer.payout.is_none() && (was_given_back || (was_refused && is_on_chain));
        if is_free && *progress != Progress::Reorged {
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
        if stage >= PayoutStage::Executed || is_known {
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
        if stage < PayoutStage::Executed { self.clear_or_settle() } else { Ok(()) }
    }

    fn payout_finalized(&mut self, lane: Lane, stage: PayoutStage, tx: &TxRef) -> Result<(), Refusal> {
        if stage == PayoutStage::Final {
            return Ok(());
        }
        if stage < PayoutStage::Executed {
            self.record(Event::Executed { lane, tx: tx.clone() })?;
        }
        self.record(Event::PayoutFinal { lane, tx: tx.clone() })?;
        if stage < PayoutStage::Executed { self.clear_or_settle() } else { Ok(()) }
    }

    /// The fast lane is over for this deposit, and the other one opens. The light-client lane keeps trying, unless
    /// it never can.
    fn payout_refused(&mut self, lane: Lane, reason: &str, is_permanent: bool) -> Result<(), Refusal> {
        if self.transfer.issued != Some(lane) || self.transfer.is_paid_by(lane) {
            return Ok(());
        }
        let is_charged = self.transfer.payout.is_some();
        match lane {
            Lane::LightClient if !is_permanent => return Ok(()),
            Lane::LightClient if self.is_expired() => {
                let expiry = self.transfer.deposit.expiry;
                self.record(Event::Rejected { reason: Reason::Expired { expiry } })?;
            }
            Lane::LightClient => self.record(Event::Failed { reason: reason.to_owned() })?,
            Lane::Fast => self.record(Event::FastRefused { reason: reason.to_owned() })?,
        }
        if is_charged {
            self.risk(RiskEvent::Returned { id: self.id() });
        }
        if lane == Lane::Fast { self.clear_or_settle() } else { Ok(()) }
    }

    fn settlement_progress(&mut self, progress: &Progress) -> Result<(), Refusal> {
        match progress {
            Progress::Finalized { tx } => {
                let is_fast = self.transfer.payout.as_ref().is_some_and(|payout| payout.lane == Lane::Fast);
                if !is_fast || !self.transfer.is_broadcast() {
                    return self.broken(&format!("a settlement without a fast payout: {progress:?}"));
                }
                self.record(Event::Settled { tx: tx.clone() })?;
                self.risk(RiskEvent::Settled { id: self.id() });
                Ok(())
            }
            Progress::Refused { reason, is_permanent: true } => self.broken(&format!("settlement refused: {reason}")),
            _ => Ok(()),
        }
    }

    fn is_tx(&self, tx: &TxRef) -> bool {
        self.transfer.payout.as_ref().and_then(|payout| payout.tx.as_ref()).is_some_and(|known| known.hash == tx.hash)
    }
}
