//! `spandrel vault`: what the holders of a Bitcoin vault's key have to move before its depositors can take it back.

mod due;
mod listing;

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;

use crate::clock::unix_now;
use crate::config::Config;
use crate::output::print;
use crate::status::{look_at, table};
pub use listing::to_move;

/// The vaults of Bitcoin chains.
#[derive(Debug, Subcommand)]
pub enum VaultCommand {
    /// List the outputs that are to be moved: of deposits in the ledger that were paid, or are to be, and that stand unspent where
    /// the depositor can take them back after the refund delay. What has the fewest blocks left comes first, by the highest block
    /// of any node. Left out is what as many nodes as the chain's `quorum` say is spent; `said_spent` counts those that say so of
    /// what is listed. What was claimed after the ledger had given it up is not among them.
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
        due.extend(to_move(&store, source).await?);
    }
    store.close().await;
    due.sort_by(|one, other| one.blocks_left.cmp(&other.blocks_left).then_with(|| one.output.cmp(&other.output)));
    let now = unix_now();
    print(json, &due, || {
        let mut shown =
            table(&["output", "amount", "status", "blocks left", "refund from", "about", "said spent", "deposit"]);
        for one in &due {
            shown.add_row([
                one.output.clone(),
                one.amount.clone(),
                one.status.to_owned(),
                one.blocks_left.to_string(),
                one.refund_from.to_string(),
                one.about(now),
                one.said_spent.to_string(),
                one.id.to_string(),
            ]);
        }
        shown.to_string()
    })
}
