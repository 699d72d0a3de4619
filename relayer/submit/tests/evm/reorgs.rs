//! The destination's own reorganisations, and batches that fail on-chain although their simulation did not.

use alloy_primitives::B256;
use serde_json::{Value, json};
use spandrel_contracts::{lane, proof, solidity_deposit};
use spandrel_core::Effect;
use spandrel_core::submission::{Progress, Submitter};

use crate::world::*;

#[tokio::test]
async fn a_payout_that_is_reorged_away_is_broadcast_again_and_paid_once() {
    let Some(world) = World::start().await else { return };
    world.stop_mining().await;
    let destination = world.destination().await;
    let deposit = world.deposit(10);
    let due = world.fast(std::slice::from_ref(&deposit));
    let hash = hash_of(said(&destination.submit(&due).await.unwrap(), &due[0]));
    world.anvil.mine(1).await.unwrap();
    assert!(matches!(said(&destination.follow().await.unwrap(), &due[0]), Some(Progress::Included { .. })));
    assert_eq!(world.received(&deposit).await, 10);

    world.anvil.reorg(1).await.unwrap();
    assert_eq!(world.received(&deposit).await, 0);
    let answers = destination.follow().await.unwrap();
    let of_it: Vec<&Progress> = answers.iter().map(|(_, progress)| progress).collect();
    assert!(matches!(of_it[..], [Progress::Reorged, Progress::Broadcast { tx }] if tx.hash == hash), "{of_it:?}");
    assert!(destination.is_sent(due[0].id).await.unwrap());
    follow_to_the_end(&world, &destination, &due).await;
    assert_eq!(world.received(&deposit).await, 10);
    assert_eq!(world.mined().await, 2);
}

#[tokio::test]
async fn a_payout_that_moves_to_another_block_is_included_there() {
    let Some(world) = World::start().await else { return };
    world.stop_mining().await;
    let destination = world.destination().await;
    let deposit = world.deposit(10);
    let due = world.fast(std::slice::from_ref(&deposit));
    destination.submit(&due).await.unwrap();
    world.anvil.mine(1).await.unwrap();
    destination.follow().await.unwrap();
    world.anvil.reorg(1).await.unwrap();
    // The pool's transactions are back in a block before anyone looked.
    destination.follow().await.unwrap();
    world.anvil.mine(1).await.unwrap();
    let answers = destination.follow().await.unwrap();
    assert!(matches!(said(&answers, &due[0]), Some(Progress::Included { .. })));
    follow_to_the_end(&world, &destination, &due).await;
    assert_eq!(world.received(&deposit).await, 10);
}

#[tokio::test]
async fn a_batch_spoilt_between_simulation_and_block_pays_its_survivors_in_a_second_one() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposits = [world.deposit(10), world.deposit(20), world.deposit(30)];
    let due = world.fast(&deposits);
    world.stop_mining().await;
    let spoilt = hash_of(said(&destination.submit(&due).await.unwrap(), &due[0]));
    spoil(&world, &due[1].effect, 4).await;

    let answers = destination.follow().await.unwrap();
    assert!(answers.is_empty(), "a reverted transaction is no news until it is final: {answers:?}");
    world.anvil.mine(1).await.unwrap();
    let answers = destination.follow().await.unwrap();
    assert!(is_final(&said(&answers, &due[1])), "the spoiler paid it: {answers:?}");
    assert_eq!(hash_of(said(&answers, &due[1])), B256::ZERO);
    for survivor in [&due[0], &due[2]] {
        let (reason, is_permanent) = refusal(said(&answers, survivor));
        assert!(!is_permanent && reason.contains(&spoilt.to_string()), "{reason}");
    }
    destination.follow().await.unwrap();
    let survivors = [due[0].clone(), due[2].clone()];
    destination.submit(&survivors).await.unwrap();
    follow_to_the_end(&world, &destination, &survivors).await;
    for (deposit, amount) in deposits.iter().zip([10, 20, 30]) {
        assert_eq!(world.received(deposit).await, amount);
    }
}

/// Mines the submitter's open transactions after a stranger's claim of one of the items.
async fn spoil(world: &World, effect: &Effect, blocks_open: usize) {
    let Effect::PayFast { deposit, attestation } = effect else { panic!("{effect:?}") };
    let batch = attestation.batch;
    let fast = spandrel_contracts::FastLane::new(world.at.fast_lane, &world.governor);
    let signatures = spandrel_signer::signatures_blob(&attestation.signatures);
    let fees = |gwei: u128| gwei * GWEI;
    let attest = fast
        .attestBatch(batch.root, batch.count, batch.epoch, batch.expiry, signatures)
        .max_fee_per_gas(fees(400))
        .max_priority_fee_per_gas(fees(100))
        .gas(500_000);
    let attested = attest.send().await.unwrap();
    let proof = proof::fast(batch.root, attestation.index, &attestation.path);
    let inbox = world.inbox();
    let claim = inbox
        .claim(lane::FAST, solidity_deposit(deposit), proof)
        .max_fee_per_gas(fees(400))
        .max_priority_fee_per_gas(fees(100))
        .gas(1_000_000);
    let claimed = claim.send().await.unwrap();
    let waiting: Value = world.anvil.rpc("txpool_status", json!([])).await.unwrap();
    assert_eq!(waiting["pending"], json!(format!("{blocks_open:#x}")), "{waiting}");
    world.anvil.mine(1).await.unwrap();
    assert!(attested.get_receipt().await.unwrap().status());
    assert!(claimed.get_receipt().await.unwrap().status());
}
