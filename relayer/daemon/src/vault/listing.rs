//! Which outputs of a vault are to be moved: by the ledger, and by its chain's nodes. One node's word alone takes nothing off
//! the list.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bitcoin::Txid;
use bitcoin::hashes::Hash;
use futures::future::join_all;
use spandrel_store::{PageFilter, Sqlite};
use spandrel_watchers::bitcoin::BitcoinRpc;

use super::due::{Due, moves_to};
use crate::config::{BitcoinNode, BitcoinSource};
use crate::wiring;

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Transfers read at once.
const PAGE: u32 = 1000;

/// What is to be moved of `source`: all that the ledger has, but for what a quorum of its nodes says is spent. The blocks that
/// are left are counted from the highest tip of any node.
///
/// # Errors
/// When the ledger cannot be read, or no node answers; one that is behind what it is asked about does not.
pub async fn to_move(store: &Sqlite, source: &BitcoinSource) -> Result<Vec<Due>> {
    let all = in_vault(store, source).await?;
    let (mut told, mut failed) = (Vec::new(), format!("{}: no node answers", source.chain));
    for answer in join_all(source.nodes.iter().map(|node| Told::by(node, &all))).await {
        match answer {
            Ok(answer) => told.push(answer),
            Err(error) => failed = format!("{failed}; {error:#}"),
        }
    }
    let tip = told.iter().map(|node| node.tip).max().context(failed)?;
    let counted = all.iter().enumerate().map(|(index, due)| {
        let said_spent = told.iter().filter(|node| node.spent.get(index) == Some(&true)).count();
        Due { said_spent, ..due.at(tip) }
    });
    Ok(counted.filter(|due| due.said_spent < source.quorum).collect())
}

/// What the ledger has of a source, spent or not.
async fn in_vault(store: &Sqlite, source: &BitcoinSource) -> Result<Vec<Due>> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = store.page(&PageFilter { before, ..PageFilter::default() }, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(found) };
        before = Some(*last);
        found.extend(page.iter().filter_map(|(_, transfer)| moves_to(transfer, source)));
    }
}

/// What one node says.
struct Told {
    tip: u64,
    /// Of each output, in order.
    spent: Vec<bool>,
}

impl Told {
    async fn by(node: &BitcoinNode, all: &[Due]) -> Result<Self> {
        let rpc = BitcoinRpc::new(wiring::endpoint(node)?, PATIENCE)?;
        let (tip, mut spent) = (rpc.height().await?, Vec::new());
        for due in all {
            // A node that is behind knows nothing of it, which is not that it was moved.
            let height = due.height;
            ensure!(height <= tip, "{}: height: expected at least {height}, found {tip}", rpc.endpoint());
            let (txid, vout) = (Txid::from_byte_array(due.transaction.0), due.vout);
            let is_there = rpc.is_unspent(txid, vout).await.with_context(|| format!("output {}", due.output))?;
            spent.push(!is_there);
        }
        Ok(Self { tip, spent })
    }
}
