//! Until when a transfer is held, as users are told it.

use alloy::primitives::{B256, U256};
use serde_json::json;
use spandrel_risk::{Limit, RiskEvent, RiskPolicy, Scope, WINDOW_SECONDS};
use spandrel_verifiers::AssetId;

use crate::life::{order, told};
use crate::world::{NOW, Options, World, ethereum};

/// A world in which 50,000 of Ethereum's coin are paid in 24 hours.
async fn narrow() -> World {
    let tune: fn(&mut RiskPolicy) = |risk| {
        let asset = AssetId::slip44(&ethereum(), 60);
        risk.wide.assets.get_mut(&asset).unwrap().window = Limit::Amount(U256::from(50_000));
    };
    World::with(Options { tune, ..Options::new().await }).await
}

#[tokio::test]
async fn a_transfer_that_a_pause_holds_says_when_the_pause_ends_and_nothing_of_a_freeze() {
    for (until, told_as) in [(NOW + 600, json!("2023-11-14T22:23:20Z")), (u64::MAX, json!(null))] {
        let world = World::new().await;
        let (order, id) = order(&world, 20_000, "one").await;
        let deposit = world.deposit(&order, B256::repeat_byte(1)).await;
        let scope = Scope::Chain { chain: ethereum() };
        world.book.record_risk(RiskEvent::Paused { scope, until, reason: "drill".to_owned() }).await.unwrap();
        world.prove(deposit).await;
        let held = told(&world, &id).await;
        assert_eq!((&held["status"], &held["reason"]["code"]), (&json!("held"), &json!("PAUSED")), "{held}");
        assert_eq!(held["reason"]["release_at"], told_as, "{held}");
        world.wake(deposit, 600).await;
        let then = told(&world, &id).await;
        assert_eq!(then["status"], if until == u64::MAX { "held" } else { "cleared" }, "{then}");
    }
}

#[tokio::test]
async fn a_transfer_that_a_window_holds_says_before_when_there_is_no_room() {
    let world = narrow().await;
    let (first, cleared) = order(&world, 40_000, "one").await;
    let (second, id) = order(&world, 20_000, "two").await;
    let paid = world.deposit(&first, B256::repeat_byte(1)).await;
    world.prove(paid).await;
    assert_eq!(told(&world, &cleared).await["status"], "cleared");
    world.clock.pass(60);
    let deposit = world.deposit(&second, B256::repeat_byte(2)).await;
    world.prove(deposit).await;
    let held = told(&world, &id).await;
    assert_eq!((&held["status"], &held["reason"]["code"]), (&json!("held"), &json!("ASSET_WINDOW")), "{held}");
    assert!(held["reason"].get("release_at").is_none(), "nobody knows when the first is paid: {held}");
    world.pay(paid, B256::repeat_byte(0xfe)).await;
    world.wake(deposit, 60).await;
    let held = told(&world, &id).await;
    assert_eq!(held["reason"]["release_at"], "2023-11-15T22:14:20Z", "a day after the first was paid: {held}");
    world.wake(deposit, WINDOW_SECONDS - 61).await;
    assert_eq!(told(&world, &id).await["reason"], held["reason"]);
    world.wake(deposit, 1).await;
    assert_eq!(told(&world, &id).await["status"], "cleared");
}

#[tokio::test]
async fn a_transfer_of_more_than_the_window_ever_lets_pass_says_no_time() {
    let world = narrow().await;
    let (mut order, _) = order(&world, 20_000, "one").await;
    order["transfer"]["amount"] = json!("50001");
    let deposit = world.deposit(&order, B256::repeat_byte(1)).await;
    world.prove(deposit).await;
    let held = told(&world, &deposit.to_string()).await;
    assert_eq!((&held["status"], &held["reason"]["code"]), (&json!("held"), &json!("ASSET_WINDOW")), "{held}");
    assert!(held["reason"].get("release_at").is_none(), "{held}");
}
