//! Statements over HTTP: who is taken, what stands afterwards, and what is refused with which code.

use std::time::Duration;

use alloy::primitives::U256;
use reqwest::StatusCode;
use serde_json::json;
use spandrel_core::ledger::Ledger;
use spandrel_engine::Clock;
use spandrel_risk::control::{Act, SignedStatement, Statement};
use spandrel_risk::{AssetLimit, Limit, Limits, WideLimit};
use spandrel_store::{AuditCheck, AuditRow};

use crate::peers::dawdle;
use crate::world::{World, corridor, key, limits, pause, resume};

#[tokio::test(flavor = "multi_thread")]
async fn one_guardian_pauses_and_two_resume_later() {
    let world = World::new().await;
    let (status, taken) = world.say(0, pause(86_400)).await;
    assert_eq!((status, &taken["state"]), (StatusCode::OK, &json!("done")), "{taken}");
    let pauses = world.get("pauses").await;
    assert_eq!((&pauses[0]["what"], &pauses[0]["reason"]), (&json!("global"), &json!("ada: a drill")));

    let (status, proposed) = world.say(0, resume()).await;
    assert_eq!((status, &proposed["state"]), (StatusCode::OK, &json!("proposed")));
    let id = &proposed["statement"];
    for n in [0, 1] {
        let (status, refused) = world.approve(n, id).await;
        assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("SELF_APPROVAL")));
        let (status, refused) = world.say(n, resume()).await;
        assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("NEEDS_SECOND_APPROVER")));
    }
    let (status, approved) = world.approve(2, id).await;
    assert_eq!((status, &approved["state"]), (StatusCode::OK, &json!("approved")));
    world.book.carry_out(None).await.unwrap();
    assert_eq!(world.get("pauses").await.as_array().unwrap().len(), 1, "not before its time");
    world.clock.pass(900);
    assert_eq!(world.book.carry_out(Some("a halted chain")).await.unwrap(), 0);
    assert_eq!(world.get("pauses").await.as_array().unwrap().len(), 1, "not while health is not green");
    assert_eq!(world.book.carry_out(None).await.unwrap(), 1);
    assert_eq!(world.get("pauses").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_guardians_said_outlives_a_restart() {
    let world = World::new().await;
    let first = world.signed(0, pause(600)).await;
    world.post(&first, None).await;
    let lower = world.signed(2, Act::LowerLimits { corridor: corridor(), limits: limits(7) }).await;
    let version = format!("\"v{}\"", world.book.control().await.0.version());
    assert_eq!(world.post(&lower, Some(&version)).await.0, StatusCode::OK);
    let reopened = world.reopened().await;
    assert_eq!(reopened.control().await, world.book.control().await);
    assert_eq!(reopened.control().await.1.limits(&corridor()), Some(&limits(7)));
    assert_eq!(reopened.risk_now().state, world.book.risk_now().state);
    let refused = reopened.order(&first, None).await.unwrap_err();
    assert!(refused.to_string().contains("taken before"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_without_a_guardians_signature() {
    let world = World::new().await;
    let good = world.signed(0, pause(60)).await;
    let stranger = world.signed(9, pause(60)).await;
    let forged = Statement { guardian: key(0).address(), ..stranger.statement.clone() };
    let forged = SignedStatement { statement: forged, ..stranger.clone() };
    for (signed, code) in [(stranger, "UNKNOWN_GUARDIAN"), (forged, "WRONG_SIGNER")] {
        let (status, refused) = world.post(&signed, None).await;
        assert_eq!((status, &refused["code"]), (StatusCode::FORBIDDEN, &json!(code)));
        assert!(refused["request_id"].is_string());
    }
    let mut unsigned = serde_json::to_value(&good).unwrap();
    unsigned["signature"] = json!("0x");
    let url = format!("{}/statements", world.base);
    let response = world.client.post(&url).json(&unsigned).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    for path in ["statements", "pauses", "proposals", "limits", "held", "quarantine", "signers", "audit"] {
        let url = format!("{}/{path}", world.base);
        for request in [world.client.delete(&url), world.client.put(&url), world.client.patch(&url)] {
            assert_eq!(request.send().await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        }
    }
    assert_eq!(world.book.control().await.0.version(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_read_are_problems() {
    let world = World::new().await;
    let url = format!("{}/statements", world.base);
    let mut odd = serde_json::to_value(world.signed(0, pause(60)).await).unwrap();
    odd["statement"]["act"]["speed"] = json!(9);
    for body in [json!({}), json!([]), odd] {
        let response = world.client.post(&url).json(&body).send().await.unwrap();
        assert!(response.status().is_client_error(), "{body}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    let long = json!({ "statement": "x".repeat(300_000) });
    let response = world.client.post(&url).json(&long).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_name_does_not_get_in() {
    let world = World::new().await;
    let ask = |host: &str| world.client.get(format!("{}/audit", world.base)).header("host", host).send();
    for host in ["evil.example", "evil.example:8090", "127.0.0.1.evil.example", "10.0.0.1", "[2001:db8::1]:80", ""] {
        assert_ne!(ask(host).await.unwrap().status(), StatusCode::OK, "{host}");
    }
    for host in ["localhost", "localhost:8090", "127.0.0.1:8090", "[::1]", "[::1]:8090"] {
        assert_eq!(ask(host).await.unwrap().status(), StatusCode::OK, "{host}");
    }
    // A request may name its host twice: both must be the port's.
    for (target, host, status) in
        [("http://evil.example", "localhost", "421"), ("http://localhost", "localhost", "200")]
    {
        let asked = [format!("GET {target}/v1/control/audit HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")];
        let (_, said) = dawdle(world.address, &asked, Duration::ZERO).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{target}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_replaced_only_by_who_saw_what_stands() {
    let world = World::new().await;
    let lower = |n| Act::LowerLimits { corridor: corridor(), limits: limits(n) };
    let (status, refused) = world.say(0, lower(50)).await;
    assert_eq!((status, &refused["code"]), (StatusCode::PRECONDITION_REQUIRED, &json!("IF_MATCH_MISSING")));
    let seen = world.client.get(format!("{}/limits", world.base)).send().await.unwrap();
    let version = seen.headers()["etag"].to_str().unwrap().to_owned();
    let bo = world.signed(2, lower(40)).await;
    assert_eq!(world.post(&bo, Some(&version)).await.0, StatusCode::OK);
    let ada = world.signed(0, lower(50)).await;
    let (status, refused) = world.post(&ada, Some(&version)).await;
    assert_eq!((status, &refused["code"]), (StatusCode::PRECONDITION_FAILED, &json!("STALE")));
    let standing = world.get("limits").await;
    assert_eq!(standing["limits"][0]["window"], json!("40"));
    let raised = Limits { window: Limit::Amount(U256::from(41)), ..limits(40) };
    let up = world.signed(0, Act::LowerLimits { corridor: corridor(), limits: raised }).await;
    let version = format!("\"v{}\"", world.book.control().await.0.version());
    let (status, refused) = world.post(&up, Some(&version)).await;
    assert_eq!((status, &refused["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("NOT_A_LOWERING")));
}

/// One at a time over the same port: what is shown is what stands.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_over_corridors_is_lowered_by_one_and_raised_by_two_who_saw_what_stands() {
    let world = World::new().await;
    let window = || WideLimit::Asset { asset: corridor().asset, limit: AssetLimit::Window };
    let lower = |n: u64| Act::LowerWideLimit { limit: window(), value: Limit::Amount(U256::from(n)) };
    let raise = |n: u64| Act::RaiseWideLimit { limit: window(), value: Limit::Amount(U256::from(n)) };
    for act in [lower(50), raise(50)] {
        let (status, refused) = world.say(0, act).await;
        assert_eq!((status, &refused["code"]), (StatusCode::PRECONDITION_REQUIRED, &json!("IF_MATCH_MISSING")));
    }
    let (status, taken) = world.say_on("limits", 0, lower(50)).await;
    assert_eq!((status, &taken["state"]), (StatusCode::OK, &json!("done")), "{taken}");
    let shown = async || world.get("limits").await["wide"]["asset"][0]["window"].clone();
    assert_eq!(shown().await, json!("50"));
    let (status, refused) = world.say_on("limits", 2, lower(51)).await;
    assert_eq!((status, &refused["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("NOT_A_LOWERING")));
    let elsewhere = WideLimit::Depth { chain: corridor().source };
    let unknown = Act::LowerWideLimit { limit: elsewhere, value: Limit::CLOSED };
    let (status, refused) = world.say_on("limits", 2, unknown).await;
    assert_eq!((status, &refused["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("UNKNOWN_LIMIT")));

    let (_, proposed) = world.say_on("limits", 0, raise(70)).await;
    assert_eq!(proposed["state"], json!("proposed"), "{proposed}");
    let (status, refused) = world.approve(1, &proposed["statement"]).await;
    assert_eq!(
        (status, &refused["code"]),
        (StatusCode::CONFLICT, &json!("SELF_APPROVAL")),
        "the same person's other key"
    );
    let (_, approved) = world.approve(2, &proposed["statement"]).await;
    assert_eq!(approved["state"], json!("approved"));
    assert_eq!((world.book.carry_out(None).await.unwrap(), shown().await), (0, json!("50")), "the timelock runs");
    world.clock.pass(86_400);
    assert_eq!((world.book.carry_out(None).await.unwrap(), shown().await), (1, json!("70")));
    assert_eq!(world.reopened().await.control().await, world.book.control().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_transfer_is_extended_and_dropped_by_one() {
    let world = World::new().await;
    let id = world.transfer(1, true).await;
    let held = world.get("held").await;
    assert_eq!(held["transfers"][0]["id"], json!(id.to_string()));
    let until = world.clock.now() + 5_000;
    assert_eq!(world.say(0, Act::ExtendHold { transfer: id, until }).await.0, StatusCode::OK);
    assert_eq!(world.get("held").await["transfers"][0]["until"], json!(until));
    assert_eq!(world.say(0, Act::DropHeld { transfer: id }).await.0, StatusCode::OK);
    let transfer = world.book.ledger().transfer(id).await.unwrap().unwrap();
    assert_eq!(transfer.status.name(), "rejected");
    let (status, refused) = world.say(0, Act::DropHeld { transfer: id }).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("NOT_HELD")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_tells_everything_in_pages_that_verify() {
    let world = World::new().await;
    world.transfer(1, true).await;
    world.say(0, pause(60)).await;
    world.say(2, pause(60)).await;
    let (mut check, mut cursor, mut rows) = (AuditCheck::default(), 0, Vec::new());
    loop {
        let page = world.get(&format!("audit?limit=2&cursor={cursor}")).await;
        for row in page["rows"].as_array().unwrap() {
            let row: AuditRow = serde_json::from_value(row.clone()).unwrap();
            check.take(&row).unwrap();
            rows.push(row);
        }
        match page["next_cursor"].as_u64() {
            Some(next) => cursor = next,
            None => break,
        }
    }
    let kinds: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
    assert_eq!(kinds, ["decision", "control", "control", "risk", "control", "control", "risk"]);
    let problem = world.get("audit?limit=0").await;
    assert_eq!(problem["code"], json!("INVALID_PARAMETER"));
}
