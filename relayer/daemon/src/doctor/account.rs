//! An account that pays for gas on an EVM chain: what it has, and whether it may pause there.

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, U256};
use anyhow::Result;
use spandrel_contracts::{AccessManager, PauseController};

use super::Row;
use super::evm::Evm;

/// Whose account it is, as rows are named, and what it needs.
pub struct Account<'a> {
    pub what: &'a str,
    /// Unknown while its key is not found.
    pub account: Option<Address>,
    /// Wei for what it must at least be able to send.
    pub least: U256,
}

impl Account<'_> {
    /// Two rows, by the word of `evm`; `controller` is the chain's `PauseController`.
    pub async fn look(&self, controller: Address, evm: &Evm) -> Vec<Row> {
        let what = format!("{} account", self.what);
        let Some(account) = self.account else { return vec![Row::skipped(what, "its key must be found first")] };
        let least = self.least;
        let balance = match evm.balance(account).await {
            Ok(balance) if balance < least => {
                let found = format!(
                    "{account}: expected at least {least} wei, what it sends at the highest fee, found {balance}"
                );
                Row::wrong(what, found, format!("send it {} wei or more", least - balance))
            }
            Ok(balance) => Row::ok(what, format!("{account} has {balance} wei")),
            Err(error) => Row::wrong(what, format!("{error:#}"), "look at the node"),
        };
        let what = format!("{} account's pauses", self.what);
        let pauses = match may_pause(controller, account, evm).await {
            Ok(true) => Row::ok(what, "it may pause on the chain"),
            Ok(false) => Row::wrong(
                what,
                format!("expected a guardian of {controller}, found none"),
                format!(
                    "grant {account} the guardians' role: until then what the bridge pauses by itself stays off the chain"
                ),
            ),
            Err(error) => Row::wrong(what, format!("{error:#}"), "correct `pause_controller`"),
        };
        vec![balance, pauses]
    }
}

async fn may_pause(controller: Address, account: Address, evm: &Evm) -> Result<bool> {
    let authority = evm.read(controller, &PauseController::authorityCall {}).await?;
    let selector = PauseController::pauseCall::SELECTOR.into();
    let asked = AccessManager::canCallCall { caller: account, target: controller, selector };
    let answer = evm.read(authority, &asked).await?;
    Ok(answer.immediate)
}
