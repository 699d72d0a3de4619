//! Deposits in every state in which guardians find them.

use alloy::primitives::{Address, B256, Bytes, U256};
use spandrel_core::ledger::{Commit, Ledger, NewEffect, TransferChange};
use spandrel_core::{BatchTerms, Effect, Event, Executor, FastAttestation, Transfer, Turn};
use spandrel_risk::{Lane, Reason, RiskEvent};
use spandrel_verifiers::ethereum::{DepositEvidence, Inclusion};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{AssetId, Checkpoint, Deposit, DepositId, Evidence, LanePreference, SignedCheckpoint};

use super::{World, destination, source};

impl World {
    fn deposit(&self, n: u64) -> Deposit {
        Deposit {
            version: Deposit::VERSION,
            source_chain: source(),
            source_bridge: B256::repeat_byte(2),
            source_key: B256::from(U256::from(n)),
            asset: AssetId::slip44(&source(), 60),
            amount: U256::from(5),
            destination_chain: destination(),
            destination_bridge: Address::repeat_byte(7).into_word(),
            recipient: B256::repeat_byte(0xaa),
            sender: B256::repeat_byte(0xbb),
            lane: LanePreference::Any,
            expiry: self.now() + 1_000_000,
        }
    }

    /// Stores deposit `n`, proven, and held because of its size.
    pub async fn large(&self, n: u64) -> DepositId {
        let (deposit, now) = (self.deposit(n), self.now());
        let inclusion =
            Inclusion { header: Bytes::new(), account_proof: vec![], storage_proof: vec![], deposit: deposit.clone() };
        let evidence = Evidence::Ethereum(Box::new(DepositEvidence { finality: None, inclusion }));
        let checkpoint = Checkpoint {
            chain: source(),
            height: 1,
            root: B256::repeat_byte(1),
            time: now,
            up_to: Checkpoint::ANY_AMOUNT,
        };
        let checkpoint = SignedCheckpoint { checkpoint, epoch: 1, signatures: Vec::new() };
        let reason = Reason::LargeTransfer { from: U256::from(3) };
        let proven = RiskEvent::Proven {
            id: deposit.id(),
            source: source(),
            asset: deposit.asset.clone(),
            amount: deposit.amount,
        };
        let events = vec![
            Event::Proven { evidence },
            Event::Verified { checkpoint, verdicts: Vec::new() },
            Event::Held { reason, until: Some(now + 86_400) },
        ];
        self.store(&deposit, events, vec![proven]).await
    }

    /// Stores deposit `n`, quarantined; with a fast payout under way, or without.
    pub async fn broken(&self, n: u64, is_paid: bool) -> DepositId {
        let deposit = self.deposit(n);
        let mut events = Vec::new();
        if is_paid {
            events.push(Event::Cleared { lane: Lane::Fast });
        }
        events.push(Event::Quarantined { error: "no such thing".to_owned() });
        self.store(&deposit, events, Vec::new()).await
    }

    async fn store(&self, deposit: &Deposit, more: Vec<Event>, risk: Vec<RiskEvent>) -> DepositId {
        let (id, now, ledger) = (deposit.id(), self.now(), self.book.ledger());
        let block = BlockRef { height: 1, hash: B256::repeat_byte(1), time: now };
        let seen = SeenDeposit { deposit: deposit.clone(), block, transaction: B256::ZERO, position: 0 };
        let events = [vec![Event::Observed { seen }, Event::SourceFinal { at: block }], more].concat();
        let fold = |transfer, event| Some(Transfer::fold(transfer, id, event, now).unwrap());
        let after = events.iter().fold(None, fold).unwrap();
        let transfers = vec![TransferChange { expected_sequence: 0, events, after }];
        ledger.commit(Commit { now, transfers, ..Commit::default() }).await.unwrap();
        for event in risk {
            self.book.record_risk(event).await.unwrap();
        }
        id
    }

    /// How a transfer stands.
    pub async fn status(&self, id: DepositId) -> &'static str {
        self.book.ledger().transfer(id).await.unwrap().unwrap().status.name()
    }

    /// Stores deposit `n`, cleared for a fast payout that is due; or held.
    pub async fn transfer(&self, n: u64, is_held: bool) -> DepositId {
        let (deposit, now) = (self.deposit(n), self.now());
        let id = deposit.id();
        let block = BlockRef { height: 1, hash: B256::repeat_byte(1), time: now };
        let batch = BatchTerms { root: id.0, count: 1, epoch: 1, expiry: now + 100_000 };
        let attestation = FastAttestation { batch, signatures: Vec::new(), index: 0, path: Vec::new() };
        let seen = SeenDeposit { deposit: deposit.clone(), block, transaction: B256::ZERO, position: 0 };
        let mut events = vec![Event::Observed { seen }];
        let mut commit = Commit { now, ..Commit::default() };
        if is_held {
            events.push(Event::Held { reason: Reason::Unknown, until: Some(now + 50) });
        } else {
            events.push(Event::Attested { attestation: attestation.clone() });
            events.push(Event::Cleared { lane: Lane::Fast });
            let executor = Executor::Destination { chain: destination() };
            let effect = Effect::PayFast { deposit: deposit.clone(), attestation };
            let effect_id = effect.id(id, &executor, Turn::default());
            commit.effects.push(NewEffect { id: effect_id, deposit: id, executor, effect, run_at: now });
            commit.expected_risk_sequence = self.book.ledger().risk_events(0).await.unwrap().len() as u64;
            commit.risk.push(RiskEvent::cleared(id, &deposit, Lane::Fast));
        }
        let fold = |transfer, event| Some(Transfer::fold(transfer, id, event, now).unwrap());
        let after = events.iter().fold(None, fold).unwrap();
        commit.transfers.push(TransferChange { expected_sequence: 0, events, after });
        self.book.ledger().commit(commit).await.unwrap();
        id
    }
}
