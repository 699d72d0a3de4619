//! What the tests of the Bitcoin watcher share: a vault, terms, a watcher on a node, and reading to the end.
#![allow(dead_code, reason = "not every test file needs all of it")]

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::B256;
use bitcoin::ScriptBuf;
use bitcoin::secp256k1::{Keypair, Secp256k1, SecretKey};
use spandrel_testnets::bitcoin::{BitcoinNode, NodeOptions, RegtestNode};
use spandrel_verifiers::bitcoin::{Anchor, ChainParams, DepositTerms};
use spandrel_verifiers::follow::{BlockRef, ChainEvent, Cursor, FollowError, SeenDeposit, Watcher};
use spandrel_verifiers::{ChainId, LanePreference};
use spandrel_watchers::bitcoin::{BitcoinConfig, BitcoinWatcher, IntentBook, Intents, RpcAuth, RpcEndpoint};

pub const CONFIRMATIONS: u32 = 3;

pub fn key(byte: u8) -> B256 {
    let secret = SecretKey::from_slice(&[byte; 32]).unwrap();
    B256::new(Keypair::from_secret_key(&Secp256k1::new(), &secret).x_only_public_key().0.serialize())
}

pub fn vault() -> B256 {
    key(1)
}

/// Terms that differ by `number`.
pub fn terms(number: u8) -> DepositTerms {
    let address = |byte| B256::left_padding_from(&[byte; 20]);
    DepositTerms {
        destination_chain: ChainId::eip155(31338),
        destination_bridge: address(0xb1),
        recipient: address(number),
        lane: LanePreference::Any,
        expiry: 4_000_000_000,
        refund_key: key(2),
        refund_delay: 1008,
    }
}

pub fn book(numbers: impl IntoIterator<Item = u8>) -> Arc<Intents> {
    let intents = Intents::new(vault());
    for number in numbers {
        intents.add(terms(number)).unwrap();
    }
    Arc::new(intents)
}

pub fn script(number: u8) -> ScriptBuf {
    let script = spandrel_verifiers::bitcoin::deposit_script(vault(), &terms(number)).unwrap();
    ScriptBuf::from_bytes(script.to_vec())
}

pub fn endpoint(node: &impl RegtestNode) -> RpcEndpoint {
    let rpc = node.rpc();
    let auth = RpcAuth::Password { user: rpc.user.clone(), password: rpc.password.clone() };
    RpcEndpoint::parse(&rpc.url, auth).unwrap()
}

pub fn from_genesis() -> Anchor {
    Anchor::genesis(&ChainParams::regtest()).unwrap()
}

/// A configuration without ZMQ.
pub fn config(node: &impl RegtestNode) -> BitcoinConfig {
    BitcoinConfig::new(ChainParams::regtest(), endpoint(node), vault(), from_genesis(), CONFIRMATIONS)
}

pub fn watcher(node: &impl RegtestNode, book: &Arc<Intents>) -> BitcoinWatcher<Intents> {
    BitcoinWatcher::new(config(node), Arc::clone(book)).unwrap()
}

/// An embedded node with coins to spend.
pub async fn funded() -> BitcoinNode {
    BitcoinNode::start(NodeOptions { spendable_coinbases: 6, ..NodeOptions::default() }).await.unwrap()
}

/// Reads until there is nothing new.
pub async fn read_all<B: IntentBook>(
    watcher: &BitcoinWatcher<B>,
    mut cursor: Cursor,
) -> Result<(Vec<ChainEvent>, Cursor), FollowError> {
    let mut events = Vec::new();
    loop {
        let batch = watcher.read(&cursor).await?;
        let is_over = batch.events.is_empty() || matches!(batch.events[..], [ChainEvent::Halted { .. }]);
        cursor = batch.next;
        events.extend(batch.events);
        if is_over {
            return Ok((events, cursor));
        }
    }
}

pub fn deposits(events: &[ChainEvent]) -> Vec<SeenDeposit> {
    let deposit = |event: &ChainEvent| match event {
        ChainEvent::Deposit(seen) => Some(seen.clone()),
        _ => None,
    };
    events.iter().filter_map(deposit).collect()
}

pub fn last_final(events: &[ChainEvent]) -> Option<BlockRef> {
    let last = |event: &ChainEvent| match event {
        ChainEvent::Final(block) => Some(*block),
        _ => None,
    };
    events.iter().rev().find_map(last)
}

/// Waits for a hint; fails if only the idle time woke the watcher.
pub async fn woken<B: IntentBook>(watcher: &BitcoinWatcher<B>) {
    tokio::time::timeout(Duration::from_secs(10), watcher.wait()).await.expect("a hint");
}
