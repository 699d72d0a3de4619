//! What fails in the simulation is not sent, and takes nobody with it.

use spandrel_contracts::{PauseController, RiskGuard};
use spandrel_core::Effect;
use spandrel_core::submission::{Lasting, Progress, Submitter};
use spandrel_verifiers::{Checkpoint, Deposit, LanePreference, SignedCheckpoint};

use crate::world::*;

#[tokio::test]
async fn poison_items_are_refused_by_name_and_the_good_ones_are_paid() {
    let limits = RiskGuard::Limits { perTransfer: 10_000, ..open_limits() };
    let Some(world) = World::with_limits(limits).await else { return };
    let destination = world.destination().await;
    let expired = Deposit { expiry: wall_clock() - 60, ..world.deposit(1) };
    let cautious = Deposit { lane: LanePreference::LightClient, ..world.deposit(2) };
    let deposits =
        vec![world.deposit(10), expired, world.deposit(20), cautious, world.deposit(50_000), world.deposit(30)];
    let mut due = world.fast(&deposits);
    // And one with a path that does not lead to the root.
    let Effect::PayFast { attestation, .. } = &mut due[5].effect else { panic!() };
    attestation.path[0].0[0] ^= 1;

    let answers = destination.submit(&due, &Open).await.unwrap();
    let expected = [
        None,
        Some(("DepositExpired", Lasting::ForEver)),
        None,
        Some(("LaneNotAllowed", Lasting::ForEver)),
        Some(("OverTransferCap", Lasting::ForNow)),
        Some(("RootMismatch", Lasting::ForEver)),
    ];
    for (due, expected) in due.iter().zip(expected) {
        match expected {
            Some((name, lasting)) => {
                let found = refusal(said(&answers, due));
                assert!(found.0.contains(name) && found.1 == lasting, "{name}: {found:?}");
            }
            None => assert!(matches!(said(&answers, due), Some(Progress::Broadcast { .. }))),
        }
    }
    let good = [due[0].clone(), due[2].clone()];
    follow_to_the_end(&world, &destination, &good).await;
    assert_eq!((world.received(&deposits[0]).await, world.received(&deposits[2]).await), (10, 20));
    assert_eq!(world.mined().await, 2, "nothing was spent on the poison");
}

#[tokio::test]
async fn a_forged_attestation_takes_only_its_own_batch_with_it() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let (honest, forged) = (world.deposit(10), world.deposit(20));
    let mut due = world.fast(std::slice::from_ref(&honest));
    let mut bad = world.fast(std::slice::from_ref(&forged));
    let Effect::PayFast { attestation, .. } = &mut bad[0].effect else { panic!() };
    attestation.signatures.pop();
    due.extend(bad);
    let answers = destination.submit(&due, &Open).await.unwrap();
    let (reason, lasting) = refusal(said(&answers, &due[1]));
    assert!(lasting == Lasting::WithThisProof && reason.contains("SignatureCountWrong"), "{reason}");
    follow_to_the_end(&world, &destination, &due[..1]).await;
    assert_eq!((world.received(&honest).await, world.received(&forged).await), (10, 0));
}

/// Ledgers older than depths hold checkpoints that were signed for no amount. Their root is there, as anybody with a small
/// deposit in that block may bring it: only another proof passes.
#[tokio::test]
async fn a_payout_under_a_root_that_is_good_for_less_is_proven_again() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let mut due = world.proven(&[world.deposit(5_000)]).await;
    let Effect::PayProven { checkpoint: signed, .. } = &mut due[0].effect else { panic!() };
    let brought = Checkpoint { up_to: 1_000, ..signed.checkpoint.clone() };
    let signatures = signed_by_three("verifier", brought.digest(CHAIN, world.at.registry, 1));
    let brought = SignedCheckpoint { checkpoint: brought, signatures, ..signed.clone() };
    assert!(crate::register::brought(&world, &brought).await.get_receipt().await.unwrap().status());
    signed.checkpoint.up_to = 0;
    let (reason, lasting) = refusal(said(&destination.submit(&due, &Open).await.unwrap(), &due[0]));
    assert!(lasting == Lasting::WithThisProof && reason.contains("CheckpointTooShallow"), "{reason}");
    assert_eq!(world.mined().await, 0);
}

#[tokio::test]
async fn a_cap_that_some_exceed_pays_the_others_and_lets_the_rest_wait() {
    let limits = RiskGuard::Limits { exposureCap: 250, ..open_limits() };
    let Some(world) = World::with_limits(limits).await else { return };
    let destination = world.destination().await;
    let due = world.fast(&[world.deposit(100), world.deposit(100), world.deposit(100), world.deposit(50)]);
    let answers = destination.submit(&due, &Open).await.unwrap();
    let (reason, lasting) = refusal(said(&answers, &due[2]));
    assert!(lasting == Lasting::ForNow && reason.contains("OverExposure"), "{reason}");
    let good = [due[0].clone(), due[1].clone(), due[3].clone()];
    follow_to_the_end(&world, &destination, &good).await;
}

#[tokio::test]
async fn nothing_is_sent_while_the_contract_is_paused() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let pauses = PauseController::new(world.at.pauses, &world.governor);
    let global = pauses.globalScope().call().await.unwrap();
    pauses.pause(global, 600).send().await.unwrap().get_receipt().await.unwrap();

    let deposits = [world.deposit(10), world.deposit(20)];
    let due = world.fast(&deposits);
    let answers = destination.submit(&due, &Open).await.unwrap();
    for due in &due {
        let (reason, lasting) = refusal(said(&answers, due));
        assert!(lasting == Lasting::ForNow && reason.contains("ScopePaused"), "{reason}");
        assert!(!destination.is_sent(due.id).await.unwrap());
    }
    assert!(destination.follow(&Open).await.unwrap().is_empty());
    assert_eq!(world.mined().await, 0);

    pauses.unpause(global).send().await.unwrap().get_receipt().await.unwrap();
    destination.submit(&due, &Open).await.unwrap();
    follow_to_the_end(&world, &destination, &due).await;
}

#[tokio::test]
async fn an_effect_of_no_destination_is_refused_for_good() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposit = world.deposit(1);
    let (evidence, _) = world.prove(std::slice::from_ref(&deposit)).await.remove(0);
    let due = [due(&deposit, Effect::RequestVerdicts { evidence })];
    assert!(refusal(said(&destination.submit(&due, &Open).await.unwrap(), &due[0])).1 == Lasting::ForEver);
}
