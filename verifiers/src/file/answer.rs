//! An evidence file as JSON, alone or with what the transfer API says beside it.

use alloy_primitives::B256;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{EvidenceFile, Trust};
use crate::{DepositId, Evidence, UnixSeconds, VerifyError};

/// What is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename = "EvidenceFile")]
pub(super) struct Answer {
    pub(super) version: u32,
    at: UnixSeconds,
    trust: Trust,
    evidence: Evidence,
    /// What the answer is said to be about.
    deposit: Option<DepositId>,
    /// The block that it is said to be proven under.
    root: Option<B256>,
    /// Of these the destination's contracts judge.
    #[serde(rename = "checkpoint")]
    _checkpoint: Option<IgnoredAny>,
    #[serde(rename = "claim")]
    _claim: Option<IgnoredAny>,
}

impl Answer {
    /// The file alone.
    ///
    /// # Errors
    /// Names `root` or `deposit` when the evidence is of another one, and a field beyond its limit.
    pub(super) fn file(self) -> Result<EvidenceFile, VerifyError> {
        let Self { version, at, trust, evidence, deposit, root, .. } = self;
        let EvidenceFile { version, at, trust, evidence } =
            EvidenceFile { version, at, trust, evidence }.within_limits()?;
        if let Some(root) = root.filter(|root| *root != evidence.root()) {
            return Err(VerifyError::invalid("root", evidence.root(), root));
        }
        // Evidence that does not verify is refused later, by its own field.
        let proven = deposit.and_then(|_| trust.verify(&evidence, at).ok()).map(|verified| verified.fact().id());
        match (deposit, proven) {
            (Some(deposit), Some(proven)) if deposit != proven => Err(VerifyError::invalid("deposit", proven, deposit)),
            _ => Ok(EvidenceFile { version, at, trust, evidence }),
        }
    }
}
