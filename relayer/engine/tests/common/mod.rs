//! What the tests of the engine share: one corridor with its policy, guardians and a deposit on it, a clock that they move, a
//! ledger in which a fast payout is cleared and not sent, and a source that contradicts itself.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use spandrel_core::ledger::{Commit, Ledger, NewEffect, TransferChange};
use spandrel_core::submission::Progress;
use spandrel_core::{
    BatchTerms, Destination, Effect, EffectId, Event, Executor, FastAttestation, Input, Policy, Transfer, Turn, TxRef,
};
use spandrel_engine::{Book, Clock, OrderError};
use spandrel_risk::control::{Act, ControlEvent, ControlPolicy, SignedStatement, Statement, deployment};
use spandrel_risk::{Agreement, AgreementVersion, Corridor, Lane, Limit, Limits, RiskEvent, RiskPolicy};
use spandrel_signer::LocalKey;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::follow::{BlockRef, ChainEvent, Cursor, FollowError, ReadBatch, SeenDeposit, Watcher};
use spandrel_verifiers::{AssetId, ChainId, Deposit, LanePreference, VerdictDomain};

/// When everything begins.
pub const NOW: u64 = 1_700_000_000;

/// So many seconds after [`NOW`]. Clones share it.
#[derive(Clone, Default)]
pub struct Later(Arc<AtomicU64>);

impl Later {
    /// Lets time pass.
    pub fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Later {
    fn now(&self) -> u64 {
        NOW + self.0.load(Ordering::Relaxed)
    }

    async fn sleep(&self, _: Duration) {}
}

pub fn block(height: u64) -> BlockRef {
    BlockRef { height, hash: B256::with_last_byte(height as u8), time: NOW }
}

pub fn source() -> ChainId {
    ChainId::eip155(1)
}

pub fn destination() -> ChainId {
    ChainId::eip155(9)
}

pub fn deposit() -> Deposit {
    Deposit {
        version: Deposit::VERSION,
        source_chain: source(),
        source_bridge: B256::repeat_byte(2),
        source_key: B256::ZERO,
        asset: AssetId::slip44(&source(), 60),
        amount: U256::from(5),
        destination_chain: destination(),
        destination_bridge: Address::repeat_byte(7).into_word(),
        recipient: Address::repeat_byte(0xaa).into_word(),
        sender: B256::repeat_byte(0xbb),
        lane: LanePreference::Any,
        expiry: NOW + 1000,
    }
}

pub fn policy() -> Policy {
    let members: BTreeSet<Address> = (1..=3).map(Address::repeat_byte).collect();
    let set = SignerSet::new(1, 2, members).unwrap();
    let limits = Limits {
        per_transfer: Limit::Unlimited,
        exposure_cap: Limit::Unlimited,
        window: Limit::Unlimited,
        large_from: Limit::Unlimited,
        large_delay: 0,
        dust: U256::ZERO,
    };
    let domain = VerdictDomain { chain_number: 9, inbox: Address::repeat_byte(7), registry: Address::repeat_byte(8) };
    let target = Destination { domain, fast_lane: Address::repeat_byte(6), signers: set.clone() };
    Policy {
        sources: BTreeMap::from([(source(), B256::repeat_byte(2))]),
        destinations: BTreeMap::from([(destination(), target)]),
        verifiers: set,
        risk: RiskPolicy::of_corridors(BTreeMap::from([(Corridor::of(&deposit(), Lane::Fast), limits)])),
        pause_ttl: 3_600,
    }
}

/// Ada has key 1, Bo key 2.
pub fn key(n: u8) -> LocalKey {
    LocalKey::from_bytes(&[n; 32]).unwrap()
}

pub fn guardians() -> ControlPolicy {
    let inbox = Address::repeat_byte(7).into_word();
    ControlPolicy {
        deployment: deployment([(&destination(), inbox)]),
        guardians: [(1, "ada"), (2, "bo")].map(|(n, person)| (key(n).address(), person.to_owned())).into(),
        resume_delay: 30,
        timelock: 60,
    }
}

/// What the guardian with key `n` says.
pub fn said(n: u8, nonce: u64, act: Act, now: u64) -> SignedStatement {
    let (guardian, expiry) = (key(n).address(), now + 600);
    let statement = Statement { act, reason: "a drill".to_owned(), guardian, nonce, expiry };
    let digest = statement.digest(guardians().deployment);
    SignedStatement::new(statement, &key(n).sign_digest(digest).unwrap())
}

/// Key `n` says `act` to `book`. Answers the statement's name.
pub async fn say<L: Ledger>(book: &Book<L, Later>, n: u8, nonce: u64, act: Act) -> Result<B256, OrderError> {
    let signed = said(n, nonce, act, book.clock().now());
    let digest = signed.statement.digest(guardians().deployment);
    let events = book.order(&signed, None).await?;
    assert!(matches!(&events[0], ControlEvent::Taken { digest: taken, .. } if *taken == digest));
    Ok(digest)
}

/// What a process is started with.
pub fn file() -> Agreement {
    let policy = policy();
    Agreement {
        version: AgreementVersion,
        is_production: true,
        pause_seconds: policy.pause_ttl,
        verifiers: policy.verifiers.clone(),
        signers: policy.verifiers,
        guardians: None,
        sources: Default::default(),
        destinations: Default::default(),
        feeds: Default::default(),
        vaults: None,
        risk: policy.risk,
    }
}

/// What clears the payout, and the effect that pays it.
pub fn cleared() -> (Commit, EffectId) {
    let deposit = deposit();
    let id = deposit.id();
    let block = BlockRef { height: 1, hash: B256::repeat_byte(1), time: NOW };
    let batch = BatchTerms { root: id.0, count: 1, epoch: 1, expiry: NOW + 100 };
    let attestation = FastAttestation { batch, signatures: Vec::new(), index: 0, path: Vec::new() };
    let seen = SeenDeposit { deposit: deposit.clone(), block, transaction: B256::ZERO, position: 0 };
    let events = vec![
        Event::Observed { seen },
        Event::Attested { attestation: attestation.clone() },
        Event::Cleared { lane: Lane::Fast },
    ];
    let fold = |transfer, event| Some(Transfer::fold(transfer, id, event, NOW).unwrap());
    let after = events.iter().fold(None, fold).unwrap();
    let executor = Executor::Destination { chain: destination() };
    let effect = Effect::PayFast { deposit: deposit.clone(), attestation };
    let effect =
        NewEffect { id: effect.id(id, &executor, Turn::default()), deposit: id, executor, effect, run_at: NOW };
    let pay = effect.id;
    let risk = RiskEvent::cleared(id, &deposit, Lane::Fast);
    let commit = Commit {
        now: NOW,
        transfers: vec![TransferChange { expected_sequence: 0, events, after }],
        risk: vec![risk],
        effects: vec![effect],
        ..Commit::default()
    };
    (commit, pay)
}

/// What makes the payout that was [`cleared`] by `pay` a shortfall: it was broadcast, and its deposit is gone for good.
pub fn lost(pay: EffectId) -> [Input; 3] {
    let tx = TxRef { chain: destination(), hash: B256::repeat_byte(9), gas_used: None };
    let dropped = vec![B256::repeat_byte(1)];
    [
        Input::Progress(pay, Progress::Broadcast { tx }),
        Input::SourceReorged { ancestor: block(0), dropped },
        Input::SourceFinal(block(2)),
    ]
}

/// A node of the source that tells these events when it is read first, and nothing after that; and how often it was read.
#[derive(Clone)]
pub struct Contradicting {
    events: Vec<ChainEvent>,
    reads: Arc<AtomicUsize>,
}

impl Contradicting {
    pub fn telling(events: Vec<ChainEvent>) -> Self {
        Self { events, reads: Arc::default() }
    }

    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

impl Watcher for Contradicting {
    fn chain(&self) -> &ChainId {
        static CHAIN: LazyLock<ChainId> = LazyLock::new(source);
        &CHAIN
    }

    async fn genesis(&self) -> Result<Cursor, FollowError> {
        Ok(Cursor::at(block(1)))
    }

    async fn cursor_at(&self, height: u64) -> Result<Cursor, FollowError> {
        Ok(Cursor::at(block(height)))
    }

    async fn read(&self, cursor: &Cursor) -> Result<ReadBatch, FollowError> {
        if self.reads.fetch_add(1, Ordering::Relaxed) > 0 {
            return Ok(ReadBatch { events: Vec::new(), next: cursor.clone() });
        }
        Ok(ReadBatch { events: self.events.clone(), next: Cursor::at(block(2)) })
    }

    async fn wait(&self) {}
}
