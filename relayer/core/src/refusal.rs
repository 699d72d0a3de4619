//! Why an input or an event was refused. Nothing changes when one is.

use spandrel_verifiers::{ChainId, DepositId, VerifyError};

/// Why [`crate::step`] refused an input. The transfer is unchanged; the same input will be refused again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The input is about another deposit.
    #[error("deposit: expected {expected}, found {found}")]
    WrongDeposit {
        /// The transfer's.
        expected: DepositId,
        /// The input's.
        found: DepositId,
    },
    /// The transfer's destination is not configured any more.
    #[error("destination: expected a configured chain, found {0}")]
    UnknownDestination(ChainId),
    /// The evidence openly speaks of another deposit.
    #[error("evidence: {0}")]
    Evidence(VerifyError),
    /// No quorum, and one of the verdicts is invalid: the first error. A quorum with an invalid verdict beside it
    /// passes.
    #[error("verdict: {0}")]
    Verdict(VerifyError),
    /// The attestation does not hold.
    #[error("attestation: {0}")]
    Attestation(VerifyError),
    /// The machine made an event that does not fold: a bug, caught before it is stored.
    #[error(transparent)]
    Fold(#[from] FoldError),
}

/// Why an event does not fold: the log is corrupt, or the machine is wrong. Fail closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// A transfer begins with `observed`.
    #[error("first event: expected observed, found {0}")]
    NotBorn(&'static str),
    /// The observed deposit has another id.
    #[error("observed deposit: expected {expected}, found {found}")]
    WrongDeposit {
        /// The transfer's.
        expected: DepositId,
        /// The event's.
        found: DepositId,
    },
    /// The event cannot follow.
    #[error("sequence {sequence}: expected {expected}, found {found} while {status}")]
    Impossible {
        /// The event's sequence number.
        sequence: u64,
        /// What must hold before it.
        expected: &'static str,
        /// The event.
        found: &'static str,
        /// The transfer's status.
        status: &'static str,
    },
}
