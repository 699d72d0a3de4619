//! The accounts that pay for gas, asked for what they have: on every chain that is written to.

use std::future::Future;
use std::time::Duration;

use alloy_primitives::{Address, U256};
use anyhow::{Context, Result};
use spandrel_verifiers::ChainId;
use tokio_util::sync::CancellationToken;

use super::sentinel::accounts;
use super::{least_balance, least_for_pauses, looks};
use crate::config::{Config, KeyRef, NodeUrl};
use crate::doctor::Evm;
use crate::metrics::Balances;

/// Between two questions: gas is paid for by the transaction, and an alert waits longer.
const EVERY: Duration = Duration::from_secs(30);

/// An account on a chain.
struct Payer {
    chain: ChainId,
    account: Address,
    least: U256,
    node: Evm,
}

/// Shows what each account has, until `stop`. A node that does not answer keeps no other waiting.
///
/// # Errors
/// When an account has no key.
pub fn watch_balances(
    config: &Config,
    balances: Balances,
    stop: CancellationToken,
) -> Result<impl Future<Output = Result<()>> + use<>> {
    let accounts = accounts(config)?;
    let payer = |chain: &ChainId, rpc: &NodeUrl, key: &KeyRef, least| {
        let account =
            *accounts.get(&key.name).with_context(|| format!("keystore: expected {}, found none", key.name))?;
        anyhow::Ok(Payer { chain: chain.clone(), account, least, node: Evm::new("rpc", rpc)? })
    };
    let on_destinations = config
        .destination
        .iter()
        .map(|target| payer(&target.chain, &target.rpc, &target.account, least_balance(target)));
    let on_sources = config
        .vault_pauses()
        .map(|(chain, pauses)| payer(chain, &pauses.rpc, &pauses.account, least_for_pauses(pauses)));
    let payers: Vec<Payer> = on_destinations.chain(on_sources).collect::<Result<_>>()?;
    Ok(async move {
        let show_all = || futures::future::join_all(payers.iter().map(|payer| payer.show(&balances)));
        looks::repeat(EVERY, &stop, show_all).await;
        Ok(())
    })
}

impl Payer {
    async fn show(&self, balances: &Balances) {
        let has = match self.node.balance(self.account).await {
            Ok(has) => Some(has),
            Err(error) => {
                tracing::debug!(chain = %self.chain, error = format!("{error:#}"), "no balance was told");
                None
            }
        };
        balances.show(&self.chain, self.account, self.least, has);
    }
}
