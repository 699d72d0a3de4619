//! How many blocks a deposit needs, and when its payout is expected.

use alloy::primitives::B256;
use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel_risk::{Lane, RiskEvent, Scope};
use spandrel_verifiers::ChainId;

use crate::life::told;
use crate::world::{NOW, World, answer, bitcoin, ethereum};

/// An order of `amount` from `chain` with its deposit, in block 100; its id.
async fn deposited(world: &World, chain: &ChainId, amount: u64) -> (String, spandrel_verifiers::DepositId) {
    let quote = world.quote(chain, amount).await;
    let order = answer(world.order(&quote, &amount.to_string()), StatusCode::CREATED).await;
    let deposit = world.deposit(&order, B256::with_last_byte((amount / 1_000) as u8)).await;
    (order["transfer"]["id"].as_str().unwrap().to_owned(), deposit)
}

fn time(at: u64) -> Value {
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(at);
    humantime::format_rfc3339_seconds(at).to_string().into()
}

/// Confirmations, how many are required, and when it is expected.
fn expected(transfer: &Value) -> (Value, Value, Value) {
    (transfer["confirmations"].clone(), transfer["confirmations_required"].clone(), transfer["eta_at"].clone())
}

#[tokio::test]
async fn where_blocks_are_counted_a_transfer_says_how_many_it_needs_and_when_it_has_them() {
    let world = World::new().await;
    // More than the fast lane takes, and as much as waits for its size.
    let (small, _) = deposited(&world, &bitcoin(), 60_000).await;
    let (large, _) = deposited(&world, &bitcoin(), 400_000).await;
    assert_eq!(expected(&told(&world, &small).await), (Value::Null, 6.into(), Value::Null), "nothing of it was read");
    world.read_to(&bitcoin(), 102).await;
    world.second_later().await;
    assert_eq!(expected(&told(&world, &small).await), (3.into(), 6.into(), time(NOW + 3 * 600)));
    assert_eq!(expected(&told(&world, &large).await), (3.into(), 6.into(), time(NOW + 3 * 600 + 3_600)));
    let page = world.get(&format!("/console/transfers/{small}")).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("<dd>3 of 6</dd>") && page.contains("Expected"), "{page}");

    let pause = RiskEvent::Paused { scope: Scope::Global, until: NOW + 60, reason: "drill".to_owned() };
    world.book.record_risk(pause).await.unwrap();
    assert_eq!(expected(&told(&world, &small).await), (3.into(), 6.into(), Value::Null), "nobody knows in a pause");
    world.clock.pass(61);
    assert_eq!(expected(&told(&world, &small).await).2, time(NOW + 3 * 600), "it is over");
    world.clock.pass(3 * 600);
    assert_eq!(expected(&told(&world, &small).await).2, Value::Null, "it came to nothing");
}

#[tokio::test]
async fn what_the_fast_lane_takes_is_not_expected_as_late_as_its_proof() {
    let world = World::new().await;
    let (id, _) = deposited(&world, &bitcoin(), 20_000).await;
    world.read_to(&bitcoin(), 100).await;
    world.second_later().await;
    assert_eq!(expected(&told(&world, &id).await), (1.into(), 6.into(), Value::Null), "its signers see it by now");
    let scope = Scope::Lane { lane: Lane::Fast, source: None };
    let pause = RiskEvent::Paused { scope, until: NOW + 600, reason: "drill".to_owned() };
    world.book.record_risk(pause).await.unwrap();
    assert_eq!(expected(&told(&world, &id).await).2, time(NOW + 5 * 600), "then the other lane pays it");
}

#[tokio::test]
async fn where_none_are_counted_a_transfer_says_when_its_block_is_final_and_then_what_it_waits_for() {
    let world = World::new().await;
    let (id, deposit) = deposited(&world, &ethereum(), 400_000).await;
    world.read_to(&ethereum(), 111).await;
    world.second_later().await;
    assert_eq!(expected(&told(&world, &id).await), (12.into(), Value::Null, time(NOW + 900 + 3_600)));
    world.prove(deposit).await;
    let held = told(&world, &id).await;
    assert_eq!((&held["status"], &held["eta_at"]), (&json!("held"), &held["reason"]["release_at"]), "{held}");
    assert_eq!(held["eta_at"], time(NOW + 3_600));
    world.wake(deposit, 3_600).await;
    let cleared = told(&world, &id).await;
    assert_eq!((&cleared["status"], &cleared["eta_at"]), (&json!("cleared"), &Value::Null), "{cleared}");
}
