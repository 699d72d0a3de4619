//! A fast payout that stays unproven, or whose place on the source is another deposit's, closes the fast lane by the
//! relayer's own doing.

use std::sync::Arc;

use alloy_primitives::B256;
use serde_json::{Value, json};
use spandrel_contracts::RiskGuard;
use spandrel_core::ledger::Ledger;
use spandrel_core::submission::{Progress, Submitter};
use spandrel_core::{Contradiction, Effect, Input};
use spandrel_engine::{Book, Change, PayoutDesk, Silent, Step};
use spandrel_risk::{Lane, RiskEvent, Scope};
use spandrel_signer::LocalKey;
use spandrel_store::Sqlite;
use spandrel_submit::EvmDestination;
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{Deposit, Evidence, SignedCheckpoint, SignedVerdict, Verdict};

use crate::ledger::{Wall, domain, here, policy};
use crate::world::*;

type Desk = PayoutDesk<EvmDestination<Sqlite, LocalKey>, Sqlite, Wall>;

/// `settleWithin` of the world's limits.
const SETTLE_WITHIN: u64 = 3_600;

async fn closed_at(world: &World) -> u64 {
    world.until_quiet().await;
    RiskGuard::new(world.at.guard, &world.governor).fastClosedAt(source().hash()).call().await.unwrap()
}

/// A transaction is mined a moment after the node has taken it.
async fn require_closed(world: &World) {
    for _ in 0..200 {
        if closed_at(world).await != 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the fast lane is open");
}

/// Chain and clock go on.
async fn wait(world: &World, seconds: u64) {
    world.pass(seconds);
    world.anvil.rpc::<Value>("evm_setNextBlockTimestamp", json!([(world.clock())()])).await.unwrap();
    world.anvil.mine(2).await.unwrap();
}

fn overdue(deposit: &Deposit) -> [spandrel_core::submission::DueEffect; 1] {
    [due(deposit, Effect::CloseOverdue { deposit: deposit.clone() })]
}

async fn paid_fast(world: &World, deposits: &[Deposit]) {
    let destination = world.destination().await;
    let pay = world.fast(deposits);
    destination.submit(&pay, &Open).await.unwrap();
    follow_to_the_end(world, &destination, &pay).await;
}

#[tokio::test]
async fn an_overdue_payout_closes_its_fast_lane_once_and_not_before_its_time() {
    let Some(world) = World::start().await else { return };
    let deposits = [world.deposit(60), world.deposit(70)];
    paid_fast(&world, &deposits).await;
    let destination = world.destination().await;
    let sent = world.mined().await;
    let (first, second) = (overdue(&deposits[0]), overdue(&deposits[1]));
    let answer = said(&destination.submit(&first, &Open).await.unwrap(), &first[0]);
    let Some(Progress::NotYet { until }) = answer else { panic!("{answer:?}") };
    assert!(until.abs_diff(wall_clock() + SETTLE_WITHIN) < 60, "by the chain's word: {until}");
    let unpaid = overdue(&world.deposit(80));
    let (reason, _) = refusal(said(&destination.submit(&unpaid, &Open).await.unwrap(), &unpaid[0]));
    assert!(reason.contains("not paid"), "{reason}");

    wait(&world, SETTLE_WITHIN + 60).await;
    destination.submit(&first, &Open).await.unwrap();
    follow_to_the_end(&world, &destination, &first).await;
    require_closed(&world).await;
    assert_eq!(world.mined().await, sent + 1);
    let answer = said(&destination.submit(&second, &Open).await.unwrap(), &second[0]);
    assert!(matches!(answer, Some(Progress::Finalized { .. })), "it is closed already: {answer:?}");
    assert_eq!(world.mined().await, sent + 1);
}

#[tokio::test]
async fn a_settled_payout_closes_nothing_however_late_it_is_asked() {
    let Some(world) = World::start().await else { return };
    let deposits = [world.deposit(60)];
    paid_fast(&world, &deposits).await;
    let destination = world.destination().await;
    let settle = world.settle(&deposits).await;
    destination.submit(&settle, &Open).await.unwrap();
    follow_to_the_end(&world, &destination, &settle).await;
    let (sent, asked) = (world.mined().await, overdue(&deposits[0]));
    wait(&world, SETTLE_WITHIN + 60).await;
    let answer = said(&destination.submit(&asked, &Open).await.unwrap(), &asked[0]);
    assert!(matches!(answer, Some(Progress::Finalized { .. })), "{answer:?}");
    assert_eq!((world.mined().await, closed_at(&world).await), (sent, 0));
}

#[tokio::test]
async fn a_proof_of_another_deposit_under_its_key_closes_the_fast_lane() {
    let Some(world) = World::start().await else { return };
    let paid = world.deposit(60);
    paid_fast(&world, std::slice::from_ref(&paid)).await;
    let destination = world.destination().await;
    let other = Deposit { amount: paid.amount + alloy_primitives::U256::from(1), ..paid.clone() };
    let (evidence, checkpoint) = world.prove(std::slice::from_ref(&other)).await.remove(0);
    let by = Contradiction { deposit: other, evidence, checkpoint };
    let shown = [due(&paid, Effect::Contradict { paid: paid.clone(), by: Box::new(by) })];
    destination.submit(&shown, &Open).await.unwrap();
    follow_to_the_end(&world, &destination, &shown).await;
    require_closed(&world).await;
    let sent = world.mined().await;
    destination.submit(&shown, &Open).await.unwrap();
    assert_eq!(world.mined().await, sent, "once");
}

async fn desk(world: &World) -> (Arc<Book<Sqlite, Wall>>, Desk) {
    let book = Book::open(world.journal.clone(), Wall::of(world), policy(world), Arc::new(Silent)).await.unwrap();
    let book = Arc::new(book);
    (book.clone(), PayoutDesk::new(here(), world.destination().await, book, 16))
}

fn block(height: u64) -> BlockRef {
    BlockRef { height, hash: B256::with_last_byte(height as u8), time: wall_clock() }
}

fn seen(deposit: &Deposit, at: BlockRef) -> Step {
    let seen = SeenDeposit { deposit: deposit.clone(), block: at, transaction: B256::ZERO, position: 0 };
    Step::One(deposit.id(), Input::Seen(seen))
}

async fn tell(book: &Book<Sqlite, Wall>, steps: Vec<Step>) {
    book.record(Change { steps, ..Change::default() }).await.unwrap();
}

/// Seen, attested and paid by the fast lane, all by the book and its desk.
async fn pay_by_the_book(world: &World, book: &Book<Sqlite, Wall>, desk: &Desk, deposit: &Deposit) {
    let Effect::PayFast { attestation, .. } = world.fast(std::slice::from_ref(deposit)).remove(0).effect else {
        panic!()
    };
    tell(book, vec![seen(deposit, block(10)), Step::One(deposit.id(), Input::Attested(attestation))]).await;
    desk.submit_once().await.unwrap();
    world.anvil.mine(2).await.unwrap();
    desk.follow_once().await.unwrap();
    assert!(book.ledger().transfer(deposit.id()).await.unwrap().unwrap().is_paid_by(Lane::Fast));
}

/// Nobody asks for it, and everything is paused: the deadline passes, and the chain's fast lane is closed.
#[tokio::test]
async fn the_relayer_closes_an_overdue_fast_lane_by_itself_even_when_everything_is_paused() {
    let Some(world) = World::start().await else { return };
    let (book, desk) = desk(&world).await;
    let deposit = world.deposit(60);
    pay_by_the_book(&world, &book, &desk, &deposit).await;
    desk.submit_once().await.unwrap();
    let sent = world.mined().await;
    let until = u64::MAX;
    book.record_risk(RiskEvent::Paused { scope: Scope::Global, until, reason: "a drill".into() }).await.unwrap();
    wait(&world, SETTLE_WITHIN - 120).await;
    desk.submit_once().await.unwrap();
    assert_eq!((closed_at(&world).await, world.mined().await), (0, sent), "in time");
    wait(&world, 240).await;
    desk.submit_once().await.unwrap();
    require_closed(&world).await;
    assert_eq!(world.mined().await, sent + 1);
    for _ in 0..3 {
        world.anvil.mine(1).await.unwrap();
        desk.follow_once().await.unwrap();
        desk.submit_once().await.unwrap();
    }
    assert_eq!(world.mined().await, sent + 1, "once");
}

async fn proven(world: &World, deposit: &Deposit) -> (Evidence, SignedCheckpoint, Vec<SignedVerdict>) {
    let (evidence, signed) = world.prove(std::slice::from_ref(deposit)).await.remove(0);
    let verdict = Verdict { deposit_id: deposit.id(), checkpoint: signed.checkpoint.clone(), epoch: 1 };
    let checkpoint = signed.checkpoint.digest(CHAIN, world.at.registry, 1);
    let by = |key: &LocalKey| SignedVerdict {
        signature: key.sign_digest(verdict.digest(&domain(world))).unwrap(),
        checkpoint_signature: key.sign_digest(checkpoint).unwrap(),
        verdict: verdict.clone(),
    };
    let verdicts = members("verifier").iter().take(3).map(by).collect();
    (evidence, signed, verdicts)
}

/// A reorg gave the key of a paid deposit to another one. Once that is proven, the chain is shown.
#[tokio::test]
async fn the_relayer_shows_the_chain_what_stands_in_the_place_of_a_payout() {
    let Some(world) = World::start().await else { return };
    let (book, desk) = desk(&world).await;
    let paid = world.deposit(60);
    pay_by_the_book(&world, &book, &desk, &paid).await;
    let other = Deposit { amount: paid.amount + alloy_primitives::U256::from(1), ..paid.clone() };
    let gone = Input::SourceReorged { ancestor: block(9), dropped: vec![block(10).hash] };
    tell(&book, vec![Step::AllFrom(source(), gone), seen(&other, block(11))]).await;
    tell(&book, vec![Step::All(Input::Tick)]).await;
    let (evidence, _, verdicts) = proven(&world, &other).await;
    let of_other = |input| Step::One(other.id(), input);
    tell(&book, vec![of_other(Input::SourceFinal(block(11))), of_other(Input::EvidenceBuilt(evidence))]).await;
    tell(&book, vec![of_other(Input::Verdicts(verdicts))]).await;
    assert_eq!(closed_at(&world).await, 0);
    tell(&book, vec![Step::All(Input::Tick)]).await;
    assert_eq!(book.ledger().transfer(paid.id()).await.unwrap().unwrap().status.name(), "shortfall");
    desk.submit_once().await.unwrap();
    require_closed(&world).await;
    let sent = world.mined().await;
    tell(&book, vec![Step::All(Input::Tick)]).await;
    desk.submit_once().await.unwrap();
    assert_eq!(world.mined().await, sent, "once");
}
