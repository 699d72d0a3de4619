//! Ethereum's registration: watcher, evidence, verifier and the fast lane's sighting.

use std::sync::Arc;

use anyhow::Result;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::lock::Mutex;
use spandrel_engine::{ChainJudge, Judge, Sighting};
use spandrel_verifiers::ethereum::{DepositEvidence, EthereumVerifier, LightClientStore};
use spandrel_verifiers::follow::{ConsensusSource, SeenDeposit};
use spandrel_verifiers::{Evidence, UnixSeconds, Verifier};
use spandrel_watchers::ethereum::{
    BeaconApi, Encoding, Endpoint, EthereumConfig, EthereumConsensus, EthereumEvidence, EthereumWatcher, LightClient,
    Names,
};
use spandrel_watchers::pool::{Named, PooledEvidence, PooledWatcher};
use spandrel_watchers::refund::ProvenBlocks;

use super::CALL_TIMEOUT;
use super::lazy::Lazy;
use crate::config::{Config, EthereumNode, EthereumSource};
use crate::trust::TrustPeriod;

/// The relayer's side of an Ethereum chain.
pub struct EthereumSide {
    /// Follows it.
    pub watcher: PooledWatcher<EthereumWatcher>,
    /// Builds evidence on it.
    pub evidence: PooledEvidence<EthereumEvidence>,
    /// Of each node.
    light_clients: Vec<Arc<LightClient>>,
    seconds: u64,
}

impl EthereumSide {
    /// Says for how long a start may begin at the trusted root, once a node has shown its block.
    pub fn trust(&self) -> impl Fn() -> Option<TrustPeriod> + Send + Sync + use<> {
        let (light_clients, seconds) = (self.light_clients.clone(), self.seconds);
        move || {
            let since = light_clients.iter().find_map(|light_client| light_client.trusted_since())?;
            Some(TrustPeriod { since, seconds })
        }
    }
}

/// Builds the relayer's side, over all its nodes.
pub fn ethereum_side(source: &EthereumSource, config: &Config) -> Result<EthereumSide> {
    let (mut watchers, mut evidence, mut light_clients) = (Vec::new(), Vec::new(), Vec::new());
    for (position, node) in (1..).zip(&source.nodes) {
        let config = watching(source, node, names(config))?;
        let name = format!("{position} {}", config.execution);
        let light_client = Arc::new(LightClient::new(&config)?);
        let client = EthereumEvidence::new(&config, light_client.clone())?;
        evidence.push(Named { name: name.clone(), client });
        light_clients.push(light_client.clone());
        watchers.push(Named { name, client: EthereumWatcher::new(config, light_client)? });
    }
    Ok(EthereumSide {
        watcher: PooledWatcher::new(source.network.chain.clone(), watchers, source.quorum)?,
        evidence: PooledEvidence::new(evidence)?,
        light_clients,
        seconds: source.weak_subjectivity_seconds.get(),
    })
}

/// The chain's final blocks by themselves, by the relayer's nodes.
pub fn final_blocks(source: &EthereumSource) -> Result<ProvenBlocks> {
    let blocks = |node| {
        let config = watching(source, node, Names::new([], []))?;
        let light_client = Arc::new(LightClient::new(&config)?);
        anyhow::Ok(EthereumEvidence::new(&config, light_client)?)
    };
    Ok(ProvenBlocks(source.nodes.iter().map(blocks).collect::<Result<_>>()?))
}

/// A verifier's judge of an Ethereum chain, on its own node.
pub fn judge(source: &EthereumSource, node: &EthereumNode) -> Box<dyn Judge> {
    let (what, source, node) = (format!("beacon node of {}", source.network.chain), source.clone(), node.clone());
    let build = move || {
        let (source, node) = (source.clone(), node.clone());
        async move { bootstrapped_judge(&source, &node).await }.boxed()
    };
    Box::new(Lazy::<dyn Judge>::new(what, build))
}

/// A fast-lane signer's view of an Ethereum chain, on its own node.
pub fn sighting(source: &EthereumSource, node: &EthereumNode) -> Box<dyn Sighting> {
    let (what, source, node) = (format!("beacon node of {}", source.network.chain), source.clone(), node.clone());
    let build = move || {
        let (source, node) = (source.clone(), node.clone());
        async move { bootstrapped_sighting(&source, &node).await }.boxed()
    };
    Box::new(Lazy::<dyn Sighting>::new(what, build))
}

/// Asks the node for the bootstrap of the configured root.
async fn bootstrapped_judge(source: &EthereumSource, node: &EthereumNode) -> Result<Box<dyn Judge>> {
    let (consensus, verifier) = ethereum_consensus(source, node)?;
    let trusted = consensus.bootstrap().await?;
    Ok(Box::new(ChainJudge::new(verifier, consensus, trusted, deposit_evidence)))
}

async fn bootstrapped_sighting(source: &EthereumSource, node: &EthereumNode) -> Result<Box<dyn Sighting>> {
    let config = watching(source, node, Names::new([], []))?;
    let (consensus, verifier) = ethereum_consensus(source, node)?;
    Ok(Box::new(EthereumSighting {
        verifier,
        trusted: Mutex::new(consensus.bootstrap().await?),
        consensus,
        evidence: EthereumEvidence::new(&config, Arc::new(LightClient::new(&config)?))?,
    }))
}

struct EthereumSighting {
    verifier: EthereumVerifier,
    consensus: EthereumConsensus,
    trusted: Mutex<LightClientStore>,
    evidence: EthereumEvidence,
}

impl EthereumSighting {
    /// The fast rule: the deposit is in the state of the newest block that two thirds of the sync committee signed.
    async fn look(&self, seen: &SeenDeposit, now: UnixSeconds) -> Result<(), String> {
        let told = |error: &dyn std::fmt::Display| error.to_string();
        let block = {
            let mut trusted = self.trusted.lock().await;
            for update in self.consensus.updates(&trusted).await.map_err(|error| told(&error))? {
                self.verifier.advance(&mut trusted, &update, now).map_err(|error| told(&error))?;
            }
            trusted.optimistic_block().ok_or("no block is signed yet")?
        };
        if block.height < seen.block.height {
            return Err(format!("block {} is not signed yet, {} is", seen.block.height, block.height));
        }
        let inclusion = self.evidence.inclusion_under(seen, &block).await.map_err(|error| told(&error))?;
        let included = self.verifier.verify_under(block.hash, &inclusion).map_err(|error| told(&error))?;
        if *included.deposit() == seen.deposit { Ok(()) } else { Err("another deposit is stored".to_owned()) }
    }
}

impl Sighting for EthereumSighting {
    fn sight<'a>(&'a self, seen: &'a SeenDeposit, now: UnixSeconds) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(self.look(seen, now))
    }
}

fn deposit_evidence(evidence: &Evidence) -> Option<DepositEvidence> {
    match evidence {
        Evidence::Ethereum(evidence) => Some((**evidence).clone()),
        _ => None,
    }
}

/// Light-client data from `node`, and the verifier that judges it.
pub fn ethereum_consensus(
    source: &EthereumSource,
    node: &EthereumNode,
) -> Result<(EthereumConsensus, EthereumVerifier)> {
    let beacon = Endpoint::parse("beacon", &node.beacon)?;
    let api = BeaconApi::new(beacon, source.network.clone(), Encoding::Ssz, CALL_TIMEOUT)?;
    let verifier = EthereumVerifier::new(source.network.clone(), source.outbox)?;
    Ok((EthereumConsensus::new(Arc::new(api), source.trusted_root), verifier))
}

fn watching(source: &EthereumSource, node: &EthereumNode, names: Names) -> Result<EthereumConfig> {
    Ok(EthereumConfig::new(
        source.network.clone(),
        source.trusted_root,
        Endpoint::parse("execution", &node.execution)?,
        Endpoint::parse("beacon", &node.beacon)?,
        source.outbox,
        source.start_block,
        names,
    ))
}

/// Chains and assets that deposits may name: those of the configured limits, and those retired. What names a retired one
/// is recorded and rejected.
fn names(config: &Config) -> Names {
    let corridors = config.limit.limits.keys();
    let chains = corridors.clone().flat_map(|corridor| [&corridor.source, &corridor.destination]);
    let chains = chains.chain(config.destination.iter().map(|target| &target.chain)).chain(&config.retired.chains);
    let assets = corridors.map(|corridor| &corridor.asset).chain(&config.retired.assets);
    Names::new(chains.cloned(), assets.cloned())
}
