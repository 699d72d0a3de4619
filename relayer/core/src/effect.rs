//! What is to be done in the outside world. Idempotent under its derived id.
//!
//! One attempt is one effect: work that is to be done again because its block came back, its proof was refused or an
//! operator asked for it has another [`Turn`], and so another id. The same attempt asked for twice has the same id.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};
use spandrel_risk::control::SignedStatement;
use spandrel_risk::{Lane, Scope};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{ChainId, Deposit, DepositId, Evidence, SignedCheckpoint};

use crate::FastAttestation;

/// `keccak256(deposit id ‖ step ‖ destination ‖ turn)`: the same effect always has the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectId(pub B256);

/// Which attempt an effect belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// How often work on the source chain was begun anew: the deposit was mined again, its proof was refused by the
    /// destination, or an operator sent it back to work.
    pub round: u32,
    /// How many checkpoints a quorum of verifiers proved it under. A payout with proof has one id per checkpoint.
    pub proofs: u32,
}

/// Who carries an effect out. Each executor leases its own effects from the outbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "executor", rename_all = "snake_case")]
pub enum Executor {
    /// Reads a source chain.
    Source {
        /// Which chain.
        chain: ChainId,
    },
    /// Builds evidence on a source chain.
    Evidence {
        /// Which chain.
        chain: ChainId,
    },
    /// Asks the verifiers.
    Verifiers,
    /// Asks the fast lane's signers.
    Signers,
    /// Submits transactions on a destination, or pauses on a source.
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
    /// Ask the destination whether an expired deposit was paid, by whoever: proofs and attestations are public.
    ConfirmUnpaid {
        /// Which.
        deposit: Deposit,
    },
    /// Ask the destination whether a deposit that it showed a payment of is finally paid, by whoever.
    ConfirmPaid {
        /// Which.
        deposit: Deposit,
    },
    /// Close the fast lane from the deposit's source on the destination, if its fast payout is overdue there:
    /// `RiskGuard.closeOverdue`.
    CloseOverdue {
        /// What was paid.
        deposit: Deposit,
    },
    /// Prove that the source key of a fast payout belongs to another deposit, which closes the fast lane:
    /// `CheckpointRegistry.submit` unless done, then `Inbox.contradict`.
    Contradict {
        /// What was paid.
        paid: Deposit,
        /// What stands there instead.
        by: Box<Contradiction>,
    },
    /// Pause a scope on a chain, which pays or takes deposits: `PauseController.pause`, or what a guardian stated, by
    /// whoever sends it.
    Pause {
        /// What.
        scope: Scope,
        /// For how many seconds.
        ttl: u64,
        /// The guardian's pause or freeze that orders it; absent when the bridge pauses by itself, or two agreed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stated: Option<Box<Stated>>,
    },
    /// Store a checkpoint of a destination in the registry beside a vault, under which what was not paid there is taken back:
    /// `CheckpointRegistry.submit`.
    RegisterCheckpoint {
        /// The registry.
        registry: Address,
        /// What a quorum of verifiers signed for it.
        checkpoint: SignedCheckpoint,
    },
    /// Read final blocks of a source chain again.
    Reobserve {
        /// Height of the first.
        from: u64,
        /// Height of the last.
        to: u64,
    },
}

/// A deposit that is proven under the source key of another, which is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contradiction {
    /// What stands there.
    pub deposit: Deposit,
    /// The proof.
    pub evidence: Evidence,
    /// Its checkpoint.
    pub checkpoint: SignedCheckpoint,
}

impl Contradiction {
    /// Whether it stands where `other` stood, by the rule of `Inbox.contradict`.
    pub fn is_of(&self, other: &Deposit) -> bool {
        let place = |deposit: &Deposit| (deposit.source_chain.hash(), deposit.source_bridge, deposit.source_key);
        place(&self.deposit) == place(other) && self.deposit.id() != other.id()
    }

    /// The id of the effect that shows it on the destination of `paid`.
    pub fn effect_id(&self, paid: &Deposit) -> EffectId {
        let attempt = keccak256([self.deposit.id().0, self.checkpoint.checkpoint.root].concat());
        let executor = Executor::Destination { chain: paid.destination_chain.clone() };
        EffectId::derive(paid.id(), Effect::CONTRADICT, &executor, attempt)
    }
}

/// A guardian's statement, with what the contracts need to recompute what was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stated {
    /// What was signed, and how.
    pub signed: SignedStatement,
    /// The deployment it is signed for: the bridge on each chain where pauses are brought.
    pub bridges: BTreeMap<ChainId, B256>,
}

impl Effect {
    const PAY_FAST: &'static str = "pay_fast";
    const PAY_PROVEN: &'static str = "pay_proven";
    const SETTLE: &'static str = "settle";
    const CONFIRM_UNPAID: &'static str = "confirm_unpaid";
    const CONTRADICT: &'static str = "contradict";
    const REGISTER_CHECKPOINT: &'static str = "register_checkpoint";

    /// The step's name, part of the id and of metrics.
    pub fn step(&self) -> &'static str {
        match self {
            Self::BuildEvidence { .. } => "build_evidence",
            Self::RequestVerdicts { .. } => "request_verdicts",
            Self::RequestAttestation { .. } => "request_attestation",
            Self::PayFast { .. } => Self::PAY_FAST,
            Self::PayProven { .. } => Self::PAY_PROVEN,
            Self::Settle { .. } => Self::SETTLE,
            Self::ConfirmUnpaid { .. } => Self::CONFIRM_UNPAID,
            Self::ConfirmPaid { .. } => "confirm_paid",
            Self::CloseOverdue { .. } => "close_overdue",
            Self::Contradict { .. } => Self::CONTRADICT,
            Self::Pause { .. } => "pause",
            Self::RegisterCheckpoint { .. } => Self::REGISTER_CHECKPOINT,
            Self::Reobserve { .. } => "reobserve",
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

    /// Whether it closes the fast lane, the safe direction: no pause, quarantine or halt stops it.
    pub fn closes_fast_lane(&self) -> bool {
        matches!(self, Self::CloseOverdue { .. } | Self::Contradict { .. })
    }

    /// The derived id: the deposit, the step, where it is carried out, and which attempt it is: for work on a source
    /// block that block and the round, for a payout or settlement with proof its checkpoint's number. A fast payout is
    /// attempted once.
    pub fn id(&self, deposit: DepositId, executor: &Executor, turn: Turn) -> EffectId {
        if let Self::Contradict { paid, by } = self {
            return by.effect_id(paid);
        }
        let round = turn.round.to_be_bytes();
        let attempt = match self {
            Self::BuildEvidence { seen, at } => keccak256([&seen.block.hash[..], &at.hash[..], &round].concat()),
            Self::RequestAttestation { seen } => keccak256([&seen.block.hash[..], &round].concat()),
            Self::RequestVerdicts { evidence } => {
                keccak256([serde_json::to_vec(evidence).unwrap_or_default().as_slice(), &round].concat())
            }
            Self::PayProven { .. } | Self::Settle { .. } => keccak256(turn.proofs.to_be_bytes()),
            Self::Pause { .. } => keccak256(round),
            Self::Reobserve { from, to } => keccak256([from.to_be_bytes(), to.to_be_bytes()].concat()),
            Self::PayFast { .. }
            | Self::ConfirmUnpaid { .. }
            | Self::ConfirmPaid { .. }
            | Self::CloseOverdue { .. }
            | Self::RegisterCheckpoint { .. }
            | Self::Contradict { .. } => B256::ZERO,
        };
        EffectId::derive(deposit, self.step(), executor, attempt)
    }
}

impl EffectId {
    /// `keccak256(deposit id ‖ keccak256(step) ‖ place ‖ attempt)`; `attempt` is zero for what is attempted once.
    pub fn derive(deposit: DepositId, step: &str, executor: &Executor, attempt: B256) -> Self {
        let place = match executor {
            Executor::Source { chain } | Executor::Evidence { chain } | Executor::Destination { chain } => chain.hash(),
            Executor::Verifiers => keccak256("verifiers"),
            Executor::Signers => keccak256("signers"),
        };
        Self(keccak256([deposit.0, keccak256(step), place, attempt].concat()))
    }

    /// The id of what pays (`lane`) or settles (`None`) a deposit on `destination`, under its checkpoint number `proof`
    /// (from 1; no matter on the fast lane).
    pub fn of_payout(deposit: DepositId, lane: Option<Lane>, proof: u32, destination: &ChainId) -> Self {
        let attempt = || keccak256(proof.to_be_bytes());
        let (step, attempt) = match lane {
            Some(Lane::Fast) => (Effect::PAY_FAST, B256::ZERO),
            Some(Lane::LightClient) => (Effect::PAY_PROVEN, attempt()),
            None => (Effect::SETTLE, attempt()),
        };
        Self::derive(deposit, step, &Executor::Destination { chain: destination.clone() }, attempt)
    }

    /// The id of what registers a checkpoint of `destination` on `source` in the `hour` since the epoch: there is one.
    pub fn of_registration(source: &ChainId, destination: &ChainId, hour: u64) -> Self {
        let executor = Executor::Destination { chain: source.clone() };
        let attempt = keccak256(hour.to_be_bytes());
        Self::derive(DepositId(destination.hash()), Effect::REGISTER_CHECKPOINT, &executor, attempt)
    }

    /// The id of the question whether a deposit was paid on `destination`.
    pub fn of_confirmation(deposit: DepositId, destination: &ChainId) -> Self {
        let executor = Executor::Destination { chain: destination.clone() };
        Self::derive(deposit, Effect::CONFIRM_UNPAID, &executor, B256::ZERO)
    }
}
