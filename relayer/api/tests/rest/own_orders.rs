//! Who orders finds their orders again, before a deposit is seen too; nobody else does.

use alloy::primitives::B256;
use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel_api::grpc::proto;
use spandrel_store::ApiScope;

use crate::calls::{info, keyed, transfers};
use crate::world::{RECIPIENT, REFUND_KEY, World, answer, bitcoin, problem};

async fn order(world: &World, key: &str, idempotency_key: &str) -> Value {
    let quote = world.quote(&bitcoin(), 20_000).await;
    let body = json!({ "quote": quote["id"], "recipient": RECIPIENT, "refund_key": REFUND_KEY });
    let request = world.post("/v1/transfers", &body).bearer_auth(key).header("Idempotency-Key", idempotency_key);
    answer(request, StatusCode::CREATED).await
}

fn id(order: &Value) -> String {
    order["transfer"]["id"].as_str().unwrap().to_owned()
}

async fn page(world: &World, query: &str) -> (Vec<Value>, Option<String>) {
    let page =
        answer(world.get(&format!("/v1/transfers?mine=true{query}")).bearer_auth(&world.key), StatusCode::OK).await;
    (page["transfers"].as_array().unwrap().clone(), page["next_cursor"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn own_orders_are_listed_from_before_their_deposits_on_in_pages_that_do_not_shift() {
    let world = World::new().await;
    let stranger = world.new_key(&[ApiScope::TransfersWrite]).await;
    let mut made = Vec::new();
    for n in 0..5 {
        made.push(order(&world, &world.key, &format!("own-{n}")).await);
        order(&world, &stranger, &format!("other-{n}")).await;
    }
    world.deposit(&made[3], B256::with_last_byte(1)).await;
    let (mut cursor, mut told) = (None::<String>, Vec::new());
    loop {
        let query = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let (rows, next) = page(&world, &format!("&limit=2{query}")).await;
        told.extend(rows);
        // What is ordered or seen meanwhile moves nothing.
        order(&world, &world.key, &format!("late-{}", told.len())).await;
        let Some(next) = next else { break };
        cursor = Some(next);
    }
    let ids: Vec<_> = told.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, made.iter().rev().map(id).collect::<Vec<_>>());
    let statuses: Vec<_> = told.iter().map(|row| row["status"].as_str().unwrap()).collect();
    let waits = "awaiting_deposit";
    assert_eq!(statuses, [waits, "observed", waits, waits, waits]);
    let request = proto::ListTransfersRequest { mine: Some(true), limit: Some(100), ..Default::default() };
    let called = transfers(&world).list_transfers(keyed(&world.key, request)).await.unwrap().into_inner();
    let rest = page(&world, "&limit=100").await.0;
    let called: Vec<_> = called.transfers.into_iter().map(|row| json!([row.id, row.status])).collect();
    assert_eq!(called, rest.iter().map(|row| json!([row["id"], row["status"]])).collect::<Vec<_>>());
    assert_eq!(called.len(), 8);
}

#[tokio::test]
async fn only_who_ordered_is_told_their_orders() {
    let world = World::new().await;
    order(&world, &world.key, "one").await;
    let mine = || world.get("/v1/transfers?mine=true");
    problem(mine(), StatusCode::UNAUTHORIZED, "UNAUTHORIZED").await;
    let unscoped = world.new_key(&[ApiScope::WebhooksWrite]).await;
    problem(mine().bearer_auth(unscoped), StatusCode::FORBIDDEN, "SCOPE_MISSING").await;
    let stranger = world.new_key(&[ApiScope::TransfersWrite]).await;
    assert_eq!(answer(mine().bearer_auth(&stranger), StatusCode::OK).await, json!({ "transfers": [] }));
    let request = proto::ListTransfersRequest { mine: Some(true), ..Default::default() };
    assert_eq!(info(&transfers(&world).list_transfers(request).await.unwrap_err()).0, "UNAUTHORIZED");
    // Without `mine` a key changes nothing.
    for query in ["", "?mine=false"] {
        let all = world.get(&format!("/v1/transfers{query}")).bearer_auth(&world.key);
        assert_eq!(answer(all, StatusCode::OK).await, json!({ "transfers": [] }));
    }
}

#[tokio::test]
async fn what_is_asked_of_deposits_is_not_asked_of_orders() {
    let world = World::new().await;
    let hash = "1".repeat(64);
    for (name, value) in
        [("status", "observed"), ("sender", &hash), ("source_tx", &hash), ("cursor", "7"), ("cursor", "ox")]
    {
        let asked = world.get(&format!("/v1/transfers?mine=true&{name}={value}")).bearer_auth(&world.key);
        let refused = problem(asked, StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
        assert_eq!(refused["parameter"], name);
    }
    problem(world.get("/v1/transfers?cursor=o7"), StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
}
