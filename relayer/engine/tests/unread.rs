//! Blocks that are ordered to be read again: what of them is taken, and what becomes of those that no node has any more.

mod common;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use alloy_primitives::B256;
use spandrel_core::ledger::Ledger;
use spandrel_core::{Effect, Executor};
use spandrel_engine::{Book, ChainFollower, MAX_TRIES, Silent};
use spandrel_risk::control::{Act, ControlEvent};
use spandrel_store::Sqlite;
use spandrel_verifiers::follow::{BlockRef, ChainEvent, Cursor, FollowError, ReadBatch, SeenDeposit, Watcher};
use spandrel_verifiers::{ChainId, Deposit};
use tempfile::TempDir;

use common::{Later, NOW, block, deposit, guardians, policy, say, source};

/// Nodes whose last block is 100, which is final, and how often they were asked for blocks below it: they tell always the same,
/// or have pruned them.
#[derive(Clone, Default)]
struct Nodes {
    told: Option<ReadBatch>,
    asked: Arc<AtomicU32>,
}

impl Watcher for Nodes {
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
        self.asked.fetch_add(1, Ordering::Relaxed);
        match &self.told {
            Some(told) => Ok(told.clone()),
            None => self.cursor_at(height).await.map(|next| ReadBatch { events: Vec::new(), next }),
        }
    }

    async fn wait(&self) {}
}

/// A relayer that has read the chain to its last block.
struct Scene {
    _folder: TempDir,
    time: Later,
    nodes: Nodes,
    book: Arc<Book<Sqlite, Later>>,
    follower: ChainFollower<Nodes, Sqlite, Later>,
}

impl Scene {
    async fn over(nodes: Nodes) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Sqlite::open(folder.path().join("ledger.db")).await.unwrap();
        let time = Later::default();
        let book = Book::open(ledger, time.clone(), policy(), Arc::new(Silent)).await.unwrap();
        let book = Arc::new(book.guarded_by(guardians()));
        let follower = ChainFollower::new(nodes.clone(), book.clone());
        follower.read_once().await.unwrap();
        Self { _folder: folder, time, nodes, book, follower }
    }

    /// Nodes that tell `events` of blocks up to `tip`.
    async fn telling(events: Vec<ChainEvent>, tip: u64) -> Self {
        let told = Some(ReadBatch { events, next: Cursor::at(block(tip)) });
        Self::over(Nodes { told, ..Nodes::default() }).await
    }

    async fn order(&self, nonce: u64, from: u64, to: u64) -> B256 {
        say(&self.book, 1, nonce, Act::Reobserve { chain: source(), from, to }).await.unwrap()
    }

    /// How often nodes were asked after so many tries more.
    async fn reads(&self, times: u32) -> u32 {
        for _ in 0..times {
            self.time.pass(61);
            self.follower.read_once().await.unwrap();
        }
        self.nodes.asked.load(Ordering::Relaxed)
    }

    async fn is_seen(&self, deposit: &Deposit) -> bool {
        self.book.ledger().transfer(deposit.id()).await.unwrap().is_some()
    }

    /// The ranges that wait to be read.
    async fn waiting(&self) -> Vec<(u64, u64)> {
        let executor = Executor::Source { chain: source() };
        let due = self.book.ledger().lease(&executor, u64::MAX >> 1, u64::MAX >> 1, 9).await.unwrap();
        let range = |effect: &Effect| match effect {
            Effect::Reobserve { from, to } => (*from, *to),
            other => panic!("{other:?}"),
        };
        due.iter().map(|due| range(&due.effect)).collect()
    }
}

/// One of several deposits, and that it stands at a height.
fn at(height: u64) -> (Deposit, ChainEvent) {
    let deposit = Deposit { source_key: B256::with_last_byte(height as u8), ..deposit() };
    let seen = SeenDeposit { deposit: deposit.clone(), block: block(height), transaction: B256::ZERO, position: 0 };
    (deposit, ChainEvent::Deposit(seen))
}

#[tokio::test]
async fn blocks_that_no_node_has_are_given_up_on_record() {
    let scene = Scene::over(Nodes::default()).await;
    let (book, ledger) = (&scene.book, scene.book.ledger());
    let digest = scene.order(0, 7, 19).await;
    assert_eq!(scene.reads(MAX_TRIES - 1).await, MAX_TRIES - 1);
    assert!(book.control().await.0.unread().is_empty(), "a node may come that has them");
    assert_eq!(scene.reads(20).await, MAX_TRIES, "nobody asks any more");

    let last = ledger.control_events(0).await.unwrap().pop().unwrap();
    let ControlEvent::Unread { order: given_up, chain, from, to, reason } = last.body else { panic!("{last:?}") };
    assert_eq!((given_up, chain, from, to), (digest, source(), 7, 19));
    assert!(reason.contains("pruned"), "{reason}");
    let audit = ledger.audit(0, 100).await.unwrap();
    assert!(audit.iter().any(|row| row.kind == "control" && row.body.contains("unread")), "{audit:?}");
    assert_eq!(scene.waiting().await, []);
    assert_eq!(book.control().await.0.unread().len(), 1);

    scene.order(1, 7, 19).await;
    assert!(book.control().await.0.unread().is_empty(), "it is asked for again");
    assert_eq!(scene.reads(1).await, MAX_TRIES + 1);
}

/// A node may have shown one thing to whoever followed it, and show another to whoever reads it again.
#[tokio::test]
async fn a_contradiction_in_blocks_that_are_read_again_halts_and_nothing_that_came_with_it_is_taken() {
    let (doubtful, event) = at(8);
    let halted = ChainEvent::Halted { reason: "two blocks".to_owned(), evidence: None };
    let scene = Scene::telling(vec![event, halted], 19).await;
    scene.order(0, 7, 19).await;
    scene.reads(2).await;
    assert_eq!(scene.book.ledger().halted(&source()).await.unwrap().as_deref(), Some("two blocks"));
    assert!(!scene.is_seen(&doubtful).await);
    assert_eq!(scene.waiting().await, [(7, 19)], "it is read once the halt is lifted");
}

#[tokio::test]
async fn what_lies_outside_of_the_order_or_above_the_last_final_block_is_not_taken() {
    let told = [6, 7, 19, 20, 100, 101].map(at);
    for (order, taken) in [((7, 19), &[7, 19][..]), ((7, 5_000), &[7, 19, 20, 100]), ((101, 5_000), &[])] {
        let events = told.iter().map(|(_, event)| event.clone()).collect();
        let scene = Scene::telling(events, 120).await;
        scene.order(0, order.0, order.1).await;
        scene.reads(2).await;
        let heights = [6, 7, 19, 20, 100, 101];
        for (height, (deposit, _)) in heights.iter().zip(&told) {
            assert_eq!(scene.is_seen(deposit).await, taken.contains(height), "{order:?}: {height}");
        }
        assert_eq!(scene.waiting().await, []);
    }
}

#[tokio::test]
async fn a_range_is_read_to_its_end_and_never_from_before_its_beginning() {
    let (deposit, event) = at(8);
    let scene = Scene::telling(vec![event.clone()], 9).await;
    scene.order(0, 7, 19).await;
    scene.reads(1).await;
    assert!(scene.is_seen(&deposit).await);
    assert_eq!(scene.waiting().await, [(10, 19)]);
    // A node that has not come there.
    let scene = Scene::telling(vec![event], 3).await;
    scene.order(0, 7, 19).await;
    scene.reads(1).await;
    assert_eq!(scene.waiting().await, [(7, 19)], "to be tried again");
}
