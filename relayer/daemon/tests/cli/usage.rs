//! `spandrel limits usage`: every limit as it is enforced, and what is used of it.

use alloy_primitives::U256;
use serde_json::{Value, json};
use spandrel::config::Config;
use spandrel_risk::{Charge, Lane, RiskEvent};
use spandrel_verifiers::{AssetId, ChainId, Deposit};

use crate::run::{TestBook, deposit, ends, example, json as printed, silent_book, told};

const BITCOIN: &str = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328";
const WRAPPED: &str = "eip155:31337/erc20:0x0000000000000000000000000000000000000006";

async fn prove(book: &TestBook, deposit: &Deposit) {
    let Deposit { source_chain: source, asset, amount, .. } = deposit.clone();
    book.record_risk(RiskEvent::Proven { id: deposit.id(), source, asset, amount }).await.unwrap();
}

/// Clears `deposit` at as much value as base units.
pub async fn clear(book: &TestBook, deposit: &Deposit, lane: Lane) {
    let (id, charge) = (deposit.id(), Charge { notional: deposit.amount, fills: Vec::new() });
    for event in [RiskEvent::cleared(id, deposit, lane), RiskEvent::Charged { id, charge }] {
        book.record_risk(event).await.unwrap();
    }
}

/// The used part and the limit of the window of `of` by `by`.
fn window(usage: &Value, of: &Value, by: &str) -> (String, String) {
    let is_it =
        |row: &&Value| row["by"] == by && of.as_object().unwrap().iter().all(|(name, value)| row[name] == *value);
    let found: Vec<&Value> = usage["windows"].as_array().unwrap().iter().filter(is_it).collect();
    assert_eq!(found.len(), 1, "{of} by {by}: {usage:#}");
    let word = |name: &str| found[0][name].as_str().unwrap().to_owned();
    (word("used"), word("limit"))
}

/// A share of what stands locked, less what went elsewhere, is below the lane's own cap; the asset's window is tight; what
/// was paid the other way makes room in one corridor's window by value.
#[tokio::test]
async fn the_exposure_as_enforced_and_every_window_over_lanes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (here, mut text) = (folder.path(), example(folder.path()));
    let netted = format!(
        "netted_with = {{ source = \"eip155:31337\", destination = \"{BITCOIN}\", asset = \"{WRAPPED}\", \
         lane = \"light_client\" }}"
    );
    for (from, to) in [
        ("window = \"10000000000\"\n# The same", "window = \"900000\"\nexposure = { share = 5000 }\n# The same"),
        ("# netted_with = { source = \"...\"", &format!("{netted}\n# netted_with = {{ source = \"...\"")),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    std::fs::write(here.join("spandrel.toml"), &text).unwrap();
    let config = Config::parse(&text).unwrap();
    let book = silent_book(&config).await;
    let of = |n, amount: u64| Deposit { amount: U256::from(amount), ..deposit(&config, n) };
    prove(&book, &of(1, 1_000_000)).await;
    clear(&book, &of(2, 60_000), Lane::Fast).await;
    clear(&book, &Deposit { destination_chain: ChainId::eip155(9), ..of(3, 200_000) }, Lane::Fast).await;
    let proven = of(4, 500_000);
    prove(&book, &proven).await;
    clear(&book, &proven, Lane::LightClient).await;
    let back = Deposit {
        source_chain: ChainId::eip155(31_337),
        destination_chain: proven.source_chain.clone(),
        asset: AssetId::parse(WRAPPED).unwrap(),
        ..of(5, 120_000)
    };
    prove(&book, &back).await;
    clear(&book, &back, Lane::LightClient).await;
    book.record_risk(RiskEvent::Closed { id: back.id(), expiry: back.expiry }).await.unwrap();
    book.ledger().close().await;

    let usage = printed(&ends(here, &["limits", "usage", "--json"], 0, &[]));
    let lane = |name: &str| usage["lanes"].as_array().unwrap().iter().find(|row| row["lane"] == name).unwrap();
    // Half of 1,500,000, less 200,000 elsewhere; its own cap is 20,000,000.
    assert_eq!((&lane("fast")["exposure_used"], &lane("fast")["exposure_cap"]), (&json!("60000"), &json!("550000")));
    assert!(lane("light_client")["exposure_cap"].is_null(), "it pays nothing before its proof: {usage:#}");
    let is = |used: &str, limit: &str| (used.to_owned(), limit.to_owned());
    let asset = json!({ "tank": "asset", "asset": format!("{BITCOIN}/slip44:0") });
    assert_eq!(window(&usage, &asset, "amount"), is("760000", "900000"));
    assert_eq!(window(&usage, &asset, "value"), is("760000", "5000000000"));
    let destination = json!({ "tank": "destination", "chain": "eip155:31337" });
    assert_eq!(window(&usage, &destination, "value"), is("560000", "5000000000"));
    let corridor = |lane: &str| json!({ "tank": "corridor", "source": BITCOIN, "lane": lane });
    assert_eq!(window(&usage, &corridor("fast"), "value"), is("60000", "500000000"));
    assert_eq!(window(&usage, &corridor("light_client"), "value"), is("380000", "5000000000"));
    let words = ["550000", "760000", "900000", "to eip155:31337", "560000", "fast lane", "380000", "amount", "value"];
    ends(here, &["limits", "usage"], 0, &words);
    // Beside base units: what a window of base units holds, never one by value.
    let units = ["0.0055 BTC", "0.009 BTC", "0.0006 BTC", "0.05 BTC"];
    let told = told(&ends(here, &["limits", "usage"], 0, &units));
    assert!(!told.contains("50 BTC"), "5000000000 is a value: {told}");
}
