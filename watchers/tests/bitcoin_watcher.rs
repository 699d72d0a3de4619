//! The Bitcoin watcher, its evidence and its headers against regtest nodes: the embedded one, and a real `bitcoind`
//! where there is one.

mod bitcoin_common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy_primitives::U256;
use bitcoin::BlockHash;
use bitcoin::hashes::Hash;
use bitcoin_common::*;
use serde_json::json;
use spandrel_testnets::bitcoin::{AnyNode, BitcoinNode, Dropped, NodeOptions, RegtestNode};
use spandrel_verifiers::Evidence;
use spandrel_verifiers::bitcoin::{Anchor, ChainParams, source_key};
use spandrel_verifiers::follow::{ChainEvent, Cursor, EvidenceSource, FollowError, Watcher};
use spandrel_watchers::bitcoin::{
    BitcoinConfig, BitcoinConsensus, BitcoinEvidence, BitcoinWatcher, RpcAuth, RpcEndpoint,
};

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
    let [ChainEvent::Halted { reason }] = &batch.events[..] else { panic!("{:?}", batch.events) };
    assert!(reason.contains(&cursor.finalized.unwrap().hash.to_string()), "{reason}");
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
async fn a_node_of_another_network_is_refused_for_good() {
    let node = funded().await;
    let params = ChainParams::mainnet();
    let config = BitcoinConfig { anchor: Anchor::genesis(&params).unwrap(), params, ..config(&node) };
    let watcher = BitcoinWatcher::new(config, book([])).unwrap();
    let error = watcher.genesis().await.unwrap_err();
    let FollowError::Permanent { expected, found, .. } = error else { panic!("{error}") };
    assert!(expected.starts_with("000000000019d668") && found.starts_with("0f9188f13cb7b2c7"));
    let regtest = bitcoin_common::watcher(&node, &book([]));
    let cursor = regtest.genesis().await.unwrap();
    assert!(matches!(watcher.read(&cursor).await, Err(FollowError::Permanent { .. })));
}

#[tokio::test]
async fn a_refused_login_is_permanent_and_an_unreachable_node_is_not() {
    let node = funded().await;
    let auth = RpcAuth::Password { user: "spandrel".to_owned(), password: "gu355".to_owned() };
    let config_with = |rpc| BitcoinConfig { rpc, ..config(&node) };
    let rpc = RpcEndpoint::parse(&node.rpc().url, auth.clone()).unwrap();
    let error = BitcoinWatcher::new(config_with(rpc), book([])).unwrap().genesis().await.unwrap_err();
    assert!(matches!(error, FollowError::Permanent { .. }), "{error}");
    assert!(!error.to_string().contains("gu355"));

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let rpc = RpcEndpoint::parse(&format!("http://{closed}"), auth).unwrap();
    let error = BitcoinWatcher::new(config_with(rpc), book([])).unwrap().genesis().await.unwrap_err();
    assert!(matches!(error, FollowError::Transient { .. }), "{error}");
}

#[tokio::test]
async fn a_cookie_file_is_read_anew_for_every_call() {
    let node = funded().await;
    let cookie = std::env::temp_dir().join(format!("spandrel-cookie-{}", std::process::id()));
    std::fs::write(&cookie, "__cookie__:old").unwrap();
    let rpc = RpcEndpoint::parse(&node.rpc().url, RpcAuth::Cookie(cookie.clone())).unwrap();
    let watcher = BitcoinWatcher::new(BitcoinConfig { rpc, ..config(&node) }, book([])).unwrap();
    let error = watcher.genesis().await.unwrap_err();
    assert!(matches!(error, FollowError::Transient { .. }), "the node may write another: {error}");
    std::fs::write(&cookie, format!("{}:{}\n", node.rpc().user, node.rpc().password)).unwrap();
    watcher.genesis().await.unwrap();
    std::fs::remove_file(&cookie).unwrap();
}

#[tokio::test]
async fn bad_configurations_are_refused() {
    let node = funded().await;
    let good = config(&node);
    for (bad, field) in [
        (BitcoinConfig { vault: alloy_primitives::B256::ZERO, ..good.clone() }, "vault"),
        (BitcoinConfig { confirmations: 0, ..good.clone() }, "confirmations"),
        (BitcoinConfig { max_blocks: 0, ..good.clone() }, "max_blocks"),
        (BitcoinConfig { idle: Duration::ZERO, ..good.clone() }, "idle"),
        (BitcoinConfig { zmq: Some("127.0.0.1:28332".to_owned()), ..good.clone() }, "zmq"),
    ] {
        let error = BitcoinWatcher::new(bad, book([])).err().expect("refused").to_string();
        assert!(error.contains(field), "{error}");
    }
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
