//! Until when a transfer is held, as users are told it.

use alloy::primitives::B256;
use serde_json::json;
use spandrel_risk::{RiskEvent, Scope};

use crate::life::{order, told};
use crate::world::{NOW, World, ethereum};

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
