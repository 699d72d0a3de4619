//! How messages look on NATS: one JSON object each, its kind in the subject. Evidence is in it as its canonical protobuf,
//! in hex; what signers are asked is in it as the text that the relayer has signed.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, Signature};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use spandrel_engine::{BlockRequest, BusError, CheckpointVote, EvidenceRequest, Message, SignedRequest, Unseen};
use spandrel_verifiers::merkle::MAX_BATCH;
use spandrel_verifiers::{BlockEvidence, ChainId, DepositId, Evidence, SignedVerdict};

/// Longest message that is sent or read, bytes.
pub const MAX_MESSAGE: usize = 8 << 20;
/// Longest reason, bytes.
const MAX_REASON: usize = 512;
/// Longest error about a message, bytes: it may repeat what was sent.
const MAX_ERROR: usize = 256;

/// What a message is about: the end of its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Relayer to verifiers.
    Evidence,
    /// Relayer to signers.
    Attest,
    /// Verifier to relayer: proven.
    Verdict,
    /// Verifier to relayer: not proven.
    Doubt,
    /// Signer to relayer: signed.
    Attestation,
    /// Signer to relayer: not seen.
    Unseen,
    /// Relayer to verifiers: a block by itself.
    Block,
    /// Verifier to relayer: the block is final.
    Checkpoint,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 8] = [
        Self::Evidence,
        Self::Attest,
        Self::Verdict,
        Self::Doubt,
        Self::Attestation,
        Self::Unseen,
        Self::Block,
        Self::Checkpoint,
    ];

    /// Longest message of this topic, bytes. What strangers can send is bounded before it is read.
    fn longest(self) -> usize {
        match self {
            Self::Evidence => MAX_MESSAGE,
            Self::Attest => MAX_MESSAGE / 4,
            Self::Unseen | Self::Block => MAX_MESSAGE / 16,
            Self::Verdict | Self::Doubt | Self::Attestation | Self::Checkpoint => MAX_MESSAGE / 512,
        }
    }

    /// What is answered under `word`, the last part of a member's subject.
    pub(crate) fn answered(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name().strip_prefix("answer.") == Some(word))
    }

    /// The subject that it is published on. What is answered is said under the name of the member that says it, so that the
    /// server can keep each to its own.
    pub(crate) fn subject(self, deployment: &str, speaker: Option<Address>) -> Result<String, BusError> {
        let Some(word) = self.name().strip_prefix("answer.") else {
            return Ok(format!("{deployment}.{}", self.name()));
        };
        let speaker = speaker.ok_or_else(|| BusError(format!("{}: no member speaks here", self.name())))?;
        Ok(format!("{deployment}.answer.{speaker:#x}.{word}"))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Evidence => "ask.evidence",
            Self::Attest => "ask.attest",
            Self::Verdict => "answer.verdict",
            Self::Doubt => "answer.doubt",
            Self::Attestation => "answer.attestation",
            Self::Unseen => "answer.unseen",
            Self::Block => "ask.block",
            Self::Checkpoint => "answer.checkpoint",
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEvidence {
    deposit: DepositId,
    source: ChainId,
    destination: ChainId,
    evidence: Bytes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireBlock {
    chain: ChainId,
    registered_on: ChainId,
    evidence: BlockEvidence,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireDoubt {
    deposit: DepositId,
    reason: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireAttestation {
    root: B256,
    signature: Signature,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireUnseen {
    root: B256,
    items: Vec<(DepositId, String)>,
    signature: Signature,
}

/// A message as it is sent.
///
/// # Errors
/// When it is longer than its topic's messages may be.
pub fn encode(message: &Message) -> Result<(Topic, Vec<u8>), BusError> {
    let (topic, bytes) = match message {
        Message::Evidence(request) => {
            let EvidenceRequest { deposit, source, destination, evidence } = &**request;
            let (source, destination) = (source.clone(), destination.clone());
            let evidence = evidence.to_bytes().into();
            (Topic::Evidence, json(&WireEvidence { deposit: *deposit, source, destination, evidence }))
        }
        Message::AttestRequest(request) => (Topic::Attest, json(&**request)),
        Message::Block(request) => {
            let BlockRequest { chain, registered_on, evidence } = (**request).clone();
            (Topic::Block, json(&WireBlock { chain, registered_on, evidence }))
        }
        Message::Checkpoint(vote) => (Topic::Checkpoint, json(vote)),
        Message::Verdict(verdict) => (Topic::Verdict, json(verdict)),
        Message::Doubt { deposit, reason } => {
            let reason = shortened(reason, MAX_REASON).to_owned();
            (Topic::Doubt, json(&WireDoubt { deposit: *deposit, reason }))
        }
        Message::Attestation { root, signature } => {
            (Topic::Attestation, json(&WireAttestation { root: *root, signature: *signature }))
        }
        // What is signed is sent as it was signed.
        Message::Unseen(Unseen { root, items, signature }) => {
            (Topic::Unseen, json(&WireUnseen { root: *root, items: items.clone(), signature: *signature }))
        }
    };
    let bytes = bytes?;
    bounded(topic, "message", bytes.len(), topic.longest())?;
    Ok((topic, bytes))
}

/// A message as it was sent. Whoever may publish on the bus may send anything: sizes are bounded, and what a message
/// claims is checked by who takes it.
///
/// # Errors
/// What was expected where, and what was found.
pub fn decode(topic: Topic, bytes: &[u8]) -> Result<Message, BusError> {
    bounded(topic, "message", bytes.len(), topic.longest())?;
    Ok(match topic {
        Topic::Evidence => {
            let WireEvidence { deposit, source, destination, evidence } = read(topic, bytes)?;
            let evidence = Evidence::from_bytes(&evidence)
                .map_err(|error| BusError(format!("{}: evidence: {error}", topic.name())))?;
            Message::Evidence(Arc::new(EvidenceRequest { deposit, source, destination, evidence }))
        }
        Topic::Block => {
            let WireBlock { chain, registered_on, evidence } = read(topic, bytes)?;
            Message::Block(Arc::new(BlockRequest { chain, registered_on, evidence }))
        }
        Topic::Checkpoint => Message::Checkpoint(Box::new(read::<CheckpointVote>(topic, bytes)?)),
        Topic::Attest => Message::AttestRequest(Arc::new(read::<SignedRequest>(topic, bytes)?)),
        Topic::Verdict => Message::Verdict(Box::new(read::<SignedVerdict>(topic, bytes)?)),
        Topic::Doubt => {
            let WireDoubt { deposit, reason } = read(topic, bytes)?;
            bounded(topic, "reason", reason.len(), MAX_REASON)?;
            Message::Doubt { deposit, reason }
        }
        Topic::Attestation => {
            let WireAttestation { root, signature } = read(topic, bytes)?;
            Message::Attestation { root, signature }
        }
        Topic::Unseen => {
            let WireUnseen { root, items, signature } = read(topic, bytes)?;
            bounded(topic, "items", items.len(), MAX_BATCH)?;
            for (_, reason) in &items {
                bounded(topic, "items.reason", reason.len(), MAX_REASON)?;
            }
            Message::Unseen(Unseen { root, items, signature })
        }
    })
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, BusError> {
    serde_json::to_vec(value).map_err(|error| BusError(format!("a message is not written: {error}")))
}

fn read<T: DeserializeOwned>(topic: Topic, bytes: &[u8]) -> Result<T, BusError> {
    serde_json::from_slice(bytes)
        .map_err(|error| BusError(format!("{}: {}", topic.name(), shortened(&error.to_string(), MAX_ERROR))))
}

fn bounded(topic: Topic, field: &str, found: usize, most: usize) -> Result<(), BusError> {
    if found <= most {
        return Ok(());
    }
    Err(BusError(format!("{}: {field}: expected at most {most}, found {found}", topic.name())))
}

/// The start of a text that nobody signed.
fn shortened(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
