//! Payments that the chain delays: promised, settled, executed, proven anew, dropped.

use spandrel_contracts::{CheckpointRegistry, PauseController, RiskGuard};
use spandrel_core::submission::{DueEffect, Lasting, Progress, SendGate, SubmitError, Submitter};
use spandrel_core::{Effect, EffectId};
use spandrel_verifiers::{Deposit, DepositId};

use crate::world::*;

/// A gate that is open for everything but the execution of what waits.
struct NoExecution;

impl SendGate for NoExecution {
    async fn is_open(&self, _: &[EffectId]) -> Result<bool, SubmitError> {
        Ok(true)
    }

    async fn may_execute(&self, _: DepositId) -> Result<bool, SubmitError> {
        Ok(false)
    }
}

#[tokio::test]
async fn a_payment_delayed_on_chain_is_executed_when_its_time_comes() {
    let limits = RiskGuard::Limits { bigFrom: 1_000, bigDelay: 600, ..open_limits() };
    let Some(world) = World::with_limits(limits).await else { return };
    let destination = world.destination().await;
    let (small, big) = (world.deposit(999), world.deposit(1_000));
    let due = world.fast(&[small.clone(), big.clone()]);
    destination.submit(&due, &Open).await.unwrap();
    world.until_quiet().await;
    let answers = destination.follow(&Open).await.unwrap();
    assert!(matches!(said(&answers, &due[0]), Some(Progress::Included { .. })));
    assert_eq!(said(&answers, &due[1]), None, "claimed, and not paid");
    world.anvil.mine(1).await.unwrap();
    let answers = destination.follow(&Open).await.unwrap();
    assert!(is_final(&said(&answers, &due[0])));
    assert!(is_promised(&said(&answers, &due[1])), "{answers:?}");
    destination.follow(&Open).await.unwrap();
    assert!(is_promised(&said(&destination.submit(&due[1..], &Open).await.unwrap(), &due[1])));
    assert!(!destination.is_paid(big.id().0).await.unwrap());

    world.pass(700);
    world.anvil.set_next_block_time(wall_clock() + 700).await.unwrap();
    world.anvil.mine(1).await.unwrap();
    assert!(is_promised(&said(&destination.submit(&due[1..], &Open).await.unwrap(), &due[1])), "it is being executed");
    world.until_quiet().await;
    destination.follow(&Open).await.unwrap();
    world.anvil.mine(2).await.unwrap();
    assert!(is_final(&said(&destination.submit(&due[1..], &Open).await.unwrap(), &due[1])));
    assert_eq!(world.received(&big).await, 1_000);
    assert_eq!(world.mined().await, 3, "attestation, claim, execution");
}

/// A payment that the chain has delayed, claimed by the fast lane, and what proves it.
async fn delayed_with_proof() -> Option<(World, Deposit, Vec<DueEffect>)> {
    let world = World::with_delays().await?;
    let (big, _) = world.delayed(&world.destination().await).await;
    let proven = world.proven(std::slice::from_ref(&big)).await;
    Some((world, big, proven))
}

/// Its exposure is due from its claim on: left owed until it is executed, anyone could close the lane over it.
#[tokio::test]
async fn a_fast_payment_that_waits_is_settled_as_soon_as_it_is_proven() {
    let Some((world, big, proven)) = delayed_with_proof().await else { return };
    let destination = world.destination().await;
    let guard = RiskGuard::new(world.at.guard, &world.governor);
    let owed = guard.exposureOf(asset().hash(), source().hash());
    assert_eq!(owed.call().await.unwrap().to::<u64>(), 1_000);
    let answers = destination.submit(&proven, &Open).await.unwrap();
    assert!(is_promised(&said(&answers, &proven[0])), "whose effect is asked does not matter: {answers:?}");
    world.anvil.mine(1).await.unwrap();
    assert_eq!(owed.call().await.unwrap().to::<u64>(), 0);
    assert_eq!(world.received(&big).await, 0);
}

/// Nothing that pauses or holds the payment, here or there, keeps its settlement; that ends once the recipient has the money.
#[tokio::test]
async fn a_promise_is_settled_under_every_pause_and_its_settlement_ends_when_it_is_paid() {
    let Some(world) = World::with_delays().await else { return };
    let destination = world.destination().await;
    let (big, fast) = world.delayed(&destination).await;
    world.make_guardian(world.anvil.signers()[0].address()).await;
    let pauses = PauseController::new(world.at.pauses, &world.governor);
    let global = pauses.globalScope().call().await.unwrap();
    pauses.pause(global, 3_600).send().await.unwrap().get_receipt().await.unwrap();
    let guard = RiskGuard::new(world.at.guard, &world.governor);
    let owed = guard.exposureOf(asset().hash(), source().hash());
    let settle = world.settle(std::slice::from_ref(&big)).await;
    destination.submit(&settle, &NoExecution).await.unwrap();
    world.anvil.mine(2).await.unwrap();
    assert_eq!(owed.call().await.unwrap().to::<u64>(), 0);
    world.until_quiet().await;
    let answers = destination.follow(&NoExecution).await.unwrap();
    assert!(is_promised(&said(&answers, &settle[0])), "it is proven there, and not paid: {answers:?}");
    destination.follow(&NoExecution).await.unwrap();

    pauses.unpause(global).send().await.unwrap().get_receipt().await.unwrap();
    world.pass(700);
    world.anvil.set_next_block_time(wall_clock() + 700).await.unwrap();
    world.anvil.mine(1).await.unwrap();
    assert!(is_promised(&said(&destination.submit(&settle, &NoExecution).await.unwrap(), &settle[0])));
    world.anvil.mine(1).await.unwrap();
    assert_eq!(world.received(&big).await, 0, "the gate is closed for it");
    destination.submit(&settle, &Open).await.unwrap();
    world.until_quiet().await;
    destination.follow(&Open).await.unwrap();
    let answers = destination.submit(&settle, &Open).await.unwrap();
    assert!(!is_final(&said(&answers, &settle[0])), "its execution is not final: {answers:?}");
    world.anvil.mine(2).await.unwrap();
    assert_eq!(world.received(&big).await, 1_000);
    for due in [&settle, &fast] {
        assert!(is_final(&said(&destination.submit(due, &Open).await.unwrap(), &due[0])));
    }
}

/// Before its claim is final nothing is said of it: a refusal would give its exposure back.
#[tokio::test]
async fn a_promise_by_another_is_told_once_it_is_final_and_nothing_before() {
    let Some(world) = World::with_delays().await else { return };
    let destination = world.destination().await;
    let big = world.deposit(1_000);
    let fast = world.fast(std::slice::from_ref(&big));
    crate::claims::pay_as_governor(&world, &fast[0].effect).await;
    assert_eq!(said(&destination.submit(&fast, &Open).await.unwrap(), &fast[0]), None);
    world.anvil.mine(1).await.unwrap();
    assert!(is_promised(&said(&destination.submit(&fast, &Open).await.unwrap(), &fast[0])));
    assert_eq!(world.mined().await, 0);
}

#[tokio::test]
async fn a_promise_that_was_dropped_is_refused_for_ever_to_its_payout_and_its_settlement() {
    let Some(world) = World::with_delays().await else { return };
    let destination = world.destination().await;
    let (big, fast) = world.delayed(&destination).await;
    for _ in 0..2 {
        world.anvil.mine(1).await.unwrap();
        destination.follow(&Open).await.unwrap();
    }
    world.make_guardian(world.anvil.signers()[0].address()).await;
    let settle = world.settle(std::slice::from_ref(&big)).await;
    let inbox = world.inbox();
    let drop = inbox.dropDelayed(spandrel_contracts::solidity_deposit(&big));
    assert!(drop.send().await.unwrap().get_receipt().await.unwrap().status());
    world.anvil.mine(1).await.unwrap();
    for due in [&fast, &settle] {
        let (reason, lasting) = refusal(said(&destination.submit(due, &Open).await.unwrap(), &due[0]));
        assert!(lasting == Lasting::ForEver && reason.contains("dropped"), "{reason}");
    }
}

/// What was claimed under a root that guardians disputed is true all the same: it is paid under another, once there is one.
#[tokio::test]
async fn a_delayed_payment_whose_root_was_disputed_is_proven_anew_and_paid() {
    let Some((world, big, proven)) = delayed_with_proof().await else { return };
    let destination = world.destination().await;
    destination.submit(&proven, &Open).await.unwrap();
    world.anvil.mine(1).await.unwrap();
    world.until_quiet().await;
    destination.follow(&Open).await.unwrap();
    let Effect::PayProven { checkpoint, .. } = &proven[0].effect else { panic!("{proven:?}") };
    world.make_guardian(world.anvil.signers()[0].address()).await;
    let registry = CheckpointRegistry::new(world.at.registry, &world.governor);
    let dispute = registry.dispute(source().hash(), checkpoint.checkpoint.height);
    assert!(dispute.send().await.unwrap().get_receipt().await.unwrap().status());
    world.pass(700);
    world.anvil.set_next_block_time(wall_clock() + 700).await.unwrap();
    world.anvil.mine(1).await.unwrap();

    let (reason, lasting) = refusal(said(&destination.submit(&proven, &Open).await.unwrap(), &proven[0]));
    assert!(lasting == Lasting::WithThisProof && reason.contains("DisputedCheckpoint"), "{reason}");
    let again = world.proven(std::slice::from_ref(&big)).await;
    let (reason, lasting) = refusal(said(&destination.submit(&again, &Open).await.unwrap(), &again[0]));
    assert!(lasting == Lasting::ForNow && reason.contains("being proven anew"), "{reason}");
    assert_eq!(world.received(&big).await, 0);
    world.anvil.mine(2).await.unwrap();
    destination.follow(&Open).await.unwrap();
    assert!(refusal(said(&destination.submit(&again, &Open).await.unwrap(), &again[0])).0.contains("being executed"));
    world.until_quiet().await;
    destination.follow(&Open).await.unwrap();
    world.anvil.mine(2).await.unwrap();
    destination.submit(&again, &Open).await.unwrap();
    assert_eq!(world.received(&big).await, 1_000);
}

/// While it stands on the proof that it has, it waits for something else, and nothing more is sent for it.
#[tokio::test]
async fn a_delayed_payment_that_stands_is_not_proven_anew_while_its_chain_pauses() {
    let Some((world, _, proven)) = delayed_with_proof().await else { return };
    let destination = world.destination().await;
    destination.submit(&proven, &Open).await.unwrap();
    world.anvil.mine(1).await.unwrap();
    world.make_guardian(world.anvil.signers()[0].address()).await;
    let pauses = PauseController::new(world.at.pauses, &world.governor);
    let global = pauses.globalScope().call().await.unwrap();
    pauses.pause(global, 3_600).send().await.unwrap().get_receipt().await.unwrap();
    world.pass(700);
    world.anvil.set_next_block_time(wall_clock() + 700).await.unwrap();
    world.anvil.mine(1).await.unwrap();
    let mined = world.mined().await;
    let (reason, lasting) = refusal(said(&destination.submit(&proven, &Open).await.unwrap(), &proven[0]));
    assert!(lasting == Lasting::ForNow && reason.contains("ScopePaused"), "{reason}");
    assert_eq!(world.mined().await, mined);
}
