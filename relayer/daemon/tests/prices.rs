//! A price feed on a real node, read by the daemon's own wiring into a real ledger.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, U256, address};
use serde_json::{Value, json};
use spandrel::clock::{SystemClock, unix_now};
use spandrel::config::{Config, EXAMPLE};
use spandrel::wiring;
use spandrel_engine::{Book, Silent};
use spandrel_risk::Price;
use spandrel_store::Sqlite;
use spandrel_testnets::ethereum::{Anvil, AnvilOptions, EthereumTestnetError};
use tokio_util::sync::CancellationToken;

const CONTRACT: Address = address!("0x00000000000000000000000000000000000fee00");
/// Answers every call with the words at the first four slots: a price, its confidence, exponent and time, as Pyth tells them.
const CODE: &str = "0x5f545f5260015460205260025460405260035460605260805ff3";

/// The example's configuration with a feed of its first asset, on `node`.
fn configured(node: &str) -> Config {
    let feed = format!(
        r#"
[[price_feed]]
asset = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0"
chain = "eip155:31337"
contract = "{CONTRACT}"
digits = 6
every_seconds = 1
quorum = 1
nodes = ["{node}"]
publisher = {{ kind = "pyth", id = "{}" }}
"#,
        B256::ZERO
    );
    Config::parse(&format!("{EXAMPLE}{feed}")).unwrap()
}

async fn publish(anvil: &Anvil, words: [U256; 4]) {
    for (slot, word) in words.into_iter().enumerate() {
        let change = json!([CONTRACT, B256::from(U256::from(slot)), B256::from(word)]);
        let _: Value = anvil.rpc("anvil_setStorageAt", change).await.unwrap();
    }
    anvil.mine(1).await.unwrap();
}

#[tokio::test]
async fn what_a_feed_publishes_is_in_the_risk_log_and_outlives_a_restart() {
    let anvil = match Anvil::start(AnvilOptions::default()).await {
        Ok(anvil) => anvil,
        Err(EthereumTestnetError::NotFound { .. })
            if std::env::var_os("SPANDREL_ALLOW_SKIPS").is_some_and(|allowed| allowed == "1") =>
        {
            println!("skipped: anvil not found");
            return;
        }
        Err(error) => panic!("{error}: run `npm ci` in contracts, or set SPANDREL_ALLOW_SKIPS=1"),
    };
    let _: Value = anvil.rpc("anvil_setCode", json!([CONTRACT, CODE])).await.unwrap();
    let config = configured(anvil.url());
    let feed = config.price_feed[0].clone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let open = async || {
        let store = Sqlite::open(&path).await.unwrap();
        let policy = wiring::policy(&config).unwrap();
        (store.clone(), Arc::new(Book::open(store, SystemClock, policy, Arc::new(Silent)).await.unwrap()))
    };
    let (store, book) = open().await;
    let stop = CancellationToken::new();
    // 64,123.5 with a confidence of 12, eight digits behind the point.
    let now = unix_now();
    let exponent = U256::ZERO.wrapping_sub(U256::from(8));
    let words = |price: u64, time: u64| [U256::from(price), U256::from(1_200_000_000), exponent, U256::from(time)];
    publish(&anvil, words(6_412_350_000_000, now - 5)).await;
    let following = tokio::spawn(wiring::follow_price(&feed, book.clone(), stop.clone()).unwrap());
    let until = async |value: u64| {
        let expected = U256::from(value);
        let known = async || book.read_risk(|risk| risk.price(&feed.asset).map(|price| price.value)).await;
        let reached = async {
            while known().await != Some(expected) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reached).await.expect("a price in time");
    };
    until(64_123_500_000).await;
    // From the future: not recorded, and the next true one is.
    publish(&anvil, words(1, now + 3_600)).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    publish(&anvil, words(6_500_000_000_000, now - 1)).await;
    until(65_000_000_000).await;
    stop.cancel();
    following.await.unwrap().unwrap();
    store.close().await;

    let (_, again) = open().await;
    let expected =
        Price { value: U256::from(65_000_000_000u64), confidence: U256::from(12_000_000), published_at: now - 1 };
    assert_eq!(again.read_risk(|risk| risk.price(&feed.asset).copied()).await, Some(expected));
}

#[test]
fn a_feed_that_cannot_work_is_refused_by_its_field() {
    let whole = toml::to_string(&configured("http://127.0.0.1:8545/k3y")).unwrap();
    let shown = format!("{:?}", configured("http://127.0.0.1:8545/k3y"));
    assert!(!shown.contains("k3y"), "{shown}");
    for (from, to, field) in [
        ("every_seconds = 1", "every_seconds = 0", "price_feed"),
        ("digits = 6", "digits = 31", "digits"),
        ("nodes = [\"http://127.0.0.1:8545/k3y\"]", "nodes = []", "quorum"),
        (
            "nodes = [\"http://127.0.0.1:8545/k3y\"]",
            "nodes = [\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"]",
            "more than half",
        ),
        ("nodes = [\"http://127.0.0.1:8545/k3y\"]", "nodes = [\"ftp://127.0.0.1\"]", "price_feed.nodes"),
    ] {
        let text = whole.replacen(from, to, 1);
        assert_ne!(text, whole, "{from}");
        let refused = format!("{:#}", Config::parse(&text).unwrap_err());
        assert!(refused.contains(field), "{field}: {refused}");
    }
}
