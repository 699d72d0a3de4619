//! What a price feed tells becomes an event of the risk log, so that every decision replays with the price it was made by.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use spandrel_core::ledger::Ledger;
use spandrel_risk::{Price, RiskEvent};
use spandrel_verifiers::AssetId;
use tokio_util::sync::CancellationToken;

use crate::{Book, Clock, EngineError, repeat};

/// Reads the price of `asset` with `read`, `every` so often. What is not newer than what is known, and what is from the
/// future, is not recorded.
pub async fn run_prices<L: Ledger, C: Clock, F: Future<Output = Result<Price, EngineError>>>(
    book: Arc<Book<L, C>>,
    asset: AssetId,
    read: impl Fn() -> F,
    every: Duration,
    stop: CancellationToken,
) -> Result<(), EngineError> {
    let step = || async {
        let price = read().await?;
        let known = book.read_risk(|risk| risk.price(&asset).map(|known| known.published_at)).await;
        let is_newer = known.is_none_or(|known| known < price.published_at);
        if is_newer && price.published_at <= book.clock().now() {
            book.record_risk(RiskEvent::Priced { asset: asset.clone(), price }).await?;
        }
        Ok(false)
    };
    repeat("prices", book.clock().clone(), stop, step, || book.clock().sleep(every)).await
}
