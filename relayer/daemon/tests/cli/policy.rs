//! Starts with another file than the one that was agreed on, as an operator would try them.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use alloy_primitives::B256;
use spandrel::clock::unix_now;
use spandrel::config::Config;
use spandrel::wiring;
use spandrel_core::Input;
use spandrel_core::ledger::Ledger;
use spandrel_engine::{Change, EngineError, Step};
use spandrel_risk::control::{Act, ControlEvent, SignedStatement, Statement};
use spandrel_risk::{Limit, RiskEvent, Scope};
use spandrel_signer::{Hardness, Keystore, Secret};
use spandrel_store::Sqlite;
use spandrel_verifiers::DepositId;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::control::{Served, as_guardian, guarded, taken};
use crate::run::{TestBook, ends, example, json, see, silent_book, told};

const FAST_WINDOW: &str = "window = \"50000000\"";

/// The configuration in `folder` with a change, as another file.
pub fn other(folder: &Path, name: &str, from: &str, to: &str) -> Config {
    let text = std::fs::read_to_string(folder.join("spandrel.toml")).unwrap();
    assert!(text.contains(from), "the file has no {from:?}");
    let text = text.replacen(from, to, 1);
    std::fs::write(folder.join(name), &text).unwrap();
    Config::parse(&text).unwrap()
}

pub async fn started(config: &Config) -> Arc<TestBook> {
    let book = silent_book(config).await;
    wiring::agree(config, &book).await.unwrap();
    book
}

async fn fast_window(book: &TestBook) -> Limit {
    let (_, limits) = book.control().await;
    limits.limits.values().next().unwrap().window
}

fn amount(n: u64) -> Limit {
    serde_json::from_value(n.to_string().into()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_looser_file_starts_nothing_and_is_refused_by_field() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let config = guarded(here);
    started(&config).await.ledger().close().await;
    ends(here, &["config", "check"], 0, &["ok, as agreed"]);
    let looser = [
        (FAST_WINDOW, "window = \"unlimited\"", "fast lane.window: agreed 50000000, found unlimited"),
        (
            "per_transfer = \"5000000\"",
            "per_transfer = \"5000001\"",
            "fast lane.per_transfer: agreed 5000000, found 5000001",
        ),
        ("quorum = 2", "quorum = 1", ".quorum: agreed 2, found 1"),
        (
            "= \"cy\"",
            "= \"di\"",
            "control.guardians 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE: agreed \"cy\", found \"di\"",
        ),
        (
            "0x3333333333333333333333333333333333333333",
            "0x3333333333333333333333333333333333333334",
            "verifier_set.members",
        ),
    ];
    for (from, to, named) in looser {
        other(here, "other.toml", from, to);
        for role in ["up", "watcher", "api"] {
            ends(here, &[role, "--config", "other.toml"], 1, &["allows more than what was agreed on", named]);
        }
        ends(here, &["config", "check", "--config", "other.toml"], 1, &[named]);
        ends(here, &["doctor", "--config", "other.toml"], 5, &["agreed policy", named]);
    }
    let store = Sqlite::look_at(&config.database).await.unwrap();
    assert_eq!(store.control_events(0).await.unwrap().len(), 1, "the first start alone is written down");
    let row = &store.audit(0, 10).await.unwrap()[0];
    assert!(row.kind == "control" && row.body.contains("configured"), "{row:?}");
}

/// What the example's first start lacks in turn: the API's secret, the verifier's, the relayer's.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_for_a_missing_secret_agrees_on_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let whole = example(here);
    let without_webhooks = whole.replacen("webhook_key = ", "# webhook_key = ", 1);
    let without_verifier = without_webhooks.split("[[verifier]]").next().unwrap();
    let starts = [
        (&*whole, "env:SPANDREL_WEBHOOK_KEY: expected"),
        (&*without_webhooks, "env:VERIFIER_PASSWORD: expected"),
        (without_verifier, "env:BITCOIN_RPC_PASSWORD: expected"),
    ];
    for (text, missing) in starts {
        std::fs::write(here.join("spandrel.toml"), text).unwrap();
        ends(here, &["up"], 1, &[missing]);
        ends(here, &["config", "check"], 0, &["to be agreed on by the next start"]);
    }
    let busy = std::net::TcpListener::bind(Config::parse(&whole).unwrap().control.unwrap().listen).unwrap();
    let secrets = ["BITCOIN_RPC_PASSWORD", "SECOND_BITCOIN_RPC_PASSWORD", "THIRD_BITCOIN_RPC_PASSWORD"];
    let mut start = Command::new(env!("CARGO_BIN_EXE_spandrel"));
    let output = start.current_dir(here).arg("up").envs(secrets.map(|name| (name, "secret"))).output().unwrap();
    assert!(told(&output).contains("control.listen: "), "{}", told(&output));
    drop(busy);
    other(
        here,
        "spandrel.toml",
        "0x7777777777777777777777777777777777777777",
        "0x7777777777777777777777777777777777777778",
    );
    ends(here, &["config", "check"], 0, &["to be agreed on by the next start"]);
}

/// As long as nothing depends on it, and no longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_was_agreed_on_is_forgotten_with_its_ledger_while_nobody_has_used_it() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let config = guarded(here);
    started(&config).await.ledger().close().await;
    let inbox = "0x7777777777777777777777777777777777777777";
    other(here, "other.toml", inbox, "0x7777777777777777777777777777777777777778");
    let refused = |command: &[&str], code| {
        let output = ends(here, &[command, &["--config", "other.toml"]].concat(), code, &[".inbox: agreed"]);
        told(&output).contains("to begin anew")
    };
    assert!(refused(&["up"], 1) && refused(&["config", "check"], 1) && refused(&["doctor", "--json"], 5));
    let book = silent_book(&config).await;
    book.order(&signed(&config, Act::Pause { scope: Scope::Global, seconds: 60 }), None).await.unwrap();
    book.ledger().close().await;
    assert!(!refused(&["up"], 1) && !refused(&["doctor", "--json"], 5), "a guardian's word is in it");

    for end in ["", "-wal", "-shm"] {
        let path = here.join(format!("spandrel.sqlite{end}"));
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
    let book = started(&config).await;
    see(&book, &config, 1).await;
    book.ledger().close().await;
    assert!(!refused(&["up"], 1) && !refused(&["config", "check"], 1), "a deposit is in it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stricter_file_is_taken_at_once_and_the_one_before_is_refused_then() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let config = guarded(here);
    started(&config).await.ledger().close().await;
    let stricter = other(here, "stricter.toml", FAST_WINDOW, "window = \"7\"");
    ends(here, &["config", "check", "--config", "stricter.toml"], 0, &["to be agreed on by the next start"]);
    let book = started(&stricter).await;
    assert_eq!(fast_window(&book).await, amount(7));
    book.ledger().close().await;
    ends(here, &["up"], 1, &["fast lane.window: agreed 7, found 50000000"]);
    ends(here, &["audit", "verify", "spandrel.sqlite"], 0, &["2 rows, whole"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_guardians_propose_a_looser_file_and_no_start_comes_before_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_owned();
    let config = guarded(&here);
    let book = started(&config).await;
    let served = Served::new(config.clone(), book).await;
    other(&here, "wider.toml", FAST_WINDOW, "window = \"60000000\"");
    other(&here, "stricter.toml", FAST_WINDOW, "window = \"7\"");
    tokio::task::spawn_blocking(move || {
        let refused = as_guardian(&here, "ada", &["policy", "propose", "stricter.toml"]);
        assert_eq!(refused.status.code(), Some(6), "{refused:?}");
        let proposed = as_guardian(&here, "ada", &["policy", "propose", "wider.toml"]);
        let told = String::from_utf8_lossy(&proposed.stderr).into_owned();
        assert!(told.contains("fast lane.window: agreed 50000000, found 60000000"), "{told}");
        let id = taken(&proposed)["statement"].as_str().unwrap().to_owned();
        ends(&here, &["up", "--config", "wider.toml"], 1, &["needs a second approver", &id]);
        let alone = as_guardian(&here, "ada", &["proposals", "approve", &id]);
        assert_eq!(alone.status.code(), Some(6), "{alone:?}");
        assert_eq!(taken(&as_guardian(&here, "bo", &["proposals", "approve", &id]))["state"], "approved");
        ends(&here, &["up", "--config", "wider.toml"], 1, &["is in force at", &id]);
        let shown = json(&ends(&here, &["policy", "show", "--json"], 0, &[]));
        assert!(shown["digest"].as_str().unwrap().starts_with("0x") && shown["agreed"] == shown["filed"], "{shown}");
        taken(&as_guardian(&here, "bo", &["proposals", "cancel", &id]));
        ends(&here, &["up", "--config", "wider.toml"], 1, &["spandrel policy propose"]);
    })
    .await
    .unwrap();
    served.end().await;
}

#[tokio::test]
async fn users_are_told_of_no_other_vault_than_the_one_that_is_agreed_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = guarded(folder.path());
    let chain = spandrel_verifiers::ChainId::eip155(1);
    let mut starts_with = async |byte: Option<u8>| {
        let vaults =
            byte.map(|byte| (chain.clone(), alloy_primitives::Address::repeat_byte(byte))).into_iter().collect();
        config.api.as_mut().unwrap().vaults = vaults;
        let book = silent_book(&config).await;
        let started = wiring::agree(&config, &book).await.map_err(|error| error.to_string());
        book.ledger().close().await;
        started
    };
    starts_with(Some(3)).await.unwrap();
    starts_with(Some(3)).await.unwrap();
    let refused = starts_with(Some(4)).await.unwrap_err();
    assert!(refused.contains("api.vaults eip155:1: agreed 0x0303") && refused.contains("found 0x0404"), "{refused}");
    starts_with(None).await.expect("fewer are told of at once");
    assert!(starts_with(Some(3)).await.is_err(), "more by two people alone");
}

/// A relayer runs on; another process is started over the same ledger.
#[tokio::test(flavor = "multi_thread")]
async fn processes_over_one_ledger_decide_by_what_is_agreed_on_and_not_by_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let config = guarded(here);
    let relayer = started(&config).await;
    let stricter = other(here, "stricter.toml", FAST_WINDOW, "window = \"7\"");
    started(&stricter).await;
    relayer.refresh().await.unwrap();
    assert_eq!(fast_window(&relayer).await, amount(7), "limits are followed at once");
    let change = || Change { steps: vec![Step::All(Input::Tick)], ..Change::default() };
    relayer.record(change()).await.unwrap();
    assert!(!relayer.risk_now().is_superseded);

    std::fs::copy(here.join("stricter.toml"), here.join("spandrel.toml")).unwrap();
    started(&other(here, "deeper.toml", "fast_confirmations = 1", "fast_confirmations = 2")).await;
    relayer.refresh().await.unwrap();
    assert!(relayer.risk_now().is_superseded);
    assert!(matches!(relayer.record(change()).await, Err(EngineError::Superseded)), "it decides nothing more");
    let paused = RiskEvent::Paused { scope: Scope::Global, until: unix_now() + 60, reason: "a drill".to_owned() };
    relayer.record_risk(paused).await.unwrap();
    let pause = Act::Pause { scope: Scope::Global, seconds: 60 };
    relayer.order(&signed(&config, pause), None).await.expect("it is paused all the same");
    let transfer = relayer.ledger().transfer(DepositId(B256::ZERO)).await;
    assert!(transfer.is_ok(), "and read");
}

/// What `ada` says first.
fn signed(config: &Config, act: Act) -> SignedStatement {
    let keystore = Keystore::open(config.database.with_file_name("keys"), Hardness::Dev).unwrap();
    let key = keystore.unlock("ada", &Secret::new("correct horse".to_owned()).unwrap()).unwrap();
    let expiry = unix_now() + 600;
    let statement = Statement { act, reason: "a drill".to_owned(), guardian: key.address(), nonce: 0, expiry };
    let digest = statement.digest(config.control_policy().unwrap().deployment);
    SignedStatement::new(statement, &key.sign_digest(digest).unwrap())
}

/// Somebody with the ledger's file takes away, or changes, what was agreed on.
#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_that_is_taken_out_of_the_ledger_or_changed_in_it_is_found_out() {
    for (tamper, is_started) in [
        ("DELETE FROM control_events", false),
        ("UPDATE control_events SET body = replace(body, '\"window\":\"50000000\"', '\"window\":\"50000001\"')", true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        let config = guarded(here);
        started(&config).await.ledger().close().await;
        ends(here, &["audit", "verify", "spandrel.sqlite"], 0, &["1 rows, whole"]);
        let mut sql = SqliteConnectOptions::new().filename(&config.database).connect().await.unwrap();
        for trigger in ["DROP TRIGGER control_events_stay", "DROP TRIGGER control_events_remain"] {
            sqlx::query(trigger).execute(&mut sql).await.unwrap();
        }
        assert_eq!(sqlx::query(tamper).execute(&mut sql).await.unwrap().rows_affected(), 1);
        sql.close().await.unwrap();
        ends(here, &["audit", "verify", "spandrel.sqlite"], 3, &["the control log's"]);
        if !is_started {
            ends(here, &["up"], 1, &["the audit log tells of an agreed policy"]);
            ends(here, &["config", "check"], 1, &["the audit log tells of an agreed policy"]);
        }
    }
}

/// A ledger that a program of before wrote: guardians' limits are in it, and no policy.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_of_before_takes_the_first_file_on_record_and_keeps_guardians_limits() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let before = silent_book(&config).await;
    let (_, limits) = before.control().await;
    let (corridor, mut lowered) =
        limits.limits.iter().next().map(|(corridor, limits)| (corridor.clone(), *limits)).unwrap();
    lowered.window = amount(9);
    let signed = signed(&config, Act::LowerLimits { corridor, limits: lowered });
    before.order(&signed, None).await.unwrap();
    before.ledger().close().await;
    for _ in 0..2 {
        let book = started(&config).await;
        assert_eq!(fast_window(&book).await, amount(9));
        let events = book.ledger().control_events(0).await.unwrap();
        let configured = events.iter().filter(|event| matches!(event.body, ControlEvent::Configured { .. })).count();
        assert_eq!(configured, 1);
        book.ledger().close().await;
    }
}
