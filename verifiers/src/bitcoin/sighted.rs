//! What a fast-lane signer saw on its own node: proven to be in a block, at a depth of its own choosing.

use serde::Serialize;

use crate::Checkpoint;

/// A fact found under a checkpoint that may still be reorganised away. Never a [`crate::Verified`]: whoever pays on
/// it books the exposure. Only [`super::BitcoinVerifier::verify_at_depth`] constructs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sighted<T> {
    fact: T,
    under: Checkpoint,
    confirmations: u64,
}

impl<T> Sighted<T> {
    pub(super) fn new(fact: T, under: Checkpoint, confirmations: u64) -> Self {
        Self { fact, under, confirmations }
    }

    /// What was seen.
    pub fn fact(&self) -> &T {
        &self.fact
    }

    /// The block it was seen in.
    pub fn under(&self) -> &Checkpoint {
        &self.under
    }

    /// How deep that block stood, itself included.
    pub fn confirmations(&self) -> u64 {
        self.confirmations
    }
}
