//! Keys that users get by themselves.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{Options, RECIPIENT, REFUND_KEY, World, answer, bitcoin, problem};

#[tokio::test]
async fn who_asks_gets_a_key_that_orders_and_does_nothing_else() {
    let world = World::new().await;
    let made = world.post("/v1/keys", &json!({ "name": "my shop" })).send().await.unwrap();
    assert_eq!(made.headers()["cache-control"], "no-store");
    let made = crate::world::body(made, StatusCode::CREATED).await;
    assert_eq!(made["scopes"], json!(["transfers:write"]));
    let key = made["key"].as_str().unwrap();
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = json!({ "quote": quote["id"], "recipient": RECIPIENT, "refund_key": REFUND_KEY });
    answer(world.post("/v1/transfers", &order).bearer_auth(key).header("Idempotency-Key", "one"), StatusCode::CREATED)
        .await;
    let hook = json!({ "url": "https://example.com/" });
    problem(world.post("/v1/webhooks", &hook).bearer_auth(key), StatusCode::FORBIDDEN, "SCOPE_MISSING").await;
    // The audit log tells of it, and nothing of its secret.
    let rows = world.store.audit(0, 10).await.unwrap();
    let told: Vec<Value> = rows
        .iter()
        .filter(|row| row.kind == "api_key")
        .map(|row| serde_json::from_str(&row.body).unwrap())
        .filter(|body: &Value| body["made"] == made["id"])
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["name"], &told[0]["grant"]["class"]), (&json!("my shop"), &json!("public")));
    let secret = key.rsplit('_').next().unwrap();
    assert!(rows.iter().all(|row| !row.body.contains(secret)));
}

#[tokio::test]
async fn an_address_gets_so_many_keys_an_hour() {
    let world = World::new().await;
    for _ in 0..3 {
        answer(world.post("/v1/keys", &json!({})), StatusCode::CREATED).await;
    }
    let refused = problem(world.post("/v1/keys", &json!({})), StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED").await;
    assert!(refused["retry_after"].as_u64().unwrap() > 60, "{refused}");
    for name in ["", " ", "a\nb", &"n".repeat(65)] {
        // Also what is refused for its name was counted before.
        problem(world.post("/v1/keys", &json!({ "name": name })), StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED").await;
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_by_its_field() {
    for name in ["", "a\nb", &"n".repeat(65)] {
        let world = World::new().await;
        let refused =
            problem(world.post("/v1/keys", &json!({ "name": name })), StatusCode::BAD_REQUEST, "INVALID_PARAMETER")
                .await;
        assert_eq!(refused["parameter"], "name");
    }
}

#[tokio::test]
async fn where_keys_come_from_the_operator_nobody_gets_one() {
    let world = World::with(Options { own_keys: None, ..Options::new().await }).await;
    problem(world.post("/v1/keys", &json!({})), StatusCode::FORBIDDEN, "KEYS_BY_OPERATOR").await;
}

/// Keys are free, so that many of them must not be worth more than none.
#[tokio::test]
async fn keys_that_an_address_got_by_itself_share_its_bucket() {
    let world = World::with_rate(3).await;
    let mut keys = Vec::new();
    for _ in 0..3 {
        let made = answer(world.post("/v1/keys", &json!({})), StatusCode::CREATED).await;
        keys.push(made["key"].as_str().unwrap().to_owned());
    }
    let mut refused = 0;
    for key in keys.iter().cycle().take(12) {
        let answered = world.get("/v1/assets").bearer_auth(key).send().await.unwrap();
        refused += u32::from(answered.status() == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused > 0, "three keys ask no more than their address may");
    assert_eq!(world.get("/v1/assets").bearer_auth(&world.key).send().await.unwrap().status(), StatusCode::OK);
}
