//! What the source chain's watcher says: seen, final, replaced.

use alloy_primitives::B256;
use spandrel_risk::{Decision, Lane, RiskEvent, Scope};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};

use super::{Draft, Output};
use crate::{Context, Contradiction, Effect, Event, Executor, Refusal, Standing, Transfer};

/// After so long without a quorum, evidence is built again under a newer final block.
const EVIDENCE_LIFETIME_SECONDS: u64 = 600;

/// A deposit seen for the first time. What can never be paid is recorded and rejected at once, with its reason.
pub(super) fn begin(seen: &SeenDeposit, context: &Context<'_>) -> Result<Output, Refusal> {
    let event = Event::Observed { seen: seen.clone() };
    let transfer = Transfer::fold(None, seen.deposit.id(), &event, context.now)?;
    let mut draft = Draft { context: *context, transfer, output: Output { events: vec![event], ..Output::default() } };
    match context.policy.refuses(&seen.deposit) {
        Some(reason) => draft.record(Event::Rejected { reason })?,
        None => draft.ask_for_attestation()?,
    }
    Ok(draft.output)
}

impl Draft<'_> {
    /// Seen again. Only what was gone comes back; a watcher reports a replaced block before it reports the new one.
    pub(super) fn seen(&mut self, seen: &SeenDeposit) -> Result<(), Refusal> {
        if seen.deposit != self.transfer.deposit {
            return Err(Refusal::WrongDeposit { expected: self.id(), found: seen.deposit.id() });
        }
        if self.transfer.mined().is_some() {
            return Ok(());
        }
        self.record(Event::Observed { seen: seen.clone() })?;
        self.ask_for_attestation()
    }

    /// Asks the signers when the fast lane is open to this deposit and would pay it now.
    pub(super) fn ask_for_attestation(&mut self) -> Result<(), Refusal> {
        let Some(seen) = self.transfer.mined().cloned() else { return Ok(()) };
        if !self.transfer.is_fast_open() || self.transfer.attestation.is_some() || self.is_quarantined() {
            return Ok(());
        }
        let (decision, decided) = self.assess(Lane::Fast);
        self.risk(decided);
        match decision {
            Decision::Allow => {
                self.ask(Executor::Signers, Effect::RequestAttestation { seen });
                Ok(())
            }
            Decision::Delay { reason, .. } | Decision::Hold { reason } | Decision::Reject { reason } => {
                self.record(Event::FastRefused { reason: reason.to_string() })
            }
        }
    }

    pub(super) fn source_reorged(&mut self, ancestor: BlockRef, dropped: &[B256]) -> Result<(), Refusal> {
        let Some(seen) = self.transfer.mined() else { return Ok(()) };
        if !dropped.contains(&seen.block.hash) {
            return Ok(());
        }
        let is_given_back = self.transfer.payout.is_some() && !self.transfer.is_broadcast();
        self.record(Event::SourceReorged { ancestor })?;
        if is_given_back {
            self.risk(RiskEvent::Returned { id: self.id() });
        }
        Ok(())
    }

    pub(super) fn source_final(&mut self, block: BlockRef) -> Result<(), Refusal> {
        match &self.transfer.standing {
            Standing::Mined { seen, is_final: false } if seen.block.height <= block.height => {
                let seen = seen.clone();
                self.record(Event::SourceFinal { at: block })?;
                self.build_evidence(seen, block);
                Ok(())
            }
            Standing::Mined { seen, is_final: true } if self.is_evidence_old() || self.wants_newer_proof() => {
                self.build_evidence(seen.clone(), block);
                Ok(())
            }
            Standing::Mined { seen, is_final: true } if self.waits_for_depth(seen, block) => {
                self.record(Event::SourceFinal { at: block })?;
                self.clear_or_settle()
            }
            Standing::Gone { was, .. } if was.block.height <= block.height => self.deposit_is_gone(),
            _ => Ok(()),
        }
    }

    /// Whether no quorum was found on the evidence for long: what proves finality may have aged beyond what the
    /// verifiers can check, such as a sync committee whose period is over.
    fn is_evidence_old(&self) -> bool {
        let age = self.context.now.saturating_sub(self.transfer.updated_at);
        self.transfer.evidence.is_some() && self.transfer.checkpoint.is_none() && age >= EVIDENCE_LIFETIME_SECONDS
    }

    /// Whether it is held, for whatever first, had too few blocks over it, and has enough now.
    fn waits_for_depth(&self, seen: &SeenDeposit, block: BlockRef) -> bool {
        if !self.is_held() {
            return false;
        }
        let depth = block.height.saturating_sub(seen.block.height).saturating_add(1);
        let needed = self.position(Lane::LightClient).confirmations_needed(&self.context.policy.risk);
        needed.is_some_and(|needed| self.transfer.confirmations() < needed && needed <= depth)
    }

    fn wants_newer_proof(&self) -> bool {
        self.transfer.proof_refused.is_some() && self.transfer.evidence.is_none()
    }

    pub(super) fn build_evidence(&mut self, seen: SeenDeposit, at: BlockRef) {
        let chain = self.transfer.deposit.source_chain.clone();
        self.ask(Executor::Evidence { chain }, Effect::BuildEvidence { seen, at });
    }

    /// Its place on the source is another deposit's for good: it is gone, and the destination is shown.
    pub(super) fn contradicted(&mut self, by: &Contradiction) -> Result<(), Refusal> {
        let is_gone = self.transfer.mined().is_none() && by.is_of(&self.transfer.deposit);
        if !is_gone || !self.transfer.is_broadcast() || !self.transfer.is_issued_on(Lane::Fast) {
            return Ok(());
        }
        self.deposit_is_gone()?;
        let paid = self.transfer.deposit.clone();
        self.ask_destination(Effect::Contradict { paid, by: Box::new(by.clone()) });
        Ok(())
    }

    /// The chain is final past the block the deposit stood in, without it. If the fast lane may have paid, that is a
    /// loss within the exposure cap: it is booked, and the lane closes itself, here and on the destination.
    fn deposit_is_gone(&mut self) -> Result<(), Refusal> {
        let is_fast = self.transfer.payout.as_ref().is_some_and(|payout| payout.lane == Lane::Fast);
        if !is_fast || !self.transfer.is_broadcast() || self.context.risk.is_short(self.id()) {
            return Ok(());
        }
        self.record(Event::Shortfall)?;
        let id = self.id();
        let ttl = self.context.policy.pause_ttl;
        let source = Some(self.transfer.deposit.source_chain.clone());
        let scope = Scope::Lane { lane: Lane::Fast, source };
        let until = self.context.now.saturating_add(ttl);
        self.risk(RiskEvent::Shortfall { id });
        self.risk(RiskEvent::Paused { scope: scope.clone(), until, reason: format!("shortfall of {id}") });
        self.ask_destination(Effect::Pause { scope, ttl, stated: None });
        Ok(())
    }
}
