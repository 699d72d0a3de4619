//! Why a statement is refused: stable codes for programs, words for people.

use alloy_primitives::{Address, B256};
use spandrel_verifiers::{ChainId, UnixSeconds, VerifyError};

use crate::Limit;

/// Why a statement changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlRefusal {
    /// No reason, too long a one, or not one line of text.
    #[error("reason: expected 1 to 500 bytes of one line, found another")]
    ReasonMissing,
    /// Its time is over.
    #[error("expiry: expected after {now}, found {expiry}")]
    Expired {
        /// Its expiry.
        expiry: UnixSeconds,
        /// Now.
        now: UnixSeconds,
    },
    /// It would be good for too long.
    #[error("expiry: expected at most {latest}, found {expiry}")]
    ExpiryTooFar {
        /// Its expiry.
        expiry: UnixSeconds,
        /// The latest that is taken.
        latest: UnixSeconds,
    },
    /// The signature is none, or has a high s.
    #[error("{0}")]
    BadSignature(VerifyError),
    /// Signed by another key than it says, for another deployment, or over other words.
    #[error("signature: expected one by {expected} for this deployment and these words, found one by {found}")]
    WrongSigner {
        /// Whose statement it says it is.
        expected: Address,
        /// Whose signature it would be.
        found: Address,
    },
    /// The key is no guardian's.
    #[error("signer: expected a guardian, found {0}")]
    UnknownGuardian(Address),
    /// The very same statement was taken before.
    #[error("statement {0} was taken before")]
    AlreadyTaken(B256),
    /// Not the key's next number.
    #[error("nonce: expected {expected}, found {found}")]
    WrongNonce {
        /// The key's next number.
        expected: u64,
        /// What was signed.
        found: u64,
    },
    /// A pause must end by itself within five days.
    #[error("seconds: expected 1 to {maximum}, found {found}")]
    TtlOutOfRange {
        /// Longest.
        maximum: u64,
        /// What was signed.
        found: u64,
    },
    /// The scope is not paused.
    #[error("{0} is not paused")]
    NotPaused(String),
    /// The same is proposed already: it needs another person's approval, not a second proposal.
    #[error("proposal {0} stands and needs a second approver")]
    NeedsSecondApprover(B256),
    /// Proposer and approver are one person.
    #[error("{0} proposed it: expected another person's approval")]
    SelfApproval(String),
    /// A freeze is approved by another person's own: the chains take a signed freeze, and no approval.
    #[error("a freeze is approved by another guardian's own, which the chains take too: sign `freeze {0}`")]
    NeedsOwnFreeze(String),
    /// There is no such proposal, or it is over.
    #[error("no open proposal {0}")]
    NoSuchProposal(B256),
    /// Two people agreed already.
    #[error("proposal {0} is approved already")]
    AlreadyApproved(B256),
    /// The words that were signed are not those of the proposal.
    #[error("what: expected {expected:?}, found {found:?}")]
    OtherProposal {
        /// The proposal's.
        expected: String,
        /// What was signed.
        found: String,
    },
    /// One person may have only so many proposals open.
    #[error("expected at most {0} open proposals of one person")]
    TooManyProposals(usize),
    /// No limits are configured for this corridor: adding one is a matter of configuration.
    #[error("corridor: expected one that is configured, found another")]
    UnknownCorridor,
    /// No such limit over corridors is configured: adding one is a matter of configuration.
    #[error("{0}: expected a limit that is configured, found none")]
    UnknownLimit(String),
    /// It cannot be so much.
    #[error("{limit}: expected at most {most}, found {found}")]
    LimitOutOfRange {
        /// Which limit over corridors.
        limit: String,
        /// The most that it can be.
        most: Limit,
        /// What was signed.
        found: Limit,
    },
    /// A limit would rise, or a delay shrink.
    #[error("{0}: expected at most as much freedom as now")]
    NotALowering(&'static str),
    /// The transfer is not held.
    #[error("the transfer is not held")]
    NotHeld,
    /// The transfer is not quarantined.
    #[error("the transfer is not quarantined")]
    NotQuarantined,
    /// The chain is not halted.
    #[error("the chain is not halted")]
    NotHalted,
    /// The chain is halted, but not by what was acknowledged.
    #[error("halt: expected {0:?}, as the chain is halted now, found another")]
    AnotherHalt(String),
    /// No corridor begins on the chain: nothing is observed there.
    #[error("chain: expected one that a corridor begins on, found {0}")]
    NoSource(ChainId),
    /// Blocks to be read again: from a lower to a higher one, and not too many.
    #[error("from, to: expected 1 to {maximum} blocks above the first of the chain, found {from} to {to}")]
    RangeOutOfRange {
        /// Most blocks of one order.
        maximum: u64,
        /// The first, as it was signed.
        from: u64,
        /// The last.
        to: u64,
    },
    /// The transfer's fast payout is no shortfall, or its loss is accepted already.
    #[error("the transfer is no shortfall that waits for a word")]
    NotShort,
    /// A payout of the transfer is issued: it is not to be dropped or paid again.
    #[error("a payout of the transfer is under way")]
    PayoutUnderWay,
    /// A hold may be extended by so much only, and never shortened.
    #[error("until: expected between {earliest} and {latest}, found {found}")]
    HoldOutOfRange {
        /// Not before.
        earliest: UnixSeconds,
        /// Not after.
        latest: UnixSeconds,
        /// What was signed.
        found: UnixSeconds,
    },
    /// The set breaks the rules of sets.
    #[error("{0}")]
    BadSignerSet(VerifyError),
    /// No process was started under any policy yet.
    #[error("no policy is agreed on yet")]
    NothingAgreed,
    /// What is proposed allows nothing more: a start with it is enough.
    #[error("policy: expected one that allows more than what is agreed on; a process may be started with this one")]
    NotLooser,
    /// Sets of signers are changed by an order of their own.
    #[error("{0}: expected the set that stands, which ChangeSigners changes")]
    SetInPolicy(String),
    /// The words that were signed are not what the policy changes.
    #[error("changes: expected {expected:?}, found {found:?}")]
    OtherChanges {
        /// What it changes.
        expected: String,
        /// What was signed.
        found: String,
    },
    /// A new set has a later epoch.
    #[error("epoch: expected after {standing}, found {found}")]
    EpochNotLater {
        /// The standing set's.
        standing: u64,
        /// What was signed.
        found: u64,
    },
}

impl ControlRefusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ReasonMissing => "REASON_MISSING",
            Self::Expired { .. } => "STATEMENT_EXPIRED",
            Self::ExpiryTooFar { .. } => "EXPIRY_TOO_FAR",
            Self::BadSignature(_) => "BAD_SIGNATURE",
            Self::WrongSigner { .. } => "WRONG_SIGNER",
            Self::UnknownGuardian(_) => "UNKNOWN_GUARDIAN",
            Self::AlreadyTaken(_) => "ALREADY_TAKEN",
            Self::WrongNonce { .. } => "WRONG_NONCE",
            Self::TtlOutOfRange { .. } => "TTL_OUT_OF_RANGE",
            Self::NotPaused(_) => "NOT_PAUSED",
            Self::NeedsSecondApprover(_) => "NEEDS_SECOND_APPROVER",
            Self::SelfApproval(_) => "SELF_APPROVAL",
            Self::NeedsOwnFreeze(_) => "NEEDS_OWN_FREEZE",
            Self::NoSuchProposal(_) => "NO_SUCH_PROPOSAL",
            Self::AlreadyApproved(_) => "ALREADY_APPROVED",
            Self::OtherProposal { .. } => "OTHER_PROPOSAL",
            Self::TooManyProposals(_) => "TOO_MANY_PROPOSALS",
            Self::UnknownCorridor => "UNKNOWN_CORRIDOR",
            Self::UnknownLimit(_) => "UNKNOWN_LIMIT",
            Self::LimitOutOfRange { .. } => "LIMIT_OUT_OF_RANGE",
            Self::NotALowering(_) => "NOT_A_LOWERING",
            Self::NotHeld => "NOT_HELD",
            Self::NotQuarantined => "NOT_QUARANTINED",
            Self::NotHalted => "NOT_HALTED",
            Self::AnotherHalt(_) => "ANOTHER_HALT",
            Self::NoSource(_) => "NO_SOURCE",
            Self::RangeOutOfRange { .. } => "RANGE_OUT_OF_RANGE",
            Self::NotShort => "NOT_SHORT",
            Self::PayoutUnderWay => "PAYOUT_UNDER_WAY",
            Self::HoldOutOfRange { .. } => "HOLD_OUT_OF_RANGE",
            Self::BadSignerSet(_) => "BAD_SIGNER_SET",
            Self::EpochNotLater { .. } => "EPOCH_NOT_LATER",
            Self::NothingAgreed => "NOTHING_AGREED",
            Self::NotLooser => "NOT_LOOSER",
            Self::SetInPolicy(_) => "SET_IN_POLICY",
            Self::OtherChanges { .. } => "OTHER_CHANGES",
        }
    }

    /// Whether it is the caller who is not allowed, rather than the statement that does not fit.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::BadSignature(_) | Self::WrongSigner { .. } | Self::UnknownGuardian(_))
    }
}
