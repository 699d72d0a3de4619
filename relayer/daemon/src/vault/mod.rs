//! `spandrel vault`: what the holders of a Bitcoin vault's key have to move before its depositors can take it back.

mod due;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bitcoin::Txid;
use bitcoin::hashes::Hash;
use clap::Subcommand;
use spandrel_store::{PageFilter, Sqlite};
use spandrel_watchers::bitcoin::BitcoinRpc;

use crate::clock::unix_now;
use crate::config::{BitcoinNode, BitcoinSource, Config};
use crate::output::print;
use crate::status::{look_at, table};
use crate::wiring;
use due::{Due, moves_to};

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Transfers read at once.
const PAGE: u32 = 1000;

/// The vaults of Bitcoin chains.
#[derive(Debug, Subcommand)]
pub enum VaultCommand {
    /// List the outputs that are to be moved: of deposits in the ledger that were paid, or are to be, and that stand unspent where
    /// the depositor can take them back after the refund delay. What has the fewest blocks left comes first. What was claimed
    /// after the ledger had given it up is not among them.
    Due {
        /// The configuration file: its ledger, and the nodes of its Bitcoin chains.
        #[arg(long, default_value = "spandrel.toml")]
        config: PathBuf,
    },
}

/// Carries a command out.
pub async fn run(command: VaultCommand, json: bool) -> Result<()> {
    let VaultCommand::Due { config } = command;
    let config = Config::read(&config)?;
    let store = look_at(&config.database).await?;
    let mut due = Vec::new();
    for source in &config.bitcoin {
        due.extend(unspent(source, in_vault(&store, source).await?).await?);
    }
    store.close().await;
    due.sort_by(|one, other| one.blocks_left.cmp(&other.blocks_left).then_with(|| one.output.cmp(&other.output)));
    let now = unix_now();
    print(json, &due, || {
        let mut shown = table(&["output", "amount", "status", "blocks left", "refund from", "about", "deposit"]);
        for one in &due {
            shown.add_row([
                one.output.clone(),
                one.amount.clone(),
                one.status.to_owned(),
                one.blocks_left.to_string(),
                one.refund_from.to_string(),
                one.about(now),
                one.id.to_string(),
            ]);
        }
        shown.to_string()
    })
}

/// What the ledger has of a source, unspent or not.
async fn in_vault(store: &Sqlite, source: &BitcoinSource) -> Result<Vec<Due>> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = store.page(&PageFilter { before, ..PageFilter::default() }, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(found) };
        before = Some(*last);
        found.extend(page.iter().filter_map(|(_, transfer)| moves_to(transfer, source)));
    }
}

/// Those whose output is unspent in the best chain of the first node that answers.
async fn unspent(source: &BitcoinSource, all: Vec<Due>) -> Result<Vec<Due>> {
    let mut failed = format!("{}: no node answers", source.chain);
    for node in &source.nodes {
        match by_node(node, &all).await {
            Ok(unspent) => return Ok(unspent),
            Err(error) => failed = format!("{failed}; {error:#}"),
        }
    }
    bail!(failed)
}

async fn by_node(node: &BitcoinNode, all: &[Due]) -> Result<Vec<Due>> {
    let rpc = BitcoinRpc::new(wiring::endpoint(node)?, PATIENCE)?;
    let tip = rpc.height().await?;
    let mut unspent = Vec::new();
    for due in all {
        // A node that is behind knows nothing of it, which is not that it was moved.
        let height = due.height;
        if height > tip {
            bail!("{}: height: expected at least {height}, found {tip}", rpc.endpoint());
        }
        let (txid, vout) = (Txid::from_byte_array(due.transaction.0), due.vout);
        let is_there = rpc.is_unspent(txid, vout).await.with_context(|| format!("output {}", due.output))?;
        unspent.extend(is_there.then(|| due.at(tip)));
    }
    Ok(unspent)
}
