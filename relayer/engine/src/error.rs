//! What can end a loop.

use spandrel_core::ledger::StoreError;
use spandrel_core::submission::SubmitError;
use spandrel_verifiers::follow::FollowError;

/// Why a step did not work.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The ledger refused or failed.
    #[error("ledger: {0}")]
    Store(#[from] StoreError),
    /// A source chain could not be read.
    #[error("source chain: {0}")]
    Follow(#[from] FollowError),
    /// A destination could not be written to.
    #[error("destination: {0}")]
    Submit(#[from] SubmitError),
    /// Stored events do not fold: a defect, nothing is done on top of it.
    #[error("transfer {id}: {reason}")]
    Unfoldable {
        /// Which transfer.
        id: String,
        /// Why.
        reason: String,
    },
    /// Another policy was agreed on since this process was started.
    #[error("another policy is agreed on than the one that this process was started with: start it again")]
    Superseded,
    /// The chain is halted until a guardian acknowledges.
    #[error("{chain} is halted: {reason}")]
    Halted {
        /// Which chain.
        chain: String,
        /// Why it was halted.
        reason: String,
    },
}

impl EngineError {
    /// Whether trying again later may help. A destination was checked when it was connected: what it answers wrongly
    /// later must not end the other chains' work.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Superseded
                | Self::Store(StoreError::Conflict { .. } | StoreError::Database(_))
                | Self::Follow(FollowError::Transient { .. } | FollowError::ProofUnavailable(_))
                | Self::Submit(_)
        )
    }
}
