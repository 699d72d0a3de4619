//! A checkpoint that is registered for its own sake: stored once, whoever else brings it and whenever the process dies.

use alloy::network::Ethereum;
use alloy::providers::PendingTransactionBuilder;
use alloy_primitives::{Address, B256};
use spandrel_contracts::CheckpointRegistry;
use spandrel_core::submission::{DueEffect, Progress, Submitter};
use spandrel_core::{Effect, EffectId};
use spandrel_signer::signatures_blob;
use spandrel_submit::EvmConfig;
use spandrel_submit::evm::Contracts;
use spandrel_verifiers::{Checkpoint, SignedCheckpoint};

use crate::crashes::Dying;
use crate::world::*;

/// The effect that registers what the verifiers signed for a new deposit's block, in its `hour`.
async fn due(world: &World, hour: u64) -> (DueEffect, SignedCheckpoint) {
    let deposit = world.deposit(10);
    registering(world, hour, world.prove(std::slice::from_ref(&deposit)).await.remove(0).1)
}

fn registering(world: &World, hour: u64, checkpoint: SignedCheckpoint) -> (DueEffect, SignedCheckpoint) {
    let id = EffectId::of_registration(&crate::ledger::here(), &source(), hour);
    let effect = Effect::RegisterCheckpoint { registry: registry(world), checkpoint: checkpoint.clone() };
    (DueEffect { id, effect }, checkpoint)
}

fn registry(world: &World) -> Address {
    world.at.registry
}

/// Where nothing is paid.
fn pauses_alone(world: &World) -> EvmConfig {
    let contracts = Contracts { proofs: None, ..world.config().contracts };
    EvmConfig { contracts, ..world.config() }
}

async fn stored(world: &World, signed: &SignedCheckpoint) -> B256 {
    world.until_quiet().await;
    let registry = CheckpointRegistry::new(registry(world), &world.governor);
    registry.stored(signed.checkpoint.chain.hash(), signed.checkpoint.height).call().await.unwrap().root
}

/// Somebody else brings it, and pays more for its place.
pub async fn brought(world: &World, signed: &SignedCheckpoint) -> PendingTransactionBuilder<Ethereum> {
    let SignedCheckpoint { checkpoint, epoch, signatures } = signed;
    let (chain, blob) = (checkpoint.chain.hash(), signatures_blob(signatures));
    let at = CheckpointRegistry::new(registry(world), &world.governor);
    let submit = at.submit(chain, checkpoint.height, checkpoint.root, checkpoint.time, checkpoint.up_to, *epoch, blob);
    let fee = 300_000_000_000;
    submit.gas(500_000).max_priority_fee_per_gas(fee).max_fee_per_gas(2 * fee).send().await.unwrap()
}

/// Submits and follows until it is final; answers whether it came to be.
async fn carry_out(world: &World, submitter: &impl Submitter, due: &DueEffect) -> bool {
    let mut is_final = false;
    for _ in 0..5 {
        let submitted = submitter.submit(std::slice::from_ref(due), &Open).await.unwrap_or_default();
        world.anvil.mine(1).await.unwrap();
        let followed = submitter.follow(&Open).await.unwrap_or_default();
        is_final |= submitted.iter().chain(&followed).any(|(_, said)| matches!(said, Progress::Finalized { .. }));
    }
    is_final
}

#[tokio::test]
async fn a_checkpoint_is_registered_once_where_nothing_is_paid_and_by_whoever_was_first() {
    let Some(world) = World::start().await else { return };
    let submitter = world.destination_with(pauses_alone(&world), world.journal.clone()).await;
    let (first, signed) = due(&world, 1).await;
    assert!(carry_out(&world, &submitter, &first).await);
    assert_eq!((stored(&world, &signed).await, world.mined().await), (signed.checkpoint.root, 1));

    let (second, signed) = due(&world, 2).await;
    assert!(brought(&world, &signed).await.get_receipt().await.unwrap().status());
    assert!(carry_out(&world, &submitter, &second).await, "somebody else brought it");
    assert_eq!(world.mined().await, 1);
}

/// In the same block, and before: the registry takes the second one and tells nothing.
#[tokio::test]
async fn a_checkpoint_that_somebody_brings_at_the_same_time_is_registered_all_the_same() {
    let Some(world) = World::start().await else { return };
    let submitter = world.destination_with(pauses_alone(&world), world.journal.clone()).await;
    let (due, signed) = due(&world, 1).await;
    world.stop_mining().await;
    let submitted = submitter.submit(std::slice::from_ref(&due), &Open).await.unwrap();
    assert!(matches!(submitted[..], [(_, Progress::Broadcast { .. })]), "{submitted:?}");
    let theirs = brought(&world, &signed).await;
    world.anvil.mine(1).await.unwrap();
    let theirs = theirs.get_receipt().await.unwrap();
    assert!(theirs.status() && theirs.transaction_index == Some(0), "theirs is the first in its block");
    assert!(!carry_out(&world, &submitter, &due).await, "its own transaction did nothing");
    world.pass(700);
    assert!(carry_out(&world, &submitter, &due).await);
    assert_eq!((stored(&world, &signed).await, world.mined().await), (signed.checkpoint.root, 1));
}

/// Whoever has a small deposit in a block can have it registered for as much; a larger one needs its own.
#[tokio::test]
async fn a_root_that_is_registered_for_less_is_brought_again_for_more_and_never_for_less() {
    let Some(world) = World::start().await else { return };
    let submitter = world.destination_with(pauses_alone(&world), world.journal.clone()).await;
    let (_, whole) = due(&world, 1).await;
    let registry = CheckpointRegistry::new(registry(&world), &world.governor);
    let known = || registry.stored(source().hash(), whole.checkpoint.height);
    for (hour, up_to, then, mined) in [(1, 1_000, 1_000, 1), (2, 5_000, 5_000, 2), (3, 1_000, 5_000, 2)] {
        let checkpoint = Checkpoint { up_to, ..whole.checkpoint.clone() };
        let signatures = signed_by_three("verifier", checkpoint.digest(CHAIN, world.at.registry, 1));
        let (due, _) = registering(&world, hour, SignedCheckpoint { checkpoint, signatures, ..whole.clone() });
        assert!(carry_out(&world, &submitter, &due).await, "for {up_to}");
        assert_eq!((known().call().await.unwrap().upTo, world.mined().await), (then, mined), "for {up_to}");
    }
}

#[tokio::test]
async fn a_checkpoint_that_no_quorum_signed_is_not_sent() {
    let Some(world) = World::start().await else { return };
    let submitter = world.destination().await;
    let (mut false_one, mut signed) = due(&world, 1).await;
    signed.checkpoint.root = B256::repeat_byte(9);
    false_one.effect = Effect::RegisterCheckpoint { registry: registry(&world), checkpoint: signed.clone() };
    assert!(!carry_out(&world, &submitter, &false_one).await);
    assert_eq!((stored(&world, &signed).await, world.mined().await), (B256::ZERO, 0));
}

/// A journal that dies at its n-th write, and then a process that was started anew.
async fn dies_at(world: &World, hour: u64, writes: i64, is_last_write_stored: bool) -> bool {
    let (place, before) = (format!("death at write {writes}, stored: {is_last_write_stored}"), world.mined().await);
    let (due, signed) = due(world, hour).await;
    let journal = Dying::new(world.journal.clone(), writes, is_last_write_stored);
    let mortal = world.destination_with(pauses_alone(world), journal.clone()).await;
    carry_out(world, &mortal, &due).await;
    drop(mortal);
    let successor = world.destination_with(pauses_alone(world), world.journal.clone()).await;
    world.pass(70);
    assert!(carry_out(world, &successor, &due).await, "{place}");
    assert_eq!(stored(world, &signed).await, signed.checkpoint.root, "{place}");
    assert_eq!(world.mined().await, before + 1, "{place}: once");
    journal.died()
}

#[tokio::test]
async fn a_death_at_any_write_on_the_way_to_a_registry_loses_no_checkpoint_and_brings_it_once() {
    let Some(world) = World::start().await else { return };
    let mut hour = 0;
    for is_last_write_stored in [false, true] {
        let mut writes = 0;
        while dies_at(&world, hour, writes, is_last_write_stored).await {
            (hour, writes) = (hour + 1, writes + 1);
        }
        hour += 1;
        assert!(writes >= 4, "opened, attempted, included, final; found {writes} writes");
    }
}
