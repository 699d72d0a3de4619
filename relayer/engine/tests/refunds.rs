//! Checkpoints for refunds: who asks for one, when, how often, and whose word makes one.

mod common;
mod poisoned;
mod refunding;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use alloy_primitives::{Address, B256, U256};
use spandrel_core::ledger::{Commit, Halt, Ledger, NewEffect, TransferChange};
use spandrel_core::submission::SendGate;
use spandrel_core::{Effect, EffectId, Event, Executor, Policy, Transfer};
use spandrel_engine::{Book, CheckpointVote, Clock, PayoutDesk, RefundDesk, Refunding, Silent};
use spandrel_risk::{Corridor, Lane, Reason, RiskPolicy};
use spandrel_store::Memory;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::follow::SeenDeposit;
use spandrel_verifiers::{ChainId, Checkpoint, Deposit, SignedCheckpoint};
use spandrel_watchers::refund::{FinalBlocks, Newest, RefundView};

use common::{Later, NOW, block, deposit, destination, key, source};
use poisoned::Poisoned;
use refunding::{Chains, Denying, Down, Heard};

const HOUR: u64 = 3_600;
const DUST: u64 = 3;
const REGISTRY: Address = Address::repeat_byte(0x5e);

fn policy() -> Policy {
    let set = SignerSet::new(1, 2, [1, 2, 3].map(|n| key(n).address()).into()).unwrap();
    let common = common::policy();
    let mut limits = common.risk.limits.into_values().next().unwrap();
    limits.dust = U256::from(DUST);
    let corridor = Corridor::of(&deposit(), Lane::LightClient);
    let risk = RiskPolicy::of_corridors(BTreeMap::from([(corridor, limits)]));
    Policy { verifiers: set, risk, ..common }
}

struct Scene {
    store: Memory,
    time: Later,
    chains: Chains,
    heard: Heard,
    desk: RefundDesk<Memory, Later, Heard>,
}

impl Scene {
    async fn over(store: Memory, time: Later, chains: Chains) -> Self {
        let book = Book::open(store.clone(), time.clone(), policy(), Arc::new(Silent)).await.unwrap();
        // Of all the nodes one is honest and up.
        let views: Vec<Box<dyn RefundView>> = vec![Box::new(Denying), Box::new(Down), Box::new(chains.clone())];
        let refunding = Refunding { number: 1, registry: REGISTRY, views };
        let blocks: Box<dyn FinalBlocks> = Box::new(chains.clone());
        let (heard, sources) = (Heard::default(), BTreeMap::from([(source(), refunding)]));
        let destinations = BTreeMap::from([(destination(), blocks)]);
        let desk = RefundDesk::new(Arc::new(book), heard.clone(), sources, destinations);
        Self { store, time, chains, heard, desk }
    }

    /// A deposit of the common kind expired unpaid ten seconds ago, and the destination is final past that.
    async fn new() -> Self {
        let time = Later::default();
        time.pass(1_010);
        let chains = Chains {
            newest: Arc::new(Mutex::new(Newest { time: NOW, max_age: 1_000_000, hold: 0 })),
            stored: Arc::default(),
            refunded: Arc::default(),
            final_at: Arc::new(Mutex::new(NOW + 1_005)),
        };
        let scene = Self::over(Memory::new(), time, chains).await;
        scene.expire(deposit()).await;
        scene
    }

    async fn restarted(self) -> Self {
        Self::over(self.store.snapshot().unwrap(), self.time, self.chains).await
    }

    /// The ledger knows that it ended unpaid.
    async fn expire(&self, deposit: Deposit) {
        let expiry = deposit.expiry;
        self.end(deposit, Event::Rejected { reason: Reason::Expired { expiry } }).await;
    }

    async fn end(&self, deposit: Deposit, end: Event) {
        let id = deposit.id();
        let seen = SeenDeposit { deposit, block: block(1), transaction: B256::ZERO, position: 0 };
        let events = vec![Event::Observed { seen }, end];
        let fold = |transfer, event| Some(Transfer::fold(transfer, id, event, NOW).unwrap());
        let after = events.iter().fold(None, fold).unwrap();
        let transfers = vec![TransferChange { expected_sequence: 0, events, after }];
        self.store.commit(Commit { now: NOW, transfers, ..Commit::default() }).await.unwrap();
    }

    /// How often verifiers are asked by so many looks.
    async fn asked(&self, looks: usize) -> usize {
        let before = self.heard.0.lock().unwrap().len();
        for _ in 0..looks {
            self.desk.look_once().await.unwrap();
        }
        self.heard.0.lock().unwrap().len() - before
    }

    fn asked_for(&self) -> Checkpoint {
        let time = *self.chains.final_at.lock().unwrap();
        Checkpoint {
            chain: destination(),
            height: time,
            root: B256::repeat_byte(4),
            time,
            up_to: Checkpoint::ANY_AMOUNT,
        }
    }

    async fn vote(&self, by: u8, checkpoint: &Checkpoint, registry: Address) {
        let (registered_on, epoch) = (source(), 1);
        let signature = key(by).sign_digest(checkpoint.digest(1, registry, epoch)).unwrap();
        let vote = CheckpointVote { registered_on, checkpoint: checkpoint.clone(), epoch, signature };
        self.desk.take(&vote).await.unwrap();
    }

    /// What is to be registered, since the last call.
    async fn registered(&self) -> Vec<SignedCheckpoint> {
        let executor = Executor::Destination { chain: source() };
        let now = self.time.now();
        let leased = self.store.lease(&executor, now, now + 1_000_000, 100).await.unwrap();
        let registered = leased.into_iter().filter_map(|item| match item.effect {
            Effect::RegisterCheckpoint { registry, checkpoint } if registry == REGISTRY => Some(checkpoint),
            _ => None,
        });
        registered.collect()
    }
}

#[tokio::test]
async fn a_quorum_makes_a_checkpoint_that_a_deposit_waits_for_and_nobody_else_does() {
    let scene = Scene::new().await;
    let asked = scene.asked_for();
    for member in [1, 2, 3] {
        scene.vote(member, &asked, REGISTRY).await;
    }
    assert!(scene.registered().await.is_empty(), "nobody was asked yet");
    assert_eq!(scene.asked(2).await, 2, "until it is answered");
    let later = Checkpoint { root: B256::repeat_byte(5), ..asked.clone() };
    for member in [1, 2, 3] {
        scene.vote(member, &later, REGISTRY).await;
    }
    scene.vote(1, &asked, REGISTRY).await;
    scene.vote(1, &asked, REGISTRY).await;
    scene.vote(9, &asked, REGISTRY).await;
    scene.vote(2, &asked, Address::repeat_byte(1)).await;
    assert!(scene.registered().await.is_empty(), "another block, one twice, a stranger, another registry's");
    let signature = key(2).sign_digest(asked.digest(1, REGISTRY, 1)).unwrap();
    let renamed = CheckpointVote { registered_on: source(), checkpoint: later, epoch: 1, signature };
    scene.desk.take(&renamed).await.unwrap();
    assert!(scene.registered().await.is_empty(), "what was signed, in the place of something else");
    scene.vote(2, &asked, REGISTRY).await;
    let registered = scene.registered().await;
    assert_eq!((registered.len(), &registered[0].checkpoint), (1, &asked));
    assert_eq!(registered[0].signatures.len(), 2);
    scene.vote(3, &asked, REGISTRY).await;
    assert_eq!((scene.registered().await.len(), scene.asked(5).await), (0, 0));
}

#[tokio::test]
async fn nothing_is_asked_while_nothing_waits_for_it() {
    let scene = Scene::new().await;
    let newest = |time, max_age| *scene.chains.newest.lock().unwrap() = Newest { time, max_age, hold: 0 };
    newest(NOW + 1_001, 1_000_000);
    assert_eq!(scene.asked(1).await, 0, "one late enough is registered");
    newest(NOW + 1_001, 10);
    assert_eq!(scene.asked(1).await, 1, "it is about to be too old");
    newest(NOW + 900, 0);
    assert_eq!(scene.asked(1).await, 0, "its chain is frozen there, or not accepted");
    *scene.chains.newest.lock().unwrap() = Newest { time: NOW + 900, max_age: 1_000, hold: 1_000 };
    assert_eq!(scene.asked(1).await, 0, "it would be too old once it has stood for the hold");
    newest(NOW + 900, 1_000_000);
    *scene.chains.final_at.lock().unwrap() = NOW + 1_000;
    scene.time.pass(700);
    assert_eq!(scene.asked(1).await, 0, "no final block is late enough");
    *scene.chains.final_at.lock().unwrap() = NOW + 1_001;
    assert_eq!(scene.asked(1).await, 1);
    scene.chains.refunded.lock().unwrap().push(deposit().id());
    assert_eq!(scene.asked(1).await, 0, "it was taken back");
    scene.expire(Deposit { amount: U256::from(DUST - 1), source_key: B256::with_last_byte(1), ..deposit() }).await;
    scene.expire(Deposit { expiry: NOW + 100_000, source_key: B256::with_last_byte(2), ..deposit() }).await;
    let elsewhere = ChainId::eip155(7);
    let unserved = Deposit { destination_chain: elsewhere, source_key: B256::with_last_byte(3), ..deposit() };
    scene.expire(unserved).await;
    assert_eq!(scene.asked(1).await, 0, "dust, what may still be paid, what is not served");
    scene.expire(Deposit { amount: U256::from(DUST), source_key: B256::with_last_byte(4), ..deposit() }).await;
    assert_eq!(scene.asked(1).await, 1);
}

/// A guardian dropped its delayed payment on the destination, days before it expires. The vault pays it back at once.
#[tokio::test]
async fn what_was_dropped_on_its_destination_waits_for_no_expiry() {
    let scene = Scene::new().await;
    scene.chains.refunded.lock().unwrap().push(deposit().id());
    assert_eq!(scene.asked(1).await, 0);
    let dropped = Event::Failed { reason: "the delayed payment was dropped by a guardian".to_owned() };
    let expiry = NOW + 30 * 24 * HOUR;
    scene.end(Deposit { expiry, source_key: B256::with_last_byte(1), ..deposit() }, dropped).await;
    *scene.chains.final_at.lock().unwrap() = NOW;
    assert_eq!(scene.asked(1).await, 0, "no final block is later than its end");
    *scene.chains.final_at.lock().unwrap() = NOW + 1;
    assert_eq!(scene.asked(1).await, 1);
    *scene.chains.newest.lock().unwrap() = Newest { time: NOW + 1, max_age: 1_000_000, hold: 0 };
    assert_eq!(scene.asked(1).await, 0, "one late enough is registered");
}

/// The highest is disputed, or of a block that never comes: what is registered stays below it for ever.
#[tokio::test]
async fn a_highest_checkpoint_that_nobody_can_use_is_not_asked_for_again_and_again() {
    let scene = Scene::new().await;
    *scene.chains.newest.lock().unwrap() = Newest { time: 0, max_age: 1_000_000, hold: 0 };
    let asked = scene.asked_for();
    assert_eq!(scene.asked(1).await, 1);
    for member in [1, 2] {
        scene.vote(member, &asked, REGISTRY).await;
    }
    assert_eq!(scene.registered().await.len(), 1);
    scene.time.pass(2 * HOUR);
    assert_eq!(scene.asked(1).await, 1, "it was not stored");
    scene.chains.stored.lock().unwrap().push(asked);
    assert_eq!(scene.asked(1).await, 0, "it is late enough");
    let scene = scene.restarted().await;
    scene.time.pass(24 * HOUR);
    assert_eq!(scene.asked(1).await, 0, "after a restart too");
}

/// A stranger's deposits expire one after the other, each later than the checkpoint before.
#[tokio::test]
async fn however_many_expire_one_is_registered_an_hour_after_a_restart_too() {
    let mut scene = Scene::new().await;
    let mut registered = Vec::new();
    for minute in 0..(6 * 60_u64) {
        if minute % 7 == 0 {
            scene = scene.restarted().await;
        }
        let expiry = scene.time.now() - 2;
        let source_key = B256::from(U256::from(1_000 + minute));
        scene.expire(Deposit { expiry, source_key, ..deposit() }).await;
        *scene.chains.final_at.lock().unwrap() = scene.time.now() - 1;
        scene.asked(1).await;
        for member in [1, 2] {
            let wanted = scene.asked_for();
            scene.vote(member, &wanted, REGISTRY).await;
        }
        if !scene.registered().await.is_empty() {
            registered.push(scene.time.now());
        }
        scene.time.pass(60);
    }
    assert!(registered.len() >= 3, "{registered:?}");
    assert!(registered.windows(2).all(|two| two[1] - two[0] >= HOUR), "{registered:?}");
}

/// What was taken back is more than a node is asked for in one look, and a reorg undoes one of the refunds.
#[tokio::test]
async fn what_was_taken_back_hides_nothing_that_waits() {
    let scene = Scene::new().await;
    *scene.chains.newest.lock().unwrap() = Newest { time: NOW + 1_003, max_age: 2, hold: 0 };
    let before: Vec<Deposit> = (0..100_u64)
        .map(|n| Deposit { expiry: NOW + 800, source_key: B256::from(U256::from(100 + n)), ..deposit() })
        .collect();
    for deposit in &before {
        scene.expire(deposit.clone()).await;
        scene.chains.refunded.lock().unwrap().push(deposit.id());
    }
    assert_eq!(scene.asked(3).await, 0, "thirty-two at a look");
    assert_eq!(scene.asked(1).await, 1, "and then the one behind them");
    scene.chains.refunded.lock().unwrap().push(deposit().id());
    assert_eq!(scene.asked(1).await, 0);
    scene.chains.refunded.lock().unwrap().retain(|id| *id != before[0].id());
    assert_eq!(scene.asked(9).await, 0, "no node is asked for ever");
    scene.time.pass(24 * HOUR);
    assert_eq!(scene.asked(1).await, 1);
}

/// Deaths after the question, after the first answer, and after the quorum; and answers that are said again.
#[tokio::test]
async fn a_death_between_the_question_and_the_registry_registers_one_and_not_two() {
    let mut scene = Scene::new().await;
    let asked = scene.asked_for();
    assert_eq!(scene.asked(1).await, 1);
    scene = scene.restarted().await;
    for member in [1, 2] {
        scene.vote(member, &asked, REGISTRY).await;
    }
    assert!(scene.registered().await.is_empty(), "whoever was started anew has asked nothing");
    assert_eq!(scene.asked(1).await, 1);
    scene.vote(1, &asked, REGISTRY).await;
    scene = scene.restarted().await;
    scene.vote(2, &asked, REGISTRY).await;
    assert!(scene.registered().await.is_empty());
    let other = Scene::over(scene.store.clone(), scene.time.clone(), scene.chains.clone()).await;
    assert_eq!((scene.asked(1).await, other.asked(1).await), (1, 1), "two processes over one ledger");
    for member in [1, 2] {
        scene.vote(member, &asked, REGISTRY).await;
        other.vote(member, &asked, REGISTRY).await;
    }
    assert_eq!(scene.registered().await.len(), 1);
    scene = scene.restarted().await;
    scene.time.pass(600);
    assert_eq!(scene.asked(1).await, 0);
    for member in [1, 2, 3] {
        scene.vote(member, &asked, REGISTRY).await;
    }
    scene.time.pass(2 * HOUR);
    for member in [1, 2, 3] {
        scene.vote(member, &asked, REGISTRY).await;
    }
    let executor = Executor::Destination { chain: source() };
    let due = scene.store.lease(&executor, scene.time.now(), scene.time.now() + HOUR, 100).await.unwrap();
    assert!(due.len() <= 1, "answers that are said again register nothing: {due:?}");
}

/// A checkpoint that is due, and a process over its ledger.
async fn due() -> (Scene, Arc<Book<Memory, Later>>, EffectId) {
    let scene = Scene::new().await;
    let asked = scene.asked_for();
    scene.asked(1).await;
    for member in [1, 2] {
        scene.vote(member, &asked, REGISTRY).await;
    }
    let id = EffectId::of_registration(&source(), &destination(), scene.time.now() / HOUR);
    let book = Book::open(scene.store.clone(), scene.time.clone(), policy(), Arc::new(Silent)).await.unwrap();
    (scene, Arc::new(book), id)
}

#[tokio::test]
async fn a_checkpoint_that_got_old_or_whose_chain_contradicts_itself_is_not_brought() {
    let (scene, book, id) = due().await;
    assert!(book.is_open(&[id]).await.unwrap());
    scene.time.pass(7 * HOUR);
    assert!(!book.is_open(&[id]).await.unwrap(), "it is asked for anew");

    let (scene, _, id) = due().await;
    let halt = Halt { chain: destination(), reason: "final block 1 was replaced".to_owned(), evidence: None };
    scene.store.commit(Commit { now: NOW, halt: Some(halt), ..Commit::default() }).await.unwrap();
    let book = Book::open(scene.store.clone(), scene.time.clone(), policy(), Arc::new(Silent)).await.unwrap();
    assert!(!book.is_open(&[id]).await.unwrap());
    let desk = PayoutDesk::new(source(), Poisoned::default(), Arc::new(book), 10);
    desk.submit_once().await.unwrap();
    assert!(desk.submitter().carried_out().is_empty());
}

#[tokio::test]
async fn a_payout_that_fails_its_batch_keeps_no_checkpoint_from_its_registry() {
    let (scene, _, id) = due().await;
    // A deposit that came the other way is paid where the checkpoint goes.
    let (commit, _) = common::cleared();
    let other = Deposit { source_key: B256::repeat_byte(7), ..deposit() };
    let seen = SeenDeposit { deposit: other.clone(), block: block(1), transaction: B256::ZERO, position: 0 };
    let mut events = commit.transfers[0].events.clone();
    events[0] = Event::Observed { seen };
    let fold = |transfer, event| Some(Transfer::fold(transfer, other.id(), event, NOW).unwrap());
    let after = events.iter().fold(None, fold).unwrap();
    let pay = NewEffect { deposit: other.id(), ..commit.effects[0].clone() };
    let pay = NewEffect { executor: Executor::Destination { chain: source() }, ..pay };
    let transfers = vec![TransferChange { expected_sequence: 0, events, after }];
    scene.store.commit(Commit { now: NOW, transfers, effects: vec![pay], ..Commit::default() }).await.unwrap();
    let book = Book::open(scene.store.clone(), Later::default(), policy(), Arc::new(Silent)).await.unwrap();
    let desk = PayoutDesk::new(source(), Poisoned::default(), Arc::new(book), 10);
    assert_eq!(desk.submit_once().await.unwrap(), 2);
    assert_eq!(desk.submitter().carried_out(), [id]);
}
