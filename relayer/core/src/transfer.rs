//! A transfer: the fold of its events.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use spandrel_risk::{Lane, Reason};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{ChainId, Deposit, DepositId, Evidence, LanePreference, SignedCheckpoint, UnixSeconds};

use crate::{FastAttestation, Turn};

/// Everything known of one deposit and its payout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Its id.
    pub id: DepositId,
    /// The deposit.
    pub deposit: Deposit,
    /// Where it stands on its source chain.
    pub standing: Standing,
    /// How far its payout is.
    pub status: Status,
    /// The newest final block that is known to stand on it.
    #[serde(default)]
    pub final_at: Option<BlockRef>,
    /// The fast lane's attestation, once there is one.
    pub attestation: Option<FastAttestation>,
    /// Evidence under a final block, once built.
    pub evidence: Option<Evidence>,
    /// The verifier quorum's checkpoint, once verified.
    pub checkpoint: Option<SignedCheckpoint>,
    /// When the quorum proved it: the large-transfer delay of the light-client lane runs from here.
    pub verified_at: Option<UnixSeconds>,
    /// Why the fast lane will never take it, once it refused.
    pub fast_refused: Option<String>,
    /// The payout that was handed to the submitter and not definitively refused: no other may be issued. Outlives
    /// `payout` when the source is reorged before anything was broadcast.
    pub issued: Option<Issued>,
    /// The payout, from its clearance on, until it is definitively refused or given back.
    pub payout: Option<Payout>,
    /// Why the destination refused its last proof, until it is proven again.
    pub proof_refused: Option<String>,
    /// Which attempt its work belongs to.
    pub turn: Turn,
    /// How many events were folded: the next event's sequence number.
    pub sequence: u64,
    /// When the first event was stored.
    pub created_at: UnixSeconds,
    /// When the last event was stored.
    pub updated_at: UnixSeconds,
}

/// A payout in the submitter's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issued {
    /// By which lane.
    pub lane: Lane,
    /// Under which of its checkpoints, counted from 1; no matter on the fast lane.
    pub proof: u32,
}

/// Where a deposit stands on its source chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// In a block of the best chain.
    Mined {
        /// Where.
        seen: SeenDeposit,
        /// Whether the route's finality rule is met, by the watcher's word.
        is_final: bool,
    },
    /// Its block was replaced, and it has not been seen again.
    Gone {
        /// Where it last stood.
        was: SeenDeposit,
        /// Last block both branches share.
        ancestor: BlockRef,
    },
}

/// A cleared payout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payout {
    /// By which lane.
    pub lane: Lane,
    /// How far it is.
    pub stage: PayoutStage,
    /// The transaction heard of last; absent while nothing was broadcast. Kept when the destination reorgs.
    pub tx: Option<TxRef>,
}

/// How far a payout is on its destination, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayoutStage {
    /// May be broadcast.
    Cleared,
    /// Broadcast.
    Submitted,
    /// Finally taken on by the destination, which delays it.
    Promised,
    /// Promised, and its proof is final there too.
    PromiseProven,
    /// In a block.
    Executed,
    /// In a final block.
    Final,
}

/// A transaction on some chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TxRef {
    /// Chain.
    pub chain: ChainId,
    /// Transaction hash.
    pub hash: B256,
    /// Gas used, once included.
    pub gas_used: Option<u64>,
}

/// How far the payout is. Variants are never removed or renumbered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// Seen on the source chain.
    Observed,
    /// Evidence under a final block exists.
    Proven,
    /// A quorum of verifiers proved it.
    Verified,
    /// The fast lane's signers attested it.
    Attested,
    /// The risk engine let it pass.
    Cleared {
        /// On which lane.
        lane: Lane,
    },
    /// A payout transaction was broadcast.
    Submitted {
        /// On which lane.
        lane: Lane,
        /// The transaction broadcast last.
        tx: TxRef,
    },
    /// The payout stands in a block of the destination.
    Executed {
        /// On which lane.
        lane: Lane,
        /// The transaction.
        tx: TxRef,
    },
    /// Paid by the light-client lane, final on the destination. Terminal.
    Final {
        /// The payout.
        tx: TxRef,
    },
    /// Paid by the fast lane and proven afterwards. Terminal.
    Settled {
        /// The payout.
        payout: TxRef,
        /// The settlement.
        tx: TxRef,
    },
    /// Waits.
    Held {
        /// For what.
        reason: Reason,
        /// Until when at the earliest, Unix seconds; absent when it waits for a change.
        until: Option<UnixSeconds>,
    },
    /// Will not be paid: its depositor can take it back on the source chain. Terminal.
    Rejected {
        /// Why.
        reason: Reason,
    },
    /// Its block was replaced before it was paid; goes back to `Observed` if mined again.
    Reorged {
        /// Last block both branches share.
        ancestor: BlockRef,
    },
    /// Paid by the fast lane, but its deposit is gone: a loss within the exposure cap. Settles if mined again.
    Shortfall {
        /// The payout.
        payout: TxRef,
    },
    /// The payout can never succeed. Terminal.
    Failed {
        /// Why.
        reason: String,
    },
    /// Stopped by an error nobody foresaw; waits for an operator.
    Quarantined {
        /// Which.
        error: String,
    },
}

impl Transfer {
    /// Where it stands on the best chain, if it does.
    pub fn mined(&self) -> Option<&SeenDeposit> {
        match &self.standing {
            Standing::Mined { seen, .. } => Some(seen),
            Standing::Gone { .. } => None,
        }
    }

    /// Whether it stands in a final block, by the watcher's word.
    pub fn is_source_final(&self) -> bool {
        matches!(self.standing, Standing::Mined { is_final: true, .. })
    }

    /// How many blocks stand on it for good, its own included; none before that is known.
    pub fn confirmations(&self) -> u64 {
        match (self.mined(), self.final_at) {
            (Some(seen), Some(at)) => {
                at.height.checked_sub(seen.block.height).map_or(0, |above| above.saturating_add(1))
            }
            _ => 0,
        }
    }

    /// Whether a payout transaction may be out there.
    pub fn is_broadcast(&self) -> bool {
        self.payout.as_ref().is_some_and(|payout| payout.tx.is_some())
    }

    /// Whether a payout on `lane` stands in a block of the destination.
    pub fn is_paid_by(&self, lane: Lane) -> bool {
        self.payout.as_ref().is_some_and(|payout| payout.lane == lane && payout.stage >= PayoutStage::Executed)
    }

    /// Whether the destination owes a fast payout or has paid it.
    pub fn is_claimed_fast(&self) -> bool {
        self.payout.as_ref().is_some_and(|payout| payout.lane == Lane::Fast && payout.stage >= PayoutStage::Promised)
    }

    /// Whether a payout on `lane` is in the submitter's hands.
    pub fn is_issued_on(&self, lane: Lane) -> bool {
        self.issued.is_some_and(|issued| issued.lane == lane)
    }

    /// Whether the fast lane may still be asked to pay it.
    pub fn is_fast_open(&self) -> bool {
        self.deposit.lane != LanePreference::LightClient
            && self.fast_refused.is_none()
            && self.issued.is_none()
            && self.payout.is_none()
            && self.checkpoint.is_none()
    }

    /// The status that follows from payout, standing and proof alone: what it is when nothing holds it up.
    pub(crate) fn progress(&self) -> Status {
        match (&self.payout, &self.standing) {
            (Some(payout), _) => payout.status(),
            (None, Standing::Gone { ancestor, .. }) => Status::Reorged { ancestor: *ancestor },
            (None, Standing::Mined { .. }) if self.checkpoint.is_some() => Status::Verified,
            (None, Standing::Mined { .. }) if self.evidence.is_some() => Status::Proven,
            (None, Standing::Mined { .. }) if self.attestation.is_some() && self.is_fast_open() => Status::Attested,
            (None, Standing::Mined { .. }) => Status::Observed,
        }
    }
}

impl Payout {
    fn status(&self) -> Status {
        let lane = self.lane;
        match (self.stage, self.tx.clone()) {
            (PayoutStage::Cleared, _) | (_, None) => Status::Cleared { lane },
            (PayoutStage::Submitted | PayoutStage::Promised | PayoutStage::PromiseProven, Some(tx)) => {
                Status::Submitted { lane, tx }
            }
            (PayoutStage::Final, Some(tx)) if lane == Lane::LightClient => Status::Final { tx },
            (PayoutStage::Executed | PayoutStage::Final, Some(tx)) => Status::Executed { lane, tx },
        }
    }
}

impl Status {
    /// Whether nothing will change any more.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Final { .. } | Self::Settled { .. } | Self::Rejected { .. } | Self::Failed { .. })
    }

    /// Whether it ended unpaid and its destination may pay it all the same. Of what expired the destination's final state has
    /// said that it was not paid, and takes no proof of it any more.
    pub fn may_be_paid_all_the_same(&self) -> bool {
        match self {
            Self::Rejected { reason } => !matches!(reason, Reason::Expired { .. }),
            Self::Failed { .. } => true,
            _ => false,
        }
    }

    /// Every name.
    pub const NAMES: [&'static str; 15] = [
        "observed",
        "proven",
        "verified",
        "attested",
        "cleared",
        "submitted",
        "executed",
        "final",
        "settled",
        "held",
        "rejected",
        "reorged",
        "shortfall",
        "failed",
        "quarantined",
    ];

    /// The state's name as the API shows it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Proven => "proven",
            Self::Verified => "verified",
            Self::Attested => "attested",
            Self::Cleared { .. } => "cleared",
            Self::Submitted { .. } => "submitted",
            Self::Executed { .. } => "executed",
            Self::Final { .. } => "final",
            Self::Settled { .. } => "settled",
            Self::Held { .. } => "held",
            Self::Rejected { .. } => "rejected",
            Self::Reorged { .. } => "reorged",
            Self::Shortfall { .. } => "shortfall",
            Self::Failed { .. } => "failed",
            Self::Quarantined { .. } => "quarantined",
        }
    }
}
