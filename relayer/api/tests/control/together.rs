//! What only two people do: freezes and sets of signers, through the control API.

use std::collections::BTreeSet;

use alloy::primitives::Address;
use reqwest::StatusCode;
use serde_json::json;
use spandrel_risk::Scope;
use spandrel_risk::control::{Act, SignerRole};
use spandrel_verifiers::attestation::SignerSet;

use crate::world::{World, policy, resume};

const FIVE_DAYS: u64 = 5 * 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn one_freezes_for_five_days_and_two_without_end() {
    let world = World::new().await;
    let freeze = Act::Freeze { scope: Scope::Global };
    let (status, proposed) = world.say(0, freeze.clone()).await;
    assert_eq!((status, &proposed["state"]), (StatusCode::OK, &json!("proposed")), "{proposed}");
    let until = world.get("pauses").await[0]["until"].as_u64().unwrap();
    assert!(until.abs_diff(world.now() + FIVE_DAYS) < 5, "it bites at once, and ends by itself");
    assert_eq!(proposed["in_force_until"].as_u64(), Some(until), "and says so: {proposed}");
    let (status, refused) = world.approve(1, &proposed["statement"]).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("SELF_APPROVAL")));
    let (status, refused) = world.approve(2, &proposed["statement"]).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("NEEDS_OWN_FREEZE")), "{refused}");
    let (status, again) = world.say(1, freeze.clone()).await;
    assert_eq!((status, &again["state"]), (StatusCode::OK, &json!("proposed")), "the same person's other key");
    assert!(!world.get("pauses").await[0]["until"].is_null());
    let (status, approved) = world.say(2, freeze).await;
    assert_eq!((status, &approved["state"]), (StatusCode::OK, &json!("done")), "{approved}");
    assert_eq!(approved.get("in_force_until"), None, "{approved}");
    assert!(world.get("pauses").await[0]["until"].is_null(), "without end, and at once");
    world.clock.pass(2 * FIVE_DAYS);
    assert_eq!(world.get("pauses").await[0]["what"], json!("global"));
    let reopened = world.reopened().await;
    assert_eq!(reopened.read_risk(|risk| risk.pauses_at(world.now()).count()).await, 1);

    let (_, proposed) = world.say(2, resume()).await;
    assert_eq!((&proposed["state"], proposed.get("in_force_until")), (&json!("proposed"), None), "nothing is in force");
    world.approve(0, &proposed["statement"]).await;
    world.clock.pass(900);
    assert_eq!(world.book.carry_out(None).await.unwrap(), 1);
    assert_eq!(world.get("pauses").await, json!([]), "two lift what two did");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_guardians_freeze_ends_by_itself_when_nobody_joins() {
    let world = World::new().await;
    world.say(0, Act::Freeze { scope: Scope::Global }).await;
    world.clock.pass(FIVE_DAYS + 1);
    assert_eq!(world.get("pauses").await, json!([]));
    assert_eq!(world.book.carry_out(None).await.unwrap(), 1, "the proposal lapses");
    assert_eq!((world.get("proposals").await, world.get("pauses").await), (json!([]), json!([])));
}

fn set(epoch: u64, from: u8) -> SignerSet {
    let members: BTreeSet<Address> = (from..from + 3).map(Address::repeat_byte).collect();
    SignerSet::new(epoch, 2, members).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn signers_are_changed_by_two_after_the_timelock_and_never_back_in_time() {
    let world = World::new().await;
    let change = |epoch| Act::ChangeSigners { role: SignerRole::Verifiers, set: set(epoch, 0x40) };
    let (status, missing) = world.say(0, change(2)).await;
    assert_eq!((status, &missing["code"]), (StatusCode::PRECONDITION_REQUIRED, &json!("IF_MATCH_MISSING")));
    let stale = world.etag("signers").await;
    world.say(2, crate::world::pause(60)).await;
    let signed = world.signed(0, change(2)).await;
    let (status, refused) = world.post(&signed, Some(&stale)).await;
    assert_eq!((status, &refused["code"]), (StatusCode::PRECONDITION_FAILED, &json!("STALE")));
    for epoch in [0, 1] {
        let (status, refused) = world.say_on("signers", 0, change(epoch)).await;
        assert_eq!((status, &refused["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("EPOCH_NOT_LATER")));
    }
    let lone = SignerSet { threshold: 1, ..set(2, 0x40) };
    let (status, refused) =
        world.say_on("signers", 0, Act::ChangeSigners { role: SignerRole::Verifiers, set: lone }).await;
    assert_eq!((status, &refused["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("BAD_SIGNER_SET")));

    let (_, proposed) = world.say_on("signers", 0, change(2)).await;
    assert_eq!(proposed["state"], "proposed", "{proposed}");
    let (status, refused) = world.approve(1, &proposed["statement"]).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("SELF_APPROVAL")));
    let (_, approved) = world.approve(2, &proposed["statement"]).await;
    assert!(approved["ready_at"].as_u64().unwrap() >= world.now() + 86_399, "{approved}");
    world.clock.pass(86_300);
    assert_eq!(world.book.carry_out(None).await.unwrap(), 0, "the timelock runs");
    world.clock.pass(101);
    assert_eq!(world.book.carry_out(None).await.unwrap(), 1);
    let reopened = world.reopened().await;
    let (control, _) = reopened.control().await;
    control.require_agreed(SignerRole::Verifiers, &set(2, 0x40)).unwrap();
    let refused = control.require_agreed(SignerRole::Verifiers, &policy().verifiers).unwrap_err().to_string();
    assert!(refused.contains("epoch 2") && refused.contains("epoch 1"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_guardian_alone_cancels_other_signers_while_the_timelock_runs() {
    let world = World::new().await;
    let change = Act::ChangeSigners { role: SignerRole::FastLane, set: set(2, 0x40) };
    let (_, proposed) = world.say_on("signers", 0, change).await;
    world.approve(2, &proposed["statement"]).await;
    let row = world.get("proposals").await[0].clone();
    let proposal = proposed["statement"].as_str().unwrap().parse().unwrap();
    let cancel = Act::Cancel { proposal, what: row["what"].as_str().unwrap().to_owned() };
    assert_eq!(world.say(2, cancel).await.0, StatusCode::OK);
    world.clock.pass(90_000);
    assert_eq!(world.book.carry_out(None).await.unwrap(), 0);
    world.book.control().await.0.require_agreed(SignerRole::FastLane, &set(1, 0x50)).unwrap();
}
