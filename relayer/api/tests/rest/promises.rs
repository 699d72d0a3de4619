//! What is promised is what the machine does: no lane is quoted and no order taken that would not be paid.

use alloy::primitives::{B256, U256};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use spandrel_core::ledger::{Commit, Halt, Ledger};
use spandrel_core::watch::{ClosedPayout, ClosedVault, Watch, Watchbook};
use spandrel_engine::Clock;
use spandrel_risk::{Bucket, Corridor, CorridorRules, DepthRule, Lane, Limit, PriceRule, RiskEvent, RiskPolicy, Scope};
use spandrel_verifiers::{AssetId, ChainId};

use crate::world::{NOW, Options, World, answer, bitcoin, destination, ethereum, problem};

const DAY: u64 = 86_400;

async fn world(tune: fn(&mut RiskPolicy)) -> World {
    World::with(Options { tune, ..Options::new().await }).await
}

fn large_transfers_wait(risk: &mut RiskPolicy, seconds: u64) {
    risk.limits.values_mut().for_each(|limits| limits.large_delay = seconds);
}

fn expiry(order: &Value) -> u64 {
    let at = humantime::parse_rfc3339(order["transfer"]["expires_at"].as_str().unwrap()).unwrap();
    at.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// The code of the reason why `lane` takes nothing of what is asked.
async fn refused(request: RequestBuilder, lane: &str) -> Value {
    let refused = problem(request, StatusCode::UNPROCESSABLE_ENTITY, "NO_LANE").await;
    let lanes = refused["lanes"].as_array().unwrap();
    lanes.iter().find(|offer| offer["lane"] == lane).unwrap()["reason"].clone()
}

async fn quoting(world: &World, source: &ChainId, amount: u64) -> RequestBuilder {
    world.post("/v1/quotes", &json!({ "route": world.route(source).await, "amount": amount.to_string() }))
}

#[tokio::test]
async fn a_large_transfer_that_waits_a_day_is_paid_before_its_deposit_expires() {
    let world = world(|risk| large_transfers_wait(risk, DAY)).await;
    let quote = world.quote(&ethereum(), 400_000).await;
    assert_eq!(quote["lanes"][0]["eta_seconds"], 900 + DAY);
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    assert_eq!(expiry(&order), NOW + DAY + 900 + DAY, "a day to deposit it, beside what it waits");
    world.clock.pass(80_000);
    let deposit = world.deposit(&order, B256::with_last_byte(1)).await;
    world.prove(deposit).await;
    let shown = async || answer(world.get(&format!("/v1/transfers/{deposit}")), StatusCode::OK).await;
    assert_eq!(shown().await["reason"]["code"], "LARGE_TRANSFER");
    world.wake(deposit, DAY).await;
    assert_eq!(shown().await["status"], "cleared");
    // What is not large has a day beside its finality.
    let small = world.quote(&ethereum(), 20_000).await;
    let small = answer(world.order(&small, "two"), StatusCode::CREATED).await;
    assert_eq!(expiry(&small), NOW + 80_000 + DAY + 900 + DAY);
}

#[tokio::test]
async fn what_would_wait_is_not_offered_on_the_fast_lane() {
    let world = world(|risk| {
        large_transfers_wait(risk, 60);
        risk.limits.values_mut().for_each(|limits| limits.large_from = Limit::Amount(U256::from(20_000)));
    })
    .await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let lanes = quote["lanes"].as_array().unwrap();
    let fast = lanes.iter().find(|offer| offer["lane"] == "fast").unwrap();
    assert_eq!((&fast["offered"], &fast["reason"]["code"]), (&json!(false), &json!("LARGE_TRANSFER")));
}

#[tokio::test]
async fn what_would_be_paid_after_its_deposit_expires_is_not_offered() {
    let world = world(|risk| large_transfers_wait(risk, 28 * DAY)).await;
    for source in [ethereum(), bitcoin()] {
        let reason = refused(quoting(&world, &source, 400_000).await, "light_client").await;
        assert_eq!(reason["code"], "PAID_TOO_LATE", "{reason}");
        world.quote(&source, 20_000).await;
    }
}

#[tokio::test]
async fn the_pace_of_a_party_is_waited_for_and_no_delay_hides_what_never_passes() {
    let world = world(|risk| {
        let bucket = Bucket { capacity: Limit::Amount(U256::from(300_000)), refill_seconds: DAY };
        risk.wide.assets.values_mut().for_each(|rules| rules.sender = bucket);
    })
    .await;
    let quote = world.quote(&ethereum(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    assert_eq!(expiry(&order), NOW + DAY + 900 + DAY);
    // It is large too, and would wait for that first.
    let reason = refused(quoting(&world, &ethereum(), 400_000).await, "light_client").await;
    assert_eq!(reason["code"], "VELOCITY", "{reason}");
}

/// Blocks of Bitcoin cost something, and deposits a value.
fn blocks_can_be_bought(risk: &mut RiskPolicy) {
    let asset = AssetId::slip44(&bitcoin(), 0);
    let price = PriceRule { unit: U256::ONE, floor: U256::ONE, fresh_for: 60, stale_after: 600, widest: 100 };
    risk.wide.assets.get_mut(&asset).unwrap().price = Some(price);
    for lane in [Lane::Fast, Lane::LightClient] {
        let corridor = Corridor { source: bitcoin(), destination: destination(), asset: asset.clone(), lane };
        risk.wide.corridors.insert(corridor, CorridorRules { notional: Limit::Unlimited, netted_with: None });
    }
    risk.wide.depths.insert(bitcoin(), DepthRule { block_cost: U256::from(10_000), least: 2 });
}

#[tokio::test]
async fn the_fast_lane_is_not_offered_where_depth_by_value_keeps_it_shut() {
    let world = world(blocks_can_be_bought).await;
    let quote = world.quote(&bitcoin(), 45_000).await;
    let [fast, light] = [&quote["lanes"][0], &quote["lanes"][1]];
    assert_eq!((&fast["offered"], &fast["reason"]["code"]), (&json!(false), &json!("CONFIRMATIONS")), "{fast}");
    // Five final blocks: four more than the one that is final after an hour.
    assert_eq!((&light["offered"], &light["eta_seconds"]), (&json!(true), &json!(3_600 + 4 * 600)), "{light}");
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let deposit = world.deposit(&order, B256::with_last_byte(1)).await;
    let events = answer(world.get(&format!("/v1/transfers/{deposit}/events")), StatusCode::OK).await;
    assert_eq!(events[1]["event"], "fast_refused", "the machine says the same: {events}");
}

#[tokio::test]
async fn nothing_is_offered_from_a_halted_chain_when_its_pause_is_over() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let halt = Commit { now: NOW, halt: Some(Halt::told(bitcoin(), "two tips")), ..Commit::default() };
    world.store.commit(halt).await.unwrap();
    for lane in ["fast", "light_client"] {
        let reason = refused(quoting(&world, &bitcoin(), 20_000).await, lane).await;
        assert_eq!((&reason["code"], reason.get("release_at")), (&json!("HALTED"), None), "{reason}");
        assert_eq!(refused(world.order(&quote, "one"), lane).await["code"], "HALTED");
    }
    let route = world.route(&bitcoin()).await;
    let limits = answer(world.get(&format!("/v1/limits?route={route}")), StatusCode::OK).await;
    assert_eq!(limits[0]["closed"]["code"], "HALTED");
    let routes = answer(world.get("/v1/routes"), StatusCode::OK).await;
    let row = routes.as_array().unwrap().iter().find(|row| row["id"] == route.as_str()).unwrap();
    assert_eq!(row["closed"]["light_client"]["code"], "HALTED");
    world.quote(&ethereum(), 20_000).await;
}

/// A pause there is none here: nothing that the ledger decides by says it.
#[tokio::test]
async fn nothing_is_offered_while_the_sources_vault_is_paused_by_its_own_contract() {
    let world = World::new().await;
    let tell = async |destination, asset, until| {
        let (of, looked_at) = ("a watcher".to_owned(), world.clock.now());
        let closed = vec![ClosedVault { source: ethereum(), destination, asset, until }];
        let watch = Watch { of, looked_at, found: Vec::new(), closed, closed_payouts: Vec::new() };
        world.store.tell(watch).await.unwrap();
        world.second_later().await;
    };
    let quote = world.quote(&ethereum(), 20_000).await;
    tell(None, None, Some(NOW + 100)).await;
    let reason = refused(quoting(&world, &ethereum(), 20_000).await, "light_client").await;
    assert_eq!((&reason["code"], reason["release_at"].is_string()), (&json!("VAULT_PAUSED"), true), "{reason}");
    assert_eq!(refused(world.order(&quote, "one"), "light_client").await["code"], "VAULT_PAUSED");
    let route = world.route(&ethereum()).await;
    let limits = answer(world.get(&format!("/v1/limits?route={route}")), StatusCode::OK).await;
    assert_eq!(limits[0]["closed"]["code"], "VAULT_PAUSED");
    world.quote(&bitcoin(), 20_000).await;
    world.clock.pass(101);
    world.quote(&ethereum(), 20_000).await;

    let (asset, other) = (AssetId::slip44(&ethereum(), 60), AssetId::slip44(&ethereum(), 1));
    tell(Some(bitcoin()), None, None).await;
    world.quote(&ethereum(), 20_000).await;
    tell(None, Some(other), None).await;
    world.quote(&ethereum(), 20_000).await;
    tell(Some(destination()), Some(asset), None).await;
    let reason = refused(quoting(&world, &ethereum(), 20_000).await, "light_client").await;
    assert_eq!((&reason["code"], reason.get("release_at")), (&json!("VAULT_PAUSED"), None), "a freeze: {reason}");
    world.clock.pass(DAY - 1);
    refused(quoting(&world, &ethereum(), 20_000).await, "light_client").await;
    world.clock.pass(1);
    world.quote(&ethereum(), 20_000).await;
}

/// What sentinels read of the destination's pauses.
async fn tell_unpaid(world: &World, closed: ClosedPayout) {
    let (of, looked_at) = ("a watcher".to_owned(), world.clock.now());
    let watch = Watch { of, looked_at, found: Vec::new(), closed: Vec::new(), closed_payouts: vec![closed] };
    world.store.tell(watch).await.unwrap();
    world.second_later().await;
}

fn unpaid(until: Option<u64>) -> ClosedPayout {
    ClosedPayout { destination: destination(), source: None, lane: None, asset: None, until }
}

/// A pause there is none here: what was lifted here stands there until its end.
#[tokio::test]
async fn nothing_is_offered_while_the_destinations_own_contract_pays_nothing() {
    let world = World::new().await;
    let quote = world.quote(&ethereum(), 20_000).await;
    tell_unpaid(&world, unpaid(Some(NOW + 100))).await;
    let reason = refused(quoting(&world, &ethereum(), 20_000).await, "light_client").await;
    let end = humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + std::time::Duration::from_secs(NOW + 100));
    let expected = (&json!("DESTINATION_PAUSED"), &json!(end.to_string()));
    assert_eq!((&reason["code"], &reason["release_at"]), expected, "{reason}");
    assert_eq!(refused(world.order(&quote, "one"), "light_client").await["code"], "DESTINATION_PAUSED");
    let route = world.route(&ethereum()).await;
    let limits = answer(world.get(&format!("/v1/limits?route={route}")), StatusCode::OK).await;
    assert_eq!(limits[0]["closed"]["code"], "DESTINATION_PAUSED");
    world.clock.pass(101);
    world.quote(&ethereum(), 20_000).await;

    let asset = AssetId::slip44(&ethereum(), 60);
    let others = [
        ClosedPayout { destination: bitcoin(), ..unpaid(None) },
        ClosedPayout { source: Some(bitcoin()), ..unpaid(None) },
        ClosedPayout { lane: Some(Lane::Fast), ..unpaid(None) },
        ClosedPayout { asset: Some(AssetId::slip44(&ethereum(), 1)), ..unpaid(None) },
    ];
    for other in others {
        tell_unpaid(&world, other).await;
        world.quote(&ethereum(), 20_000).await;
    }
    let (source, lane, asset) = (Some(ethereum()), Some(Lane::LightClient), Some(asset));
    tell_unpaid(&world, ClosedPayout { source, lane, asset, ..unpaid(None) }).await;
    let reason = refused(quoting(&world, &ethereum(), 20_000).await, "light_client").await;
    assert_eq!((&reason["code"], reason.get("release_at")), (&json!("DESTINATION_PAUSED"), None), "a freeze: {reason}");
    world.clock.pass(DAY);
    world.quote(&ethereum(), 20_000).await;

    tell_unpaid(&world, ClosedPayout { lane: Some(Lane::Fast), ..unpaid(None) }).await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let [fast, light] = [&quote["lanes"][0], &quote["lanes"][1]];
    assert_eq!((&fast["offered"], &fast["reason"]["code"]), (&json!(false), &json!("DESTINATION_PAUSED")), "{fast}");
    assert_eq!(light["offered"], true, "{light}");
}

#[tokio::test]
async fn what_is_cleared_tells_why_it_is_not_paid_and_until_when() {
    let world = World::new().await;
    let quote = world.quote(&ethereum(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let deposit = world.deposit(&order, B256::with_last_byte(1)).await;
    let shown = async || answer(world.get(&format!("/v1/transfers/{deposit}")), StatusCode::OK).await;
    tell_unpaid(&world, unpaid(Some(NOW + 100))).await;
    assert_eq!(shown().await.get("reason"), None, "it is not proven yet");
    world.prove(deposit).await;
    let transfer = shown().await;
    let (status, reason) = (&transfer["status"], &transfer["reason"]);
    assert_eq!((status, &reason["code"]), (&json!("cleared"), &json!("DESTINATION_PAUSED")), "{transfer}");
    assert!(reason["release_at"].is_string(), "{transfer}");
    tell_unpaid(&world, ClosedPayout { lane: Some(Lane::Fast), ..unpaid(None) }).await;
    assert_eq!(shown().await.get("reason"), None, "another lane is paused");
    let pause = RiskEvent::Paused { scope: Scope::Global, until: NOW + 600, reason: "drill".to_owned() };
    world.book.record_risk(pause).await.unwrap();
    assert_eq!(shown().await["reason"]["code"], "PAUSED", "here");
    tell_unpaid(&world, unpaid(Some(NOW + 900))).await;
    world.clock.pass(601);
    assert_eq!(shown().await["reason"]["code"], "DESTINATION_PAUSED", "it is lifted here alone");
    world.clock.pass(300);
    assert_eq!(shown().await.get("reason"), None);
}

#[tokio::test]
async fn no_order_is_taken_for_what_was_quoted_before_a_pause() {
    let world = World::new().await;
    let quote = world.quote(&ethereum(), 20_000).await;
    answer(world.order(&quote, "before"), StatusCode::CREATED).await;
    for (until, key) in [(NOW + 600, "paused"), (u64::MAX, "frozen")] {
        let pause = RiskEvent::Paused { scope: Scope::Global, until, reason: "drill".to_owned() };
        world.book.record_risk(pause).await.unwrap();
        let reason = refused(world.order(&quote, key), "light_client").await;
        assert_eq!((&reason["code"], reason["release_at"].is_string()), (&json!("PAUSED"), until != u64::MAX));
    }
    assert!(world.store.intents().await.unwrap().is_empty());
    let again = answer(world.order(&quote, "before"), StatusCode::OK).await;
    assert!(again["instructions"]["calls"].is_array(), "what was ordered is answered again");
}

#[tokio::test]
async fn a_quote_holds_after_a_restart_and_in_another_process() {
    let before = World::new().await;
    let quote = before.quote(&ethereum(), 20_000).await;
    let (store, clock) = (before.another().await, before.clock.clone());
    let after = World::with(Options { store, clock, ..Options::new().await }).await;
    answer(after.order(&quote, "one"), StatusCode::CREATED).await;
    let stranger = World::new().await;
    problem(stranger.order(&quote, "one"), StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
}

#[tokio::test]
async fn no_order_is_taken_for_what_was_quoted_under_a_higher_cap() {
    let before = World::new().await;
    let quote = before.quote(&ethereum(), 20_000).await;
    let (store, clock) = (before.store.clone(), before.clock.clone());
    let tune: fn(&mut RiskPolicy) =
        |risk| risk.limits.values_mut().for_each(|limits| limits.per_transfer = Limit::Amount(U256::from(19_999)));
    let after = World::with(Options { tune, store, clock, ..Options::new().await }).await;
    assert_eq!(refused(after.order(&quote, "one"), "light_client").await["code"], "PER_TRANSFER_CAP");
}
