//! An Ethereum node: its execution client and its beacon API.

use anyhow::{Context, Result, ensure};
use spandrel_verifiers::UnixSeconds;
use spandrel_watchers::ethereum::{BeaconApi, Encoding, Endpoint};

use super::evm::Evm;
use super::{PATIENCE, Row, Seen};
use crate::config::{EthereumNode, EthereumSource};

pub async fn look(source: &EthereumSource, who: String, node: &EthereumNode) -> Seen {
    let chain = &source.network.chain;
    let mut seen = Seen::default();
    let what = format!("ethereum {chain} {who}: execution");
    match execution(source, node).await {
        Ok((height, time)) => {
            seen.rows.push(Row::ok(what, format!("height {height}, the outbox is there")));
            seen.newest = Some((chain.to_string(), time));
        }
        Err(error) => seen.rows.push(Row::wrong(
            what,
            format!("{error:#}"),
            "start the node, correct `execution`, or correct `outbox`",
        )),
    }
    let what = format!("ethereum {chain} {who}: beacon");
    seen.rows.push(match beacon(source, node).await {
        Ok(found) => Row::ok(what, found),
        Err(error) => Row::wrong(
            what,
            format!("{error:#}"),
            "start the node with its light-client server, correct `beacon`, or choose a newer `trusted_root`",
        ),
    });
    seen
}

async fn execution(source: &EthereumSource, node: &EthereumNode) -> Result<(u64, UnixSeconds)> {
    let evm = Evm::new("execution", &node.execution)?;
    let (expected, found) = (source.network.chain.eip155_number().unwrap_or_default(), evm.chain_number().await?);
    ensure!(found == expected, "chain id: expected {expected}, found {found}");
    ensure!(evm.has_code(source.outbox).await?, "outbox: expected a contract at {}, found none", source.outbox);
    evm.newest().await
}

async fn beacon(source: &EthereumSource, node: &EthereumNode) -> Result<String> {
    let endpoint = Endpoint::parse("beacon", &node.beacon)?;
    let name = endpoint.to_string();
    let api = BeaconApi::new(endpoint, source.network.clone(), Encoding::Ssz, PATIENCE)?;
    api.require_network().await?;
    let root = source.trusted_root;
    api.bootstrap(root).await.with_context(|| format!("{name}: light-client bootstrap of {root}"))?;
    Ok(format!("{name}: this network, and the bootstrap of the trusted root"))
}
