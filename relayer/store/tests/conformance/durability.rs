//! SQLite on a file: what was answered is there after a restart, what was interrupted is there whole or not at all.

use std::future::{Future, poll_fn};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::task::Poll;

use spandrel_core::journal::Journal;
use spandrel_core::ledger::{Commit, Ledger, StoreError};
use spandrel_store::Sqlite;

use crate::append_only::{furnish, prompt};
use crate::sample::{self, attempt, cursor_move, due, effects, everything, included, new_tx, payer, transfer_commit};
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

#[tokio::test]
async fn a_commit_dropped_anywhere_is_stored_whole_or_not_at_all() {
    let (_folder, store) = on_file().await;
    let mut before = observe(&store).await;
    let mut stored = 0;
    for polls in 1.. {
        let answer = interrupted(store.commit(everything(stored)), polls).await;
        settled(&store).await;
        let after = observe(&store).await;
        if after.risk.len() == before.risk.len() {
            assert!(answer.is_none());
            assert_eq!(after, before, "after {polls} polls");
        } else {
            assert_eq!(after.cursors[&sample::ethereum()], Some(sample::cursor(stored + 1)));
            assert_eq!(after.events[&sample::deposit(stored).id()].len(), 2);
            assert!(effects(stored).iter().all(|effect| after.effects[&effect.id].is_some()));
            assert_eq!(
                after.halted[&sample::bitcoin()].as_deref(),
                Some(format!("block {stored} was replaced").as_str())
            );
            (stored, before) = (stored + 1, after);
        }
        if let Some(answer) = answer {
            answer.unwrap();
            assert!(polls > 5, "the commit was interrupted {polls} times only");
            break;
        }
    }
}

#[tokio::test]
async fn a_start_dropped_anywhere_can_be_repeated() {
    for polls in 1.. {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let done = interrupted(Sqlite::open(&path), polls).await;
        let store = Sqlite::open(&path).await.unwrap();
        furnish(&store).await;
        if done.is_some() {
            assert!(polls > 5, "the start was interrupted {polls} times only");
            break;
        }
    }
}

#[tokio::test]
async fn an_opening_dropped_anywhere_leaves_no_gap() {
    let (_folder, store) = on_file().await;
    for polls in 1.. {
        let answer = interrupted(store.open_tx(new_tx([polls as u64], 0), 1), polls).await;
        if answer.is_some() {
            break;
        }
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

fn step(n: u64) -> Commit {
    Commit { effects: vec![due(n, n)], halt: None, ..everything(n) }
}

#[tokio::test]
async fn a_killed_process_leaves_whole_commits_only() {
    for lines in [1, 7, 20] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let told = killed_after(lines, &path);
        let store = Sqlite::open(&path).await.unwrap();
        let commits = store.risk_events(0).await.unwrap().len() as u64 / 2;
        assert!(commits > told, "told of commit {told}, {commits} stored");
        assert_eq!(store.cursor(&sample::ethereum()).await.unwrap(), Some(sample::cursor(commits)));
        for n in 0..=commits {
            let count = if n < commits { 2 } else { 0 };
            assert_eq!(store.events(sample::deposit(n).id()).await.unwrap().len(), count);
            assert_eq!(store.effect(due(n, 0).id).await.unwrap().is_some(), n < commits);
        }
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
    assert!(error.contains("version 9999 is newer than this program's 4"), "{error}");
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
