//! What a transfer's page says of the way back of its deposit, while it is wanted and no longer.

use alloy::primitives::B256;
use reqwest::StatusCode;
use serde_json::Value;
use spandrel_core::submission::{Lasting, Progress};
use spandrel_core::{EffectId, Input, TxRef};
use spandrel_engine::Change;
use spandrel_risk::Lane;
use spandrel_verifiers::DepositId;

use crate::console::{ordered, page};
use crate::world::{World, answer, bitcoin, destination, ethereum};

/// The section about the way back, if the page has one.
async fn section(world: &World, path: &str) -> Option<String> {
    let text = page(world, path, StatusCode::OK).await;
    let (_, from) = text.split_once("data-live=\"back\">").unwrap();
    let (section, _) = from.split_once("<div class=\"columns\">").unwrap();
    section.contains("Taking it back").then(|| section.to_owned())
}

async fn status(world: &World, path: &str) -> Value {
    answer(world.get(&path.replace("/console/", "/v1/")), StatusCode::OK).await
}

async fn tell(world: &World, id: DepositId, input: Input) {
    world.book.record(Change::one(id, input)).await.unwrap();
}

async fn drop_it(world: &World, id: DepositId) {
    tell(world, id, Input::Broken("odd".to_owned())).await;
    tell(world, id, Input::Drop("ada: a drill".to_owned())).await;
}

/// That all which spends the deposit is told, and whether it is folded.
fn require_script(section: &str, order: &Value, is_folded: bool) {
    let refund = &order["instructions"]["refund"];
    for field in ["key", "script", "control_block"] {
        let copied = format!("data-copy=\"{}\"", refund[field].as_str().unwrap());
        assert!(section.contains(&copied), "{field}: {section}");
    }
    let blocks = refund["after_blocks"].as_u64().unwrap();
    assert!(section.contains(&format!("<dd>{blocks} blocks</dd>")), "{section}");
    assert!(section.contains(&format!("sequence <code>{blocks}</code>")), "{section}");
    assert_eq!(section.contains("<details>"), is_folded, "{section}");
}

#[tokio::test]
async fn a_rejected_bitcoin_deposit_is_told_what_takes_it_back() {
    let world = World::new().await;
    let (order, path) = ordered(&world, &bitcoin(), "one").await;
    require_script(&section(&world, &path).await.unwrap(), &order, true);
    let deposit = world.deposit(&order, B256::with_last_byte(1)).await;
    require_script(&section(&world, &path).await.unwrap(), &order, true);
    drop_it(&world, deposit).await;
    let told = status(&world, &path).await;
    assert_eq!(told["status"], "rejected");
    for path in [path, format!("/console/transfers/{deposit}")] {
        let section = section(&world, &path).await.unwrap();
        require_script(&section, &order, false);
        assert!(
            section.contains(told["claimable_until"].as_str().unwrap()),
            "until when it may still be paid: {section}"
        );
        assert!(section.contains(told["source_tx"].as_str().unwrap()), "what is spent: {section}");
        assert!(section.contains(&format!("{}/instructions", path.replace("/console/", "/v1/"))), "{section}");
    }
}

#[tokio::test]
async fn an_expired_bitcoin_order_is_told_what_takes_its_deposit_back() {
    let world = World::new().await;
    let (unpaid, without) = ordered(&world, &bitcoin(), "one").await;
    let (order, path) = ordered(&world, &bitcoin(), "two").await;
    let deposit = world.deposit(&order, B256::with_last_byte(2)).await;
    world.clock.pass(30 * 86_400);
    assert_eq!(status(&world, &without).await["status"], "expired");
    require_script(&section(&world, &without).await.unwrap(), &unpaid, false);
    // Whether it was paid is still asked.
    require_script(&section(&world, &path).await.unwrap(), &order, false);
    tell(&world, deposit, Input::Tick).await;
    let lasting = Lasting::ForEver;
    let never = Progress::Refused { reason: "expired".to_owned(), lasting };
    tell(&world, deposit, Input::Progress(EffectId::of_confirmation(deposit, &destination()), never)).await;
    let told = status(&world, &path).await;
    assert_eq!((&told["status"], &told["reason"]["code"]), (&"rejected".into(), &"EXPIRED".into()), "{told}");
    let section = section(&world, &path).await.unwrap();
    require_script(&section, &order, false);
    assert!(!section.contains("may still have it paid"), "{section}");
}

#[tokio::test]
async fn a_rejected_ethereum_deposit_is_told_how_the_vault_gives_it_back() {
    let world = World::new().await;
    let (order, path) = ordered(&world, &ethereum(), "one").await;
    let deposit = world.deposit(&order, B256::with_last_byte(1)).await;
    let waiting = section(&world, &path).await.unwrap();
    assert!(waiting.contains("<details>") && waiting.contains("Vault.refund"), "{waiting}");
    drop_it(&world, deposit).await;
    let told = status(&world, &path).await;
    let rejected = section(&world, &path).await.unwrap();
    let vault = order["instructions"]["calls"][0]["to"].as_str().unwrap();
    let times = ["claimable_until", "expires_at"].map(|field| told[field].as_str().unwrap());
    for part in ["Vault.refund", "refundHold", "RootTooFresh", vault, times[0], times[1]] {
        assert!(rejected.contains(part), "{part}: {rejected}");
    }
    assert!(!rejected.contains("<details>") && !rejected.contains("Refund script"), "{rejected}");
}

#[tokio::test]
async fn a_failed_ethereum_deposit_leads_to_its_proof_too() {
    let world = World::new().await;
    let (order, path) = ordered(&world, &ethereum(), "one").await;
    let deposit = world.deposit(&order, B256::with_last_byte(1)).await;
    world.prove(deposit).await;
    let never = Progress::Refused { reason: "odd".to_owned(), lasting: Lasting::ForEver };
    let payout = EffectId::of_payout(deposit, Some(Lane::LightClient), 1, &destination());
    tell(&world, deposit, Input::Progress(payout, never)).await;
    assert_eq!(status(&world, &path).await["status"], "failed");
    let failed = section(&world, &path).await.unwrap();
    assert!(failed.contains("Vault.refund") && !failed.contains("<details>"), "{failed}");
    assert!(failed.contains(&format!("{}/proof", path.replace("/console/", "/v1/"))), "{failed}");
}

/// Whoever was paid is told of no way back, from the block of the payout on.
#[tokio::test]
async fn what_is_paid_is_told_no_way_back() {
    let world = World::new().await;
    let (order, path) = ordered(&world, &ethereum(), "one").await;
    let deposit = world.deposit(&order, B256::with_last_byte(1)).await;
    world.prove(deposit).await;
    assert!(section(&world, &path).await.unwrap().contains("<details>"), "it is not paid yet");
    world.pay(deposit, B256::repeat_byte(0xfe)).await;
    assert_eq!(status(&world, &path).await["status"], "final");
    let (order, fast) = ordered(&world, &bitcoin(), "two").await;
    let deposit = world.deposit(&order, B256::with_last_byte(2)).await;
    world.attest(deposit).await;
    let tx = TxRef { chain: destination(), hash: B256::repeat_byte(0xfd), gas_used: Some(21_000) };
    for progress in [Progress::Broadcast { tx: tx.clone() }, Progress::Included { tx }] {
        let payout = EffectId::of_payout(deposit, Some(Lane::Fast), 0, &destination());
        tell(&world, deposit, Input::Progress(payout, progress)).await;
    }
    assert_eq!(status(&world, &fast).await["status"], "executed");
    let script = order["instructions"]["refund"]["script"].as_str().unwrap();
    world.clock.pass(30 * 86_400);
    for path in [path, fast] {
        assert_eq!(section(&world, &path).await, None);
        let text = page(&world, &path, StatusCode::OK).await;
        assert!(!text.contains("Vault.refund") && !text.contains(script), "{path}");
    }
}
