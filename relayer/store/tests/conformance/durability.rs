//! SQLite on a file: what was answered is there after a restart, what was interrupted is there whole or not at all.

use std::future::{Future, poll_fn};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::task::Poll;
use std::time::Duration;

use spandrel_core::journal::Journal;
use spandrel_core::ledger::{Commit, EffectEnd, Halt, Ledger, StoreError};
use spandrel_store::Sqlite;

use crate::append_only::{furnish, prompt};
use crate::sample::{
    self, attempt, cursor_move, due, everything, final_state, included, new_tx, payer, transfer_commit,
};
use crate::store::{conflict, corrupt, observe, on_file, refused};

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let (folder, store) = on_file().await;
    furnish(&store).await;
    let before = observe(&store).await;
    store.close().await;
    let reopened = Sqlite::open(folder.path().join("ledger.db")).await.unwrap();
    assert_eq!(observe(&reopened).await, before);
    let number = reopened.open_tx(new_tx([3], 0), 1).await.unwrap();
    assert_eq!((number.number, number.nonce), (3, 2), "nonces and numbers go on");
}

#[tokio::test]
async fn an_attempt_is_durable_before_anything_is_broadcast() {
    let (folder, store) = on_file().await;
    let tx = store.open_tx(new_tx([0], 4), 1).await.unwrap();
    store.add_attempt(tx.number, attempt(1)).await.unwrap();
    // Not closed: the second handle sees what a new process would after this one died here.
    let other = Sqlite::open(folder.path().join("ledger.db")).await.unwrap();
    let stored = other.tx_of(due(0, 0).id).await.unwrap().unwrap();
    assert_eq!((stored.nonce, stored.attempts), (4, vec![attempt(1)]));
    conflict(other.open_tx(new_tx([0], 0), 1).await);
}

#[tokio::test]
async fn a_commit_of_one_handle_is_seen_and_respected_by_another() {
    let (folder, store) = on_file().await;
    let other = Sqlite::open(folder.path().join("ledger.db")).await.unwrap();
    store.commit(transfer_commit(0, 0, 1)).await.unwrap();
    conflict(other.commit(transfer_commit(0, 0, 1)).await);
    let (one, two) = tokio::join!(store.commit(transfer_commit(0, 1, 1)), other.commit(transfer_commit(0, 1, 1)));
    assert_ne!(one.is_ok(), two.is_ok());
    conflict(one.and(two));
}

#[tokio::test]
async fn a_commit_waits_its_turn_behind_another_process() {
    let (folder, store) = on_file().await;
    store.commit(transfer_commit(0, 0, 1)).await.unwrap();
    let mut other = prompt(&folder).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    sqlx::query("INSERT INTO intents (script, terms, created_at) VALUES ('', '', 0)")
        .execute(&mut other)
        .await
        .unwrap();
    // A transaction that reads first and locks later would by now have read what the other is about to outdate.
    let mut commit = pin!(store.commit(transfer_commit(0, 1, 1)));
    tokio::time::timeout(Duration::from_millis(300), commit.as_mut()).await.unwrap_err();
    sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    commit.await.unwrap();
}

/// Polls `future` at most `polls` times, then drops it.
async fn interrupted<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Returns when the writer is done with whatever was dropped: a write has to wait for it.
async fn settled(store: &Sqlite) {
    store.commit(Commit::default()).await.unwrap();
}

/// One of a row of commits that touch every table.
fn step(n: u64) -> Commit {
    Commit { effects: vec![due(n, n)], halt: None, ..everything(n) }
}

/// How many of these commits are stored; panics unless each is stored whole.
async fn whole_steps(store: &Sqlite) -> u64 {
    let steps = store.risk_events(0).await.unwrap().len() as u64 / 2;
    let cursor = store.cursor(&sample::ethereum()).await.unwrap();
    assert_eq!(cursor, (steps > 0).then(|| sample::cursor(steps)));
    for n in 0..=steps {
        let count = if n < steps { 2 } else { 0 };
        assert_eq!(store.events(sample::deposit(n).id()).await.unwrap().len(), count);
        assert_eq!(store.transfer(sample::deposit(n).id()).await.unwrap().is_some(), n < steps);
        assert_eq!(store.effect(due(n, 0).id).await.unwrap().is_some(), n < steps);
    }
    steps
}

#[tokio::test]
async fn a_commit_dropped_anywhere_is_stored_whole_or_not_at_all() {
    let (_folder, store) = on_file().await;
    let mut stored = 0;
    for round in 0..60 {
        let answer = interrupted(store.commit(step(stored)), round % 15).await;
        settled(&store).await;
        let steps = whole_steps(&store).await;
        match answer {
            Some(answer) => {
                answer.unwrap();
                assert_eq!(steps, stored + 1);
            }
            None => assert!((stored..=stored + 1).contains(&steps), "{stored} became {steps}"),
        }
        stored = steps;
    }
}

#[tokio::test]
async fn a_failure_at_any_statement_writes_nothing() {
    let (folder, store) = on_file().await;
    store.commit(step(0)).await.unwrap();
    store.open_tx(new_tx([0], 0), 1).await.unwrap();
    let before = observe(&store).await;
    let mut prompt = prompt(&folder).await;
    for place in [
        "INSERT ON transfers",
        "INSERT ON transfer_events WHEN NEW.sequence = 1",
        "INSERT ON risk_events WHEN NEW.sequence = 3",
        "INSERT ON outbox",
        "UPDATE ON outbox",
        "UPDATE ON cursors",
        "INSERT ON halts",
        "INSERT ON tx_effects WHEN NEW.position = 1",
        "UPDATE ON tx_effects",
    ] {
        let sabotage = format!("CREATE TRIGGER sabotage AFTER {place} BEGIN SELECT raise(ABORT, 'disk full'); END");
        sqlx::query(sqlx::AssertSqlSafe(sabotage)).execute(&mut prompt).await.unwrap();
        let answer = if place.contains("INSERT ON tx_effects") {
            store.open_tx(new_tx([1, 2], 0), 1).await.map(drop)
        } else if place.contains("UPDATE ON tx_effects") {
            store.set_state(1, final_state(1, false)).await
        } else {
            let halt = Some(Halt::told(sample::ethereum(), "x"));
            store.commit(Commit { ended: vec![(due(0, 0).id, EffectEnd::Done)], halt, ..step(1) }).await
        };
        assert!(refused(answer).to_string().contains("disk full"), "{place}");
        sqlx::query("DROP TRIGGER sabotage").execute(&mut prompt).await.unwrap();
        assert_eq!(observe(&store).await, before, "{place}");
    }
    store.commit(step(1)).await.unwrap();
}

#[tokio::test]
async fn a_start_dropped_anywhere_can_be_repeated() {
    for polls in 0..15 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        drop(interrupted(Sqlite::open(&path), polls).await);
        let store = Sqlite::open(&path).await.unwrap();
        furnish(&store).await;
    }
}

#[tokio::test]
async fn an_opening_dropped_anywhere_leaves_no_gap() {
    let (_folder, store) = on_file().await;
    for round in 0..60 {
        drop(interrupted(store.open_tx(new_tx([round], 0), 1), round as usize % 15).await);
    }
    settled(&store).await;
    let open = store.open_txs(&sample::destination(), sample::signers()[0]).await.unwrap();
    let nonces: Vec<_> = open.iter().map(|tx| tx.nonce).collect();
    assert_eq!(nonces, (0..open.len() as u64).collect::<Vec<_>>());
    assert!(open.iter().all(|tx| tx.tx.effects.len() == 1));
}

const CHILD: &str = "SPANDREL_STORE_CHILD";

/// Not a test by itself: the process that `a_killed_process_leaves_whole_commits_only` starts, and kills.
#[tokio::test]
async fn child_that_commits_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let store = Sqlite::open(path).await.unwrap();
    for n in 0.. {
        store.commit(step(n)).await.unwrap();
        let tx = store.open_tx(new_tx([n], 0), n).await.unwrap();
        store.set_state(tx.number, included(1, true)).await.unwrap();
        println!("stored {n}");
    }
}

#[tokio::test]
async fn a_killed_process_leaves_whole_commits_only() {
    for lines in [1, 7, 20] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let told = killed_after(lines, &path);
        let store = Sqlite::open(&path).await.unwrap();
        let commits = whole_steps(&store).await;
        assert!(commits > told, "told of commit {told}, {commits} stored");
        let due = store.lease(&payer(), sample::LATER, sample::LATER + 1, u32::MAX).await.unwrap();
        assert_eq!(due.len() as u64, commits);
        let open = store.open_txs(&sample::destination(), sample::signers()[0]).await.unwrap().len() as u64;
        assert!((told + 1..=commits).contains(&open));
        store.commit(step(commits)).await.unwrap();
    }
}

/// Runs the child on `path` and kills it after it told of `lines` commits; answers the last one it told of.
fn killed_after(lines: usize, path: &Path) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "durability::child_that_commits_until_it_is_killed", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let told = output.lines().filter_map(|line| line.unwrap().strip_prefix("stored ")?.parse().ok());
    let last = told.take(lines).last().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    last
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (folder, store) = on_file().await;
    store.close().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', TRUE, x'00', 0)",
    )
    .execute(&mut prompt(&folder).await)
    .await
    .unwrap();
    let error = corrupt(Sqlite::open(folder.path().join("ledger.db")).await);
    assert!(error.contains("version 9999 is newer than this program's 17"), "{error}");
}

#[tokio::test]
async fn a_schema_made_by_other_migrations_is_refused() {
    let (folder, store) = on_file().await;
    store.close().await;
    let forge = "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 2";
    sqlx::query(forge).execute(&mut prompt(&folder).await).await.unwrap();
    let error = corrupt(Sqlite::open(folder.path().join("ledger.db")).await);
    assert!(error.contains("migration 2 was previously applied but has been modified"), "{error}");
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    std::fs::write(&path, "not a database, but long enough to look like one".repeat(100)).unwrap();
    assert!(matches!(refused(Sqlite::open(&path).await), StoreError::Database(_)));
    let nowhere = folder.path().join("missing").join("ledger.db");
    assert!(matches!(refused(Sqlite::open(nowhere).await), StoreError::Database(_)));
}

#[tokio::test]
async fn a_closed_ledger_answers_with_an_error() {
    let (_folder, store) = on_file().await;
    store.close().await;
    let commit = Commit { cursor: Some(cursor_move(sample::ethereum(), 0, 1)), ..Commit::default() };
    assert!(matches!(refused(store.commit(commit).await), StoreError::Database(_)));
    assert!(matches!(refused(store.halted(&sample::bitcoin()).await), StoreError::Database(_)));
}
