//! What a guardian may say.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::{ChainId, DepositId, UnixSeconds};

use crate::{Agreement, Corridor, Limit, Limits, Loosening, Scope, WideLimit};

/// Whose set of signers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignerRole {
    /// The fast lane's signers.
    FastLane,
    /// The verifiers.
    Verifiers,
}

/// One order. Variants are never removed or renamed: they are stored, and their typed data is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// One guardian, at once: pauses a scope for at most [`super::MAX_TTL`].
    Pause {
        /// What.
        scope: Scope,
        /// For how long.
        seconds: u64,
    },
    /// Two, each by a freeze of their own: pauses a scope without end. The first alone pauses it for [`super::MAX_TTL`], as
    /// `PauseController` does.
    Freeze {
        /// What.
        scope: Scope,
    },
    /// Two and later: lifts a pause or a freeze.
    Resume {
        /// What.
        scope: Scope,
    },
    /// One, at once: no limit higher, no delay shorter.
    LowerLimits {
        /// Of which lane of which corridor.
        corridor: Corridor,
        /// All its limits from now on.
        limits: Limits,
    },
    /// Two and a timelock: any limits.
    RaiseLimits {
        /// Of which lane of which corridor.
        corridor: Corridor,
        /// All its limits from then on.
        limits: Limits,
    },
    /// One, at once: a limit over corridors, not higher than it is.
    LowerWideLimit {
        /// Which.
        limit: WideLimit,
        /// What it is from now on.
        value: Limit,
    },
    /// Two and a timelock: a limit over corridors, whatever it is.
    RaiseWideLimit {
        /// Which.
        limit: WideLimit,
        /// What it is from then on.
        value: Limit,
    },
    /// One, at once: a held transfer is not paid, its depositor takes it back.
    DropHeld {
        /// Which.
        transfer: DepositId,
    },
    /// One, at once: a held transfer waits at least until then.
    ExtendHold {
        /// Which.
        transfer: DepositId,
        /// Unix seconds.
        until: UnixSeconds,
    },
    /// Two and later: a held transfer waits no more.
    ReleaseHeld {
        /// Which.
        transfer: DepositId,
    },
    /// One, at once: a quarantined transfer goes back to work, under all checks.
    RequeueQuarantined {
        /// Which.
        transfer: DepositId,
    },
    /// One, at once: a quarantined transfer is not paid, its depositor takes it back.
    DropQuarantined {
        /// Which.
        transfer: DepositId,
    },
    /// Two and a timelock: another set of signers or verifiers may be configured.
    ChangeSigners {
        /// Whose.
        role: SignerRole,
        /// The set from then on.
        set: SignerSet,
    },
    /// Two and a timelock: processes may be started with a configuration that allows more than what was agreed on.
    ChangePolicy {
        /// All of it.
        policy: Box<Agreement>,
        /// What it allows more, in words: see [`said_changes`].
        changes: String,
    },
    /// One, at once: a halted chain is followed again. What is paused stays paused.
    AcknowledgeHalt {
        /// Which.
        chain: ChainId,
        /// Why it is halted, as the ledger says: what is signed is for this halt, and for no later one.
        halt: String,
    },
    /// One, at once: final blocks of a source chain are read again, for deposits that were missed. What is known changes
    /// nothing, and what is found is proven as ever.
    Reobserve {
        /// Which chain.
        chain: ChainId,
        /// Height of the first block.
        from: u64,
        /// Height of the last.
        to: u64,
    },
    /// Two and a timelock: a fast payout whose deposit is gone is a loss; resumptions and releases wait for it no more. It
    /// counts as exposure on.
    AcceptLoss {
        /// Of which transfer.
        transfer: DepositId,
    },
    /// The second person's word on a proposal.
    Approve {
        /// Digest of the statement that proposed it.
        proposal: B256,
        /// The proposed act in words, so that nobody signs a bare hash.
        what: String,
    },
    /// Ends a proposal that is not carried out yet.
    Cancel {
        /// Digest of the statement that proposed it.
        proposal: B256,
        /// The proposed act in words.
        what: String,
    },
}

impl Act {
    /// The transfer it is about, if it is about one.
    pub fn transfer(&self) -> Option<DepositId> {
        match self {
            Self::DropHeld { transfer }
            | Self::ExtendHold { transfer, .. }
            | Self::ReleaseHeld { transfer }
            | Self::RequeueQuarantined { transfer }
            | Self::DropQuarantined { transfer }
            | Self::AcceptLoss { transfer } => Some(*transfer),
            _ => None,
        }
    }

    /// The halted chain it is about, if it is about one.
    pub fn halted_chain(&self) -> Option<&ChainId> {
        match self {
            Self::AcknowledgeHalt { chain, .. } => Some(chain),
            _ => None,
        }
    }
}

impl std::fmt::Display for Act {
    /// Injective for the acts that can be proposed: what is approved is exactly what is read.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pause { scope, seconds } => write!(f, "pause {scope} for {seconds} s"),
            Self::Freeze { scope } => write!(f, "freeze {scope}"),
            Self::Resume { scope } => write!(f, "resume {scope}"),
            Self::LowerLimits { corridor, limits } => write!(f, "lower {}", limits_text(corridor, limits)),
            Self::RaiseLimits { corridor, limits } => write!(f, "raise {}", limits_text(corridor, limits)),
            Self::LowerWideLimit { limit, value } => write!(f, "lower {limit} to {value}"),
            Self::RaiseWideLimit { limit, value } => write!(f, "raise {limit} to {value}"),
            Self::DropHeld { transfer } => write!(f, "drop held {transfer}"),
            Self::ExtendHold { transfer, until } => write!(f, "extend hold of {transfer} until {until}"),
            Self::ReleaseHeld { transfer } => write!(f, "release held {transfer}"),
            Self::RequeueQuarantined { transfer } => write!(f, "requeue quarantined {transfer}"),
            Self::DropQuarantined { transfer } => write!(f, "drop quarantined {transfer}"),
            Self::ChangeSigners { role, set } => {
                write!(f, "change {} to epoch {}, {} of", role.name(), set.epoch, set.threshold)?;
                set.members.iter().try_for_each(|member| write!(f, " {member}"))
            }
            Self::ChangePolicy { policy, changes } => write!(f, "change the policy to {}: {changes}", policy.digest()),
            Self::AcknowledgeHalt { chain, halt } => write!(f, "acknowledge the halt of {chain}: {halt}"),
            Self::Reobserve { chain, from, to } => write!(f, "read blocks {from} to {to} of {chain} again"),
            Self::AcceptLoss { transfer } => write!(f, "accept the loss of {transfer}"),
            Self::Approve { proposal, what } => write!(f, "approve {proposal}: {what}"),
            Self::Cancel { proposal, what } => write!(f, "cancel {proposal}: {what}"),
        }
    }
}

impl SignerRole {
    /// As it is signed and shown.
    pub fn name(&self) -> &'static str {
        match self {
            Self::FastLane => "fast_lane",
            Self::Verifiers => "verifiers",
        }
    }
}

/// What a policy allows more, in the words that are signed.
pub fn said_changes(loosenings: &[Loosening]) -> String {
    loosenings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn limits_text(corridor: &Corridor, limits: &Limits) -> String {
    let Corridor { source, destination, asset, lane } = corridor;
    format!("{lane} lane of {asset} from {source} to {destination}: {}", super::typed::json(limits))
}
