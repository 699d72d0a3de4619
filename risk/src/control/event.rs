//! What changes the control state, and what it lets happen. Variants are never removed or renamed.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::{ChainId, DepositId, UnixSeconds};

use super::{Before, SignedStatement, SignerRole};
use crate::{Agreement, Corridor, Limit, Limits, RiskEvent, Scope, WideLimit};

/// One fact of the control log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum ControlEvent {
    /// A guardian's statement was taken: its nonce is used.
    Taken {
        /// Its digest.
        digest: B256,
        /// Whose key.
        signer: Address,
        /// Which person.
        person: String,
        /// What was said, with its signature.
        signed: Box<SignedStatement>,
    },
    /// The statement just taken is a proposal: it waits for a second person.
    Proposed {
        /// Digest of the statement.
        proposal: B256,
        /// Unix seconds; from then on it is over.
        lapses_at: UnixSeconds,
        /// Until when its scope was paused when a resumption was proposed: a later pause ends the proposal.
        paused_until: Option<UnixSeconds>,
    },
    /// A second person agreed.
    Approved {
        /// Which.
        proposal: B256,
        /// By which key.
        signer: Address,
        /// By whom.
        person: String,
        /// When it may be carried out.
        ready_at: UnixSeconds,
    },
    /// A proposal is over without effect.
    Ended {
        /// Which.
        proposal: B256,
        /// Why.
        end: ProposalEnd,
    },
    /// A process was started with a configuration that allows nothing beyond what was agreed on, or with the first: it is
    /// what is agreed on from then on.
    Configured {
        /// All of it.
        policy: Box<Agreement>,
        /// Its name.
        digest: B256,
    },
    /// Blocks that were ordered to be read again were not: no node had them, however often they were asked for.
    Unread {
        /// Digest of the order.
        order: B256,
        /// Of which chain.
        chain: ChainId,
        /// Height of the first that was not read.
        from: u64,
        /// Height of the last.
        to: u64,
        /// What was said last.
        reason: String,
    },
    /// Something took effect.
    Done {
        /// By which proposal, which is over then; absent for what one person may do.
        proposal: Option<B256>,
        /// What.
        outcome: Outcome,
        /// By whom and why, for people.
        by: String,
        /// What it replaced, of limits and pauses. Absent in rows that are older than this field.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Before>,
    },
}

/// Why a proposal ended without effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case", deny_unknown_fields)]
pub enum ProposalEnd {
    /// A guardian cancelled it.
    Cancelled {
        /// Who.
        person: String,
    },
    /// Its time was over.
    Lapsed,
    /// Something else was ordered since, or what it was about is not so any more.
    Overtaken {
        /// What.
        by: String,
    },
}

/// What took effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// A scope is paused.
    Paused {
        /// What.
        scope: Scope,
        /// Unix seconds; `u64::MAX` is a freeze.
        until: UnixSeconds,
    },
    /// A pause was lifted.
    Resumed {
        /// What.
        scope: Scope,
    },
    /// Limits were set.
    Limited {
        /// Of which lane of which corridor.
        corridor: Corridor,
        /// All its limits.
        limits: Box<Limits>,
    },
    /// A limit over corridors was set.
    WideLimited {
        /// Which.
        limit: WideLimit,
        /// What it is.
        value: Limit,
    },
    /// A held or quarantined transfer is not paid any more.
    Dropped {
        /// Which.
        transfer: DepositId,
    },
    /// A held transfer waits at least until then.
    Extended {
        /// Which.
        transfer: DepositId,
        /// Unix seconds.
        until: UnixSeconds,
    },
    /// A held transfer waits no more.
    Released {
        /// Which.
        transfer: DepositId,
    },
    /// A quarantined transfer went back to work.
    Requeued {
        /// Which.
        transfer: DepositId,
    },
    /// Another set may be configured.
    SignersChanged {
        /// Whose.
        role: SignerRole,
        /// The set.
        set: SignerSet,
    },
    /// A process was started with a configuration that two agreed on.
    PolicyChanged {
        /// All of it.
        policy: Box<Agreement>,
        /// Its name.
        digest: B256,
    },
    /// A halted chain is followed again.
    HaltAcknowledged {
        /// Which.
        chain: ChainId,
    },
    /// Final blocks are to be read again.
    Reobserved {
        /// Of which chain.
        chain: ChainId,
        /// Height of the first.
        from: u64,
        /// Height of the last.
        to: u64,
    },
    /// A payout whose deposit is gone is a loss.
    LossAccepted {
        /// Of which transfer.
        transfer: DepositId,
    },
}

impl ControlEvent {
    /// Whether other limits may be in force after it: see `ControlState::limited`.
    pub fn sets_limits(&self) -> bool {
        match self {
            Self::Configured { .. } => true,
            Self::Done { outcome, .. } => {
                matches!(outcome, Outcome::Limited { .. } | Outcome::WideLimited { .. } | Outcome::PolicyChanged { .. })
            }
            _ => false,
        }
    }

    /// What it does to the risk state, if anything.
    pub fn risk(&self) -> Option<RiskEvent> {
        let Self::Done { outcome, by, .. } = self else { return None };
        match outcome {
            Outcome::Paused { scope, until } => {
                Some(RiskEvent::Paused { scope: scope.clone(), until: *until, reason: by.clone() })
            }
            Outcome::Resumed { scope } => Some(RiskEvent::Resumed { scope: scope.clone() }),
            _ => None,
        }
    }
}
