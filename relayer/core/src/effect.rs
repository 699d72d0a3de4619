//! What is to be done in the outside world. Idempotent under its derived id.

use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};
use spandrel_risk::{Lane, Scope};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{ChainId, Deposit, DepositId, Evidence, SignedCheckpoint};

use crate::FastAttestation;

/// `keccak256(deposit id ‖ step ‖ destination)`: the same effect always has the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectId(pub B256);

/// Who carries an effect out. Each executor leases its own effects from the outbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "executor", rename_all = "snake_case")]
pub enum Executor {
    /// Builds evidence on a source chain.
    Evidence {
        /// Which chain.
        chain: ChainId,
    },
    /// Asks the verifiers.
    Verifiers,
    /// Asks the fast lane's signers.
    Signers,
    /// Submits transactions on a destination.
    Destination {
        /// Which chain.
        chain: ChainId,
    },
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Build evidence of the deposit under a final block.
    BuildEvidence {
        /// Where it stands.
        seen: SeenDeposit,
        /// A final block at or above it.
        at: BlockRef,
    },
    /// Ask the verifiers for their verdicts.
    RequestVerdicts {
        /// The evidence.
        evidence: Evidence,
    },
    /// Ask the fast lane's signers to attest.
    RequestAttestation {
        /// Where it stands.
        seen: SeenDeposit,
    },
    /// Pay by the fast lane: `FastLane.attestBatch` unless done, then `Inbox.claim`.
    PayFast {
        /// What is paid.
        deposit: Deposit,
        /// Under which attestation.
        attestation: FastAttestation,
    },
    /// Pay by the light-client lane: `CheckpointRegistry.submit` unless done, then `Inbox.claim`.
    PayProven {
        /// What is paid.
        deposit: Deposit,
        /// The proof.
        evidence: Evidence,
        /// Its checkpoint.
        checkpoint: SignedCheckpoint,
    },
    /// Repay a fast payout's exposure: `CheckpointRegistry.submit` unless done, then `Inbox.settle`.
    Settle {
        /// What was paid.
        deposit: Deposit,
        /// The proof.
        evidence: Evidence,
        /// Its checkpoint.
        checkpoint: SignedCheckpoint,
    },
    /// Pause a scope on a destination: `PauseController.pause`.
    Pause {
        /// What.
        scope: Scope,
        /// For how many seconds.
        ttl: u64,
    },
}

impl Effect {
    const PAY_FAST: &'static str = "pay_fast";
    const PAY_PROVEN: &'static str = "pay_proven";
    const SETTLE: &'static str = "settle";

    /// The step's name, part of the id and of metrics.
    pub fn step(&self) -> &'static str {
        match self {
            Self::BuildEvidence { .. } => "build_evidence",
            Self::RequestVerdicts { .. } => "request_verdicts",
            Self::RequestAttestation { .. } => "request_attestation",
            Self::PayFast { .. } => Self::PAY_FAST,
            Self::PayProven { .. } => Self::PAY_PROVEN,
            Self::Settle { .. } => Self::SETTLE,
            Self::Pause { .. } => "pause",
        }
    }

    /// The lane of a payout.
    pub fn lane(&self) -> Option<Lane> {
        match self {
            Self::PayFast { .. } => Some(Lane::Fast),
            Self::PayProven { .. } => Some(Lane::LightClient),
            _ => None,
        }
    }

    /// The derived id: the deposit, the step, where it is carried out, and for work on a source block which block
    /// (a deposit mined again is proven again, and under a newer final block if its evidence grew old). Payouts have one id for ever.
    pub fn id(&self, deposit: DepositId, executor: &Executor) -> EffectId {
        let block = match self {
            Self::BuildEvidence { seen, at } => keccak256([seen.block.hash, at.hash].concat()),
            Self::RequestAttestation { seen } => seen.block.hash,
            Self::RequestVerdicts { evidence } => keccak256(serde_json::to_vec(evidence).unwrap_or_default()),
            _ => B256::ZERO,
        };
        EffectId::derive(deposit, self.step(), executor, block)
    }
}

impl EffectId {
    /// `keccak256(deposit id ‖ keccak256(step) ‖ place ‖ block)`; `block` is zero for everything on a destination.
    pub fn derive(deposit: DepositId, step: &str, executor: &Executor, block: B256) -> Self {
        let place = match executor {
            Executor::Evidence { chain } | Executor::Destination { chain } => chain.hash(),
            Executor::Verifiers => keccak256("verifiers"),
            Executor::Signers => keccak256("signers"),
        };
        Self(keccak256([deposit.0, keccak256(step), place, block].concat()))
    }

    /// The id of what pays (`lane`) or settles (`None`) a deposit on `destination`.
    pub fn of_payout(deposit: DepositId, lane: Option<Lane>, destination: &ChainId) -> Self {
        let step = match lane {
            Some(Lane::Fast) => Effect::PAY_FAST,
            Some(Lane::LightClient) => Effect::PAY_PROVEN,
            None => Effect::SETTLE,
        };
        Self::derive(deposit, step, &Executor::Destination { chain: destination.clone() }, B256::ZERO)
    }
}
