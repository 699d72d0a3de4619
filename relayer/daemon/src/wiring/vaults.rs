//! The outputs of Bitcoin vaults that are to be moved, listed again and again for the alarm before a refund.

use std::future::Future;
use std::time::Duration;

use anyhow::Result;
use spandrel_store::Sqlite;
use tokio_util::sync::CancellationToken;

use super::looks;
use crate::clock::unix_now;
use crate::config::{BitcoinSource, Config};
use crate::metrics::Vaults;
use crate::vault;

/// Between two listings: as long as Bitcoin takes for a block.
const EVERY: Duration = Duration::from_secs(600);

/// Shows for how long outputs may stay where they are, as `spandrel vault due` lists them, until `stop`. A chain of which
/// nothing can be listed keeps no other waiting, and what was listed of it last counts on.
pub fn watch_vaults(
    config: &Config,
    store: Sqlite,
    vaults: Vaults,
    stop: CancellationToken,
) -> impl Future<Output = Result<()>> + use<> {
    let sources = config.bitcoin.clone();
    for source in &sources {
        vaults.begin(&source.chain, unix_now());
    }
    async move {
        let list_all = || futures::future::join_all(sources.iter().map(|source| list(&store, source, &vaults)));
        looks::repeat(EVERY, &stop, list_all).await;
        Ok(())
    }
}

async fn list(store: &Sqlite, source: &BitcoinSource, vaults: &Vaults) {
    match vault::to_move(store, source).await {
        Ok(due) => {
            let now = unix_now();
            vaults.listed(&source.chain, due.iter().map(|output| output.refund_at(now)).min(), now);
        }
        Err(error) => {
            let error = format!("{error:#}");
            tracing::warn!(chain = %source.chain, error, "what is to be moved out of the vault was not listed");
        }
    }
}
