//! The port of the bus between roles. Messages may be lost, doubled or late: every request is repeated from the
//! outbox until it is answered.

use std::future::Future;
use std::sync::Arc;

use alloy_primitives::{B256, Signature};
use serde::{Deserialize, Serialize};
use spandrel_core::BatchTerms;
use spandrel_verifiers::bitcoin::DepositTerms;
use spandrel_verifiers::follow::SeenDeposit;
use spandrel_verifiers::{BlockEvidence, ChainId, Checkpoint, DepositId, Evidence, SignedVerdict};

use crate::{SignedRequest, Unseen};

/// What travels.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Relayer to verifiers: prove this.
    Evidence(Arc<EvidenceRequest>),
    /// Verifier to relayer: proven.
    Verdict(Box<SignedVerdict>),
    /// Verifier to relayer: not proven, and why. Informs, decides nothing.
    Doubt {
        /// Which deposit.
        deposit: DepositId,
        /// The check that failed.
        reason: String,
    },
    /// Relayer to the fast lane's signers: attest this batch. By the relayer's key, or it is not answered.
    AttestRequest(Arc<SignedRequest>),
    /// Signer to relayer: its signature over the batch.
    Attestation {
        /// The batch's root.
        root: B256,
        /// Over `BatchTerms::digest`.
        signature: Signature,
    },
    /// Relayer to verifiers: prove this block final, and sign it for a registry.
    Block(Arc<BlockRequest>),
    /// Verifier to relayer: the block is final.
    Checkpoint(Box<CheckpointVote>),
    /// Signer to relayer: these items it does not see (yet). Informs, decides nothing but what is asked next.
    Unseen(Unseen),
}

/// Evidence to be verified.
#[derive(Clone, Debug, PartialEq)]
pub struct EvidenceRequest {
    /// Of which deposit, by the relayer's word.
    pub deposit: DepositId,
    /// From which chain.
    pub source: ChainId,
    /// To which chain: the domain of the verdict.
    pub destination: ChainId,
    /// The evidence.
    pub evidence: Evidence,
}

/// A block that is to be proven final, of whatever deposit.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockRequest {
    /// Of which chain.
    pub chain: ChainId,
    /// On which chain it is to be registered.
    pub registered_on: ChainId,
    /// The evidence.
    pub evidence: BlockEvidence,
}

/// A verifier's signature over a checkpoint, for the registry of a chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointVote {
    /// On which chain it is to be registered.
    pub registered_on: ChainId,
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Verifier-set epoch.
    pub epoch: u64,
    /// Over [`Checkpoint::digest`].
    pub signature: Signature,
}

/// A batch to be attested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestRequest {
    /// To which chain: the domain of the attestation.
    pub destination: ChainId,
    /// What is to be signed.
    pub terms: BatchTerms,
    /// The batch's deposits in leaf order, and where the relayer saw them.
    pub items: Vec<SeenDeposit>,
    /// What their Bitcoin outputs commit to, by the relayer's word: without it an output shows nobody that it is a
    /// deposit. A signer makes the output from it and looks for that one.
    pub bitcoin_terms: Vec<DepositTerms>,
}

/// Why the bus failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BusError(pub String);

/// The bus.
pub trait Bus: Clone + Send + Sync + 'static {
    /// A receiving end.
    type Subscription: Subscription;

    /// Sends to every subscription.
    fn publish(&self, message: Message) -> impl Future<Output = Result<(), BusError>> + Send;

    /// Everything published from now on.
    fn subscribe(&self) -> Self::Subscription;
}

/// A receiving end of the bus.
pub trait Subscription: Send {
    /// The next message; `None` when the bus is gone. Messages may have been missed before it.
    fn next(&mut self) -> impl Future<Output = Option<Message>> + Send;
}
