//! The fast lane: a quorum of signers attests, the risk engine decides again, and it is paid before it is proven.

use spandrel_risk::{Decision, Lane};
use spandrel_verifiers::attestation::recover;
use spandrel_verifiers::{VerifyError, merkle};

use super::Draft;
use crate::{Destination, Effect, Event, FastAttestation, Refusal};

impl Draft<'_> {
    pub(super) fn attested(&mut self, attestation: &FastAttestation) -> Result<(), Refusal> {
        let is_wanted = self.transfer.mined().is_some() && self.transfer.is_fast_open();
        if !is_wanted || self.transfer.attestation.is_some() || self.is_quarantined() {
            return Ok(());
        }
        self.require_attested(attestation).map_err(Refusal::Attestation)?;
        self.record(Event::Attested { attestation: attestation.clone() })?;
        let (decision, decided) = self.assess(Lane::Fast);
        self.risk(decided);
        match decision {
            Decision::Allow => {
                self.clear(Lane::Fast)?;
                let (deposit, attestation) = (self.transfer.deposit.clone(), attestation.clone());
                self.ask_destination(Effect::PayFast { deposit, attestation });
                Ok(())
            }
            Decision::Delay { reason, .. } | Decision::Hold { reason } | Decision::Reject { reason } => {
                self.record(Event::FastRefused { reason: reason.to_string() })
            }
        }
    }

    pub(super) fn attestation_refused(&mut self, reason: &str) -> Result<(), Refusal> {
        if !self.transfer.is_fast_open() || self.transfer.attestation.is_some() {
            return Ok(());
        }
        self.record(Event::FastRefused { reason: reason.to_owned() })
    }

    /// The rules of `FastLane.attestBatch` and `BatchProof.verify`, so that what passes here passes there.
    fn require_attested(&self, attestation: &FastAttestation) -> Result<(), VerifyError> {
        let chain = &self.transfer.deposit.destination_chain;
        let Some(destination) = self.context.policy.destinations.get(chain) else {
            return Err(VerifyError::invalid("destination_chain", "a configured chain", chain));
        };
        let Destination { domain, fast_lane, signers } = destination;
        let batch = &attestation.batch;
        if batch.epoch != signers.epoch {
            return Err(VerifyError::invalid("batch.epoch", signers.epoch, batch.epoch));
        }
        if self.context.now > batch.expiry {
            return Err(VerifyError::expired(
                "batch.expiry",
                format!("at or after {}", self.context.now),
                batch.expiry,
            ));
        }
        let count = usize::try_from(batch.count).unwrap_or(usize::MAX);
        let index = usize::try_from(attestation.index).unwrap_or(usize::MAX);
        merkle::verify(batch.root, count, index, self.id(), &attestation.path)?;
        let digest = batch.digest(domain.chain_number, *fast_lane);
        let mut last = None;
        for signature in &attestation.signatures {
            let signer = recover(digest, signature)?;
            if !signers.members.contains(&signer) {
                return Err(VerifyError::invalid("signature", "a member of the signer set", signer));
            }
            if last.is_some_and(|last| signer <= last) {
                return Err(VerifyError::invalid("signatures", "distinct signers in ascending order", signer));
            }
            last = Some(signer);
        }
        let found = attestation.signatures.len();
        if found < signers.threshold {
            return Err(VerifyError::invalid("signatures", format!("at least {}", signers.threshold), found));
        }
        Ok(())
    }
}
