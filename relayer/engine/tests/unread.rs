//! Blocks that are ordered to be read again, and that no node has any more.

mod common;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use alloy_primitives::B256;
use spandrel_core::Executor;
use spandrel_core::ledger::Ledger;
use spandrel_engine::{Book, ChainFollower, Clock, MAX_TRIES, Silent};
use spandrel_risk::control::{Act, ControlEvent};
use spandrel_store::Sqlite;
use spandrel_verifiers::ChainId;
use spandrel_verifiers::follow::{BlockRef, Cursor, FollowError, ReadBatch, Watcher};

use common::{Later, NOW, guardians, policy, said, source};

/// Nodes that have pruned everything below the tip, and how often they were asked for it.
#[derive(Clone, Default)]
struct Pruned(Arc<AtomicU32>);

impl Watcher for Pruned {
    fn chain(&self) -> &ChainId {
        static CHAIN: LazyLock<ChainId> = LazyLock::new(source);
        &CHAIN
    }

    async fn genesis(&self) -> Result<Cursor, FollowError> {
        let block = BlockRef { height: 100, hash: B256::repeat_byte(1), time: NOW };
        Ok(Cursor { finalized: Some(block), ..Cursor::at(block) })
    }

    async fn cursor_at(&self, _: u64) -> Result<Cursor, FollowError> {
        Err(FollowError::Transient { endpoint: "node-0".to_owned(), reason: "pruned".to_owned() })
    }

    async fn read(&self, cursor: &Cursor) -> Result<ReadBatch, FollowError> {
        Ok(ReadBatch { events: Vec::new(), next: cursor.clone() })
    }

    async fn read_after(&self, height: u64) -> Result<ReadBatch, FollowError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        self.cursor_at(height).await.map(|next| ReadBatch { events: Vec::new(), next })
    }

    async fn wait(&self) {}
}

#[tokio::test]
async fn blocks_that_no_node_has_are_given_up_on_record() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Sqlite::open(folder.path().join("ledger.db")).await.unwrap();
    let (time, nodes) = (Later::default(), Pruned::default());
    let book = Book::open(ledger.clone(), time.clone(), policy(), Arc::new(Silent)).await.unwrap();
    let book = Arc::new(book.guarded_by(guardians()));
    let follower = ChainFollower::new(nodes.clone(), book.clone());
    follower.read_once().await.unwrap();
    let order = async |nonce| {
        let signed = said(1, nonce, Act::Reobserve { chain: source(), from: 7, to: 19 }, time.now());
        book.order(&signed, None).await.unwrap();
        signed.statement.digest(guardians().deployment)
    };
    let reads = async |times: u32| {
        for _ in 0..times {
            time.pass(61);
            follower.read_once().await.unwrap();
        }
        nodes.0.load(Ordering::Relaxed)
    };
    let digest = order(0).await;
    assert_eq!(reads(MAX_TRIES - 1).await, MAX_TRIES - 1);
    assert!(book.control().await.0.unread().is_empty(), "a node may come that has them");
    assert_eq!(reads(20).await, MAX_TRIES, "nobody asks any more");

    let last = ledger.control_events(0).await.unwrap().pop().unwrap();
    let ControlEvent::Unread { order: given_up, chain, from, to, reason } = last.body else { panic!("{last:?}") };
    assert_eq!((given_up, chain, from, to), (digest, source(), 7, 19));
    assert!(reason.contains("pruned"), "{reason}");
    let audit = ledger.audit(0, 100).await.unwrap();
    assert!(audit.iter().any(|row| row.kind == "control" && row.body.contains("unread")), "{audit:?}");
    let left = ledger.lease(&Executor::Source { chain: source() }, u64::MAX >> 1, u64::MAX >> 1, 9).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(book.control().await.0.unread().len(), 1);

    order(1).await;
    assert!(book.control().await.0.unread().is_empty(), "it is asked for again");
    assert_eq!(reads(1).await, MAX_TRIES + 1);
}
