//! Deposits are seen where they are, and reading again finds the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy_primitives::U256;
use bitcoin::hashes::Hash;
use spandrel_testnets::bitcoin::{AnyNode, BitcoinNode, Dropped, NodeOptions, RegtestNode};
use spandrel_verifiers::bitcoin::{ChainParams, source_key};
use spandrel_verifiers::follow::{ChainEvent, Cursor, FollowError, Watcher};
use spandrel_watchers::bitcoin::{BitcoinConfig, BitcoinConsensus, BitcoinWatcher};

use crate::bitcoin_common::{self, *};

#[tokio::test]
async fn deposits_are_seen_where_they_are_and_become_final_at_depth() {
    for node in AnyNode::every().await.unwrap() {
        node.mine(110).await.unwrap();
        let book = book([1, 2]);
        let watcher = watcher(&node, &book);
        let (events, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap();
        assert!(deposits(&events).is_empty());

        let first = node.pay(&script(1), 70_000).await.unwrap();
        let second = node.pay(&script(2), 90_000).await.unwrap();
        node.pay(&script(3), 90_000).await.unwrap();
        let hash = node.mine(1).await.unwrap()[0];
        let (events, cursor) = read_all(&watcher, cursor).await.unwrap();
        let mut seen = deposits(&events);
        seen.sort_by_key(|seen| seen.deposit.amount);
        assert_eq!(seen.len(), 2, "the third one's terms are not known");
        for (seen, (outpoint, number, value)) in seen.iter().zip([(first, 1, 70_000u64), (second, 2, 90_000)]) {
            assert_eq!((seen.block.height, seen.block.hash.0), (111, hash.to_byte_array()));
            assert_eq!((seen.transaction.0, seen.position), (outpoint.txid.to_byte_array(), outpoint.vout));
            let deposit = &seen.deposit;
            assert_eq!(deposit.source_chain, ChainParams::regtest().chain());
            assert_eq!((deposit.source_bridge, deposit.sender), (vault(), terms(number).refund_key));
            assert_eq!(deposit.source_key, source_key(seen.transaction, seen.position));
            assert_eq!(deposit.asset.as_str(), format!("{}/slip44:0", deposit.source_chain));
            assert_eq!((deposit.amount, deposit.recipient), (U256::from(value), terms(number).recipient));
            assert_eq!(deposit.expiry, terms(number).expiry);
        }
        assert!(matches!(events.last(), Some(ChainEvent::Final(block)) if block.height == 109));

        node.mine(CONFIRMATIONS - 1).await.unwrap();
        let (events, _) = read_all(&watcher, cursor).await.unwrap();
        assert_eq!(last_final(&events), Some(seen[0].block), "as deep as configured, itself included");
    }
}

#[tokio::test]
async fn reading_again_from_an_old_cursor_gives_the_same_events() {
    for node in AnyNode::every().await.unwrap() {
        node.mine(105).await.unwrap();
        let book = book(1..=4);
        let watcher = watcher(&node, &book);
        let mut cursor = watcher.genesis().await.unwrap();
        let mut reads = Vec::new();
        for round in 1..=4 {
            node.pay(&script(round), 50_000).await.unwrap();
            node.mine(1).await.unwrap();
            if round == 3 {
                node.reorg(1, 2, Dropped::Mined).await.unwrap();
            }
            loop {
                let batch = watcher.read(&cursor).await.unwrap();
                assert_eq!(watcher.read(&cursor).await.unwrap(), batch, "nothing but the cursor decides");
                if batch.events.is_empty() {
                    break;
                }
                let stored = serde_json::to_string(&cursor).unwrap();
                assert_eq!(serde_json::from_str::<Cursor>(&stored).unwrap(), cursor);
                reads.push((cursor, batch.clone()));
                cursor = batch.next;
            }
        }
        let all = deposits(&reads.iter().flat_map(|(_, batch)| batch.events.clone()).collect::<Vec<_>>());
        let restarted = BitcoinWatcher::new(config(&node), Arc::clone(&book)).unwrap();
        for (old, _) in reads {
            let (events, caught_up) = read_all(&restarted, old.clone()).await.unwrap();
            assert_eq!(caught_up.tip(), cursor.tip());
            assert_eq!(caught_up.finalized, cursor.finalized);
            let again: Vec<_> = deposits(&events).iter().map(|seen| seen.deposit.id()).collect();
            let after = all.iter().filter(|seen| seen.block.height > old.tip().unwrap().height);
            assert!(after.map(|seen| seen.deposit.id()).all(|id| again.contains(&id)));
        }
    }
}

#[tokio::test]
async fn one_read_is_bounded_and_the_cursor_remembers_a_bounded_number_of_blocks() {
    let node = BitcoinNode::start(NodeOptions::default()).await.unwrap();
    node.mine(300).await.unwrap();
    let book = book([]);
    let watcher = watcher(&node, &book);
    let batch = watcher.read(&watcher.genesis().await.unwrap()).await.unwrap();
    assert_eq!(batch.next.tip().unwrap().height, 64);
    let (_, cursor) = read_all(&watcher, batch.next).await.unwrap();
    assert_eq!(cursor.tip().unwrap().height, 300);
    assert_eq!(cursor.recent.len(), 144 + CONFIRMATIONS as usize);
    assert!(cursor.recent.windows(2).all(|pair| pair[0].height + 1 == pair[1].height));
}

#[tokio::test]
async fn reading_begins_above_the_anchor() {
    let node = funded().await;
    let book = book([1, 2]);
    node.pay(&script(1), 50_000).await.unwrap();
    node.mine(1).await.unwrap();
    let headers = BitcoinConsensus::new(ChainParams::regtest(), endpoint(&node), Duration::from_secs(10)).unwrap();
    let anchor = headers.anchor(u64::from(node.height())).await.unwrap();
    node.pay(&script(2), 50_000).await.unwrap();
    node.mine(1).await.unwrap();
    let anchored = |node: &BitcoinNode| BitcoinConfig { anchor: anchor.clone(), ..config(node) };
    let watcher = BitcoinWatcher::new(anchored(&node), Arc::clone(&book)).unwrap();
    let (events, _) = read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap();
    let seen = deposits(&events);
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].deposit.recipient, terms(2).recipient);

    let from_below = bitcoin_common::watcher(&node, &book).genesis().await.unwrap();
    let error = watcher.read(&from_below).await.unwrap_err();
    assert!(matches!(error, FollowError::Permanent { .. }), "the anchor is above what was read: {error}");
    let behind = BitcoinNode::start(NodeOptions::default()).await.unwrap();
    let error = BitcoinWatcher::new(anchored(&behind), book).unwrap().genesis().await.unwrap_err();
    assert!(matches!(error, FollowError::Transient { .. }), "{error}");
}

#[tokio::test]
async fn a_deposit_whose_terms_came_late_is_found_by_reading_again() {
    let node = funded().await;
    let book = book([]);
    let watcher = BitcoinWatcher::new(BitcoinConfig { max_blocks: 3, ..config(&node) }, Arc::clone(&book)).unwrap();
    node.pay(&script(1), 50_000).await.unwrap();
    node.mine(1).await.unwrap();
    let deposit_height = u64::from(node.height());
    node.mine(4).await.unwrap();
    let (events, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap();
    assert!(deposits(&events).is_empty());

    book.add(terms(1)).unwrap();
    let first = watcher.backfill(cursor.tip().unwrap(), deposit_height).await.unwrap();
    assert!(first.deposits.is_empty());
    let rest = watcher.backfill(&first.rest.unwrap(), deposit_height).await.unwrap();
    assert_eq!(rest.deposits.len(), 1);
    assert_eq!(rest.deposits[0].block.height, deposit_height);
    assert!(rest.rest.is_none());
    let seen = &rest.deposits[0];
    assert!(cursor.recent.contains(&seen.block), "the very block that was read before");
}

#[tokio::test]
async fn blocks_are_read_again_from_any_height_above_the_anchor() {
    let node = funded().await;
    let book = book([]);
    let watcher = watcher(&node, &book);
    node.pay(&script(1), 50_000).await.unwrap();
    node.mine(5).await.unwrap();
    let (_, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap();
    book.add(terms(1)).unwrap();
    assert!(deposits(&watcher.read(&cursor).await.unwrap().events).is_empty(), "the cursor has passed it");
    let again = watcher.read_after(cursor.tip().unwrap().height - 5).await.unwrap();
    assert_eq!(deposits(&again.events).len(), 1);
    assert_eq!(again.next.tip(), cursor.tip());
    let error = watcher.read_after(1_000_000).await.unwrap_err();
    assert!(error.to_string().starts_with("height: expected 0 (the anchor) to "), "{error}");
}

#[tokio::test]
async fn without_hints_the_watcher_looks_after_its_idle_time() {
    let node = funded().await;
    let idle = Duration::from_millis(50);
    let watcher = BitcoinWatcher::new(BitcoinConfig { idle, ..config(&node) }, book([])).unwrap();
    let started = Instant::now();
    watcher.wait().await;
    assert!(started.elapsed() >= idle);
    assert!(watcher.hint_stats().is_none());
}
