//! How a transfer of a world goes on after its deposit: what watcher, verifiers and submitter tell, really signed.

use alloy::primitives::{B256, Bytes, keccak256};
use spandrel_core::ledger::{Commit, CursorMove, Ledger};
use spandrel_core::submission::Progress;
use spandrel_core::{BatchTerms, EffectId, FastAttestation, Input, Transfer, TxRef};
use spandrel_engine::Change;
use spandrel_risk::Lane;
use spandrel_signer::LocalKey;
use spandrel_verifiers::ethereum::{DepositEvidence, Inclusion};
use spandrel_verifiers::follow::{BlockRef, Cursor};
use spandrel_verifiers::{ChainId, Checkpoint, DepositId, Evidence, SignedVerdict, Verdict, merkle};

use crate::world::{NOW, World, destination, fast_signer, policy, verifier};

/// The header of the block under which a deposit is proven.
fn header() -> Bytes {
    alloy::rlp::encode(alloy::consensus::Header { number: 100, ..Default::default() }).into()
}

fn block(height: u64) -> BlockRef {
    BlockRef { height, hash: B256::from([height as u8; 32]), time: NOW }
}

impl World {
    async fn tell(&self, id: DepositId, input: Input) {
        self.book.record(Change::one(id, input)).await.unwrap();
    }

    async fn stored(&self, id: DepositId) -> Transfer {
        self.store.transfer(id).await.unwrap().unwrap()
    }

    /// The watcher has read a chain to this height.
    pub async fn read_to(&self, chain: &ChainId, height: u64) {
        let expected = self.store.cursor(chain).await.unwrap();
        let next = Cursor::at(block(height));
        let cursor = Some(CursorMove { chain: chain.clone(), expected, next });
        self.store.commit(Commit { now: NOW, cursor, ..Commit::default() }).await.unwrap();
    }

    /// An Ethereum deposit is final, its evidence is built, and two of three verifiers say so.
    pub async fn prove(&self, id: DepositId) {
        let deposit = self.stored(id).await.deposit;
        self.tell(id, Input::SourceFinal(block(100))).await;
        let inclusion = Inclusion {
            header: header(),
            account_proof: vec![Bytes::from_static(b"account")],
            storage_proof: vec![Bytes::from_static(b"storage")],
            deposit: deposit.clone(),
        };
        self.tell(
            id,
            Input::EvidenceBuilt(Evidence::Ethereum(Box::new(DepositEvidence { finality: None, inclusion }))),
        )
        .await;
        let checkpoint = Checkpoint {
            chain: deposit.source_chain.clone(),
            height: 100,
            root: keccak256(header()),
            time: NOW,
            up_to: Checkpoint::ANY_AMOUNT,
        };
        let domain = policy().destinations[&destination()].domain;
        let verdicts = [0, 1].map(|n| {
            let verdict = Verdict { deposit_id: id, checkpoint: checkpoint.clone(), epoch: 1 };
            let of_checkpoint = checkpoint.digest(domain.chain_number, domain.registry, 1);
            SignedVerdict {
                signature: verifier(n).sign_digest(verdict.digest(&domain)).unwrap(),
                checkpoint_signature: verifier(n).sign_digest(of_checkpoint).unwrap(),
                verdict,
            }
        });
        self.tell(id, Input::Verdicts(verdicts.to_vec())).await;
    }

    /// Two of three signers of the fast lane attest a deposit alone, before it is final.
    pub async fn attest(&self, id: DepositId) {
        let tree = merkle::BatchTree::new(&[id]).unwrap();
        let batch = BatchTerms { root: tree.root(), count: 1, epoch: 1, expiry: NOW + 3_600 };
        let destination = &policy().destinations[&destination()];
        let digest = batch.digest(destination.domain.chain_number, destination.fast_lane);
        let mut signers = [0, 2].map(fast_signer);
        signers.sort_by_key(LocalKey::address);
        let signatures = signers.iter().map(|signer| signer.sign_digest(digest).unwrap()).collect();
        self.tell(id, Input::Attested(FastAttestation { batch, signatures, index: 0, path: Vec::new() })).await;
    }

    /// Its payout under its first proof is broadcast, stands in a block, and is final there.
    pub async fn pay(&self, id: DepositId, transaction: B256) {
        let tx = TxRef { chain: destination(), hash: transaction, gas_used: Some(21_000) };
        let effect = EffectId::of_payout(id, Some(Lane::LightClient), 1, &destination());
        for progress in
            [Progress::Broadcast { tx: tx.clone() }, Progress::Included { tx: tx.clone() }, Progress::Finalized { tx }]
        {
            self.tell(id, Input::Progress(effect, progress)).await;
        }
    }

    /// Time has passed, and held transfers are looked at again.
    pub async fn wake(&self, id: DepositId, seconds: u64) {
        self.clock.pass(seconds);
        self.tell(id, Input::Tick).await;
    }
}
