//! Whether a vault is paused, and whether pauses reach that of a source chain that nothing is paid on.

use alloy_primitives::Address;
use anyhow::Result;
use spandrel_contracts::{PauseController, Vault};
use spandrel_verifiers::UnixSeconds;
use spandrel_watchers::sentinel::{VaultPause, judge_pauses};

use super::account::Account;
use super::evm::Evm;
use super::rights::Rights;
use super::{Row, Seen};
use crate::clock::{moment, unix_now};
use crate::config::{Config, EthereumSource, VaultPauses};
use crate::wiring::{self, least_for_pauses};

/// By the node that pauses are sent to.
pub async fn look(config: &Config, source: &EthereumSource, pauses: &VaultPauses, account: Option<Address>) -> Seen {
    let chain = &source.network.chain;
    let (name, mut seen) = (format!("ethereum {chain} pauses"), Seen::default());
    match node(source, pauses).await {
        Ok((evm, height, time)) => {
            seen.rows.push(Row::ok(format!("{name} node"), format!("height {height}, simulates")));
            seen.newest = Some((chain.to_string(), time));
            seen.rows.extend(contracts(source, pauses, &evm, &name).await);
            let of = Account { what: &name, account, least: least_for_pauses(pauses) };
            seen.rows.extend(of.look(pauses.pause_controller, &evm).await);
            let (control, controller) = (config.control.as_ref(), pauses.pause_controller);
            seen.rows.extend(Rights { name: &name, controller, control, account }.look(&evm).await);
        }
        Err(error) => {
            let mend = "start the node, or correct `pauses.rpc`; it must offer eth_simulateV1";
            seen.rows.push(Row::wrong(format!("{name} node"), format!("{error:#}"), mend));
            for left in ["controller", "vault", "account"] {
                seen.rows.push(Row::skipped(format!("{name} {left}"), "its node must answer first"));
            }
        }
    }
    seen
}

/// What a source's vault refuses, by its own contract and the relayer's nodes. Nothing is said of one that takes deposits.
pub async fn standing(config: &Config, source: &EthereumSource) -> Seen {
    let what = format!("ethereum {} deposits", source.network.chain);
    let told = match wiring::vault(config, source) {
        Ok(vault) => vault.pauses(unix_now()).await,
        Err(error) => {
            let rows = vec![Row::wrong(what, format!("{error:#}"), "correct the nodes' `execution`")];
            return Seen { rows, newest: None };
        }
    };
    let row = |pause: VaultPause| {
        let to = pause.destination.map(|chain| format!(" for {chain}")).unwrap_or_default();
        let of = pause.asset.map(|asset| format!(" of {asset}")).unwrap_or_default();
        let until = lasts(pause.until);
        let mend = "have it lifted on that chain by its own people, or wait; no order is taken for them until then";
        Row::warn(&what, format!("expected a vault that takes deposits, found those{of}{to} {until}"), mend)
    };
    Seen { rows: judge_pauses(&told, source.quorum).into_iter().map(row).collect(), newest: None }
}

/// How long a pause lasts.
pub(super) fn lasts(until: Option<UnixSeconds>) -> String {
    until.map_or("frozen".to_owned(), |until| format!("paused until {}", moment(until)))
}

/// Said of a chain that no pause is brought to.
pub fn none(chain: impl std::fmt::Display) -> Row {
    let found = "none is brought there: deposits go on while they are paused here; configure [ethereum.pauses]";
    Row::skipped(format!("ethereum {chain} pauses"), found)
}

async fn node(source: &EthereumSource, pauses: &VaultPauses) -> Result<(Evm, u64, UnixSeconds)> {
    let evm = Evm::new("pauses.rpc", &pauses.rpc)?;
    evm.require_chain(&source.network.chain).await?;
    evm.simulates().await?;
    let (height, time) = evm.newest().await?;
    Ok((evm, height, time))
}

/// Statements name the bridge by the controller's inbox, and deposits ask the vault's controller.
async fn contracts(source: &EthereumSource, pauses: &VaultPauses, evm: &Evm, name: &str) -> [Row; 2] {
    let what = format!("{name} controller");
    let inbox = match evm.read(pauses.pause_controller, &PauseController::inboxCall {}).await {
        Ok(found) => {
            let mend = "correct `pauses.inbox`: statements that name another are not taken there";
            Row::same(what, &found, &pauses.inbox, mend)
        }
        Err(error) => {
            Row::wrong(what, format!("{error:#}"), "correct `pauses.pause_controller`: it does not answer as one")
        }
    };
    let what = format!("{name} vault");
    let vault = match asked_by_vault(source, evm).await {
        Ok(found) => {
            let mend = "correct `pauses.pause_controller`: the vault asks another, and would not be paused";
            Row::same(what, &found, &pauses.pause_controller, mend)
        }
        Err(error) => Row::wrong(what, format!("{error:#}"), "correct `outbox`"),
    };
    [inbox, vault]
}

async fn asked_by_vault(source: &EthereumSource, evm: &Evm) -> Result<Address> {
    let vault = super::ethereum::vault_of(source, evm).await?;
    evm.read(vault, &Vault::pausesCall {}).await
}
