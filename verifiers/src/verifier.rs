//! The port of a chain's verification.

use crate::{BlockEvidence, Checkpoint, Deposit, Finalized, UnixSeconds, Verified, VerifyError};

/// Pure verification of one chain's evidence. Consensus first, inclusion under it second.
pub trait Verifier: Send + Sync {
    /// What is trusted so far: anchor plus everything proven from it.
    type Trusted: Clone + Send + Sync;
    /// Consensus evidence that moves the trusted state forward.
    type Update;
    /// Inclusion evidence of one deposit.
    type Evidence: Sync;

    /// Checks `update` against `trusted` and applies it; on error `trusted` is unchanged.
    fn advance(&self, trusted: &mut Self::Trusted, update: &Self::Update, now: UnixSeconds) -> Result<(), VerifyError>;

    /// Checks one deposit's inclusion under `trusted`.
    fn verify(
        &self,
        trusted: &Self::Trusted,
        evidence: &Self::Evidence,
        now: UnixSeconds,
    ) -> Result<Verified<Deposit>, VerifyError>;

    /// Checks that a block is final under `trusted`, whatever stands in it.
    fn verify_block(
        &self,
        _trusted: &Self::Trusted,
        _evidence: &BlockEvidence,
        _now: UnixSeconds,
    ) -> Result<Finalized<Checkpoint>, VerifyError> {
        Err(VerifyError::malformed("block", "a block of a chain that proves its blocks by themselves", "this chain's"))
    }

    /// Checks many deposits in parallel; a result per item, equal to the single check's, in order.
    fn verify_batch(
        &self,
        trusted: &Self::Trusted,
        evidence: &[Self::Evidence],
        now: UnixSeconds,
    ) -> Vec<Result<Verified<Deposit>, VerifyError>> {
        use rayon::prelude::*;
        evidence.par_iter().map(|item| self.verify(trusted, item, now)).collect()
    }
}
