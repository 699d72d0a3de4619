//! A transfer in a final block, and evidence of it that verifies.

use std::sync::LazyLock;

use alloy_primitives::{B256, Bytes, keccak256};
use spandrel_verifiers::solana::{
    Ballot, DepositEvidence, ExecutionAttestation, Inclusion, RootUpdate, SolanaVerifier, Standing, TrustedSlots,
    Update,
};
use spandrel_verifiers::{Deposit, Verified, Verifier, VerifyError};

use super::maker::{
    Block, NOW, bank, config, entries, key, public, quorum, table, terms, transaction, transfer, validators, votes,
    witnesses,
};

#[path = "crowd.rs"]
pub mod crowd;

pub fn ballot(slot: u64, bank_hash: B256) -> Ballot {
    Ballot { slot, bank_hash, block_id: keccak256(slot.to_le_bytes()) }
}

/// A verifier, what it trusts, and evidence that verifies under it.
pub struct Scene {
    pub verifier: SolanaVerifier,
    pub trusted: TrustedSlots,
    pub evidence: DepositEvidence,
    pub block: Block,
}

/// Slot and batch of the deposit.
pub const SLOT: u64 = 100;
pub const BATCH: usize = 1;

pub fn depositor() -> ed25519_dalek::SigningKey {
    key("depositor")
}

pub fn filler(n: u8) -> Bytes {
    let keys = [public(&key("filler")), keccak256("program")];
    transaction(&[&key("filler")], &keys, 1, &[(1, &[0], &[n; 300])])
}

impl Scene {
    /// A block of four batches, the deposit in the second, with `deposit` as its transaction.
    pub fn with(deposit: Bytes, instruction: u32) -> Self {
        let many = |count: u8| -> Vec<Bytes> { (0..count).map(filler).collect() };
        let batches = [
            entries(&[many(60)]),
            entries(&[many(3), vec![filler(9), deposit]]),
            entries(&[many(100)]),
            entries(&[vec![]]),
        ];
        let block = Block::new(SLOT, (99, keccak256("parent")), &batches, &key("leader"));
        let verifier = SolanaVerifier::new(config()).unwrap();
        let mut trusted = TrustedSlots::new(table(0, &validators())).unwrap();
        finalize(&verifier, &mut trusted, SLOT, block.chained_id());
        let shreds = block.chained(BATCH);
        let inclusion = Inclusion {
            slot: SLOT,
            block_id: block.chained_id(),
            shreds,
            entry: 1,
            transaction: 1,
            instruction,
            parent: vec![],
        };
        let evidence = attested(&verifier, &trusted, inclusion);
        Self { verifier, trusted, evidence, block }
    }

    pub fn new() -> Self {
        Self::with(transfer(&depositor(), 5_000_000, &terms().memo()), 1)
    }

    /// The one that tests share.
    pub fn shared() -> &'static Self {
        static SCENE: LazyLock<Scene> = LazyLock::new(Scene::new);
        &SCENE
    }

    pub fn verify(&self, evidence: &DepositEvidence) -> Result<Verified<Deposit>, VerifyError> {
        self.verifier.verify(&self.trusted, evidence, NOW)
    }

    pub fn refused(&self, change: impl FnOnce(&mut DepositEvidence)) -> VerifyError {
        let mut evidence = self.evidence.clone();
        change(&mut evidence);
        self.verify(&evidence).unwrap_err()
    }
}

/// Votes for the block and for its descendant, and the banks between.
pub fn finalizing(slot: u64, block_id: B256) -> Vec<Update> {
    let (_, hash) = bank(B256::ZERO, 0);
    let (child, tip) = bank(hash, 1);
    let voted = Ballot { slot, bank_hash: hash, block_id };
    let votes = |ballot| Update::Votes(votes(ballot, &validators()));
    let root = RootUpdate { slot, descendant: slot + 40, banks: vec![child] };
    vec![votes(voted), votes(ballot(slot + 40, tip)), Update::Root(root)]
}

pub fn finalize(verifier: &SolanaVerifier, trusted: &mut TrustedSlots, slot: u64, block_id: B256) {
    for update in finalizing(slot, block_id) {
        verifier.advance(trusted, &update, NOW).unwrap();
    }
}

/// The evidence with the witnesses' word, if there is something to attest to.
pub fn attested(verifier: &SolanaVerifier, trusted: &TrustedSlots, inclusion: Inclusion) -> DepositEvidence {
    let included = verifier.include(trusted, &inclusion, Standing::Voted, NOW);
    let digest = included.map(|included| included.execution_digest(7, NOW + 3)).unwrap_or_default();
    let signatures = quorum(digest, &witnesses("witness").1);
    DepositEvidence { inclusion, execution: ExecutionAttestation { time: NOW + 3, signatures } }
}
