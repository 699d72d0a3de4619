//! Payments that go well: single, batched, proven, settled, and done by others.

use alloy_primitives::B256;
use serde_json::{Value, json};
use spandrel_contracts::{PauseController, RiskGuard, lane, proof, solidity_deposit};
use spandrel_core::Effect;
use spandrel_core::submission::{Lasting, Progress, Submitter};
use spandrel_risk::{Lane, Scope};
use spandrel_submit::EvmConfig;
use spandrel_submit::evm::Confirmation;
use spandrel_verifiers::Deposit;

use crate::world::*;

#[tokio::test]
async fn a_single_fast_claim_is_broadcast_included_and_final() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposit = world.deposit(5_000);
    let due = world.fast(std::slice::from_ref(&deposit));
    assert!(!destination.is_paid(deposit.id().0).await.unwrap());

    let answers = destination.submit(&due, &Open).await.unwrap();
    let hash = hash_of(said(&answers, &due[0]));
    assert!(matches!(said(&answers, &due[0]), Some(Progress::Broadcast { .. })));
    world.until_quiet().await;
    let answers = destination.follow(&Open).await.unwrap();
    let Some(Progress::Included { tx }) = said(&answers, &due[0]) else { panic!("{answers:?}") };
    assert_eq!(tx.hash, hash);
    assert!(tx.gas_used.unwrap() > 21_000);
    assert!(destination.follow(&Open).await.unwrap().is_empty(), "nothing new");
    world.anvil.mine(1).await.unwrap();
    let answers = destination.follow(&Open).await.unwrap();
    assert_eq!(hash_of(said(&answers, &due[0])), hash);
    assert!(is_final(&said(&answers, &due[0])));
    assert!(destination.follow(&Open).await.unwrap().is_empty());
    assert!(destination.is_paid(deposit.id().0).await.unwrap());
    assert_eq!(world.received(&deposit).await, 5_000);
    assert_eq!(world.mined().await, 2, "the attestation and the claim");
}

#[tokio::test]
async fn by_the_finalized_tag_a_claim_is_final_when_the_node_says_so() {
    let Some(world) = World::start().await else { return };
    let config = EvmConfig { confirmation: Confirmation::FinalizedTag, ..world.config() };
    let destination = world.destination_with(config, world.journal.clone()).await;
    let due = world.fast(&[world.deposit(5_000)]);
    destination.submit(&due, &Open).await.unwrap();
    world.anvil.mine(30).await.unwrap();
    world.until_quiet().await;
    assert!(matches!(said(&destination.follow(&Open).await.unwrap(), &due[0]), Some(Progress::Included { .. })));
    world.anvil.mine(40).await.unwrap();
    assert!(is_final(&said(&destination.follow(&Open).await.unwrap(), &due[0])));
}

#[tokio::test]
async fn a_batch_is_one_attestation_and_one_claim() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposits: Vec<_> = (1..=5).map(|n| world.deposit(n * 100)).collect();
    let due = world.fast(&deposits);
    let answers = destination.submit(&due, &Open).await.unwrap();
    let hashes: Vec<B256> = due.iter().map(|due| hash_of(said(&answers, due))).collect();
    assert!(hashes.iter().all(|hash| *hash == hashes[0]));
    follow_to_the_end(&world, &destination, &due).await;
    for (index, deposit) in deposits.iter().enumerate() {
        assert_eq!(world.received(deposit).await, (index as u64 + 1) * 100);
    }
    assert_eq!(world.mined().await, 2);
}

#[tokio::test]
async fn claims_of_one_attestation_in_two_rounds_attest_once() {
    let Some(world) = World::start().await else { return };
    world.stop_mining().await;
    let destination = world.destination().await;
    let due = world.fast(&[world.deposit(1), world.deposit(2)]);
    destination.submit(&due[..1], &Open).await.unwrap();
    destination.submit(&due[1..], &Open).await.unwrap();
    follow_to_the_end(&world, &destination, &due).await;
    assert_eq!(world.mined().await, 3, "one attestation, two claims");
}

#[tokio::test]
async fn more_than_a_batch_holds_becomes_several() {
    let Some(world) = World::start().await else { return };
    let mut config = world.config();
    config.batch.items = 2;
    let destination = world.destination_with(config, world.journal.clone()).await;
    let deposits: Vec<_> = (1..=5).map(|n| world.deposit(n)).collect();
    let due = world.fast(&deposits);
    destination.submit(&due, &Open).await.unwrap();
    follow_to_the_end(&world, &destination, &due).await;
    assert_eq!(world.mined().await, 4, "one attestation and three claims");
}

#[tokio::test]
async fn a_batch_that_needs_too_much_gas_is_halved() {
    let Some(world) = World::start().await else { return };
    let mut config = world.config();
    config.batch.gas = 700_000;
    let destination = world.destination_with(config, world.journal.clone()).await;
    let deposits: Vec<_> = (1..=6).map(|n| world.deposit(n)).collect();
    let due = world.fast(&deposits);
    let answers = destination.submit(&due, &Open).await.unwrap();
    let mut hashes: Vec<B256> = due.iter().map(|due| hash_of(said(&answers, due))).collect();
    hashes.dedup();
    assert!(hashes.len() > 1, "{hashes:?}");
    follow_to_the_end(&world, &destination, &due).await;
}

#[tokio::test]
async fn a_proven_claim_stores_its_checkpoint_first_and_a_settlement_repays_the_exposure() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let (fast, slow) = (world.deposit(700), world.deposit(900));
    let paid = world.fast(std::slice::from_ref(&fast));
    destination.submit(&paid, &Open).await.unwrap();
    follow_to_the_end(&world, &destination, &paid).await;

    let proven = world.proven(std::slice::from_ref(&slow)).await;
    destination.submit(&proven, &Open).await.unwrap();
    follow_to_the_end(&world, &destination, &proven).await;
    assert_eq!(world.received(&slow).await, 900);

    let guard = RiskGuard::new(world.at.guard, &world.governor);
    let owed = guard.exposureOf(asset().hash(), source().hash());
    assert_eq!(owed.call().await.unwrap().to::<u64>(), 700);
    let settle = world.settle(std::slice::from_ref(&fast)).await;
    destination.submit(&settle, &Open).await.unwrap();
    follow_to_the_end(&world, &destination, &settle).await;
    assert_eq!(owed.call().await.unwrap().to::<u64>(), 0);
    // Settled again under another journal: the chain says that it is done.
    let other = world.destination_on(spandrel_store::Sqlite::memory().await.unwrap()).await;
    assert!(is_final(&said(&other.submit(&settle, &Open).await.unwrap(), &settle[0])));
}

#[tokio::test]
async fn an_effect_submitted_twice_is_sent_once() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposit = world.deposit(50);
    let due = world.fast(std::slice::from_ref(&deposit));
    let twice = [due[0].clone(), due[0].clone()];
    assert!(!destination.is_sent(due[0].id).await.unwrap());
    let first = destination.submit(&twice, &Open).await.unwrap();
    assert!(destination.is_sent(due[0].id).await.unwrap());
    let second = destination.submit(&due, &Open).await.unwrap();
    assert_eq!(said(&first, &due[0]), said(&second, &due[0]));
    follow_to_the_end(&world, &destination, &due).await;
    world.until_quiet().await;
    destination.follow(&Open).await.unwrap();
    let third = destination.submit(&due, &Open).await.unwrap();
    assert_eq!(hash_of(said(&third, &due[0])), hash_of(said(&first, &due[0])));
    assert!(is_final(&said(&third, &due[0])));
    assert_eq!(world.mined().await, 2);
    assert_eq!(world.received(&deposit).await, 50);
}

#[tokio::test]
async fn what_another_account_paid_is_final_once_it_is_final_there() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposit = world.deposit(60);
    let due = world.fast(std::slice::from_ref(&deposit));
    pay_as_governor(&world, &due[0].effect).await;
    let answer = said(&destination.submit(&due, &Open).await.unwrap(), &due[0]);
    assert_eq!(answer, None, "not refused: a fast payout that is refused would not be settled");
    world.anvil.mine(1).await.unwrap();
    let answers = destination.submit(&due, &Open).await.unwrap();
    assert_eq!(said(&answers, &due[0]), Some(Progress::PaidElsewhere { lane: Lane::Fast }));
    assert_eq!(world.mined().await, 0);
}

#[tokio::test]
async fn a_payout_with_proof_says_so_when_a_stranger_was_paid_by_the_fast_lane() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposit = world.deposit(60);
    let proven = world.proven(std::slice::from_ref(&deposit)).await;
    pay_as_governor(&world, &world.fast(std::slice::from_ref(&deposit))[0].effect).await;
    world.anvil.mine(1).await.unwrap();
    let answers = destination.submit(&proven, &Open).await.unwrap();
    assert_eq!(said(&answers, &proven[0]), Some(Progress::PaidElsewhere { lane: Lane::Fast }));
}

#[tokio::test]
async fn an_expired_deposit_is_unpaid_only_by_a_final_block_after_its_expiry() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let ask = |deposit: &Deposit| [due(deposit, Effect::ConfirmUnpaid { deposit: deposit.clone() })];
    let (unpaid, paid) = (world.deposit(60), world.deposit(70));
    pay_as_governor(&world, &world.fast(std::slice::from_ref(&paid))[0].effect).await;
    world.anvil.mine(1).await.unwrap();
    assert_eq!(said(&destination.submit(&ask(&unpaid), &Open).await.unwrap(), &ask(&unpaid)[0]), None);
    world.anvil.rpc::<Value>("evm_setNextBlockTimestamp", json!([unpaid.expiry + 1])).await.unwrap();
    world.anvil.mine(1).await.unwrap();
    let answers = destination.submit(&ask(&unpaid), &Open).await.unwrap();
    assert_eq!(said(&answers, &ask(&unpaid)[0]), None, "that block is not final");
    world.anvil.mine(1).await.unwrap();
    let answers = destination.submit(&ask(&unpaid), &Open).await.unwrap();
    assert_eq!(refusal(said(&answers, &ask(&unpaid)[0])).1, Lasting::ForEver);
    let answers = destination.submit(&ask(&paid), &Open).await.unwrap();
    assert_eq!(said(&answers, &ask(&paid)[0]), Some(Progress::PaidElsewhere { lane: Lane::Fast }));
    assert_eq!(world.mined().await, 0, "nothing is sent");
}

#[tokio::test]
async fn what_someone_else_had_paid_is_told_when_it_is_final_and_not_only_when_it_expires() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let paid = world.deposit(80);
    let ask = [due(&paid, Effect::ConfirmPaid { deposit: paid.clone() })];
    assert_eq!(said(&destination.submit(&ask, &Open).await.unwrap(), &ask[0]), None, "nobody had it paid");
    pay_as_governor(&world, &world.fast(std::slice::from_ref(&paid))[0].effect).await;
    world.anvil.mine(1).await.unwrap();
    let answers = destination.submit(&ask, &Open).await.unwrap();
    assert_eq!(said(&answers, &ask[0]), Some(Progress::PaidElsewhere { lane: Lane::Fast }));
    assert_eq!(world.mined().await, 0, "nothing is sent");
}

/// Someone else attests and claims.
pub async fn pay_as_governor(world: &World, effect: &Effect) {
    let Effect::PayFast { deposit, attestation } = effect else { panic!("{effect:?}") };
    let batch = attestation.batch;
    let fast = spandrel_contracts::FastLane::new(world.at.fast_lane, &world.governor);
    let signatures = spandrel_signer::signatures_blob(&attestation.signatures);
    let attest = fast.attestBatch(batch.root, batch.count, batch.epoch, batch.expiry, signatures);
    attest.send().await.unwrap().get_receipt().await.unwrap();
    let proof = proof::fast(batch.root, attestation.index, &attestation.path);
    let inbox = world.inbox();
    let claim = inbox.claim(lane::FAST, solidity_deposit(deposit), proof);
    assert!(claim.send().await.unwrap().get_receipt().await.unwrap().status());
}

#[tokio::test]
async fn a_pause_of_both_light_client_lanes_is_two_transactions_and_one_effect() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let pause = Effect::Pause { scope: Scope::Lane { lane: Lane::LightClient, source: None }, ttl: 600, stated: None };
    let due = [due(&world.deposit(1), pause)];
    let (reason, _) = refusal(said(&destination.submit(&due, &Open).await.unwrap(), &due[0]));
    assert!(reason.contains("AccessManagedUnauthorized"), "{reason}");
    assert_eq!(world.mined().await, 0);

    world.make_guardian(destination.account()).await;
    destination.submit(&due, &Open).await.unwrap();
    follow_to_the_end(&world, &destination, &due).await;
    let pauses = PauseController::new(world.at.pauses, &world.governor);
    for (number, is_paused) in [(lane::FAST, false), (lane::ETHEREUM, true), (lane::BITCOIN, true)] {
        let scope = pauses.laneScope(number).call().await.unwrap();
        assert_eq!(pauses.isPaused(scope).call().await.unwrap(), is_paused, "lane {number}");
    }
    assert_eq!(world.mined().await, 2);
}
