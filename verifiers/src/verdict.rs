//! Signed verdicts: how independent verifiers tell the relayer, and the chain, what they proved.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Signature, U256, keccak256};
use serde::{Deserialize, Serialize};

use crate::attestation::{Collector, SignerSet, recover};
use crate::{Checkpoint, Deposit, DepositId, Verified, VerifyError, eip712};

/// "I proved this deposit under this checkpoint."
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Which deposit.
    pub deposit_id: DepositId,
    /// Under which block of its source chain.
    pub checkpoint: Checkpoint,
    /// Verifier-set epoch.
    pub epoch: u64,
}

/// Where verdicts and checkpoints are meant to be used: signatures made for one domain are void in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictDomain {
    /// EVM chain number of the destination.
    pub chain_number: u64,
    /// `Inbox` on the destination.
    pub inbox: Address,
    /// `CheckpointRegistry` on the destination.
    pub registry: Address,
}

/// A verdict with the verifier's two signatures: one over the verdict, one over its checkpoint for the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedVerdict {
    /// What is said.
    pub verdict: Verdict,
    /// Over [`Verdict::digest`].
    pub signature: Signature,
    /// Over [`Checkpoint::digest`].
    pub checkpoint_signature: Signature,
}

impl Verdict {
    /// The EIP-712 type that verifiers sign.
    pub const TYPE: &'static str =
        "Verdict(bytes32 depositId,bytes32 sourceChain,uint64 height,bytes32 root,uint64 epoch)";

    /// The verdict on a deposit that was proven: the only honest way to make one.
    pub fn on(verified: &Verified<Deposit>, epoch: u64) -> Self {
        Self { deposit_id: verified.fact().id(), checkpoint: verified.under().clone(), epoch }
    }

    /// EIP-712 digest in `domain`.
    pub fn digest(&self, domain: &VerdictDomain) -> B256 {
        let separator = eip712::domain("Spandrel Verdict", domain.chain_number, domain.inbox);
        let words = [
            keccak256(Self::TYPE),
            self.deposit_id.0,
            self.checkpoint.chain.hash(),
            U256::from(self.checkpoint.height).into(),
            self.checkpoint.root,
            U256::from(self.epoch).into(),
        ];
        eip712::digest(separator, &words)
    }
}

/// Collects verdicts on one deposit until a quorum of distinct verifiers agrees on one checkpoint.
#[derive(Clone, Debug)]
pub struct VerdictQuorum {
    domain: VerdictDomain,
    set: SignerSet,
    deposit_id: DepositId,
    by_checkpoint: BTreeMap<(u64, B256), Collectors>,
}

#[derive(Clone, Debug)]
struct Collectors {
    checkpoint: Checkpoint,
    verdicts: Collector,
    checkpoints: Collector,
}

/// A checkpoint with the quorum's signatures, sorted by signer: what `CheckpointRegistry.submit` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedCheckpoint {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Verifier-set epoch.
    pub epoch: u64,
    /// `threshold` signatures, sorted by signer.
    pub signatures: Vec<Signature>,
}

impl VerdictQuorum {
    /// Starts collecting verdicts on `deposit_id`.
    pub fn new(deposit_id: DepositId, domain: VerdictDomain, set: SignerSet) -> Self {
        Self { domain, set, deposit_id, by_checkpoint: BTreeMap::new() }
    }

    /// Adds a verdict; both signatures must be by the same member of the set. Returns the quorum's checkpoint as
    /// soon as enough distinct members agree on it.
    pub fn add(&mut self, signed: &SignedVerdict) -> Result<Option<SignedCheckpoint>, VerifyError> {
        let verdict = &signed.verdict;
        if verdict.deposit_id != self.deposit_id {
            return Err(VerifyError::invalid("verdict.deposit_id", self.deposit_id, verdict.deposit_id));
        }
        if verdict.epoch != self.set.epoch {
            return Err(VerifyError::invalid("verdict.epoch", self.set.epoch, verdict.epoch));
        }
        let digest = verdict.digest(&self.domain);
        let checkpoint_digest =
            verdict.checkpoint.digest(self.domain.chain_number, self.domain.registry, verdict.epoch);
        let signer = recover(digest, &signed.signature)?;
        let checkpoint_signer = recover(checkpoint_digest, &signed.checkpoint_signature)?;
        if signer != checkpoint_signer {
            return Err(VerifyError::invalid("checkpoint_signature", signer, checkpoint_signer));
        }
        if !self.set.members.contains(&signer) {
            return Err(VerifyError::invalid("signature", "a member of the verifier set", signer));
        }
        let key = (verdict.checkpoint.height, checkpoint_digest);
        let set = &self.set;
        let collectors = self.by_checkpoint.entry(key).or_insert_with(|| Collectors {
            checkpoint: verdict.checkpoint.clone(),
            verdicts: Collector::new(digest, set.clone()),
            checkpoints: Collector::new(checkpoint_digest, set.clone()),
        });
        collectors.verdicts.add(signed.signature)?;
        collectors.checkpoints.add(signed.checkpoint_signature)?;
        Ok(collectors.checkpoints.quorum().map(|signatures| SignedCheckpoint {
            checkpoint: collectors.checkpoint.clone(),
            epoch: set.epoch,
            signatures: signatures.into_iter().map(|(_, signature)| signature).collect(),
        }))
    }
}
