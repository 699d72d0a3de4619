//! What happened to a transfer. Append-only; variants are never removed or renumbered.

use serde::{Deserialize, Serialize};
use spandrel_risk::{Lane, Reason};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{Evidence, SignedCheckpoint, SignedVerdict, UnixSeconds};

use crate::{FastAttestation, TxRef};

/// One fact in a transfer's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "made once and moved along; boxing would only cost its readers")]
pub enum Event {
    /// Seen in a block of the source's best chain (the first time, or again after a reorg).
    Observed {
        /// Where.
        seen: SeenDeposit,
    },
    /// Its block is final by the watcher's word.
    SourceFinal {
        /// The final block.
        at: BlockRef,
    },
    /// Its block was replaced.
    SourceReorged {
        /// Last block both branches share.
        ancestor: BlockRef,
    },
    /// Evidence was built.
    Proven {
        /// The evidence.
        evidence: Evidence,
    },
    /// A quorum of verifiers proved it.
    Verified {
        /// Under which signed checkpoint.
        checkpoint: SignedCheckpoint,
        /// The verdicts that made the quorum.
        verdicts: Vec<SignedVerdict>,
    },
    /// The fast lane's signers attested it.
    Attested {
        /// Their attestation.
        attestation: FastAttestation,
    },
    /// The fast lane does not take it; it waits for its proof.
    FastRefused {
        /// Why.
        reason: String,
    },
    /// The risk engine let it pass.
    Cleared {
        /// On which lane.
        lane: Lane,
    },
    /// The risk engine makes it wait.
    Held {
        /// For what.
        reason: Reason,
        /// Until when at the earliest.
        until: Option<UnixSeconds>,
    },
    /// The risk engine refuses it.
    Rejected {
        /// Why.
        reason: Reason,
    },
    /// The payout on this lane, as it was issued, is over and paid nothing: another may be issued.
    PayoutRefused {
        /// On which lane.
        lane: Lane,
        /// Why.
        reason: String,
    },
    /// The destination does not take the proof any more: it is to be proven again, under a newer checkpoint.
    ProofRefused {
        /// Why.
        reason: String,
    },
    /// A payout transaction was broadcast (again on each replacement).
    Submitted {
        /// On which lane.
        lane: Lane,
        /// The transaction.
        tx: TxRef,
    },
    /// The destination took a fast payout on and makes it wait: it owes it, and nobody has the money yet.
    Promised {
        /// The claim.
        tx: TxRef,
        /// From when it can be executed.
        until: UnixSeconds,
    },
    /// The proof landed on-chain, and is final there, while the fast payout still waits: it is no exposure any more.
    PromiseProven {
        /// The settlement.
        tx: TxRef,
    },
    /// The payout stands in a block.
    Executed {
        /// On which lane.
        lane: Lane,
        /// The transaction.
        tx: TxRef,
    },
    /// The payout's block is gone from the destination: it goes back to `Cleared`.
    PayoutReorged {
        /// On which lane.
        lane: Lane,
    },
    /// The payout is final on the destination.
    PayoutFinal {
        /// On which lane.
        lane: Lane,
        /// The transaction.
        tx: TxRef,
    },
    /// The proof landed on-chain after a fast payout, and is final there.
    Settled {
        /// The settlement.
        tx: TxRef,
    },
    /// A fast payout's deposit is gone.
    Shortfall,
    /// The payout can never succeed.
    Failed {
        /// Why.
        reason: String,
    },
    /// An unforeseen error stopped it.
    Quarantined {
        /// Which.
        error: String,
    },
    /// An operator sent it back to work.
    Requeued,
    /// It had ended unpaid, and its destination paid it all the same: proofs and attestations are public. What follows is
    /// told as of any payout.
    PaidAllTheSame,
}

impl Event {
    /// The kind, as it is stored and shown.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Observed { .. } => "observed",
            Self::SourceFinal { .. } => "source_final",
            Self::SourceReorged { .. } => "source_reorged",
            Self::Proven { .. } => "proven",
            Self::Verified { .. } => "verified",
            Self::Attested { .. } => "attested",
            Self::FastRefused { .. } => "fast_refused",
            Self::Cleared { .. } => "cleared",
            Self::Held { .. } => "held",
            Self::Rejected { .. } => "rejected",
            Self::PayoutRefused { .. } => "payout_refused",
            Self::ProofRefused { .. } => "proof_refused",
            Self::Submitted { .. } => "submitted",
            Self::Promised { .. } => "promised",
            Self::PromiseProven { .. } => "promise_proven",
            Self::Executed { .. } => "executed",
            Self::PayoutReorged { .. } => "payout_reorged",
            Self::PayoutFinal { .. } => "payout_final",
            Self::Settled { .. } => "settled",
            Self::Shortfall => "shortfall",
            Self::Failed { .. } => "failed",
            Self::Quarantined { .. } => "quarantined",
            Self::Requeued => "requeued",
            Self::PaidAllTheSame => "paid_all_the_same",
        }
    }
}
