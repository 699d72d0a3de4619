//! Bitcoin's registration: watcher, evidence, verifier and the fast lane's sighting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use futures::future::BoxFuture;
use futures::lock::Mutex;
use spandrel_engine::{ChainJudge, Judge, Sighting};
use spandrel_store::Sqlite;
use spandrel_verifiers::bitcoin::{BitcoinVerifier, ChainParams, DepositTerms, HeaderChain, Inclusion};
use spandrel_verifiers::follow::{
    ChainEvent, ConsensusSource, Cursor, EvidenceSource, FollowError, ReadBatch, SeenDeposit, Watcher,
};
use spandrel_verifiers::{ChainId, Evidence, UnixSeconds, Verifier};
use spandrel_watchers::bitcoin::{
    BitcoinConfig, BitcoinConsensus, BitcoinEvidence, BitcoinWatcher, Intents, RpcAuth, RpcEndpoint,
};
use spandrel_watchers::pool::{Endpoints, Named, PooledEvidence, PooledWatcher};

use super::CALL_TIMEOUT;
use super::announced::KnownIntents;
use crate::clock::unix_now;
use crate::config::{BitcoinNode, BitcoinSource};

/// Terms that a signer remembers of what it was asked about: a batch's at least, and no more however much it is told.
const LEARNED_TERMS: usize = 65_536;

/// The relayer's side of a Bitcoin chain.
pub struct BitcoinSide {
    /// Follows it; knows the ledger's deposit intents.
    pub watcher: WithIntents,
    /// Builds evidence on it.
    pub evidence: PooledEvidence<BitcoinEvidence<Intents>>,
}

/// A watcher that learns new deposit intents from the ledger before each read.
pub struct WithIntents {
    watcher: PooledWatcher<BitcoinWatcher<Intents>>,
    known: KnownIntents,
    /// Whether terms became known that the blocks read last were not searched for.
    is_behind: AtomicBool,
}

/// Builds the relayer's side, over all its nodes.
pub fn bitcoin_side(source: &BitcoinSource, store: Sqlite) -> Result<BitcoinSide> {
    let known = KnownIntents::new(source.vault, store);
    let (mut watchers, mut evidence) = (Vec::new(), Vec::new());
    for (position, node) in (1..).zip(&source.nodes) {
        let rpc = endpoint(node)?;
        let name = format!("{position} {rpc}");
        let confirmations = source.confirmations.required(0);
        let config = BitcoinConfig {
            zmq: node.zmq.clone(),
            ..BitcoinConfig::new(params(source)?, rpc, source.vault, source.anchor.clone(), confirmations)
        };
        let client = BitcoinWatcher::new(config.clone(), known.book.clone())?;
        watchers.push(Named { name: name.clone(), client });
        evidence.push(Named { name, client: BitcoinEvidence::new(config, known.book.clone())? });
    }
    let watcher = PooledWatcher::new(source.chain.clone(), watchers, source.quorum)?;
    Ok(BitcoinSide {
        watcher: WithIntents { watcher, known, is_behind: AtomicBool::new(false) },
        evidence: PooledEvidence::new(evidence)?,
    })
}

impl WithIntents {
    /// Its nodes.
    pub fn endpoints(&self) -> &Arc<Endpoints<BitcoinWatcher<Intents>>> {
        self.watcher.endpoints()
    }

    /// Terms may be registered after their deposit's block was read: the blocks read last are looked through again.
    /// A deposit that was seen before changes nothing when it is seen again.
    async fn look_back(&self, cursor: &Cursor) -> Result<Vec<ChainEvent>, FollowError> {
        let (Some(lowest), Some(tip)) = (cursor.recent.first(), cursor.tip()) else { return Ok(Vec::new()) };
        let mut deposits = Vec::new();
        let mut top = Some(*tip);
        while let Some(block) = top {
            let nodes = self.watcher.endpoints();
            let found = nodes.first(|watcher| watcher.backfill(&block, lowest.height)).await?;
            deposits.extend(found.deposits);
            top = found.rest;
        }
        let mut events: Vec<ChainEvent> = deposits.into_iter().map(ChainEvent::Deposit).collect();
        if !events.is_empty() {
            events.extend(cursor.finalized.map(ChainEvent::Final));
        }
        Ok(events)
    }
}

impl Watcher for WithIntents {
    fn chain(&self) -> &ChainId {
        self.watcher.chain()
    }

    async fn genesis(&self) -> Result<Cursor, FollowError> {
        self.watcher.genesis().await
    }

    async fn cursor_at(&self, height: u64) -> Result<Cursor, FollowError> {
        self.watcher.cursor_at(height).await
    }

    async fn read(&self, cursor: &Cursor) -> Result<ReadBatch, FollowError> {
        if self.known.refresh(unix_now()).await? {
            self.is_behind.store(true, Ordering::Relaxed);
        }
        let mut batch = Vec::new();
        if self.is_behind.load(Ordering::Relaxed) {
            batch = self.look_back(cursor).await?;
        }
        let mut read = self.watcher.read(cursor).await?;
        // Not before: what was looked back for is told with this read, and lost where that fails.
        self.is_behind.store(false, Ordering::Relaxed);
        batch.append(&mut read.events);
        Ok(ReadBatch { events: batch, next: read.next })
    }

    /// Terms that become known now are looked for by the next [`Watcher::read`], from its own cursor.
    async fn read_after(&self, height: u64) -> Result<ReadBatch, FollowError> {
        if self.known.refresh(unix_now()).await? {
            self.is_behind.store(true, Ordering::Relaxed);
        }
        self.watcher.read_after(height).await
    }

    async fn wait(&self) {
        self.watcher.wait().await;
    }
}

/// Headers from `node`.
pub fn bitcoin_consensus(source: &BitcoinSource, node: &BitcoinNode) -> Result<BitcoinConsensus> {
    Ok(BitcoinConsensus::new(params(source)?, endpoint(node)?, CALL_TIMEOUT)?)
}

/// A verifier's judge of a Bitcoin chain, on its own node.
pub fn judge(source: &BitcoinSource, node: &BitcoinNode) -> Result<Box<dyn Judge>> {
    let params = params(source)?;
    let verifier = BitcoinVerifier::new(params.clone(), source.vault, source.confirmations.clone())?;
    let trusted = HeaderChain::new(params, source.anchor.clone())?;
    let consensus = bitcoin_consensus(source, node)?;
    Ok(Box::new(ChainJudge::new(verifier, consensus, trusted, inclusion)))
}

/// A fast-lane signer's view of a Bitcoin chain, on its own node. The terms that it looks for come with the requests.
pub fn sighting(source: &BitcoinSource, node: &BitcoinNode) -> Result<Box<dyn Sighting>> {
    let params = params(source)?;
    let book = Arc::new(Intents::of_at_most(source.vault, LEARNED_TERMS));
    let config = BitcoinConfig::new(
        params.clone(),
        endpoint(node)?,
        source.vault,
        source.anchor.clone(),
        source.fast_confirmations,
    );
    Ok(Box::new(BitcoinSighting {
        verifier: BitcoinVerifier::new(params.clone(), source.vault, source.confirmations.clone())?,
        consensus: bitcoin_consensus(source, node)?,
        trusted: Mutex::new(HeaderChain::new(params, source.anchor.clone())?),
        evidence: BitcoinEvidence::new(config, book.clone())?,
        book,
        confirmations: source.fast_confirmations,
    }))
}

struct BitcoinSighting {
    verifier: BitcoinVerifier,
    consensus: BitcoinConsensus,
    trusted: Mutex<HeaderChain>,
    evidence: BitcoinEvidence<Intents>,
    book: Arc<Intents>,
    confirmations: u32,
}

impl BitcoinSighting {
    /// Brings the signer's own headers up to date, fetches the block from the signer's own node, and checks the
    /// deposit under it at the fast lane's depth.
    async fn look(&self, seen: &SeenDeposit, now: UnixSeconds) -> Result<(), String> {
        let told = |error: &dyn std::fmt::Display| error.to_string();
        let mut trusted = self.trusted.lock().await;
        for update in self.consensus.updates(&trusted).await.map_err(|error| told(&error))? {
            self.verifier.advance(&mut trusted, &update, now).map_err(|error| told(&error))?;
        }
        let evidence = self.evidence.evidence(seen, &seen.block).await.map_err(|error| told(&error))?;
        let inclusion = inclusion(&evidence).ok_or("evidence of another chain")?;
        let sighted = self
            .verifier
            .verify_at_depth(&trusted, &inclusion, now, self.confirmations)
            .map_err(|error| told(&error))?;
        if *sighted.fact() == seen.deposit { Ok(()) } else { Err("the output is another deposit".to_owned()) }
    }
}

impl Sighting for BitcoinSighting {
    fn sight<'a>(&'a self, seen: &'a SeenDeposit, now: UnixSeconds) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(self.look(seen, now))
    }

    fn learn(&self, terms: &DepositTerms) {
        if let Err(error) = self.book.add(terms.clone()) {
            tracing::warn!(%error, "terms that no deposit can have");
        }
    }
}

fn inclusion(evidence: &Evidence) -> Option<Inclusion> {
    match evidence {
        Evidence::Bitcoin(inclusion) => Some((**inclusion).clone()),
        _ => None,
    }
}

fn params(source: &BitcoinSource) -> Result<ChainParams> {
    ChainParams::of_chain(&source.chain).with_context(|| format!("{} is no known Bitcoin network", source.chain))
}

/// Where a node is, with its password.
pub fn endpoint(node: &BitcoinNode) -> Result<RpcEndpoint> {
    let password = node.password.read()?.expose().to_owned();
    Ok(RpcEndpoint::parse(&node.rpc, RpcAuth::Password { user: node.user.clone(), password })?)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, Bytes};
    use bitcoin::ScriptBuf;
    use spandrel_signer::SecretRef;
    use spandrel_testnets::FaultProxy;
    use spandrel_testnets::bitcoin::{BitcoinNode as Regtest, NodeOptions, RegtestNode};
    use spandrel_verifiers::LanePreference;
    use spandrel_verifiers::bitcoin::{Anchor, deposit_script};

    use super::*;
    use crate::config::{Config, EXAMPLE};

    fn of(events: &[ChainEvent]) -> usize {
        events.iter().filter(|event| matches!(event, ChainEvent::Deposit(_))).count()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_looked_back_for_is_looked_for_again_after_a_read_that_failed() {
        let node = Regtest::start(NodeOptions { spendable_coinbases: 2, ..NodeOptions::default() }).await.unwrap();
        let second = FaultProxy::start(&node.rpc().url).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, &node.rpc().password).unwrap();
        let at = |rpc: &str| BitcoinNode {
            rpc: rpc.to_owned(),
            user: node.rpc().user.clone(),
            password: SecretRef::File(password.clone()),
            zmq: None,
        };
        let mut source = Config::parse(EXAMPLE).unwrap().bitcoin.remove(0);
        (source.quorum, source.nodes) = (2, vec![at(&node.rpc().url), at(second.url())]);
        source.anchor = Anchor::genesis(&ChainParams::regtest()).unwrap();
        let store = Sqlite::memory().await.unwrap();
        let watcher = bitcoin_side(&source, store.clone()).unwrap().watcher;

        let now = unix_now();
        let terms = DepositTerms {
            destination_chain: ChainId::eip155(31_337),
            destination_bridge: Address::repeat_byte(1).into_word(),
            recipient: Address::repeat_byte(2).into_word(),
            lane: LanePreference::Any,
            expiry: now + 86_400,
            refund_key: source.vault,
            refund_delay: 4_320,
        };
        let script = deposit_script(source.vault, &terms).unwrap();
        node.pay(&ScriptBuf::from_bytes(script.to_vec()), 50_000).await.unwrap();
        node.mine(1).await.unwrap();
        let mut cursor = watcher.genesis().await.unwrap();
        loop {
            let read = watcher.read(&cursor).await.unwrap();
            assert_eq!(of(&read.events), 0, "nobody has announced it");
            if read.next == cursor {
                break;
            }
            cursor = read.next;
        }

        store.add_intent(Bytes::from(script.to_vec()), terms, now).await.unwrap();
        node.mine(1).await.unwrap();
        second.go_down();
        let failed = watcher.read(&cursor).await;
        assert!(failed.is_err(), "one of two nodes is no quorum: {failed:?}");
        second.be_honest();
        assert_eq!(of(&watcher.read(&cursor).await.unwrap().events), 1);
    }
}
