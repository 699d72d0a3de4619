//! What sentinels find stands in the ledger while it stands, for whoever opens the same file.

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::slice::from_ref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use alloy_primitives::U256;
use futures::future::BoxFuture;
use spandrel_core::watch::{ClosedVault, Watchbook};
use spandrel_engine::{Alarms, Book, Sentinel, Silent};
use spandrel_store::Sqlite;
use spandrel_verifiers::ChainId;
use spandrel_watchers::sentinel::{Holding, VaultPause, VaultView};

use common::{Later, NOW, deposit, policy, source};

/// What each node tells of a vault's pauses.
type Pauses = Arc<Mutex<Vec<Vec<VaultPause>>>>;

static SOURCE: LazyLock<ChainId> = LazyLock::new(source);

/// A vault that owes 5 and holds some, and what is paused there.
#[derive(Clone)]
struct Vault(Arc<AtomicU64>, Pauses);

impl Vault {
    fn holding(coins: u64) -> Self {
        Self(Arc::new(AtomicU64::new(coins)), Arc::new(Mutex::new(vec![Vec::new()])))
    }
}

impl VaultView for Vault {
    fn chain(&self) -> &ChainId {
        &SOURCE
    }

    fn quorum(&self) -> usize {
        1
    }

    fn holdings(&self) -> BoxFuture<'_, Vec<Vec<Holding>>> {
        let held = U256::from(self.0.load(Ordering::Relaxed));
        Box::pin(async move { vec![vec![Holding { asset: deposit().asset, owed: U256::from(5), held }]] })
    }

    fn pauses(&self, _: u64) -> BoxFuture<'_, Vec<Vec<VaultPause>>> {
        Box::pin(async { self.1.lock().unwrap().clone() })
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
    let (time, vault) = (Later::default(), Vault::holding(4));
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
    let (time, vault) = (Later::default(), Vault::holding(5));
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

/// Its nodes stop to answer, and the watcher is started again: neither lifts a pause.
#[tokio::test]
async fn a_vaults_own_pause_is_told_until_its_nodes_tell_that_it_is_lifted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let (time, vault) = (Later::default(), Vault::holding(5));
    let reader = Sqlite::open(&path).await.unwrap();
    let closed = async || reader.watches().await.unwrap()[0].closed.clone();
    let before = sentinel(&path, &time, &vault).await;
    look(&before).await;
    assert_eq!(closed().await, []);
    let until = Some(NOW + 5_000);
    let paused = ClosedVault { source: source(), destination: None, asset: None, until };
    *vault.1.lock().unwrap() = vec![vec![VaultPause { destination: None, asset: None, until }]];
    look(&before).await;
    assert_eq!(closed().await, from_ref(&paused));
    let looked_at = reader.watches().await.unwrap()[0].looked_at;
    vault.1.lock().unwrap().clear();
    time.pass(60);
    look(&before).await;
    assert_eq!((closed().await, reader.watches().await.unwrap()[0].looked_at), (vec![paused.clone()], looked_at));
    let restarted = sentinel(&path, &time, &vault).await;
    restarted.look_once().await.unwrap();
    assert_eq!(closed().await, from_ref(&paused), "before its first slow look");
    look(&restarted).await;
    assert_eq!(closed().await, [paused], "and after one that no node answered");
    vault.1.lock().unwrap().push(Vec::new());
    look(&restarted).await;
    assert_eq!(closed().await, []);
}
