//! What sentinels find stands in the ledger while it stands, for whoever opens the same file.

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alloy_primitives::U256;
use futures::future::BoxFuture;
use spandrel_core::watch::Watchbook;
use spandrel_engine::{Alarms, Book, Sentinel, Silent};
use spandrel_store::Sqlite;
use spandrel_watchers::sentinel::{Holding, VaultView};

use common::{Later, NOW, deposit, policy};

/// A vault that owes 5.
#[derive(Clone)]
struct Vault(Arc<AtomicU64>);

impl VaultView for Vault {
    fn quorum(&self) -> usize {
        1
    }

    fn holdings(&self) -> BoxFuture<'_, Vec<Vec<Holding>>> {
        let held = U256::from(self.0.load(Ordering::Relaxed));
        Box::pin(async move { vec![vec![Holding { asset: deposit().asset, owed: U256::from(5), held }]] })
    }
}

/// One life of a process with sentinels.
async fn sentinel(path: &Path, time: &Later, vault: &Vault) -> Sentinel<Sqlite, Later> {
    let ledger = Sqlite::open(path).await.unwrap();
    let book = Book::open(ledger, time.clone(), policy(), Arc::new(Silent)).await.unwrap();
    let vaults: Vec<Box<dyn VaultView>> = vec![Box::new(vault.clone())];
    Sentinel::new(Arc::new(book), Vec::new(), BTreeMap::new(), vaults, Alarms::default())
}

async fn look(sentinel: &Sentinel<Sqlite, Later>) {
    sentinel.look_slowly().await.unwrap();
    sentinel.look_once().await.unwrap();
}

#[tokio::test]
async fn another_process_reads_what_is_found_until_it_is_gone_and_since_when() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let (time, vault) = (Later::default(), Vault(Arc::new(AtomicU64::new(4))));
    let reader = Sqlite::open(&path).await.unwrap();
    look(&sentinel(&path, &time, &vault).await).await;
    time.pass(100);
    let restarted = sentinel(&path, &time, &vault).await;
    look(&restarted).await;
    let told = reader.watches().await.unwrap();
    assert_eq!((told.len(), told[0].looked_at, told[0].found.len()), (1, NOW + 100, 1), "one sentinel, restarted");
    let found = &told[0].found[0];
    assert!(found.delays && found.what.starts_with("vault_short: the vault holds 4"), "{found:?}");
    assert_eq!(found.since, NOW, "it has stood since before the restart");
    vault.0.store(5, Ordering::Relaxed);
    look(&restarted).await;
    assert_eq!(reader.watches().await.unwrap()[0].found, []);
}

/// What is only looked at is told four times a minute, not each second.
#[tokio::test]
async fn nothing_is_written_while_nothing_changes_but_that_it_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let (time, vault) = (Later::default(), Vault(Arc::new(AtomicU64::new(5))));
    let reader = Sqlite::open(&path).await.unwrap();
    let sentinel = sentinel(&path, &time, &vault).await;
    let mut told = Vec::new();
    for _ in 0..40 {
        sentinel.look_once().await.unwrap();
        told.push(reader.watches().await.unwrap()[0].looked_at - NOW);
        time.pass(1);
    }
    told.dedup();
    assert_eq!(told, [0, 15, 30]);
}
