//! The destination's own reorganisations, and batches that fail on-chain although their simulation did not.

use serde_json::{Value, json};
use spandrel_contracts::{lane, proof, solidity_deposit};
use spandrel_core::Effect;
use spandrel_core::submission::{Lasting, Progress, Submitter};
use spandrel_risk::Lane;

use crate::world::*;

#[tokio::test]
async fn a_payout_that_is_reorged_away_is_broadcast_again_and_paid_once() {
    let Some(world) = World::start().await else { return };
    world.stop_mining().await;
    let destination = world.destination().await;
    let deposit = world.deposit(10);
    let due = world.fast(std::slice::from_ref(&deposit));
    let hash = hash_of(said(&destination.submit(&due, &Open).await.unwrap(), &due[0]));
    world.anvil.mine(1).await.unwrap();
    world.until_quiet().await;
    assert!(matches!(said(&destination.follow(&Open).await.unwrap(), &due[0]), Some(Progress::Included { .. })));
    assert_eq!(world.received(&deposit).await, 10);

    world.anvil.reorg(1).await.unwrap();
    assert_eq!(world.received(&deposit).await, 0);
    let answers = destination.follow(&Open).await.unwrap();
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
    destination.submit(&due, &Open).await.unwrap();
    world.anvil.mine(1).await.unwrap();
    world.until_quiet().await;
    destination.follow(&Open).await.unwrap();
    world.anvil.reorg(1).await.unwrap();
    // The pool's transactions are back in a block before anyone looked.
    destination.follow(&Open).await.unwrap();
    world.anvil.mine(1).await.unwrap();
    let answers = destination.follow(&Open).await.unwrap();
    assert!(matches!(said(&answers, &due[0]), Some(Progress::Included { .. })));
    follow_to_the_end(&world, &destination, &due).await;
    assert_eq!(world.received(&deposit).await, 10);
}

#[tokio::test]
async fn a_stranger_who_claims_one_item_first_does_not_stop_its_neighbours() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposits = [world.deposit(10), world.deposit(20), world.deposit(30)];
    let due = world.fast(&deposits);
    world.stop_mining().await;
    destination.submit(&due, &Open).await.unwrap();
    claim_first(&world, &due[1].effect, 4).await;

    world.until_quiet().await;
    let answers = destination.follow(&Open).await.unwrap();
    for neighbour in [&due[0], &due[2]] {
        assert!(matches!(said(&answers, neighbour), Some(Progress::Included { .. })), "{answers:?}");
    }
    world.anvil.mine(1).await.unwrap();
    let answers = destination.follow(&Open).await.unwrap();
    let paid = Some(Progress::PaidElsewhere { lane: Lane::Fast });
    assert_eq!(said(&answers, &due[1]), paid, "the stranger paid it: {answers:?}");
    for (deposit, amount) in deposits.iter().zip([10, 20, 30]) {
        assert_eq!(world.received(deposit).await, amount);
    }
}

#[tokio::test]
async fn items_that_fail_in_their_block_are_refused_for_their_own_reason_and_sent_again_each_by_itself() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposits = [world.deposit(10), world.deposit(20)];
    let due = world.fast(&deposits);
    world.stop_mining().await;
    destination.submit(&due, &Open).await.unwrap();
    let pauses = spandrel_contracts::PauseController::new(world.at.pauses, &world.governor);
    let scope = pauses.globalScope().call().await.unwrap();
    let pause = pauses.pause(scope, 3600).max_fee_per_gas(400 * GWEI).max_priority_fee_per_gas(100 * GWEI).gas(500_000);
    let paused = pause.send().await.unwrap();
    world.anvil.mine(1).await.unwrap();
    assert!(paused.get_receipt().await.unwrap().status());

    let answers = destination.follow(&Open).await.unwrap();
    assert!(answers.is_empty(), "a failed item is no news until it is final: {answers:?}");
    world.anvil.mine(1).await.unwrap();
    let answers = destination.follow(&Open).await.unwrap();
    for item in &due {
        let (reason, lasting) = refusal(said(&answers, item));
        assert!(lasting == Lasting::ForNow && reason.contains("ScopePaused"), "{reason}");
    }
    let unpause = pauses.unpause(scope).max_fee_per_gas(400 * GWEI).gas(500_000).send().await.unwrap();
    world.anvil.mine(1).await.unwrap();
    assert!(unpause.get_receipt().await.unwrap().status());
    destination.follow(&Open).await.unwrap();
    let answers = destination.submit(&due, &Open).await.unwrap();
    assert_ne!(hash_of(said(&answers, &due[0])), hash_of(said(&answers, &due[1])), "each by itself");
    follow_to_the_end(&world, &destination, &due).await;
    for (deposit, amount) in deposits.iter().zip([10, 20]) {
        assert_eq!(world.received(deposit).await, amount);
    }
}

#[tokio::test]
async fn a_batch_that_reverts_whole_refuses_nobody_and_is_sent_again_item_by_item() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let due = world.fast(&[world.deposit(10), world.deposit(20)]);
    world.stop_mining().await;
    destination.submit(&due, &Open).await.unwrap();
    let set_code = async |code: Value| {
        world.anvil.rpc::<Value>("anvil_setCode", json!([world.at.inbox, code])).await.unwrap();
    };
    let code: Value = world.anvil.rpc("eth_getCode", json!([world.at.inbox, "latest"])).await.unwrap();
    set_code(json!("0x60006000fd")).await;
    world.anvil.mine(1).await.unwrap();
    set_code(code).await;
    world.anvil.mine(1).await.unwrap();
    let answers = destination.follow(&Open).await.unwrap();
    for item in &due {
        assert_eq!(said(&answers, item), Some(Progress::Reverted), "nobody is refused for a neighbour");
    }
    destination.follow(&Open).await.unwrap();
    let answers = destination.submit(&due, &Open).await.unwrap();
    assert_ne!(hash_of(said(&answers, &due[0])), hash_of(said(&answers, &due[1])), "each by itself");
    follow_to_the_end(&world, &destination, &due).await;
}

/// Mines the submitter's open transactions after a stranger's claim of one of the items.
async fn claim_first(world: &World, effect: &Effect, blocks_open: usize) {
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
