//! `spandrel status`: what stands and why, and nothing written for it.

use spandrel::clock::unix_now;
use spandrel_core::ledger::{Commit, CursorMove, Ledger};
use spandrel_risk::control::ControlEvent;
use spandrel_risk::{Reason, RiskEvent, Scope};
use spandrel_store::Sqlite;
use spandrel_verifiers::follow::{BlockRef, Cursor};

use crate::replay::prompt;
use crate::run::{configured, ends, hold, json, silent_book};

/// Reading a live ledger does not give it the schema of a newer program, under the processes that run on it.
#[tokio::test]
async fn what_only_reads_leaves_a_ledger_of_an_older_schema_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (here, path) = (folder.path(), folder.path().join("spandrel.sqlite"));
    configured(here);
    let id = format!("0x{}", "ab".repeat(32));
    let commands: [&[&str]; 8] = [
        &["status"],
        &["status", "--json"],
        &["transfer", "list"],
        &["replay", ".."],
        &["limits", "usage"],
        &["api", "list-keys"],
        &["audit", "verify", "spandrel.sqlite"],
        &["proof", "export", &id, "--to", "proof.json"],
    ];
    Sqlite::open(&path).await.unwrap().close().await;
    prompt(here, &["DELETE FROM _sqlx_migrations WHERE version > 8".to_owned()]).await;
    let before = std::fs::read(&path).unwrap();
    for command in commands {
        ends(here, command, 1, &["schema: expected version", "found 8", "spandrel db migrate"]);
        assert_eq!(std::fs::read(&path).unwrap(), before, "{command:?}");
    }
    // A file that no migration has seen at all.
    std::fs::write(&path, "").unwrap();
    ends(here, &["status"], 1, &["schema: expected version", "found 0"]);
    assert!(std::fs::read(&path).unwrap().is_empty());
}

#[tokio::test]
async fn a_bridge_that_is_paused_and_holds_transfers_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    let (book, now) = (silent_book(&config).await, unix_now());
    let chain = config.bitcoin[0].chain.clone();
    let found = "sentinel: orphan 0x1: a payout without a deposit";
    for (scope, until, reason) in [
        (Scope::Chain { chain: chain.clone() }, now + 3_600, found),
        (Scope::Global, u64::MAX, "ada: a drill"),
        (Scope::Route { source: chain.clone(), destination: chain.clone() }, now - 1, "bo: over by now"),
    ] {
        book.record_risk(RiskEvent::Paused { scope, until, reason: reason.to_owned() }).await.unwrap();
    }
    let paused = Reason::Paused { scope: Scope::Global };
    for (n, reason) in [(1, paused.clone()), (2, paused), (3, Reason::Unknown)] {
        hold(&book, &config, n, reason).await;
    }
    let block = |height, age| BlockRef { height, hash: alloy_primitives::B256::repeat_byte(9), time: now - age };
    let next = Cursor { recent: vec![block(112, 120)], finalized: Some(block(107, 900)) };
    let cursor = Some(CursorMove { chain: chain.clone(), expected: None, next });
    book.ledger().commit(Commit { now: now - 60, cursor, ..Commit::default() }).await.unwrap();
    let (order, reason) = (alloy_primitives::B256::repeat_byte(5), "no block 7 was read".to_owned());
    let control = vec![ControlEvent::Unread { order, chain: chain.clone(), from: 7, to: 19, reason }];
    book.ledger().commit(Commit { now: now - 60, control, ..Commit::default() }).await.unwrap();
    book.ledger().close().await;

    let told = json(&ends(folder.path(), &["status", "--json"], 0, &[]));
    let pauses = told["pauses"].as_array().unwrap();
    assert_eq!(pauses.len(), 2, "what is over is not in force: {told}");
    let pause = |scope: &str| pauses.iter().find(|pause| pause["scope"] == scope).unwrap();
    assert_eq!((&pause("chain")["reason"], &pause("chain")["until"]), (&found.into(), &(now + 3_600).into()));
    assert_eq!((&pause("global")["reason"], &pause("global")["until"]), (&"ada: a drill".into(), &().into()));
    assert_eq!(told["held"], serde_json::json!({ "paused": 2, "unknown": 1 }));
    let lag = &told["lag"][chain.as_str()];
    assert_eq!(lag["not_final"], 5, "{told}");
    assert!(lag["seconds"].as_u64() >= Some(120) && lag["silent_for"].as_u64() >= Some(60), "{told}");
    assert_eq!(told["transfers"]["held"], 3, "what was there stays: {told}");
    let unread = &told["unread"][0];
    assert_eq!((&unread["chain"], &unread["from"], &unread["to"]), (&chain.as_str().into(), &7.into(), &19.into()));
    assert_eq!((&unread["reason"], &unread["at"]), (&"no block 7 was read".into(), &(now - 60).into()));
    let words = [found, "until it is lifted", "ada: a drill", "held for", "paused", "112", "107", "2m"];
    let given_up = ["not read again", "no block 7 was read", "1m", "ago", "19"];
    ends(folder.path(), &["status"], 0, &given_up);
    ends(folder.path(), &["status"], 0, &words);
}
