//! A configured feed becomes prices in the risk log.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use spandrel_core::ledger::Ledger;
use spandrel_engine::{Book, Clock, run_prices};
use spandrel_risk::Price;
use spandrel_watchers::ethereum::{Endpoint, PriceFeed};
use tokio_util::sync::CancellationToken;

use super::CALL_TIMEOUT;
use crate::config::PriceFeedConfig;

/// Reads the feed until `stop`.
///
/// # Errors
/// When it cannot be read as configured.
pub fn follow_price<L: Ledger, C: Clock>(
    config: &PriceFeedConfig,
    book: Arc<Book<L, C>>,
    stop: CancellationToken,
) -> Result<impl Future<Output = Result<()>> + use<L, C>> {
    let parse = |node: &String| Endpoint::parse("price_feed.nodes", node);
    let nodes = config.nodes.iter().map(parse).collect::<Result<_, _>>()?;
    let (quorum, kind) = (config.quorum, config.publisher);
    let feed = PriceFeed::new(&config.chain, config.contract, kind, config.digits, nodes, quorum, CALL_TIMEOUT)?;
    let (asset, every) = (config.asset.clone(), Duration::from_secs(config.every_seconds));
    Ok(async move {
        let read = || async {
            let told = feed.read().await?;
            Ok(Price { value: told.value, confidence: told.confidence, published_at: told.published_at })
        };
        Ok(run_prices(book, asset, read, every, stop).await?)
    })
}
