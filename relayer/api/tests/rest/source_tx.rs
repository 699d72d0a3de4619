//! Where a deposit is, as its user says.

use alloy::primitives::B256;
use reqwest::StatusCode;
use serde_json::json;

use crate::world::{World, answer, bitcoin, problem};

#[tokio::test]
async fn a_source_transaction_may_be_told_before_it_is_observed() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let path = format!("/v1/transfers/{}/source-tx", order["transfer"]["order"].as_str().unwrap());
    let hash = B256::with_last_byte(1);
    let txid = format!("01{}", "0".repeat(62));
    let told = json!({ "source_tx": txid });
    let put = |body: &serde_json::Value| world.put(&path, body).bearer_auth(&world.key);
    let transfer = answer(put(&told), StatusCode::ACCEPTED).await;
    assert_eq!(transfer["substatus"], "source_tx_not_observed");
    assert_eq!(transfer["source_tx"], txid);
    answer(put(&told), StatusCode::ACCEPTED).await;
    problem(put(&json!({ "source_tx": "zz" })), StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
    world.deposit(&order, hash).await;
    let transfer = answer(put(&told), StatusCode::OK).await;
    assert_eq!(transfer["status"], "observed");
    let stranger = world.new_key(&[spandrel_store::ApiScope::TransfersWrite]).await;
    let other = world.put(&path, &told).bearer_auth(stranger);
    problem(other, StatusCode::NOT_FOUND, "UNKNOWN_TRANSFER").await;
}

/// Both are kept: what was said first is not lost by saying it better.
#[tokio::test]
async fn a_mistyped_transaction_is_corrected_until_a_deposit_was_seen() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let id = order["transfer"]["order"].as_str().unwrap();
    let (path, txid) = (format!("/v1/transfers/{id}/source-tx"), |n: u8| format!("{n:02x}{}", "0".repeat(62)));
    let put = |n: u8| world.put(&path, &json!({ "source_tx": txid(n) })).bearer_auth(&world.key);
    let corrected = async || {
        let rows = world.store.audit(0, 1_000).await.unwrap().into_iter();
        let bodies = rows.filter(|row| row.kind == "source_tx").map(|row| row.body);
        bodies.map(|body| serde_json::from_str::<serde_json::Value>(&body).unwrap()).collect::<Vec<_>>()
    };
    for (n, rows) in [(1, 0), (1, 0), (2, 1), (2, 1), (1, 2)] {
        let told = answer(put(n), StatusCode::ACCEPTED).await;
        assert_eq!((&told["source_tx"], &told["substatus"]), (&json!(txid(n)), &json!("source_tx_not_observed")));
        assert_eq!(corrected().await.len(), rows, "the same again is no correction");
    }
    let key = world.key.split('_').nth(1).unwrap();
    let [one, two] = [1, 2].map(B256::with_last_byte);
    let row = |was: B256, is: B256| json!({ "order": id, "api_key": key, "was": was, "is": is });
    assert_eq!(corrected().await, [row(one, two), row(two, one)]);
    let stranger = world.new_key(&[spandrel_store::ApiScope::TransfersWrite]).await;
    let other = world.put(&path, &json!({ "source_tx": txid(3) })).bearer_auth(stranger);
    problem(other, StatusCode::NOT_FOUND, "UNKNOWN_TRANSFER").await;
    for n in 3..9 {
        answer(put(n), StatusCode::ACCEPTED).await;
    }
    problem(put(9), StatusCode::CONFLICT, "CONFLICT").await;
    assert_eq!(
        (answer(put(8), StatusCode::ACCEPTED).await["source_tx"].clone(), corrected().await.len()),
        (json!(txid(8)), 8)
    );
    world.deposit(&order, B256::with_last_byte(7)).await;
    problem(put(8), StatusCode::UNPROCESSABLE_ENTITY, "OTHER_SOURCE_TX").await;
    answer(put(7), StatusCode::OK).await;
    assert_eq!(corrected().await.len(), 8, "what was seen is not said by the user");
}

/// A mistake is told, and nothing of it stays.
#[tokio::test]
async fn a_transaction_that_the_deposit_does_not_stand_in_is_refused_and_not_noted() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let txid = |n: u8| format!("{n:02x}{}", "0".repeat(62));
    for early in [false, true] {
        let order = answer(world.order(&quote, &format!("early-{early}")), StatusCode::CREATED).await;
        let path = format!("/v1/transfers/{}/source-tx", order["transfer"]["order"].as_str().unwrap());
        let put = |n: u8| world.put(&path, &json!({ "source_tx": txid(n) })).bearer_auth(&world.key);
        if early {
            answer(put(9), StatusCode::ACCEPTED).await;
        }
        let stands_in = 2 + u8::from(early);
        world.deposit(&order, B256::with_last_byte(stands_in)).await;
        for _ in 0..2 {
            let refused = problem(put(9), StatusCode::UNPROCESSABLE_ENTITY, "OTHER_SOURCE_TX").await;
            assert!(refused["detail"].as_str().unwrap().contains(&txid(stands_in)), "{refused}");
            assert_eq!(refused["parameter"], "source_tx");
            assert_eq!(answer(put(stands_in), StatusCode::OK).await["source_tx"], txid(stands_in));
        }
    }
}

/// Any of them is where the order's deposit was seen; another is none.
#[tokio::test]
async fn every_deposit_of_an_order_is_named_by_its_own_transaction() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let path = format!("/v1/transfers/{}/source-tx", order["transfer"]["order"].as_str().unwrap());
    let txid = |n: u8| format!("{n:02x}{}", "0".repeat(62));
    let put = |n: u8| world.put(&path, &json!({ "source_tx": txid(n) })).bearer_auth(&world.key);
    for n in [2, 3] {
        world.deposit(&order, B256::with_last_byte(n)).await;
    }
    for n in [2, 3] {
        answer(put(n), StatusCode::OK).await;
    }
    problem(put(4), StatusCode::UNPROCESSABLE_ENTITY, "OTHER_SOURCE_TX").await;
}
