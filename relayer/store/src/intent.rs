//! Announced Bitcoin deposits.

use alloy_primitives::Bytes;
use serde::{Deserialize, Serialize};
use spandrel_core::ledger::StoreError;
use spandrel_verifiers::UnixSeconds;
use spandrel_verifiers::bitcoin::DepositTerms;

use crate::refusal::conflict;

/// A Bitcoin deposit output that somebody announced: without its terms an output on the chain is just a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// The output script that commits to the terms (34 bytes, BIP 341).
    pub script: Bytes,
    /// What it commits to.
    pub terms: DepositTerms,
    /// When it was first announced.
    pub created_at: UnixSeconds,
}

impl Intent {
    /// Whether `terms` may be announced for the script of this stored intent.
    ///
    /// # Errors
    /// `Conflict` when the stored terms are others: a script commits to one set of terms.
    pub(crate) fn must_have(&self, terms: &DepositTerms) -> Result<(), StoreError> {
        if self.terms == *terms {
            return Ok(());
        }
        Err(conflict(format!("terms of script {}", self.script), format!("{terms:?}"), format!("{:?}", self.terms)))
    }
}
