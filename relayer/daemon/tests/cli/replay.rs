//! `spandrel replay`, against ledgers that somebody got at with an SQL prompt.

use std::path::Path;

use alloy_primitives::U256;
use spandrel::clock::unix_now;
use spandrel::config::Config;
use spandrel::wiring;
use spandrel_core::ledger::Ledger;
use spandrel_core::{BatchTerms, FastAttestation, Input};
use spandrel_risk::{Price, RiskEvent};
use spandrel_signer::LocalKey;
use spandrel_verifiers::DepositId;
use spandrel_verifiers::merkle::BatchTree;
use sqlx::ConnectOptions;

use crate::control::{Served, as_guardian, guarded, taken};
use crate::run::{TestBook, ends, furnished, json, on_a_terminal, see, silent_book, spandrel, stderr, tell};

/// Runs statements on the closed ledger, as any SQLite tool would.
pub async fn prompt(folder: &Path, statements: &[String]) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("spandrel.sqlite"));
    let mut connection = options.foreign_keys(false).connect().await.unwrap();
    let triggers: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let drops = triggers.iter().map(|name| format!("DROP TRIGGER {name}"));
    for statement in drops.chain(statements.iter().cloned()) {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    sqlx::Connection::close(connection).await.unwrap();
}

#[tokio::test]
async fn what_is_stored_is_what_its_events_come_to() {
    let folder = tempfile::tempdir().unwrap();
    let (_, ids) = furnished(folder.path()).await;
    let whole = json(&ends(folder.path(), &["replay", "..", "--json"], 0, &[]));
    assert_eq!((&whole["same"], &whole["transfers"]), (&true.into(), &3.into()));
    assert!(whole["events"].as_u64().unwrap() >= 6, "{whole}");
    assert_eq!((&whole["decisions"]["same"], &whole["decisions"]["not_replayed"]), (&3.into(), &0.into()));
    ends(folder.path(), &["replay", "1..3"], 0, &["2 transfers", "as stored", "2 decisions: as recorded"]);
    ends(folder.path(), &["replay", "2..3"], 0, &["1 transfers", "as stored", "decisions were not asked about"]);
    ends(folder.path(), &["replay", "2.."], 0, &["2 transfers", "decisions were not asked about"]);
    ends(folder.path(), &["replay", "9..12"], 0, &["0 transfers"]);
    ends(folder.path(), &["replay", &ids[2].to_string()], 0, &["1 transfers", "as stored"]);
}

#[tokio::test]
async fn a_changed_projection_is_named_field_by_field_with_an_exit_code_of_its_own() {
    type Change = fn(DepositId) -> Vec<String>;
    let changes: [(Change, &[&str]); 7] = [
        (
            |id| {
                vec![format!(
                    "UPDATE transfers SET body = json_set(body, '$.deposit.amount', '0x999') WHERE id = '{id}'"
                )]
            },
            &["deposit.amount: expected \"0xc352\", found \"0x999\""],
        ),
        (
            |id| vec![format!("UPDATE transfers SET status = 'final', is_open = 0 WHERE id = '{id}'")],
            &[
                "columns.status: expected \"quarantined\", found \"final\"",
                "columns.is_open: expected true, found false",
            ],
        ),
        (
            |id| {
                vec![format!(
                    "UPDATE transfers SET body = json_set(body, '$.status.error', 'another') WHERE id = '{id}'"
                )]
            },
            &["status.error: expected \"no such thing\", found \"another\""],
        ),
        (
            |id| vec![format!("UPDATE transfers SET body = '{{}}' WHERE id = '{id}'")],
            &["projection: expected a row that reads back, found corrupt transfers"],
        ),
        (
            |id| vec![format!("DELETE FROM transfer_events WHERE deposit_id = '{id}' AND kind = 'quarantined'")],
            &["sequence: expected 1, found 2", "status.status: expected \"observed\", found \"quarantined\""],
        ),
        (
            |id| {
                vec![format!(
                    "UPDATE transfer_events SET body = '{{\"event\":\"shortfall\"}}' WHERE deposit_id = '{id}' AND kind = 'quarantined'"
                )]
            },
            &["events[1]: expected an event that can follow, found"],
        ),
        (
            |id| vec![format!("DELETE FROM transfer_events WHERE deposit_id = '{id}' AND sequence = 0")],
            &["events: expected events that read back, found corrupt transfer_events"],
        ),
    ];
    for (change, named) in changes {
        let folder = tempfile::tempdir().unwrap();
        let (_, ids) = furnished(folder.path()).await;
        prompt(folder.path(), &change(ids[1])).await;
        let id = ids[1].to_string();
        let parts: Vec<&str> = named.iter().copied().chain([id.as_str(), "NOT as stored"]).collect();
        ends(folder.path(), &["replay", &id], 4, &parts);
        let all = json(&ends(folder.path(), &["replay", "..", "--json"], 4, &[]));
        let mismatches = all["mismatches"].as_array().unwrap();
        assert!(mismatches.iter().all(|row| row["transfer"] == id && row["place"] == 2), "{all}");
        ends(folder.path(), &["replay", "1..2"], 0, &[]);
        ends(folder.path(), &["replay", "3..4"], 0, &[]);
    }
}

/// The fast lane's signers of [`decided`], by ascending address.
fn signers() -> Vec<LocalKey> {
    let mut keys: Vec<LocalKey> = (1..=3).map(|n| LocalKey::from_bytes(&[n; 32]).unwrap()).collect();
    keys.sort_by_key(LocalKey::address);
    keys
}

/// A configuration with guardians and [`signers`].
fn signed(folder: &Path) -> Config {
    guarded(folder);
    let mut text = std::fs::read_to_string(folder.join("spandrel.toml")).unwrap();
    for (key, digit) in signers().iter().zip(["4", "5", "6"]) {
        text = text.replace(&format!("\"0x{}\"", digit.repeat(40)), &format!("\"{}\"", key.address()));
    }
    std::fs::write(folder.join("spandrel.toml"), &text).unwrap();
    Config::parse(&text).unwrap()
}

/// The fast lane's signers attest a deposit.
async fn attest(book: &TestBook, config: &Config, id: DepositId) {
    let target = &config.destination[0];
    let tree = BatchTree::new(&[id]).unwrap();
    let batch = BatchTerms { root: tree.root(), count: 1, epoch: 1, expiry: unix_now() + 600 };
    let digest = batch.digest(target.chain.eip155_number().unwrap(), target.fast_lane);
    let signatures = signers()[..2].iter().map(|key| key.sign_digest(digest).unwrap()).collect();
    tell(book, id, Input::Attested(FastAttestation { batch, signatures, index: 0, path: tree.path(0) })).await;
}

/// What a guardian lowers in [`decided`]: the window of the corridor's fast lane.
const OF_CORRIDOR: &[&str] = &[
    "limits",
    "lower",
    "--source",
    "bip122:0f9188f13cb7b2c71f2a335e3a4fc328",
    "--destination",
    "eip155:31337",
    "--asset",
    "bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0",
    "--lane",
    "fast",
    "--set",
    "window=60000",
];

/// The same of the asset, over all corridors.
const OF_ASSET: &[&str] = &[
    "limits",
    "wide",
    "lower",
    "--asset",
    "bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0",
    "--set",
    "window=60000",
];

async fn decided(folder: &Path) -> [DepositId; 2] {
    decided_under(folder, OF_CORRIDOR).await
}

/// A price is published, a transfer is cleared by it, a guardian lowers a limit, and the next transfer is held by that.
async fn decided_under(folder: &Path, lower: &'static [&str]) -> [DepositId; 2] {
    let config = signed(folder);
    let book = silent_book(&config).await;
    wiring::agree(&config, &book).await.unwrap();
    let price = Price { value: U256::from(65_000_000_000_u64), confidence: U256::ONE, published_at: unix_now() };
    let asset = spandrel_verifiers::AssetId::slip44(&config.bitcoin[0].chain, 0);
    book.record_risk(RiskEvent::Priced { asset, price }).await.unwrap();
    let first = see(&book, &config, 1).await;
    attest(&book, &config, first).await;
    let served = Served::new(config.clone(), book).await;
    let here = folder.to_owned();
    tokio::task::spawn_blocking(move || {
        assert_eq!(taken(&as_guardian(&here, "ada", lower))["state"], "done");
    })
    .await
    .unwrap();
    let second = see(&served.book, &config, 2).await;
    let log = served.book.ledger().risk_events(0).await.unwrap();
    let kinds = log.iter().map(|event| serde_json::to_value(&event.body).unwrap()["event"].clone());
    let kinds: Vec<serde_json::Value> = kinds.collect();
    assert_eq!(kinds, ["priced", "decided", "decided", "cleared", "charged", "decided"]);
    served.end().await;
    [first, second]
}

/// The ledger as it was.
fn restore(folder: &Path, whole: &[u8]) {
    for beside in ["spandrel.sqlite-wal", "spandrel.sqlite-shm"].map(|name| folder.join(name)) {
        if beside.exists() {
            std::fs::remove_file(beside).unwrap();
        }
    }
    std::fs::write(folder.join("spandrel.sqlite"), whole).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn decisions_come_out_again_under_the_limits_that_were_in_force() {
    let folder = tempfile::tempdir().unwrap();
    decided(folder.path()).await;
    let whole = json(&ends(folder.path(), &["replay", "..", "--json"], 0, &[]));
    let decisions = &whole["decisions"];
    assert_eq!((&whole["same"], &decisions["same"], &decisions["not_replayed"]), (&true.into(), &3.into(), &0.into()));
    // Agreed on, taken and done, beside the risk log.
    assert_eq!((&decisions["events"], &decisions["mismatch"]), (&9.into(), &serde_json::Value::Null), "{whole}");
    ends(folder.path(), &["replay", ".."], 0, &["3 decisions: as recorded"]);
    ends(folder.path(), &["replay", "..2"], 0, &["2 decisions: as recorded"]);
    ends(folder.path(), &["audit", "verify", "spandrel.sqlite"], 0, &["whole"]);
}

/// A limit over corridors is part of the policy that was in force, too: without the order the next decision is another.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn decisions_come_out_again_under_the_limits_over_corridors_that_guardians_set() {
    let folder = tempfile::tempdir().unwrap();
    decided_under(folder.path(), OF_ASSET).await;
    let whole = json(&ends(folder.path(), &["replay", "..", "--json"], 0, &[]));
    assert_eq!((&whole["decisions"]["same"], &whole["decisions"]["not_replayed"]), (&3.into(), &0.into()), "{whole}");
    let done = "json_extract(body, '$.outcome.outcome') = 'wide_limited'";
    let gone = ["control_events", "audit"].map(|table| format!("DELETE FROM {table} WHERE {done}"));
    prompt(folder.path(), &gone).await;
    ends(folder.path(), &["replay", ".."], 4, &["risk_events 5 (decided)", "inputs: stored"]);
}

/// A row of the risk log that was changed, alone or with the audit log that tells of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_forged_risk_event_is_named_with_what_is_stored_and_what_is_found() {
    let last = "(SELECT max(sequence) FROM {} WHERE json_extract(body, '$.event') = 'decided')";
    let forgeries = [
        (
            "json_set(body, '$.decision', json('{\"decision\":\"allow\"}'))",
            last,
            "risk_events 5 (decided)",
            ["risk_events 5 (decided)", "decision: stored {\"decision\":\"allow\"}, found {\"decision\":\"hold\""],
        ),
        (
            "json_set(body, '$.confirmations', 9)",
            last,
            "risk_events 5 (decided)",
            ["risk_events 5 (decided)", "inputs: stored"],
        ),
        (
            "json_set(body, '$.amount', '0x1')",
            "(SELECT sequence FROM {} WHERE json_extract(body, '$.event') = 'cleared')",
            "risk_events 3 (cleared)",
            ["risk_events 3 (cleared)", "clearance: stored"],
        ),
        (
            "json_set(body, '$.charge.notional', '0x1')",
            "(SELECT sequence FROM {} WHERE json_extract(body, '$.event') = 'charged')",
            "risk_events 4 (charged)",
            ["risk_events 4 (charged)", "charge: stored"],
        ),
        // Nothing stands before a price: what was decided by another one is found out.
        (
            "json_set(body, '$.price.value', '64000000000')",
            "(SELECT sequence FROM {} WHERE json_extract(body, '$.event') = 'priced')",
            "risk_events 0 (priced)",
            ["risk_events 1 (decided)", "inputs: stored"],
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let ids = decided(folder.path()).await;
    let whole = std::fs::read(folder.path().join("spandrel.sqlite")).unwrap();
    for (change, row, alone, [event, field]) in forgeries {
        let forged = |table: &str| {
            let row = row.replace("{}", table);
            format!("UPDATE {table} SET body = {change} WHERE sequence = {row}")
        };
        restore(folder.path(), &whole);
        prompt(folder.path(), &[forged("risk_events")]).await;
        ends(folder.path(), &["replay", ".."], 4, &[alone, "audit: stored", "found audit row", "NOT as recorded"]);
        prompt(folder.path(), &[forged("audit")]).await;
        ends(folder.path(), &["replay", ".."], 4, &[event, field, "NOT as recorded"]);
        let told = json(&ends(folder.path(), &["replay", "..", "--json"], 4, &[]));
        let named = &told["decisions"]["mismatch"];
        assert_eq!((&told["same"], &named["event"]), (&false.into(), &event.into()), "{told}");
        let of = if event.contains(" 5 ") { ids[1] } else { ids[0] };
        assert_eq!(named["transfer"], of.to_string(), "{told}");
    }
}

/// Rows that were put in, or taken out, of both logs.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_clearance_that_no_transfer_knows_and_an_order_that_is_gone_are_found_out() {
    let folder = tempfile::tempdir().unwrap();
    decided(folder.path()).await;
    let whole = std::fs::read(folder.path().join("spandrel.sqlite")).unwrap();
    let again = "INSERT INTO risk_events SELECT 6, kind, body, at FROM risk_events WHERE kind = 'cleared'";
    prompt(folder.path(), &[again.to_owned()]).await;
    ends(folder.path(), &["replay", ".."], 4, &["risk_events 6 (cleared)", "audit: stored", "no row of the audit log"]);
    let told =
        "INSERT INTO audit SELECT (SELECT max(sequence) + 1 FROM audit), at, kind, body, previous, hash FROM audit
                WHERE json_extract(body, '$.event') = 'cleared'";
    prompt(folder.path(), &[told.to_owned()]).await;
    ends(
        folder.path(),
        &["replay", ".."],
        4,
        &["risk_events 6 (cleared)", "transfer: stored cleared on the fast lane", "no such event of the transfer"],
    );

    restore(folder.path(), &whole);
    let done = "json_extract(body, '$.outcome.outcome') = 'limited'";
    let gone = ["control_events", "audit"].map(|table| format!("DELETE FROM {table} WHERE {done}"));
    prompt(folder.path(), &gone).await;
    ends(folder.path(), &["replay", ".."], 4, &["risk_events 5 (decided)", "inputs: stored"]);

    restore(folder.path(), &whole);
    let gone = "DELETE FROM risk_events WHERE sequence = 5";
    prompt(folder.path(), &[gone.to_owned()]).await;
    ends(folder.path(), &["replay", ".."], 4, &["risk_events: that of audit row", "event: stored none"]);
}

#[tokio::test]
async fn decisions_from_before_any_agreed_policy_are_said_not_to_be_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let book = silent_book(&config).await;
    see(&book, &config, 1).await;
    wiring::agree(&config, &book).await.unwrap();
    see(&book, &config, 2).await;
    book.ledger().close().await;
    let told =
        ["1 decisions: as recorded", "1 decisions NOT replayed: made before any policy was agreed on", "--config"];
    ends(folder.path(), &["replay", ".."], 1, &told);
    let value = json(&ends(folder.path(), &["replay", "..", "--json"], 1, &[]));
    assert_eq!((&value["decisions"]["same"], &value["decisions"]["not_replayed"]), (&1.into(), &1.into()));
    assert!(value["decisions"]["why"].as_str().unwrap().contains("agreed on"), "{value}");
    ends(folder.path(), &["replay", "..", "--config", "spandrel.toml"], 0, &["2 decisions: as recorded"]);
    let text = std::fs::read_to_string(folder.path().join("spandrel.toml")).unwrap();
    let other = text.replace("per_transfer = \"5000000\"", "per_transfer = \"5000001\"");
    std::fs::write(folder.path().join("other.toml"), other).unwrap();
    ends(folder.path(), &["replay", "..", "--config", "other.toml"], 4, &["risk_events 0 (decided)", "inputs: stored"]);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_by_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    furnished(folder.path()).await;
    for text in ["7", "9..7", "a..b", "0x12"] {
        ends(folder.path(), &["replay", text], 2, &["expected a deposit id (0x and 64 digits) or places", text]);
    }
    let stranger = format!("0x{}", "ab".repeat(32));
    ends(folder.path(), &["replay", &stranger], 1, &["no transfer", &stranger]);
    ends(
        folder.path(),
        &["replay", "..", "--database", "none.sqlite"],
        1,
        &["database: expected a ledger at none.sqlite"],
    );
    std::fs::write(folder.path().join("text.sqlite"), "no database at all").unwrap();
    ends(folder.path(), &["replay", "..", "--database", "text.sqlite"], 1, &["database"]);
}

/// On a terminal, as `script` makes one, a bar is drawn; without one nothing is.
#[tokio::test]
async fn a_bar_is_drawn_on_a_terminal_only() {
    let folder = tempfile::tempdir().unwrap();
    furnished(folder.path()).await;
    let quiet = spandrel(folder.path(), &["replay", ".."]);
    assert_eq!(stderr(&quiet), "");
    if let Some(shown) = on_a_terminal(folder.path(), &["replay", ".."]) {
        assert!(shown.contains("replaying [") && shown.contains("as stored"), "{shown:?}");
    }
    if let Some(shown) = on_a_terminal(folder.path(), &["replay", "..", "--json"]) {
        assert!(!shown.contains("replaying"), "none beside JSON: {shown:?}");
    }
}
