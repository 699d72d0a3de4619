//! Several Bitcoin nodes behind one watcher: some away, some behind, some on a branch of their own.

mod bitcoin_common;

use std::sync::Arc;
use std::time::Duration;

use bitcoin_common::*;
use serde_json::json;
use spandrel_testnets::FaultProxy;
use spandrel_testnets::bitcoin::{BitcoinNode, Dropped, NodeOptions, RegtestNode};
use spandrel_verifiers::bitcoin::ChainParams;
use spandrel_verifiers::follow::{ChainEvent, Cursor, EvidenceSource, FollowError, ReadBatch, Watcher};
use spandrel_watchers::bitcoin::{BitcoinConfig, BitcoinEvidence, BitcoinWatcher, Intents, RpcAuth, RpcEndpoint};
use spandrel_watchers::pool::{Health, Named, PooledEvidence, PooledWatcher, Standing};

type Pool = PooledWatcher<BitcoinWatcher<Intents>>;

/// A node of one branch, and the proxy through which the watcher reaches it.
struct Endpoint {
    node: Arc<BitcoinNode>,
    proxy: FaultProxy,
}

impl Endpoint {
    async fn of(node: &Arc<BitcoinNode>) -> Self {
        Self { node: node.clone(), proxy: FaultProxy::start(&node.rpc().url).await.unwrap() }
    }

    fn config(&self) -> BitcoinConfig {
        let login =
            RpcAuth::Password { user: self.node.rpc().user.clone(), password: self.node.rpc().password.clone() };
        let rpc = RpcEndpoint::parse(self.proxy.url(), login).unwrap();
        let limits = config(self.node.as_ref());
        BitcoinConfig { rpc, call_timeout: Duration::from_millis(500), ..limits }
    }
}

fn pool(endpoints: &[&Endpoint], quorum: usize, book: &Arc<Intents>) -> Pool {
    let named = |(name, endpoint): (usize, &&Endpoint)| Named {
        name: name.to_string(),
        client: BitcoinWatcher::new(endpoint.config(), Arc::clone(book)).unwrap(),
    };
    let watchers = endpoints.iter().enumerate().map(named).collect();
    PooledWatcher::new(ChainParams::regtest().chain(), watchers, quorum).unwrap()
}

fn standings(pool: &Pool) -> Vec<Standing> {
    pool.endpoints().standings()
}

/// A funded node, and another of its own coins that has all of its blocks.
async fn two_nodes() -> (Arc<BitcoinNode>, Arc<BitcoinNode>) {
    let options = NodeOptions { wallet_seed: [9; 32], ..NodeOptions::default() };
    let (one, two) = (funded().await, BitcoinNode::start(options).await.unwrap());
    two.sync_from(&one).await.unwrap();
    (Arc::new(one), Arc::new(two))
}

/// Where a pool of honest nodes has read everything so far.
async fn caught_up(pool: &Pool) -> Cursor {
    let mut cursor = pool.genesis().await.unwrap();
    loop {
        let batch = pool.read(&cursor).await.unwrap();
        if batch.events.is_empty() {
            return cursor;
        }
        cursor = batch.next;
    }
}

fn held(outcome: Result<ReadBatch, FollowError>) -> String {
    match outcome {
        Err(FollowError::Transient { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn reads_fall_back_and_an_endpoint_that_keeps_failing_is_left_alone_for_a_while() {
    let (one, _) = two_nodes().await;
    let (first, second) = (Endpoint::of(&one).await, Endpoint::of(&one).await);
    let book = book([1]);
    let pool = pool(&[&first, &second], 1, &book);
    let mut cursor = caught_up(&pool).await;
    assert_eq!(standings(&pool)[1].counts.failed, 0);

    first.proxy.go_down();
    for _ in 0..4 {
        one.pay(&script(1), 50_000).await.unwrap();
        one.mine(1).await.unwrap();
        let batch = pool.read(&cursor).await.unwrap();
        assert_eq!(deposits(&batch.events).len(), 1);
        cursor = batch.next;
    }
    let alone = standings(&pool)[0].clone();
    assert!(alone.is_open && alone.counts.failed == 3, "the fourth read did not ask it: {alone:?}");

    first.proxy.be_honest();
    second.proxy.fall_silent();
    tokio::time::sleep(Duration::from_millis(2100)).await;
    one.mine(1).await.unwrap();
    assert!(!pool.read(&cursor).await.unwrap().events.is_empty(), "it is tried again");
    assert!(!standings(&pool)[0].is_open);
}

#[tokio::test]
async fn when_every_endpoint_fails_that_may_pass_and_when_every_one_is_wrong_it_may_not() {
    let (one, _) = two_nodes().await;
    let (first, second) = (Endpoint::of(&one).await, Endpoint::of(&one).await);
    let pool = pool(&[&first, &second], 2, &book([]));
    let other_network = |method: &str, params: &serde_json::Value, result: &mut serde_json::Value| {
        if method == "getblockhash" && params[0] == 0 {
            *result = json!("11".repeat(32));
        }
    };
    first.proxy.lie(other_network);
    second.proxy.go_down();
    assert!(matches!(pool.genesis().await, Err(FollowError::Transient { .. })), "one is only away");
    second.proxy.lie(other_network);
    assert!(matches!(pool.genesis().await, Err(FollowError::Permanent { .. })));
}

#[tokio::test]
async fn what_fewer_than_a_quorum_have_seen_is_held_and_counted_as_missing() {
    let (one, _) = two_nodes().await;
    let [a, b, c] = [Endpoint::of(&one).await, Endpoint::of(&one).await, Endpoint::of(&one).await];
    let book = book([1]);
    let pool = pool(&[&a, &b, &c], 2, &book);
    let cursor = caught_up(&pool).await;
    one.pay(&script(1), 50_000).await.unwrap();
    one.mine(1).await.unwrap();
    b.proxy.go_down();
    c.proxy.fall_silent();
    let reason = held(pool.read(&cursor).await);
    assert!(reason.contains("1 agree, 0 disagree, 2 missing, 0 abstain"), "{reason}");

    c.proxy.be_honest();
    assert_eq!(deposits(&pool.read(&cursor).await.unwrap().events).len(), 1, "two of three are enough");
    let counts: Vec<_> = standings(&pool).into_iter().map(|node| (node.counts.agree, node.counts.missing)).collect();
    assert_eq!((counts[1].1, counts[2].1), (2, 1));
    assert!(counts[2].0 > 0);
}

#[tokio::test]
async fn a_block_that_one_endpoint_alone_has_is_nothing_to_read_on_from() {
    let (one, two) = two_nodes().await;
    let (alone, a, b) = (Endpoint::of(&one).await, Endpoint::of(&two).await, Endpoint::of(&two).await);
    let shared = u64::from(one.height().min(two.height()));
    one.mine(2).await.unwrap();
    let pool = pool(&[&alone, &a, &b], 2, &book([1]));
    let reason = match pool.cursor_at(shared + 2).await {
        Err(FollowError::Transient { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    assert!(reason.contains("2 must agree: 1 agree"), "{reason}");
    assert_eq!(pool.cursor_at(shared).await.unwrap().tip().unwrap().height, shared);
}

#[tokio::test]
async fn a_deposit_that_one_endpoint_alone_has_seen_is_never_reported_whichever_reads() {
    let (one, two) = two_nodes().await;
    let (liar, a, b) = (Endpoint::of(&one).await, Endpoint::of(&two).await, Endpoint::of(&two).await);
    let book = book([1]);
    for order in [[&liar, &a, &b], [&a, &liar, &b]] {
        let pool = pool(&order, 2, &book);
        let cursor = caught_up(&pool).await;
        // A branch of its own, with more work than what the others have.
        one.pay(&script(1), 50_000).await.unwrap();
        one.mine(2).await.unwrap();
        two.mine(1).await.unwrap();
        let reason = held(pool.read(&cursor).await);
        assert!(!reason.contains(" 0 disagree") && reason.contains("0 missing"), "{reason}");
        let dissent: u64 = standings(&pool).iter().map(|node| node.counts.disagree).sum();
        assert!(dissent > 0 && standings(&pool).iter().all(|node| !node.is_open), "dissent is no failure");
        assert!(standings(&pool).iter().any(|node| node.dissents_for.is_some()));

        two.sync_from(one.as_ref()).await.unwrap();
        let batch = pool.read(&cursor).await.unwrap();
        assert_eq!(deposits(&batch.events).len(), 1, "once all agree it is reported");
        assert!(standings(&pool).iter().all(|node| node.dissents_for.is_none()), "and the dissent is over");
    }
}

#[tokio::test]
async fn a_lagging_endpoint_abstains_and_shortens_what_is_reported() {
    let (one, behind) = two_nodes().await;
    let (a, b, lagging) = (Endpoint::of(&one).await, Endpoint::of(&one).await, Endpoint::of(&behind).await);
    let book = book([1, 2]);
    let of_two = pool(&[&a, &lagging], 2, &book);
    let of_three = pool(&[&a, &lagging, &b], 2, &book);
    let cursor = caught_up(&of_two).await;
    let start = cursor.tip().unwrap().height;
    one.pay(&script(1), 50_000).await.unwrap();
    one.mine(1).await.unwrap();
    behind.sync_from(one.as_ref()).await.unwrap();
    one.pay(&script(2), 50_000).await.unwrap();
    one.mine(4).await.unwrap();

    let batch = of_two.read(&cursor).await.unwrap();
    assert_eq!(deposits(&batch.events).len(), 1, "the second deposit is above what both have seen");
    assert_eq!(batch.next.tip().unwrap().height, start + 1);
    let last = last_final(&batch.events).unwrap();
    assert_eq!(last.height, start + 2 - u64::from(CONFIRMATIONS), "as deep below the new head as configured");
    let again = of_two.read(&batch.next).await.unwrap();
    assert_eq!((again.events.len(), &again.next), (0, &batch.next), "no more until it catches up; no error");
    assert!(standings(&of_two)[1].counts.abstain > 0);

    let whole = of_three.read(&cursor).await.unwrap();
    assert_eq!(whole.next.tip().unwrap().height, start + 5, "two of three have seen it all");
    assert_eq!(deposits(&whole.events).len(), 2);

    behind.sync_from(one.as_ref()).await.unwrap();
    let rest = of_two.read(&batch.next).await.unwrap();
    assert_eq!(deposits(&rest.events).len(), 1);
    assert_eq!(last_final(&rest.events), last_final(&whole.events));
}

#[tokio::test]
async fn an_endpoint_that_lags_never_keeps_the_others_from_being_read() {
    let (one, behind) = two_nodes().await;
    let (lagging, a, b) = (Endpoint::of(&behind).await, Endpoint::of(&one).await, Endpoint::of(&one).await);
    let pool = pool(&[&lagging, &a, &b], 2, &book([]));
    let cursor = caught_up(&pool).await;
    one.mine(2).await.unwrap();
    let batch = pool.read(&cursor).await.unwrap();
    assert_eq!(batch.next.tip().unwrap().height, u64::from(one.height()));
    let next = pool.read(&batch.next).await.unwrap();
    assert!(next.events.is_empty(), "the first has not even come to the cursor");
}

#[tokio::test]
async fn one_endpoint_can_neither_reorganise_nor_halt_what_the_others_still_have() {
    let (one, two) = two_nodes().await;
    let (alone, a, b) = (Endpoint::of(&one).await, Endpoint::of(&two).await, Endpoint::of(&two).await);
    let book = book([]);
    let of_three = pool(&[&alone, &a, &b], 2, &book);
    let of_one = pool(&[&alone], 1, &book);
    let cursor = caught_up(&of_three).await;
    one.reorg(1, 2, Dropped::LeftOut).await.unwrap();
    let batch = of_one.read(&cursor).await.unwrap();
    assert!(matches!(&batch.events[0], ChainEvent::Reorged { .. }), "alone it is believed");
    assert!(held(of_three.read(&cursor).await).contains("is not gone"));
    let depth = CONFIRMATIONS + 2;
    one.reorg(depth, depth + 1, Dropped::LeftOut).await.unwrap();
    assert!(matches!(&of_one.read(&cursor).await.unwrap().events[..], [ChainEvent::Halted { .. }]));
    assert!(held(of_three.read(&cursor).await).contains("is not gone"));
    let of_any = pool(&[&alone, &a], 1, &book);
    assert!(held(of_any.read(&cursor).await).contains("is not gone"), "one node alone halts no chain that another has");

    two.sync_from(one.as_ref()).await.unwrap();
    assert!(matches!(&of_three.read(&cursor).await.unwrap().events[..], [ChainEvent::Halted { .. }]), "all agree");
}

#[tokio::test]
async fn a_reorg_that_a_quorum_has_seen_is_reported() {
    let (one, two) = two_nodes().await;
    let (a, b) = (Endpoint::of(&one).await, Endpoint::of(&two).await);
    let pool = pool(&[&a, &b], 2, &book([]));
    let cursor = caught_up(&pool).await;
    one.reorg(1, 3, Dropped::LeftOut).await.unwrap();
    two.sync_from(one.as_ref()).await.unwrap();
    let batch = pool.read(&cursor).await.unwrap();
    assert!(matches!(&batch.events[0], ChainEvent::Reorged { dropped, .. } if dropped.len() == 1));
    assert_eq!(batch.next.tip().unwrap().height, u64::from(one.height()));
}

#[tokio::test]
async fn evidence_comes_from_whichever_endpoint_has_the_block() {
    let (one, behind) = two_nodes().await;
    let (lagging, ahead) = (Endpoint::of(&behind).await, Endpoint::of(&one).await);
    let book = book([1]);
    let watcher = pool(&[&ahead], 1, &book);
    let cursor = caught_up(&watcher).await;
    one.pay(&script(1), 50_000).await.unwrap();
    one.mine(1).await.unwrap();
    let seen = deposits(&watcher.read(&cursor).await.unwrap().events).remove(0);
    let source = |endpoint: &Endpoint, name: &str| Named {
        name: name.to_owned(),
        client: BitcoinEvidence::new(endpoint.config(), Arc::clone(&book)).unwrap(),
    };
    let pooled = PooledEvidence::new(vec![source(&lagging, "behind"), source(&ahead, "ahead")]).unwrap();
    pooled.evidence(&seen, &seen.block).await.unwrap();
    ahead.proxy.go_down();
    assert!(pooled.evidence(&seen, &seen.block).await.is_err());
}

#[tokio::test]
async fn a_quorum_that_cannot_be_reached_is_refused() {
    let (one, _) = two_nodes().await;
    let endpoint = Endpoint::of(&one).await;
    for quorum in [0, 2] {
        let client = BitcoinWatcher::new(endpoint.config(), book([])).unwrap();
        let named = vec![Named { name: "only".to_owned(), client }];
        let refused = PooledWatcher::new(ChainParams::regtest().chain(), named, quorum);
        assert!(matches!(refused, Err(FollowError::Permanent { .. })), "{quorum}");
    }
}
