//! Evidence and the verifiers' verdicts on it.

use spandrel_risk::RiskEvent;
use spandrel_verifiers::{Evidence, SignedCheckpoint, SignedVerdict, VerdictQuorum, VerifyError};

use super::Draft;
use crate::{Effect, Event, Executor, Refusal};

impl Draft<'_> {
    /// Evidence is taken while the deposit stands final and unverified; newer evidence replaces older.
    pub(super) fn evidence_built(&mut self, evidence: &Evidence) -> Result<(), Refusal> {
        let Some(seen) = self.transfer.mined().filter(|_| self.transfer.is_source_final()) else { return Ok(()) };
        if self.transfer.checkpoint.is_some() || self.transfer.evidence.as_ref() == Some(evidence) {
            return Ok(());
        }
        evidence.require_about(seen).map_err(Refusal::Evidence)?;
        self.record(Event::Proven { evidence: evidence.clone() })?;
        self.request_verdicts();
        Ok(())
    }

    pub(super) fn request_verdicts(&mut self) {
        if let Some(evidence) = self.transfer.evidence.clone() {
            self.ask(Executor::Verifiers, Effect::RequestVerdicts { evidence });
        }
    }

    /// A quorum on this deposit, under the block its evidence stands in. Bad verdicts never spoil a good quorum.
    pub(super) fn verdicts(&mut self, verdicts: &[SignedVerdict]) -> Result<(), Refusal> {
        let Some(evidence) = &self.transfer.evidence else { return Ok(()) };
        if self.transfer.checkpoint.is_some() {
            return Ok(());
        }
        let root = evidence.root();
        let mut quorum =
            VerdictQuorum::new(self.id(), self.destination()?.domain, self.context.policy.verifiers.clone());
        let mut counted = Vec::new();
        let mut first_error = None;
        for signed in verdicts {
            let checkpoint = &signed.verdict.checkpoint;
            let agreed = if checkpoint.chain != self.transfer.deposit.source_chain {
                Err(VerifyError::invalid("checkpoint.chain", &self.transfer.deposit.source_chain, &checkpoint.chain))
            } else if checkpoint.root != root {
                Err(VerifyError::invalid("checkpoint.root", root, checkpoint.root))
            } else if !checkpoint.covers(self.transfer.deposit.amount) {
                let expected = format!("at least {}", self.transfer.deposit.amount);
                Err(VerifyError::invalid("checkpoint.up_to", expected, checkpoint.up_to))
            } else {
                quorum.add(signed)
            };
            match agreed {
                Ok(Some(checkpoint)) => {
                    counted.push(signed.clone());
                    counted.retain(|signed| signed.verdict.checkpoint == checkpoint.checkpoint);
                    return self.verified(checkpoint, counted);
                }
                Ok(None) => counted.push(signed.clone()),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(()), |error| Err(Refusal::Verdict(error)))
    }

    fn verified(&mut self, checkpoint: SignedCheckpoint, verdicts: Vec<SignedVerdict>) -> Result<(), Refusal> {
        self.record(Event::Verified { checkpoint, verdicts })?;
        if !self.context.risk.is_proven(self.id()) {
            self.risk_proven();
        }
        self.clear_or_settle()
    }

    pub(super) fn risk_proven(&mut self) {
        let deposit = &self.transfer.deposit;
        let (source, asset, amount) = (deposit.source_chain.clone(), deposit.asset.clone(), deposit.amount);
        self.risk(RiskEvent::Proven { id: self.id(), source, asset, amount });
    }
}
