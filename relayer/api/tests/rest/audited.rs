//! What people do by the API, as the audit log tells it: who did it, and nothing by which another could.

use alloy::primitives::keccak256;
use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel_store::{ApiScope, AuditCheck};

use crate::world::{World, answer, bitcoin, problem};

const URL: &str = "http://127.0.0.1:9/in?token=of-the-receiver";

/// Of the rows of `kind`, what each tells. The whole log verifies.
async fn told(world: &World, kind: &str) -> Vec<Value> {
    let rows = world.store.audit(0, 1_000).await.unwrap();
    let mut check = AuditCheck::default();
    rows.iter().try_for_each(|row| check.take(row)).unwrap();
    let of_kind = rows.iter().filter(|row| row.kind == kind);
    of_kind.map(|row| serde_json::from_str(&row.body).unwrap()).collect()
}

/// The id of a key, which is told; the rest of it is not.
fn id(key: &str) -> &str {
    key.split('_').nth(1).unwrap()
}

#[tokio::test]
async fn whoever_calls_an_order_off_is_told_once() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let order = order["transfer"]["order"].as_str().unwrap();
    let cancel = |key: &str| world.post(&format!("/v1/transfers/{order}/cancel"), &json!({})).bearer_auth(key);
    let stranger = world.new_key(&[ApiScope::TransfersWrite]).await;
    problem(cancel(&stranger), StatusCode::NOT_FOUND, "UNKNOWN_TRANSFER").await;
    assert!(told(&world, "order").await.is_empty(), "nothing was called off");
    for _ in 0..2 {
        answer(cancel(&world.key), StatusCode::ACCEPTED).await;
    }
    assert_eq!(told(&world, "order").await, [json!({ "cancelled": order, "api_key": id(&world.key) })]);
}

#[tokio::test]
async fn whoever_registers_rotates_or_removes_a_webhook_is_told_without_its_secrets() {
    let world = World::new().await;
    let mut secrets = Vec::new();
    for status in [StatusCode::CREATED, StatusCode::OK] {
        let made = answer(world.register(&world.key, URL, "one"), status).await;
        secrets.push(made);
    }
    let webhook = secrets[0]["webhook"]["id"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        secrets.push(answer(world.on_webhook(&world.key, &webhook, "rotate", "two"), StatusCode::OK).await);
    }
    let remove = || world.delete(&format!("/v1/webhooks/{webhook}")).bearer_auth(&world.key);
    answer(remove(), StatusCode::NO_CONTENT).await;
    problem(remove(), StatusCode::NOT_FOUND, "UNKNOWN_WEBHOOK").await;
    let key = id(&world.key);
    let expected = [
        json!({ "registered": webhook, "api_key": key, "url_hash": keccak256(URL) }),
        json!({ "rotated": webhook, "api_key": key, "generation": 1 }),
        json!({ "removed": webhook, "api_key": key }),
    ];
    assert_eq!(told(&world, "webhook").await, expected);
    let all: String = world.store.audit(0, 1_000).await.unwrap().into_iter().map(|row| row.body).collect();
    let secrets = secrets.iter().map(|made| made["secret"].as_str().unwrap());
    for hidden in secrets.chain([URL, "of-the-receiver", world.key.as_str(), "one", "two"]) {
        assert!(!all.contains(&format!("\"{hidden}\"")) && (hidden.len() < 4 || !all.contains(hidden)), "{hidden}");
    }
}
