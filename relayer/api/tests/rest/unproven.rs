//! What there is no proof of: what may come is to be asked for again, and what never comes is not.

use alloy::primitives::B256;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::world::{World, answer, bitcoin, problem};

const DAY: u64 = 86_400;

/// The refusal of a proof, which is retryable just when it says when.
async fn refused(world: &World, id: &str, code: &str) -> bool {
    let refused = problem(world.get(&format!("/v1/transfers/{id}/proof")), StatusCode::CONFLICT, code).await;
    let is_retryable = refused["retryable"].as_bool().unwrap();
    assert_eq!(refused.get("retry_after").map(Value::as_u64), is_retryable.then_some(Some(30)), "{refused}");
    is_retryable
}

async fn order(world: &World, key: &str) -> (Value, String) {
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, key), StatusCode::CREATED).await;
    let id = order["transfer"]["order"].as_str().unwrap().to_owned();
    (order, id)
}

#[tokio::test]
async fn an_order_without_deposit_has_no_proof_yet_and_after_its_time_none() {
    let world = World::new().await;
    let (order, id) = order(&world, "one").await;
    assert!(refused(&world, &id, "NO_DEPOSIT_YET").await);
    let deposit = world.deposit(&order, B256::repeat_byte(1)).await.to_string();
    assert!(refused(&world, &id, "NOT_PROVEN_YET").await && refused(&world, &deposit, "NOT_PROVEN_YET").await);
    let (_, never) = self::order(&world, "two").await;
    world.clock.pass(10 * DAY);
    assert!(!refused(&world, &never, "NO_PROOF").await, "a deposit is waited for no more");
}

#[tokio::test]
async fn a_deposit_whose_block_was_replaced_has_no_proof_until_it_stands_again() {
    let world = World::new().await;
    let (order, id) = order(&world, "one").await;
    let deposit = world.deposit(&order, B256::repeat_byte(1)).await;
    world.reorg(deposit).await;
    assert!(refused(&world, &id, "NO_DEPOSIT_YET").await);
    world.clock.pass(10 * DAY);
    assert!(!refused(&world, &deposit.to_string(), "NO_PROOF").await);
}

#[tokio::test]
async fn a_deposit_that_was_refused_at_sight_is_never_proven() {
    let world = World::new().await;
    let (mut order, id) = order(&world, "one").await;
    order["transfer"]["amount"] = json!("1");
    let dust = world.deposit(&order, B256::repeat_byte(1)).await.to_string();
    assert!(!refused(&world, &dust, "NO_PROOF").await);
    assert!(refused(&world, &id, "NO_DEPOSIT_YET").await, "its order waits for another");
}
