//! Held and quarantined transfers through the control API: released by two and later, dropped and extended by one, and
//! never on what somebody else has changed meanwhile.

use reqwest::StatusCode;
use serde_json::json;
use spandrel_core::Executor;
use spandrel_core::ledger::Ledger;
use spandrel_risk::control::Act;
use spandrel_verifiers::DepositId;

use crate::world::{World, destination, pause};

fn release(transfer: DepositId) -> Act {
    Act::ReleaseHeld { transfer }
}

/// What the destination is asked to do now.
async fn due(world: &World) -> Vec<&'static str> {
    let executor = Executor::Destination { chain: destination() };
    let leased = world.book.ledger().lease(&executor, world.now(), world.now(), 100).await.unwrap();
    leased.iter().map(|item| item.effect.step()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_release_a_large_transfer_early_and_one_does_not() {
    let world = World::new().await;
    let id = world.large(1).await;
    let path = format!("held/{id}");
    let (status, proposed) = world.say_on(&path, 0, release(id)).await;
    assert_eq!((status, &proposed["state"]), (StatusCode::OK, &json!("proposed")), "{proposed}");
    for own in [0, 1] {
        let (status, refused) = world.approve(own, &proposed["statement"]).await;
        assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("SELF_APPROVAL")));
    }
    world.clock.pass(1_000);
    assert_eq!(world.book.carry_out(None).await.unwrap(), 0, "one person alone");
    let (_, approved) = world.approve(2, &proposed["statement"]).await;
    assert_eq!(approved["state"], "approved");
    assert_eq!(world.book.carry_out(None).await.unwrap(), 0, "not before its time");
    world.clock.pass(900);
    assert_eq!(world.book.carry_out(Some("a halted chain")).await.unwrap(), 0, "not while health is not green");
    assert_eq!((world.status(id).await, due(&world).await), ("held", vec![]));
    assert_eq!(world.book.carry_out(None).await.unwrap(), 1);
    assert_eq!((world.status(id).await, due(&world).await), ("cleared", vec!["pay_proven"]));
    assert_eq!(world.book.carry_out(None).await.unwrap(), 0, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_passes_no_pause_and_ends_with_a_drop_or_a_longer_hold() {
    let world = World::new().await;
    let ids = [world.large(1).await, world.large(2).await, world.large(3).await];
    for id in ids {
        let (_, proposed) = world.say_on(&format!("held/{id}"), 0, release(id)).await;
        assert_eq!(world.approve(2, &proposed["statement"]).await.0, StatusCode::OK);
    }
    assert_eq!(world.say(2, Act::DropHeld { transfer: ids[0] }).await.0, StatusCode::OK);
    let until = world.now() + 200_000;
    assert_eq!(world.say(2, Act::ExtendHold { transfer: ids[1], until }).await.0, StatusCode::OK);
    assert_eq!(world.get("proposals").await.as_array().unwrap().len(), 1, "two were overtaken");
    world.say(0, pause(86_400)).await;
    world.clock.pass(1_000);
    assert_eq!(world.book.carry_out(None).await.unwrap(), 1);
    for (id, status) in ids.into_iter().zip(["rejected", "held", "held"]) {
        assert_eq!(world.status(id).await, status);
    }
    let payouts: Vec<&str> = due(&world).await.into_iter().filter(|step| step.starts_with("pay")).collect();
    assert_eq!(payouts, Vec::<&str>::new());
    let (status, refused) = world.say(0, Act::DropHeld { transfer: ids[0] }).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("NOT_HELD")));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_ordered_on_a_transfer_that_another_has_changed() {
    let world = World::new().await;
    let id = world.large(1).await;
    let seen = world.etag(&format!("held/{id}")).await;
    assert_eq!(world.get("held").await["transfers"][0]["version"], json!(seen.trim_matches('"')));
    let until = world.now() + 200_000;
    let longer = world.signed(2, Act::ExtendHold { transfer: id, until }).await;
    assert_eq!(world.post(&longer, Some(&seen)).await.0, StatusCode::OK);
    for act in [release(id), Act::DropHeld { transfer: id }, Act::ExtendHold { transfer: id, until: until + 1 }] {
        let signed = world.signed(0, act).await;
        let (status, stale) = world.post(&signed, Some(&seen)).await;
        assert_eq!((status, &stale["code"]), (StatusCode::PRECONDITION_FAILED, &json!("STALE")));
        assert!(stale["detail"].as_str().unwrap().contains("expected version t5, found t6"), "{stale}");
    }
    assert_eq!(world.get("held").await["transfers"][0]["until"], json!(until));
    // What stops something is taken without a version too.
    assert_eq!(world.say(0, Act::DropHeld { transfer: id }).await.0, StatusCode::OK);
    assert_eq!(world.status(id).await, "rejected");
}

#[tokio::test(flavor = "multi_thread")]
async fn quarantined_transfers_are_shown_requeued_and_dropped_by_one() {
    let world = World::new().await;
    let (first, second) = (world.broken(1, false).await, world.broken(2, false).await);
    let listed = world.get("quarantine").await;
    assert_eq!(listed["transfers"].as_array().unwrap().len(), 2);
    let shown = world.get(&format!("quarantine/{first}")).await;
    assert_eq!(
        (&shown["id"], &shown["reason"], &shown["version"]),
        (&json!(first), &json!("no such thing"), &json!("t3"))
    );
    let events: Vec<&str> =
        shown["events"].as_array().unwrap().iter().map(|row| row["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["observed", "source_final", "quarantined"]);

    let requeue = Act::RequeueQuarantined { transfer: first };
    let (status, done) = world.say_on(&format!("quarantine/{first}"), 0, requeue.clone()).await;
    assert_eq!((status, &done["state"]), (StatusCode::OK, &json!("done")), "{done}");
    assert_eq!(world.status(first).await, "observed");
    let again = world.signed(0, requeue).await;
    let (status, stale) = world.post(&again, Some("\"t3\"")).await;
    assert_eq!((status, &stale["code"]), (StatusCode::PRECONDITION_FAILED, &json!("STALE")));
    let (status, refused) = world.post(&again, Some("\"t4\"")).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("NOT_QUARANTINED")), "{refused}");

    assert_eq!(world.say(2, Act::DropQuarantined { transfer: second }).await.0, StatusCode::OK);
    assert_eq!(world.status(second).await, "rejected");
    assert_eq!(world.get("quarantine").await["transfers"], json!([]));
    for (path, status, code) in [
        (format!("quarantine/{second}"), StatusCode::NOT_FOUND, "NOT_QUARANTINED"),
        (format!("held/{second}"), StatusCode::NOT_FOUND, "NOT_HELD"),
        (format!("held/0x{}", "ab".repeat(32)), StatusCode::NOT_FOUND, "NOT_HELD"),
        ("held/12".to_owned(), StatusCode::BAD_REQUEST, "INVALID_PARAMETER"),
    ] {
        let answer = world.client.get(format!("{}/{path}", world.base)).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(world.get(&path).await["code"], json!(code));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_paid_is_not_dropped() {
    let world = World::new().await;
    let id = world.broken(1, true).await;
    let (status, refused) = world.say(0, Act::DropQuarantined { transfer: id }).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("PAYOUT_UNDER_WAY")));
    assert_eq!(world.status(id).await, "quarantined");
    let running = world.transfer(2, false).await;
    for act in [Act::DropHeld { transfer: running }, Act::DropQuarantined { transfer: running }] {
        assert_eq!(world.say(0, act).await.0, StatusCode::CONFLICT);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_extended_within_bounds_and_outlives_a_restart() {
    let world = World::new().await;
    let id = world.large(1).await;
    let now = world.now();
    for until in [0, now, now + 31 * 86_400, u64::MAX] {
        let (status, refused) = world.say(0, Act::ExtendHold { transfer: id, until }).await;
        assert_eq!((status, &refused["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("HOLD_OUT_OF_RANGE")));
    }
    let until = now + 10 * 86_400;
    assert_eq!(world.say(0, Act::ExtendHold { transfer: id, until }).await.0, StatusCode::OK);
    // A hold only gets longer, and who asks for less is told from when on.
    let (status, refused) = world.say(2, Act::ExtendHold { transfer: id, until }).await;
    assert_eq!((status, &refused["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("HOLD_OUT_OF_RANGE")));
    assert!(refused["detail"].as_str().unwrap().contains(&(until + 1).to_string()), "{refused}");
    assert_eq!(world.get("held").await["transfers"][0]["until"], json!(until));
    let reopened = world.reopened().await;
    world.clock.pass(9 * 86_400);
    let tick = spandrel_engine::Change::one(id, spandrel_core::Input::Tick);
    reopened.record(tick).await.unwrap();
    assert_eq!(world.status(id).await, "held", "it waits although its size alone would let it pass");
}
