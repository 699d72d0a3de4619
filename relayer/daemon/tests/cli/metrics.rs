//! What is exported, against what the dashboard and the alerts ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256};
use spandrel::clock::unix_now;
use spandrel::metrics::{self, Metrics, Vitals};
use spandrel::supervise::Pulses;
use spandrel::trust::TrustPeriod;
use spandrel_core::Input;
use spandrel_core::journal::{Journal, NewTx};
use spandrel_core::ledger::{Commit, CursorMove, Halt, Ledger};
use spandrel_engine::{Observer, Pulse, repeat};
use spandrel_risk::{Lane, Price, RiskEvent, Scope};
use spandrel_verifiers::bitcoin::ChainParams;
use spandrel_verifiers::follow::{BlockRef, Cursor};
use spandrel_verifiers::{AssetId, ChainId, DepositId};
use spandrel_watchers::bitcoin::HintStats;
use spandrel_watchers::pool::{Counts, Health, Standing};
use tokio_util::sync::CancellationToken;

use crate::run::{configured, deposit, see, silent_book, tell};
use crate::usage::clear;

/// Where metrics are registered.
const SOURCES: [&str; 8] = [
    include_str!("../../src/metrics/mod.rs"),
    include_str!("../../src/metrics/balances.rs"),
    include_str!("../../src/metrics/followed.rs"),
    include_str!("../../src/metrics/gauges.rs"),
    include_str!("../../src/metrics/requests.rs"),
    include_str!("../../src/metrics/trust.rs"),
    include_str!("../../src/metrics/vaults.rs"),
    include_str!("../../src/metrics/windows.rs"),
];

/// Names of metrics in a text, without what a histogram adds to its own.
fn named(text: &str) -> BTreeSet<String> {
    let words =
        text.split(|c: char| !(c.is_ascii_lowercase() || c == '_')).filter(|word| word.starts_with("spandrel_"));
    let base = |word: &str| {
        let ends = ["_bucket", "_sum"];
        ends.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word).to_owned()
    };
    words.map(base).collect()
}

#[tokio::test]
async fn pauses_limits_and_waiting_work_are_exported() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    let book = silent_book(&config).await;
    see(&book, &config, 1).await;
    let broken = see(&book, &config, 2).await;
    tell(&book, broken, Input::Broken("odd".to_owned())).await;
    let metrics = Arc::new(Metrics::new().unwrap());
    let listener = metrics::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(metrics::serve(listener, metrics, Some(book.clone()), Vitals::default(), stop.clone()));
    let scrape = async || reqwest::get(&url).await.unwrap().text().await.unwrap();

    let open = scrape().await;
    let lane = |name: &str, lane: &str, value: &str| {
        let chain = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328";
        format!(
            "{name}{{asset=\"{chain}/slip44:0\",destination=\"eip155:31337\",lane=\"{lane}\",source=\"{chain}\"}} {value}\n"
        )
    };
    let account = |name: &str, value: &str| {
        let chain = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328";
        format!("{name}{{asset=\"{chain}/slip44:0\",source=\"{chain}\"}} {value}\n")
    };
    let of_asset = |name: &str, value: &str| {
        format!("{name}{{asset=\"bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0\"}} {value}\n")
    };
    for line in [
        "spandrel_transfer_states_count{status=\"observed\"} 1\n".to_owned(),
        "spandrel_transfer_states_count{status=\"quarantined\"} 1\n".to_owned(),
        "spandrel_transfer_states_count{status=\"final\"} 0\n".to_owned(),
        "spandrel_risk_pauses_count 0\n".to_owned(),
        "spandrel_webhook_backlog_count{status=\"waiting\"} 0\n".to_owned(),
        lane("spandrel_risk_lane_paused_bool", "fast", "0"),
        lane("spandrel_risk_window_limit_units", "fast", "50000000"),
        lane("spandrel_risk_window_used_units", "fast", "0"),
        lane("spandrel_risk_exposure_limit_units", "fast", "20000000"),
        of_asset("spandrel_risk_asset_window_limit_units", "10000000000"),
        of_asset("spandrel_risk_asset_value_limit_units", "5000000000"),
        of_asset("spandrel_risk_asset_value_used_units", "0"),
        "spandrel_risk_destination_value_limit_units{destination=\"eip155:31337\"} 5000000000\n".to_owned(),
        lane("spandrel_risk_corridor_value_limit_units", "fast", "500000000"),
        lane("spandrel_risk_corridor_value_limit_units", "light_client", "5000000000"),
        lane("spandrel_risk_corridor_value_used_units", "fast", "0"),
        "spandrel_risk_open_losses_count 0\n".to_owned(),
        of_asset("spandrel_price_stale_bool", "1"),
        account("spandrel_ledger_proven_units", "0"),
        account("spandrel_ledger_released_units", "0"),
    ] {
        assert!(open.contains(&line), "{line} in {open}");
    }
    let scope = Scope::Lane { lane: Lane::Fast, source: None };
    let pause = RiskEvent::Paused { scope, until: unix_now() + 60, reason: "a drill".to_owned() };
    book.record_risk(pause).await.unwrap();
    priced(&book, 30).await;
    locked(&book, 70_000).await;
    let paused = scrape().await;
    assert!(paused.contains(&account("spandrel_ledger_proven_units", "70000")), "{paused}");
    assert!(paused.contains(&account("spandrel_ledger_released_units", "0")), "{paused}");
    assert!(paused.contains(&of_asset("spandrel_price_stale_bool", "0")), "{paused}");
    let age = paused.lines().find_map(|line| line.strip_prefix("spandrel_price_age_seconds{")?.split("} ").nth(1));
    assert!((30..90).contains(&age.unwrap().parse::<u64>().unwrap()), "{age:?}");
    assert!(paused.contains(&lane("spandrel_risk_lane_paused_bool", "fast", "1")), "{paused}");
    assert!(paused.contains(&lane("spandrel_risk_lane_paused_bool", "light_client", "0")), "{paused}");
    assert!(paused.contains("spandrel_risk_pauses_count 1\n"), "{paused}");
    clear(&book, &deposit(&config, 3), Lane::Fast).await;
    let cleared = scrape().await;
    assert!(cleared.contains(&lane("spandrel_risk_corridor_value_used_units", "fast", "50003")), "{cleared}");
    assert!(cleared.contains(&lane("spandrel_risk_corridor_value_used_units", "light_client", "0")), "{cleared}");
    stop.cancel();
    serving.await.unwrap().unwrap();
}

/// Stores a price of the example's Bitcoin that was published so many seconds ago.
async fn priced(book: &crate::run::TestBook, age: u64) {
    let asset = AssetId::slip44(&ChainParams::regtest().chain(), 0);
    let price = Price { value: U256::from(60_000_000), confidence: U256::ZERO, published_at: unix_now() - age };
    book.record_risk(RiskEvent::Priced { asset, price }).await.unwrap();
}

/// Proves that so much of the example's Bitcoin is locked.
async fn locked(book: &crate::run::TestBook, amount: u64) {
    let source = ChainParams::regtest().chain();
    let (id, asset, amount) = (DepositId(B256::repeat_byte(9)), AssetId::slip44(&source, 0), U256::from(amount));
    book.record_risk(RiskEvent::Proven { id, source, asset, amount }).await.unwrap();
}

/// Each thing that keeps it from its work is named, and nothing else is.
#[tokio::test]
async fn readiness_names_what_is_late_paused_or_halted_and_liveness_who_is_stuck() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    let book = silent_book(&config).await;
    let chain = config.bitcoin[0].chain.clone();
    let pulses = Pulses::default();
    let vitals = Vitals { pulses: pulses.clone(), late_after: [(chain.clone(), 600)].into(), bus: None };
    let listener = metrics::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let metrics = Arc::new(Metrics::new().unwrap());
    let serving = tokio::spawn(metrics::serve(listener, metrics, Some(book.clone()), vitals, stop.clone()));
    let ask = async |path: &str| {
        let answer = reqwest::get(format!("{base}/{path}")).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let read = async |age: u64, expected: Option<Cursor>| {
        let time = unix_now() - age;
        let next = Cursor::at(BlockRef { height: 100, hash: B256::repeat_byte(1), time });
        let cursor = Some(CursorMove { chain: chain.clone(), expected, next: next.clone() });
        book.ledger().commit(Commit { now: unix_now(), cursor, ..Commit::default() }).await.unwrap();
        next
    };
    assert_eq!(ask("readyz").await, (503, format!("{chain} is late: nothing of it was read\n")));
    let fresh = read(5, None).await;
    assert_eq!(ask("readyz").await, (200, "ready\n".to_owned()));
    let scope = Scope::Lane { lane: Lane::Fast, source: None };
    let pause = RiskEvent::Paused { scope: scope.clone(), until: unix_now() + 60, reason: "a drill".to_owned() };
    book.record_risk(pause).await.unwrap();
    assert_eq!(ask("readyz").await, (503, "paused: fast lane: a drill\n".to_owned()));
    book.record_risk(RiskEvent::Resumed { scope }).await.unwrap();
    let old = read(90, Some(fresh)).await;
    assert_eq!(ask("readyz").await.0, 200, "old, but not late");
    drop(old);
    let halt = Some(Halt::told(chain.clone(), "a final block was replaced"));
    book.ledger().commit(Commit { now: unix_now(), halt, ..Commit::default() }).await.unwrap();
    assert_eq!(ask("readyz").await, (503, format!("{chain} is halted: a final block was replaced\n")));

    assert_eq!(ask("healthz").await, (200, "ok\n".to_owned()));
    let (stuck, idle) = (Pulse::default(), Pulse::default());
    pulses.feel("payouts".to_owned(), stuck.clone());
    pulses.feel("ticks".to_owned(), idle.clone());
    let hours_ago = Ago(unix_now() - 7_200);
    let working = repeat("payouts", hours_ago.clone(), stop.clone(), std::future::pending, async || {});
    let waiting = repeat("ticks", hours_ago, stop.clone(), async || Ok(false), std::future::pending);
    let tasks = [tokio::spawn(stuck.of(working)), tokio::spawn(idle.of(waiting))];
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let (status, text) = ask("healthz").await;
    assert_eq!(status, 503);
    assert!(text.starts_with("payouts: at one step for 72") && text.lines().count() == 1, "{text}");
    let scraped = ask("metrics").await.1;
    assert!(scraped.contains("spandrel_task_busy_seconds{task=\"ticks\"} 0\n"), "{scraped}");
    stop.cancel();
    serving.await.unwrap().unwrap();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

/// Units that a name may end with; `height` is a block's.
const UNITS: [&str; 6] = ["seconds", "total", "count", "bool", "units", "height"];
/// Labels, all of which take values that the configuration or the program bounds: no id or free text, and no address but
/// those of the relayer's own accounts.
const LABELS: [&str; 16] = [
    "account",
    "answer",
    "asset",
    "chain",
    "class",
    "destination",
    "event",
    "executor",
    "lane",
    "node",
    "route",
    "rule",
    "source",
    "status",
    "subsystem",
    "task",
];

/// A node that has answered.
struct OneNode;

impl Health for OneNode {
    fn standings(&self) -> Vec<Standing> {
        let counts = Counts { answered: 3, ..Counts::default() };
        vec![Standing { name: "node-0".to_owned(), is_open: false, dissents_for: None, counts }]
    }
}

/// One line of a scrape: a name, its labels, a value.
fn read_line(line: &str) -> (String, Vec<String>) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    assert!(value.parse::<f64>().is_ok(), "{line}");
    let Some((name, labels)) = series.split_once('{') else { return (series.to_owned(), Vec::new()) };
    let labels = labels.strip_suffix("\"}").unwrap().split("\",");
    (name.to_owned(), labels.map(|label| label.split_once("=\"").unwrap().0.to_owned()).collect())
}

/// Everything that can be exported is, and every name and label of it is of its form.
#[tokio::test]
async fn names_have_a_subsystem_and_a_unit_and_labels_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    let metrics = Arc::new(Metrics::new().unwrap());
    let book = crate::run::book(&config, metrics.clone()).await;
    let broken = see(&book, &config, 1).await;
    tell(&book, broken, Input::Broken("odd".to_owned())).await;
    tell(&book, broken, Input::Drop("ada: a drill".to_owned())).await;
    priced(&book, 30).await;
    Observer::refused(&*metrics, broken, "no such thing");
    let (chain, target) = (config.bitcoin[0].chain.clone(), config.destination[0].chain.clone());
    metrics.watch(&chain, Arc::new(OneNode));
    let trusted = TrustPeriod { since: unix_now() - 1_000, seconds: 600 };
    metrics.trusts().add(&chain, move || Some(trusted));
    metrics.trusts().add(&target, || None);
    metrics.followed().unnamed(&target, || 2);
    let stats = HintStats { received: 9, missed: 4, ..HintStats::default() };
    metrics.followed().heard(&chain, move || vec![("node-0".to_owned(), stats)]);
    let soonest = unix_now() + 9_000;
    metrics.vaults().listed(&chain, Some(soonest), unix_now() - 1_000);
    metrics.vaults().begin(&chain, unix_now());
    metrics.vaults().begin(&target, unix_now() - 500);
    let next = Cursor::at(BlockRef { height: 100, hash: B256::repeat_byte(1), time: unix_now() });
    let next = Cursor { finalized: next.tip().copied(), ..next };
    let cursor = Some(CursorMove { chain: chain.clone(), expected: None, next });
    book.ledger().commit(Commit { now: unix_now(), cursor, ..Commit::default() }).await.unwrap();
    let halt = Some(Halt::told(chain.clone(), "a final block was replaced"));
    book.ledger().commit(Commit { now: unix_now(), halt, ..Commit::default() }).await.unwrap();
    let signer = Address::repeat_byte(0xa1);
    for chain_nonce in [7, 8] {
        let (chain, input) = (target.clone(), Bytes::new());
        let tx = NewTx { chain, signer, effects: Vec::new(), to: signer, input, gas_limit: 21_000, chain_nonce };
        book.ledger().open_tx(tx, unix_now()).await.unwrap();
    }
    metrics.balances().show(&target, signer, U256::from(9), Some(U256::from(5)));
    let pulses = Pulses::default();
    pulses.feel("payouts".to_owned(), Pulse::default());
    let vitals = Vitals { pulses, late_after: [(chain.clone(), 600)].into(), bus: None };
    let observed = axum::middleware::from_fn_with_state(metrics.requests(), metrics::observe);
    let api = axum::Router::new().route("/v1/chains", axum::routing::get(async || "[]")).layer(observed);
    let asked = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = asked.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(asked, api).await.unwrap() });
    reqwest::get(format!("http://{address}/v1/chains")).await.unwrap();
    let listener = metrics::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(metrics::serve(listener, metrics, Some(book), vitals, stop.clone()));
    let scraped = reqwest::get(&url).await.unwrap().text().await.unwrap();

    let types: BTreeMap<&str, &str> =
        scraped.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    for (name, kind) in &types {
        let parts: Vec<&str> = name.split('_').collect();
        assert_eq!(parts[0], "spandrel", "{name}");
        assert!(parts.len() >= 4, "{name}: expected spandrel_<subsystem>_<what>_<unit>");
        let unit = parts.last().unwrap();
        assert!(UNITS.contains(unit), "{name}: no unit {unit}");
        assert_eq!(*unit == "total", *kind == "counter", "{name}: only counters are totals, and all are");
        assert!(*kind != "histogram" || *unit == "seconds", "{name}");
        assert!(scraped.contains(&format!("# HELP {name} ")), "{name} says what it is");
    }
    let (mut series, mut shown) = (BTreeSet::new(), BTreeSet::new());
    for line in scraped.lines().filter(|line| !line.starts_with('#')) {
        let (name, labels) = read_line(line);
        let ends = ["_bucket", "_sum", "_count"].iter().filter_map(|end| name.strip_suffix(end));
        let base = ends.into_iter().find(|base| types.get(base) == Some(&"histogram")).unwrap_or(&name).to_owned();
        assert!(types.contains_key(base.as_str()), "{line}");
        for label in labels {
            assert!(LABELS.contains(&label.as_str()) || label == "le" && name.ends_with("_bucket"), "{line}");
            shown.insert(label);
        }
        assert!(!line.contains(&broken.to_string()), "no ids: {line}");
        series.insert(base);
    }
    // Nothing that is registered was left out of the scrape.
    let registered: BTreeSet<String> = SOURCES
        .iter()
        .flat_map(|source| source.split('"'))
        .filter(|text| text.starts_with("spandrel_") && text.bytes().all(|c| c.is_ascii_lowercase() || c == b'_'))
        .map(str::to_owned)
        .collect();
    assert_eq!(registered.difference(&series).collect::<Vec<_>>(), Vec::<&String>::new());
    // What the alerts for trouble rest on.
    for line in [
        format!("spandrel_watcher_halted_bool{{chain=\"{chain}\"}} 1\n"),
        format!("spandrel_submit_open_txs_count{{chain=\"{target}\"}} 2\n"),
        format!("spandrel_trust_period_seconds{{chain=\"{chain}\"}} 600\n"),
        format!("spandrel_trust_left_seconds{{chain=\"{chain}\"}} -4"),
        format!("spandrel_submit_balance_units{{account=\"{signer}\",chain=\"{target}\"}} 5\n"),
        format!("spandrel_submit_least_balance_units{{account=\"{signer}\",chain=\"{target}\"}} 9\n"),
        format!("spandrel_watcher_unnamed_deposits_total{{chain=\"{target}\"}} 2\n"),
        format!("spandrel_watcher_notifications_total{{chain=\"{chain}\",event=\"missed\",node=\"node-0\"}} 4\n"),
        format!("spandrel_submit_lowest_nonce_count{{account=\"{signer}\",chain=\"{target}\"}} 7\n"),
    ] {
        assert!(scraped.contains(&line), "{line} in {scraped}");
    }
    let told = |name: &str, chain: &ChainId| {
        let line = scraped.split_once(&format!("{name}{{chain=\"{chain}\"}} "))?;
        line.1.lines().next()?.parse::<i64>().ok()
    };
    let left = told("spandrel_vault_refund_left_seconds", &chain).unwrap();
    assert!((8_900..=9_000).contains(&left), "{left}: it is counted on from the listing");
    assert_eq!(told("spandrel_vault_refund_left_seconds", &target), None, "nothing is to be moved, as far as is known");
    for (chain, since) in [(&chain, 1_000), (&target, 500)] {
        assert!((since..since + 100).contains(&told("spandrel_vault_unlisted_seconds", chain).unwrap()));
    }
    assert!(!scraped.contains(&format!("spandrel_trust_left_seconds{{chain=\"{target}\"}}")), "it is not known yet");
    assert_eq!(shown.iter().filter(|label| *label != "le").count(), LABELS.len(), "{shown:?}");
    println!("{} metrics, {} labels", series.len(), LABELS.len());
    stop.cancel();
    serving.await.unwrap().unwrap();
}

/// A clock that stopped.
#[derive(Clone)]
struct Ago(u64);

impl spandrel_engine::Clock for Ago {
    fn now(&self) -> u64 {
        self.0
    }

    async fn sleep(&self, _: std::time::Duration) {
        std::future::pending().await
    }
}

#[test]
fn dashboard_and_alerts_ask_for_metrics_that_are_registered() {
    let exported: BTreeSet<String> = SOURCES.iter().flat_map(|source| named(source)).collect();
    for text in [
        include_str!("../../../../docs/operations/dashboard.json"),
        include_str!("../../../../docs/operations/alerts.yaml"),
    ] {
        let asked = named(text);
        assert!(!asked.is_empty());
        assert_eq!(asked.difference(&exported).collect::<Vec<_>>(), Vec::<&String>::new());
    }
    let dashboard: serde_json::Value =
        serde_json::from_str(include_str!("../../../../docs/operations/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
}
