//! Paying on destinations, and pausing on sources: a task for each chain, so that none waits for another's node.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use spandrel_core::submission::SubmitError;
use spandrel_engine::PayoutDesk;
use spandrel_verifiers::ChainId;
use tokio_util::sync::CancellationToken;

use super::RelayerBook;
use crate::config::Config;
use crate::supervise::Tasks;
use crate::wiring::{self, Destination};

/// Between two tries to reach a node at start.
const RETRY_START: Duration = Duration::from_secs(2);

/// Starts a task for each chain that is written to.
pub(super) fn start(
    config: &Config,
    book: &Arc<RelayerBook>,
    tasks: &mut Tasks,
    stop: &CancellationToken,
) -> Result<()> {
    for target in &config.destination {
        let key = wiring::unlock(config, &target.account)?;
        let (own, store) = (target.clone(), book.ledger().clone());
        let connect = move || {
            let (own, key, store) = (own.clone(), key.clone(), store.clone());
            async move { wiring::connect(&own, key, store).await }
        };
        start_one("payouts", &target.chain, connect, book, tasks, stop);
    }
    for (chain, pauses) in config.vault_pauses() {
        let key = wiring::unlock(config, &pauses.account)?;
        let (at, own, store) = (chain.clone(), pauses.clone(), book.ledger().clone());
        let connect = move || {
            let (at, own, key, store) = (at.clone(), own.clone(), key.clone(), store.clone());
            async move { wiring::connect_pauses(&at, &own, key, store).await }
        };
        start_one("pauses", chain, connect, book, tasks, stop);
    }
    for chain in config.vaults_without_pauses() {
        tracing::warn!(%chain, "no pause stops deposits there: it has no [ethereum.pauses]");
    }
    Ok(())
}

/// Starts when its node answers, whenever that is.
fn start_one<F>(
    what: &str,
    chain: &ChainId,
    connect: impl Fn() -> F + Send + 'static,
    book: &Arc<RelayerBook>,
    tasks: &mut Tasks,
    stop: &CancellationToken,
) where
    F: Future<Output = Result<Destination>> + Send + 'static,
{
    let name = format!("{what} on {chain}");
    let (chain, book, stop) = (chain.clone(), book.clone(), stop.clone());
    tasks.add(name.clone(), async move {
        let Some(submitter) = patiently(&name, &stop, connect).await? else { return Ok(()) };
        let desk = PayoutDesk::new(chain, submitter, book.clone(), wiring::BATCH);
        anyhow::Ok(desk.run(book, stop).await?)
    });
}

/// Tries until it works, a node is wrong rather than away, or the process stops (`None`).
async fn patiently<T, F>(what: &str, stop: &CancellationToken, build: impl Fn() -> F) -> Result<Option<T>>
where
    F: Future<Output = Result<T>>,
{
    loop {
        let error = match build().await {
            Ok(built) => return Ok(Some(built)),
            Err(error) => error,
        };
        if !matches!(error.downcast_ref(), Some(SubmitError::Transient { .. })) {
            return Err(error);
        }
        tracing::warn!(what, error = format!("{error:#}"), "not started yet, will be tried again");
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(RETRY_START) => {}
        }
    }
}
