//! A Bitcoin node: whether it answers, lets us in, follows the right chain, and has the block where trust begins.

use alloy_primitives::B256;
use bitcoin::hashes::Hash;
use spandrel_verifiers::bitcoin::ChainParams;
use spandrel_watchers::bitcoin::{BitcoinRpc, RpcError};

use super::{PATIENCE, Row, Seen};
use crate::config::{BitcoinNode, BitcoinSource};
use crate::wiring;

pub async fn look(source: &BitcoinSource, who: String, node: &BitcoinNode) -> Seen {
    let what = format!("bitcoin {} {who}", source.chain);
    let row = match probe(source, node).await {
        Ok(found) => Row::ok(what, found),
        Err((found, mend)) => Row::wrong(what, found, mend),
    };
    vec![row].into()
}

/// What it shows, or what is wrong and how to mend it.
async fn probe(source: &BitcoinSource, node: &BitcoinNode) -> Result<String, (String, String)> {
    let endpoint = wiring::endpoint(node).map_err(|error| {
        (format!("{error:#}"), "set what the password's reference names, or correct `rpc`".to_owned())
    })?;
    let name = endpoint.to_string();
    let rpc = BitcoinRpc::new(endpoint, PATIENCE).map_err(told)?;
    let height = rpc.height().await.map_err(told)?;
    let anchor = rpc.hash_at(source.anchor.height).await.map_err(told)?;
    let params = ChainParams::of_chain(&source.chain);
    let trusted = params.and_then(|params| source.anchor.check(&params).ok());
    let expected = trusted.map(|header| header.hash);
    let found = anchor.map(|hash| B256::new(hash.to_byte_array()));
    if found != expected {
        let shown = |hash: Option<B256>| hash.map_or_else(|| "none".to_owned(), |hash| hash.to_string());
        let (expected, found) = (shown(expected), shown(found));
        let at = source.anchor.height;
        return Err((
            format!("{name}: block {at}: expected {expected}, found {found}"),
            "point `rpc` at a node of this network; if it is, the anchor is not on its best chain".to_owned(),
        ));
    }
    if node.zmq.is_none() {
        return Ok(format!("{name}: height {height}, polled (no zmq)"));
    }
    Ok(format!("{name}: height {height}"))
}

fn told(error: RpcError) -> (String, String) {
    let mend = match &error {
        RpcError::Unauthorized { .. } => "correct `user`, or the password that its reference names",
        RpcError::Unreachable { .. } => "start the node, or correct `rpc`; look for a firewall between",
        _ => "look at the node's own log: it answers, but not as Bitcoin Core does",
    };
    (error.to_string(), mend.to_owned())
}
