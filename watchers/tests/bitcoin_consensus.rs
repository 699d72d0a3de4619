//! Headers and evidence from a node, judged by the verifiers: what the watcher hands out verifies, and the header
//! chain follows the node through forks.

mod bitcoin_common;

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{B256, U256};
use bitcoin_common::*;
use spandrel_testnets::bitcoin::{AnyNode, BitcoinNode, Dropped, NodeOptions, RegtestNode};
use spandrel_verifiers::bitcoin::{
    Anchor, BitcoinVerifier, ChainParams, ConfirmationPolicy, HeaderChain, HeaderUpdate,
};
use spandrel_verifiers::follow::{ConsensusSource, EvidenceSource, FollowError, Watcher};
use spandrel_verifiers::{Evidence, Verifier};
use spandrel_watchers::bitcoin::{BitcoinConsensus, BitcoinEvidence};

const NOW: u64 = 4_000_000_000;

fn verifier() -> BitcoinVerifier {
    BitcoinVerifier::new(ChainParams::regtest(), vault(), ConfirmationPolicy::flat(CONFIRMATIONS)).unwrap()
}

fn from_genesis() -> HeaderChain {
    let params = ChainParams::regtest();
    let anchor = Anchor::genesis(&params).unwrap();
    HeaderChain::new(params, anchor).unwrap()
}

fn consensus(node: &impl RegtestNode) -> BitcoinConsensus {
    BitcoinConsensus::new(ChainParams::regtest(), endpoint(node), Duration::from_secs(10)).unwrap()
}

/// Takes the node's headers until there are no more; the number of updates it took.
async fn catch_up(source: &BitcoinConsensus, trusted: &mut HeaderChain) -> usize {
    let mut taken = 0;
    loop {
        let updates: Vec<HeaderUpdate> = source.updates(trusted).await.unwrap();
        if updates.is_empty() {
            return taken;
        }
        for update in updates {
            verifier().advance(trusted, &update, NOW).unwrap();
            taken += 1;
        }
    }
}

async fn tip_of(node: &impl RegtestNode) -> (u64, B256) {
    let height = node.tip_height().await.unwrap();
    let hash = node.block_hash(height).await.unwrap();
    (u64::from(height), B256::new(*bitcoin::hashes::Hash::as_byte_array(&hash)))
}

#[tokio::test]
async fn the_header_chain_follows_the_node_through_reorgs() {
    for node in AnyNode::every().await.unwrap() {
        node.mine(30).await.unwrap();
        let source = consensus(&node);
        let mut trusted = from_genesis();
        catch_up(&source, &mut trusted).await;
        assert_eq!((trusted.best().height, trusted.best().hash), tip_of(&node).await);

        for (depth, blocks) in [(1, 2), (7, 8), (20, 25)] {
            node.reorg(depth, blocks, Dropped::LeftOut).await.unwrap();
            catch_up(&source, &mut trusted).await;
            assert_eq!((trusted.best().height, trusted.best().hash), tip_of(&node).await);
        }
        assert_eq!(trusted.forked(), 1 + 7 + 20, "the replaced branches are still known");
        assert!(source.updates(&trusted).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_branch_of_less_work_is_offered_and_not_believed() {
    let node = BitcoinNode::start(NodeOptions::default()).await.unwrap();
    node.mine(10).await.unwrap();
    let mut trusted = from_genesis();
    let source = consensus(&node);
    catch_up(&source, &mut trusted).await;
    let best = trusted.best();
    node.reorg(5, 3, Dropped::LeftOut).await.unwrap();
    catch_up(&source, &mut trusted).await;
    assert_eq!(trusted.best(), best, "the node was told to prefer less work; the verifier was not");
    assert_eq!(trusted.forked(), 3);
}

#[tokio::test]
async fn many_headers_come_in_bounded_updates() {
    let node = BitcoinNode::start(NodeOptions::default()).await.unwrap();
    node.mine(1203).await.unwrap();
    let mut trusted = from_genesis();
    assert_eq!(catch_up(&consensus(&node), &mut trusted).await, 3);
    assert_eq!(trusted.best().height, 1203);
}

#[tokio::test]
async fn an_anchor_taken_from_the_node_carries_the_chain_on() {
    for node in AnyNode::every().await.unwrap() {
        node.mine(40).await.unwrap();
        let source = consensus(&node);
        for height in [0, 1, 9, 25] {
            let anchor = source.anchor(height).await.unwrap();
            let work = U256::from(2) * U256::from(height + 1);
            assert_eq!((anchor.height, anchor.chain_work), (height, work));
            let mut trusted = HeaderChain::new(ChainParams::regtest(), anchor).unwrap();
            catch_up(&source, &mut trusted).await;
            assert_eq!((trusted.best().height, trusted.best().hash), tip_of(&node).await);
        }
        assert!(matches!(source.anchor(1000).await, Err(FollowError::Transient { .. })));
    }
}

#[tokio::test]
async fn a_node_whose_chain_does_not_hold_the_anchor_is_refused() {
    let node = funded().await;
    let source = consensus(&node);
    let anchor = source.anchor(50).await.unwrap();
    let trusted = HeaderChain::new(ChainParams::regtest(), anchor).unwrap();
    node.reorg(60, 61, Dropped::LeftOut).await.unwrap();
    let error = source.updates(&trusted).await.unwrap_err();
    assert!(matches!(error, FollowError::Permanent { .. }), "{error}");

    let short = BitcoinNode::start(NodeOptions::default()).await.unwrap();
    short.mine(5).await.unwrap();
    let error = consensus(&short).updates(&trusted).await.unwrap_err();
    assert!(matches!(error, FollowError::Transient { .. }), "still behind the anchor: {error}");
}

#[tokio::test]
async fn another_network_is_refused() {
    let node = funded().await;
    let source = BitcoinConsensus::new(ChainParams::signet(), endpoint(&node), Duration::from_secs(10)).unwrap();
    let anchor = Anchor::genesis(&ChainParams::signet()).unwrap();
    let trusted = HeaderChain::new(ChainParams::signet(), anchor).unwrap();
    assert!(matches!(source.updates(&trusted).await, Err(FollowError::Permanent { .. })));
}

#[tokio::test]
async fn evidence_of_every_deposit_of_a_block_verifies_and_is_that_very_deposit() {
    for node in AnyNode::every().await.unwrap() {
        node.mine(110).await.unwrap();
        let book = book(1..=5);
        let watcher = watcher(&node, &book);
        for number in 1..=5 {
            node.pay(&script(number), 50_000 + u64::from(number)).await.unwrap();
        }
        node.mine(CONFIRMATIONS - 1).await.unwrap();
        let (events, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap();
        let seen = deposits(&events);
        assert_eq!(seen.len(), 5);

        let (source, headers, verifier) =
            (BitcoinEvidence::new(config(&node), Arc::clone(&book)).unwrap(), consensus(&node), verifier());
        let mut trusted = from_genesis();
        catch_up(&headers, &mut trusted).await;
        let mut evidence = Vec::new();
        for seen in &seen {
            let Evidence::Bitcoin(inclusion) = source.evidence(seen, cursor.tip().unwrap()).await.unwrap() else {
                panic!("not Bitcoin")
            };
            evidence.push(*inclusion);
        }
        assert!(verifier.verify(&trusted, &evidence[0], NOW).is_err(), "one block short of the policy");
        let sighted = verifier.verify_at_depth(&trusted, &evidence[0], NOW, 1).unwrap();
        assert_eq!(sighted.fact().id(), seen[0].deposit.id());

        node.mine(1).await.unwrap();
        catch_up(&headers, &mut trusted).await;
        for (verdict, seen) in verifier.verify_batch(&trusted, &evidence, NOW).into_iter().zip(&seen) {
            let verified = verdict.unwrap();
            assert_eq!(verified.fact(), &seen.deposit);
            assert_eq!(verified.under().root, seen.block.hash);
        }

        node.reorg(CONFIRMATIONS, CONFIRMATIONS + 1, Dropped::LeftOut).await.unwrap();
        catch_up(&headers, &mut trusted).await;
        assert!(verifier.verify(&trusted, &evidence[0], NOW).is_err(), "its block was reorganised away");
        assert!(watcher.chain() == verifier.chain());
    }
}
