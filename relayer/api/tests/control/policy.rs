//! A policy that allows more, from its proposal through the control API to the start that it lets.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::Address;
use reqwest::StatusCode;
use serde_json::json;
use spandrel_engine::StartError;
use spandrel_risk::control::{Act, said_changes};
use spandrel_risk::{Agreement, AgreementVersion, GuardianTerms, looser};
use spandrel_verifiers::attestation::SignerSet;

use crate::world::{World, corridor, guardians, limits, policy};

/// The test's policy, with limits of `n` on the fast lane.
fn file(n: u64) -> Agreement {
    let mut risk = policy().risk;
    risk.limits.insert(corridor(), limits(n));
    let guardians = guardians();
    let members: BTreeSet<Address> = (1..=3).map(Address::repeat_byte).collect();
    let set = SignerSet::new(1, 2, members).unwrap();
    Agreement {
        version: AgreementVersion,
        is_production: true,
        pause_seconds: 60,
        verifiers: set.clone(),
        signers: set,
        guardians: Some(GuardianTerms { people: guardians.guardians, resume_delay: 900, timelock: 86_400 }),
        sources: BTreeMap::new(),
        destinations: BTreeMap::new(),
        feeds: BTreeMap::new(),
        vaults: None,
        risk,
    }
}

fn change(to: &Agreement, from: &Agreement) -> Act {
    Act::ChangePolicy { policy: Box::new(to.clone()), changes: said_changes(&looser(to, from)) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_looser_policy_starts_when_two_agreed_and_the_timelock_is_over() {
    let world = World::new().await;
    assert_eq!(world.get("policy").await, json!(null), "no process was started yet");
    let (now, wider) = (file(100), file(200));
    world.book.configure(now.clone()).await.unwrap();
    assert_eq!(world.get("policy").await["digest"], json!(now.digest()));
    let (status, refused) = world.say(0, change(&wider, &now)).await;
    assert_eq!((status, &refused["code"]), (StatusCode::PRECONDITION_REQUIRED, &json!("IF_MATCH_MISSING")));
    let untrue = Act::ChangePolicy { policy: Box::new(wider.clone()), changes: "nothing much".to_owned() };
    let (status, refused) = world.say_on("policy", 0, untrue).await;
    assert_eq!((status, &refused["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("OTHER_CHANGES")));
    let (status, proposed) = world.say_on("policy", 0, change(&wider, &now)).await;
    assert_eq!((status, &proposed["state"]), (StatusCode::OK, &json!("proposed")), "{proposed}");
    let (status, refused) = world.approve(1, &proposed["statement"]).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("SELF_APPROVAL")));
    world.approve(2, &proposed["statement"]).await;

    let restarted = world.reopened().await;
    assert!(matches!(restarted.configure(wider.clone()).await, Err(StartError::Refused(_))), "the timelock runs");
    world.clock.pass(86_401);
    assert_eq!(world.book.carry_out(None).await.unwrap(), 0, "it waits for a start");
    assert_eq!(world.book.control().await.1.limits(&corridor()), Some(&limits(100)));
    restarted.configure(wider.clone()).await.unwrap();
    world.book.refresh().await.unwrap();
    assert_eq!(world.book.control().await.1.limits(&corridor()), Some(&limits(200)), "for who runs on, too");
    assert_eq!(
        (world.get("proposals").await, world.get("policy").await["digest"].clone()),
        (json!([]), json!(wider.digest()))
    );
    assert!(restarted.configure(file(201)).await.is_err());
}
