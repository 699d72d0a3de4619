//! `spandrel proof export ID|CHAIN`: writes the evidence file of a transfer, with the consensus evidence that leads from the
//! configured anchor to its block.

use std::future::Future;
use std::path::Path;

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use serde::Serialize;
use spandrel_core::ledger::Ledger;
use spandrel_verifiers::bitcoin::{ChainParams, HeaderChain};
use spandrel_verifiers::file::{BitcoinTrust, EthereumTrust, EvidenceFile, Trust, VERSION};
use spandrel_verifiers::follow::ConsensusSource;
use spandrel_verifiers::{ChainId, DepositId, Evidence, Verifier};

use super::contradiction;
use crate::clock::unix_now;
use crate::config::{BitcoinNode, BitcoinSource, Config, EthereumNode, EthereumSource};
use crate::{progress, status, wiring};

/// Makes the evidence file of one transfer from the ledger and the configured nodes.
pub async fn make(config: &Config, id: DepositId) -> Result<EvidenceFile> {
    make_showing(config, id, &ProgressBar::hidden()).await
}

async fn make_showing(config: &Config, id: DepositId, bar: &ProgressBar) -> Result<EvidenceFile> {
    let store = status::look_at(&config.database).await?;
    let transfer = store.transfer(id).await?.with_context(|| format!("no transfer {id}"))?;
    let evidence = transfer.evidence.with_context(|| format!("{id} has no evidence yet"))?;
    let chain = &transfer.deposit.source_chain;
    let trust = match &evidence {
        Evidence::Bitcoin(_) => {
            let source = config.bitcoin.iter().find(|source| source.chain == *chain);
            let source = source.with_context(|| format!("{chain} is not configured"))?;
            let tip = store.cursor(chain).await?.and_then(|cursor| cursor.tip().map(|tip| tip.height));
            bar.set_length(tip.unwrap_or_default().saturating_sub(source.anchor.height));
            from_any(&source.nodes, |node| bitcoin(source, node, bar)).await?
        }
        Evidence::Ethereum(_) => {
            let source = config.ethereum.iter().find(|source| source.network.chain == *chain);
            let source = source.with_context(|| format!("{chain} is not configured"))?;
            from_any(&source.nodes, |node| ethereum(source, node, bar)).await?
        }
        Evidence::Cosmos(_) | Evidence::Solana(_) => {
            bail!("{chain}: {} evidence comes from a verifier that this daemon does not run", evidence.kind());
        }
    };
    store.close().await;
    let file = EvidenceFile { version: VERSION, at: unix_now(), trust, evidence };
    file.verify(file.at)?;
    Ok(file)
}

/// Writes it to `path`: as protobuf when it ends in `.pb`, else as JSON. Of a chain, what its last halt was kept with.
pub async fn export(config: &Config, id: &str, path: &Path, json: bool) -> Result<()> {
    if let Ok(chain) = ChainId::parse(id) {
        return contradiction::export(config, &chain, path).await;
    }
    let id = id.parse().with_context(|| format!("transfer id: expected 0x and 64 digits, found {id:?}"))?;
    let bar = progress::bar("following the chain", 0, json);
    let file = make_showing(config, DepositId(id), &bar).await;
    bar.finish_and_clear();
    let file = file?;
    write(path, || Ok(file.to_bytes()?), &file)
}

/// Writes a file that must not exist: as protobuf when it ends in `.pb`, else as JSON.
pub(super) fn write(path: &Path, protobuf: impl FnOnce() -> Result<Vec<u8>>, json: &impl Serialize) -> Result<()> {
    if path.exists() {
        bail!("{} exists already", path.display());
    }
    let is_protobuf = path.extension().is_some_and(|extension| extension == "pb");
    let bytes = if is_protobuf { protobuf()? } else { serde_json::to_vec_pretty(json)? };
    std::fs::write(path, bytes).with_context(|| path.display().to_string())
}

/// From the first node that has it all: what it says is verified afterwards.
async fn from_any<'a, N, F>(nodes: &'a [N], read: impl Fn(&'a N) -> F) -> Result<Trust>
where
    F: Future<Output = Result<Trust>>,
{
    let mut last = anyhow::anyhow!("no node is configured");
    for node in nodes {
        match read(node).await {
            Ok(trust) => return Ok(trust),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn bitcoin(source: &BitcoinSource, node: &BitcoinNode, bar: &ProgressBar) -> Result<Trust> {
    let params = ChainParams::of_chain(&source.chain).context("a known Bitcoin network")?;
    let consensus = wiring::bitcoin_consensus(source, node)?;
    let mut trusted = HeaderChain::new(params, source.anchor.clone())?;
    let mut headers = Vec::new();
    loop {
        let updates = consensus.updates(&trusted).await?;
        if updates.is_empty() {
            break;
        }
        for update in updates {
            trusted.extend(&update.headers, unix_now())?;
            headers.extend(update.headers);
            bar.set_position(headers.len() as u64);
        }
    }
    Ok(Trust::Bitcoin(Box::new(BitcoinTrust {
        chain: source.chain.clone(),
        vault: source.vault,
        confirmations: source.confirmations.clone(),
        anchor: source.anchor.clone(),
        headers,
    })))
}

async fn ethereum(source: &EthereumSource, node: &EthereumNode, bar: &ProgressBar) -> Result<Trust> {
    let (consensus, verifier) = wiring::ethereum_consensus(source, node)?;
    let bootstrap = consensus.bootstrap_data().await?;
    let mut trusted = consensus.bootstrap().await?;
    let mut updates = Vec::new();
    let told = consensus.updates(&trusted).await?;
    bar.set_length(told.len() as u64);
    for update in told {
        verifier.advance(&mut trusted, &update, unix_now())?;
        updates.push(update);
        bar.set_position(updates.len() as u64);
    }
    Ok(Trust::Ethereum(Box::new(EthereumTrust {
        network: source.network.clone(),
        outbox: source.outbox,
        trusted_root: source.trusted_root,
        bootstrap,
        updates,
    })))
}
