//! Blocks that are replaced, and nodes that are behind.

use std::sync::Arc;

use alloy_primitives::U256;
use bitcoin::BlockHash;
use bitcoin::hashes::Hash;
use serde_json::json;
use spandrel_testnets::bitcoin::{AnyNode, BitcoinNode, Dropped, NodeOptions, RegtestNode};
use spandrel_verifiers::Evidence;
use spandrel_verifiers::follow::{ChainEvent, Cursor, EvidenceSource, FollowError, Watcher};
use spandrel_watchers::bitcoin::BitcoinEvidence;

use crate::bitcoin_common::{self, *};

#[tokio::test]
async fn a_reorg_says_which_blocks_are_gone_and_the_deposit_comes_again_under_the_same_id() {
    for node in AnyNode::every().await.unwrap() {
        node.mine(105).await.unwrap();
        let book = book([1]);
        let watcher = watcher(&node, &book);
        node.pay(&script(1), 70_000).await.unwrap();
        node.mine(2).await.unwrap();
        let (events, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap();
        let before = deposits(&events).remove(0);

        let (old, new) = node.reorg(2, 3, Dropped::LeftOut).await.unwrap();
        let (events, cursor) = read_all(&watcher, cursor).await.unwrap();
        let ChainEvent::Reorged { common_ancestor, dropped } = &events[0] else { panic!("{events:?}") };
        assert_eq!(common_ancestor.height, 105);
        let hashes: Vec<[u8; 32]> = dropped.iter().map(|block| block.hash.0).collect();
        assert_eq!(hashes, old.iter().map(|hash| hash.to_byte_array()).collect::<Vec<_>>(), "lowest first");
        assert!(deposits(&events).is_empty());
        assert_eq!(cursor.tip().unwrap().hash.0, new[2].to_byte_array());

        node.mine(1).await.unwrap();
        let (events, _) = read_all(&watcher, cursor).await.unwrap();
        let again = deposits(&events).remove(0);
        assert_eq!(again.deposit.id(), before.deposit.id());
        assert_ne!(again.block, before.block);
    }
}

#[tokio::test]
async fn a_deposit_that_is_spent_away_never_comes_again() {
    let node = funded().await;
    let book = book([1]);
    let watcher = watcher(&node, &book);
    let paid = node.pay(&script(1), 70_000).await.unwrap();
    node.mine(1).await.unwrap();
    let (events, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap();
    assert_eq!(deposits(&events).len(), 1);
    node.reorg(1, 1, Dropped::LeftOut).await.unwrap();
    node.double_spend(paid.txid).await.unwrap();
    node.mine(3).await.unwrap();
    let (events, _) = read_all(&watcher, cursor).await.unwrap();
    assert!(matches!(events[0], ChainEvent::Reorged { .. }));
    assert!(deposits(&events).is_empty());
}

#[tokio::test]
async fn a_replaced_final_block_halts_and_the_cursor_stays() {
    let node = funded().await;
    let book = book([]);
    let watcher = watcher(&node, &book);
    let (_, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap();
    let depth = CONFIRMATIONS - 1;
    node.reorg(depth, depth + 1, Dropped::LeftOut).await.unwrap();
    let (events, cursor) = read_all(&watcher, cursor).await.unwrap();
    assert!(matches!(events[0], ChainEvent::Reorged { .. }), "above the final block it is an ordinary reorg");

    node.reorg(CONFIRMATIONS, CONFIRMATIONS + 1, Dropped::LeftOut).await.unwrap();
    let batch = watcher.read(&cursor).await.unwrap();
    let [ChainEvent::Halted { reason, evidence }] = &batch.events[..] else { panic!("{:?}", batch.events) };
    assert!(reason.contains(&cursor.finalized.unwrap().hash.to_string()), "{reason}");
    let shown = evidence.as_ref().expect("both branches").verify().unwrap();
    let finalized = cursor.finalized.unwrap();
    let first = cursor.recent.iter().find(|block| block.height == shown.number).unwrap();
    assert!(shown.first == first.hash && shown.number <= finalized.height, "the branch of the final block");
    assert_eq!(batch.next, cursor);
}

#[tokio::test]
async fn a_reorg_deeper_than_the_cursor_remembers_halts() {
    let node = funded().await;
    let book = book([]);
    let watcher = watcher(&node, &book);
    let (_, mut cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap();
    cursor.recent.drain(..cursor.recent.len() - 2);
    cursor.finalized = None;
    node.reorg(2, 3, Dropped::LeftOut).await.unwrap();
    let batch = watcher.read(&cursor).await.unwrap();
    assert!(matches!(&batch.events[..], [ChainEvent::Halted { .. }]), "{:?}", batch.events);
    assert_eq!(batch.next, cursor);
}

/// Copies the best chain's blocks up to `height` to another node.
async fn copy_blocks(from: &BitcoinNode, to: &BitcoinNode, height: u32) {
    for height in 1..=height {
        let hash = from.block_hash(height).await.unwrap();
        let block = from.rpc().call("getblock", json!([hash, 0])).await.unwrap();
        to.rpc().call("submitblock", json!([block])).await.unwrap();
    }
}

#[tokio::test]
async fn a_node_that_lags_behind_is_no_reorg() {
    let ahead = funded().await;
    let options = NodeOptions { wallet_seed: [9; 32], ..NodeOptions::default() };
    let behind = BitcoinNode::start(options).await.unwrap();
    copy_blocks(&ahead, &behind, ahead.height() - 4).await;
    let book = book([]);
    let (_, cursor) = {
        let watcher = watcher(&ahead, &book);
        read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap()
    };
    let watcher = watcher(&behind, &book);
    let error = watcher.read(&cursor).await.unwrap_err();
    assert!(matches!(error, FollowError::Transient { .. }), "{error}");

    behind.mine(5).await.unwrap();
    let events = watcher.read(&cursor).await.unwrap().events;
    assert!(matches!(&events[0], ChainEvent::Halted { .. }), "another branch below the final block: {events:?}");
    let unfinal = Cursor { finalized: None, ..cursor };
    let events = watcher.read(&unfinal).await.unwrap().events;
    assert!(matches!(&events[0], ChainEvent::Reorged { dropped, .. } if dropped.len() == 4), "{events:?}");
}

#[tokio::test]
async fn evidence_is_refused_once_its_block_left_the_best_chain() {
    for node in AnyNode::every().await.unwrap() {
        node.mine(105).await.unwrap();
        let book = book([1]);
        let watcher = watcher(&node, &book);
        node.pay(&script(1), 70_000).await.unwrap();
        node.mine(2).await.unwrap();
        let (events, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap();
        let (seen, at) = (deposits(&events).remove(0), *cursor.tip().unwrap());
        let source = BitcoinEvidence::new(config(&node), Arc::clone(&book)).unwrap();
        let Evidence::Bitcoin(inclusion) = source.evidence(&seen, &at).await.unwrap() else { panic!() };
        assert_eq!((inclusion.height, inclusion.output), (seen.block.height, seen.position));

        let unavailable = |error| matches!(error, FollowError::ProofUnavailable(_));
        let below = cursor.recent[0];
        assert!(unavailable(source.evidence(&seen, &below).await.unwrap_err()), "not under this block");
        let mut other = seen.clone();
        other.deposit.amount += U256::from(1);
        assert!(unavailable(source.evidence(&other, &at).await.unwrap_err()), "another deposit");
        let ignorant = BitcoinEvidence::new(config(&node), bitcoin_common::book([])).unwrap();
        assert!(unavailable(ignorant.evidence(&seen, &at).await.unwrap_err()), "terms not known");

        node.reorg(1, 2, Dropped::LeftOut).await.unwrap();
        assert!(unavailable(source.evidence(&seen, &at).await.unwrap_err()), "`at` was replaced");
        source.evidence(&seen, &seen.block).await.unwrap();
        node.reorg(3, 4, Dropped::Mined).await.unwrap();
        assert!(unavailable(source.evidence(&seen, &seen.block).await.unwrap_err()), "the deposit's block too");
        let mut unknown = seen.clone();
        unknown.block.hash = BlockHash::all_zeros().to_byte_array().into();
        assert!(unavailable(source.evidence(&unknown, &at).await.unwrap_err()), "never known");
    }
}
