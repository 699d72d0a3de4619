//! The sentinels' loop: one finding, one pause; what guardians lift stays lifted; what runs out comes back.

mod common;
#[expect(dead_code, reason = "other tests use the rest of it")]
mod watched;

use std::collections::BTreeMap;

use alloy_primitives::B256;
use spandrel_core::ledger::Ledger;
use spandrel_core::{Effect, Executor, Input};
use spandrel_engine::{Change, Clock, standing_findings};
use spandrel_risk::{RiskEvent, Scope};
use spandrel_verifiers::Checkpoint;
use spandrel_verifiers::bitcoin::{ConfirmationPolicy, ConfirmationTier};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_watchers::sentinel::{Registered, Rule};

use common::{NOW, block, deposit, destination, policy, source};
use watched::{Scene, fast, phantom};

#[tokio::test]
async fn a_finding_pauses_once_here_and_on_the_destination() {
    let scene = Scene::new().await;
    scene.read_to(10).await;
    scene.pay(phantom(1));
    scene.look(0).await;
    assert!(!scene.is_paused().await, "its nodes may lag by seconds");
    scene.look(5).await;
    assert!(scene.is_paused().await);
    for _ in 0..5 {
        scene.look(60).await;
    }
    assert_eq!((scene.pauses().await, scene.sent().await), (1, 1));
    let scene = scene.restarted().await;
    scene.look(5).await;
    scene.look(5).await;
    assert_eq!((scene.pauses().await, scene.alarms.standing().len()), (1, 1), "nor again by a restart");
}

#[tokio::test]
async fn nothing_is_said_before_the_source_was_read_past_what_was_there() {
    let scene = Scene::new().await;
    scene.read_to(9).await;
    scene.pay(deposit().id());
    for _ in 0..9 {
        scene.look(60).await;
    }
    assert!(scene.alarms.standing().is_empty(), "block 10 is not read yet");
    let seen = SeenDeposit { deposit: deposit(), block: block(10), transaction: B256::ZERO, position: 0 };
    scene.book.record(Change::one(deposit().id(), Input::Seen(seen))).await.unwrap();
    scene.read_to(10).await;
    for _ in 0..20 {
        scene.look(60).await;
    }
    assert!(scene.alarms.standing().is_empty() && !scene.is_paused().await, "it is deposited");
}

/// Its block was replaced: until the chain is final past it, it may come back.
#[tokio::test]
async fn a_payout_of_what_is_gone_is_found_once_its_source_is_final_past_it() {
    let scene = Scene::new().await;
    let seen = SeenDeposit { deposit: deposit(), block: block(10), transaction: B256::ZERO, position: 0 };
    let reorged = Input::SourceReorged { ancestor: block(9), dropped: vec![block(10).hash] };
    for input in [Input::Seen(seen), reorged] {
        scene.book.record(Change::one(deposit().id(), input)).await.unwrap();
    }
    scene.pay(deposit().id());
    for (last_final, is_found) in [(9, false), (10, true)] {
        scene.read_past(last_final).await;
        scene.look(10).await;
        assert_eq!(scene.found().contains(&Rule::PayoutWithoutDeposit), is_found, "final to {last_final}");
    }
}

#[tokio::test]
async fn a_source_that_cannot_be_read_hides_no_forged_attestation_for_long() {
    let scene = Scene::new().await;
    scene.read_to(9).await;
    scene.pay(phantom(1));
    scene.look(0).await;
    scene.look(599).await;
    assert!(!scene.is_paused().await);
    scene.look(1).await;
    assert!(scene.is_paused().await);
}

#[tokio::test]
async fn what_guardians_lift_is_not_paused_again_without_other_evidence() {
    let scene = Scene::new().await;
    scene.read_to(10).await;
    scene.pay(phantom(1));
    scene.pay(phantom(2));
    scene.look(0).await;
    scene.look(5).await;
    scene.look(5).await;
    assert_eq!(scene.sent().await, 1, "two findings of one scope are one transaction");
    scene.book.record_risk(RiskEvent::Resumed { scope: fast() }).await.unwrap();
    scene.look(5).await;
    assert!(!scene.is_paused().await && scene.alarms.standing().is_empty(), "both were there to be seen");
    let scene = scene.restarted().await;
    scene.look(5).await;
    scene.look(5).await;
    assert!(!scene.is_paused().await, "a restart is no evidence");
    scene.pay(phantom(3));
    scene.look(5).await;
    scene.look(5).await;
    assert!(scene.is_paused().await, "another payout is");
}

#[tokio::test]
async fn a_pause_that_ran_out_by_itself_comes_back_while_its_finding_stands() {
    let scene = Scene::new().await;
    scene.read_to(10).await;
    scene.pay(phantom(1));
    scene.look(0).await;
    scene.look(5).await;
    scene.look(policy().pause_ttl + 1).await;
    assert!(scene.is_paused().await, "nobody has looked");
    assert_eq!(scene.pauses().await, 2);
}

/// For whoever has the ledger alone.
#[tokio::test]
async fn what_paused_stands_in_the_log_until_it_is_lifted_or_runs_out() {
    let scene = Scene::new().await;
    scene.read_to(10).await;
    let drill = RiskEvent::Paused { scope: Scope::Global, until: NOW + 60, reason: "a drill".to_owned() };
    scene.book.record_risk(drill).await.unwrap();
    scene.pay(phantom(1));
    scene.pay(phantom(2));
    scene.look(0).await;
    scene.look(5).await;
    let standing = async |later: u64| -> Vec<Scope> {
        let events: Vec<RiskEvent> =
            scene.store.risk_events(0).await.unwrap().into_iter().map(|recorded| recorded.body).collect();
        let now = scene.time.now() + later;
        let found: Vec<_> = standing_findings(&events, now).collect();
        assert!(found.iter().all(|(_, found)| found.starts_with("payout_without_deposit ")), "{found:?}");
        found.into_iter().map(|(scope, _)| scope).collect()
    };
    assert_eq!(standing(0).await, [fast(), fast()], "a guardian's drill is no finding");
    assert!(standing(policy().pause_ttl).await.is_empty());
    scene.book.record_risk(RiskEvent::Resumed { scope: fast() }).await.unwrap();
    assert!(standing(0).await.is_empty());
}

fn registered(height: u64, root: B256) -> Registered {
    Registered { source: source().hash(), height, root, time: NOW, up_to: Checkpoint::ANY_AMOUNT }
}

/// A checkpoint is seen by one look, asked for by the slow one, and raised by the next.
async fn look(scene: &Scene, seconds: u64) -> bool {
    scene.look(seconds).await;
    scene.look_at_all(0).await;
    scene.found().contains(&Rule::CheckpointForeign)
}

#[tokio::test]
async fn a_checkpoint_that_is_no_block_of_its_source_pauses_the_destination_once() {
    let (scene, of_destination) = (Scene::new().await, Scope::Chain { chain: destination() });
    let elsewhere = Registered { source: B256::repeat_byte(5), ..registered(1, B256::ZERO) };
    scene.told.checkpoints.lock().unwrap().extend([registered(7, block(7).hash), elsewhere]);
    assert!(!look(&scene, 0).await, "the source has that block, and nobody watches the other chain");
    scene.told.checkpoints.lock().unwrap().push(registered(8, B256::repeat_byte(0xff)));
    for _ in 0..3 {
        assert!(look(&scene, 1).await);
    }
    assert_eq!((scene.scopes().await, scene.pauses().await), (vec![of_destination.clone()], 1));
    scene.book.record_risk(RiskEvent::Resumed { scope: of_destination.clone() }).await.unwrap();
    assert!(!look(&scene, 1).await && scene.scopes().await.is_empty(), "guardians have seen it");
    scene.told.checkpoints.lock().unwrap().push(registered(9, B256::repeat_byte(0xfe)));
    assert!(look(&scene, 1).await);
    assert_eq!(scene.scopes().await, vec![of_destination], "another is other evidence");
}

/// One node of the destination can invent any number of them: each that pauses is written down.
#[tokio::test]
async fn invented_checkpoints_pause_a_bounded_number_of_times() {
    let scene = Scene::new().await;
    let invented = (1..=200).map(|n| registered(9, B256::repeat_byte(n)));
    scene.told.checkpoints.lock().unwrap().extend(invented);
    for _ in 0..20 {
        look(&scene, 1).await;
    }
    assert_eq!((scene.pauses().await, scene.found().len()), (16, 17), "and the account's balance is low");
}

/// No node tells of block 1 any more, and there are as many alarms about it as stand at a time.
#[tokio::test]
async fn alarms_that_pause_nothing_crowd_out_no_pause() {
    let scene = Scene::new().await;
    scene.forget(1);
    scene.told.checkpoints.lock().unwrap().extend((1..=16).map(|n| registered(1, B256::repeat_byte(n))));
    assert!(!look(&scene, 0).await && look(&scene, 600).await);
    assert_eq!((scene.scopes().await, scene.found().len()), (Vec::new(), 17), "and the account's balance is low");
    scene.told.checkpoints.lock().unwrap().push(registered(8, B256::repeat_byte(0xff)));
    assert!(look(&scene, 1).await);
    assert_eq!(scene.scopes().await, vec![Scope::Chain { chain: destination() }]);
    assert_eq!((scene.pauses().await, scene.found().len()), (1, 18));
    let executor = Executor::Destination { chain: destination() };
    let sent = scene.store.lease(&executor, NOW + 1_000_000, NOW + 2_000_000, 100).await.unwrap();
    assert!(matches!(&sent[..], [one] if matches!(one.effect, Effect::Pause { .. })), "{sent:?}");
}

/// Its nodes have a block that was made after it was seen, and have not come so far.
#[tokio::test]
async fn a_checkpoint_far_above_its_source_pauses_the_destination_once_time_has_passed_it() {
    let scene = Scene::new().await;
    let signed_for_later = Registered { time: NOW + 7_200, ..registered(1_000_000, B256::repeat_byte(0xff)) };
    scene.told.checkpoints.lock().unwrap().push(signed_for_later);
    assert!(!look(&scene, 0).await && !look(&scene, 100).await, "they may be behind");
    scene.make_block_at(NOW + 100);
    assert!(look(&scene, 1).await);
    assert_eq!(scene.scopes().await, vec![Scope::Chain { chain: destination() }]);
}

/// The honest nodes have no block there at the first look, and another one at the next.
#[tokio::test]
async fn a_node_that_lies_hides_no_false_checkpoint_of_the_next_block() {
    let scene = Scene::new().await;
    let ahead = BlockRef { hash: B256::repeat_byte(0xff), ..block(11) };
    scene.lie(ahead);
    scene.told.checkpoints.lock().unwrap().push(registered(ahead.height, ahead.hash));
    assert!(!look(&scene, 0).await);
    scene.make_block();
    assert!(look(&scene, 15).await);
    assert_eq!(scene.scopes().await, vec![Scope::Chain { chain: destination() }]);
}

/// The block is the source's, and was fine for little. That it is deep enough later makes nothing good.
#[tokio::test]
async fn a_true_block_that_is_raised_above_its_depth_pauses_the_destination_for_good() {
    let tier = ConfirmationTier { up_to: 5, confirmations: 1 };
    let depths = BTreeMap::from([(source(), ConfirmationPolicy::new(vec![tier], 6).unwrap())]);
    let scene = Scene::new().await.with_depths(depths);
    let for_little = Registered { up_to: 5, ..registered(10, block(10).hash) };
    let deep = Registered { up_to: 5_000, ..registered(5, block(5).hash) };
    scene.told.checkpoints.lock().unwrap().extend([for_little, deep]);
    assert!(!look(&scene, 0).await, "one block is enough for five, and six are for more");
    scene.told.checkpoints.lock().unwrap().push(Registered { up_to: 6, ..for_little });
    assert!(!look(&scene, 15).await, "nodes may be catching up");
    assert!(!look(&scene, 119).await);
    assert!(look(&scene, 1).await);
    assert_eq!(scene.scopes().await, vec![Scope::Chain { chain: destination() }]);
    for _ in 0..6 {
        scene.make_block();
    }
    assert!(look(&scene, 3_600).await);
}

#[tokio::test]
async fn a_checkpoint_of_a_block_that_no_node_has_raises_an_alarm_in_time() {
    let scene = Scene::new().await;
    scene.told.checkpoints.lock().unwrap().push(registered(11, B256::repeat_byte(0xff)));
    assert!(!look(&scene, 0).await && !look(&scene, 599).await);
    assert!(look(&scene, 1).await);
    assert_eq!(scene.scopes().await, Vec::new());
}
