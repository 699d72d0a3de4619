//! A destination: its node and witnesses, its contracts, and the account that pays.

use alloy::sol_types::SolCall;
use alloy_primitives::Address;
use anyhow::{Result, ensure};
use spandrel_contracts::{AccessManager, FastLane, Inbox, PauseController};
use spandrel_verifiers::UnixSeconds;
use spandrel_verifiers::attestation::SignerSet;

use super::evm::Evm;
use super::{Row, Seen};
use crate::config::{Config, Destination};
use crate::wiring::least_balance;

pub async fn look(config: &Config, target: &Destination, account: Option<Address>) -> Seen {
    let chain = &target.chain;
    let mut seen = Seen::default();
    let what = format!("destination {chain} node");
    let mend = "start the node, or correct `rpc`; it must offer eth_simulateV1";
    match node(target, &target.rpc).await {
        Ok((evm, height, time)) => {
            seen.rows.push(Row::ok(what, format!("height {height}, simulates")));
            seen.newest = Some((chain.to_string(), time));
            seen.rows.extend(contracts(config, target, &evm).await);
            seen.rows.extend(paying(target, account, &evm).await);
        }
        Err(error) => {
            seen.rows.push(Row::wrong(what, format!("{error:#}"), mend));
            let left = "its node must answer first";
            seen.rows.push(Row::skipped(format!("destination {chain} contracts"), left));
            seen.rows.push(Row::skipped(format!("destination {chain} account"), left));
        }
    }
    for (position, url) in (1..).zip(&target.witness_rpc) {
        let what = format!("destination {chain} witness {position}");
        seen.rows.push(match witness(target, url).await {
            Ok(height) => Row::ok(what, format!("height {height}")),
            Err(error) => Row::wrong(
                what,
                format!("{error:#}"),
                "start it, or correct `witness_rpc`: nothing ends for good without it",
            ),
        });
    }
    seen
}

async fn node(target: &Destination, url: &str) -> Result<(Evm, u64, UnixSeconds)> {
    let evm = Evm::new("rpc", url)?;
    require_chain(target, &evm).await?;
    evm.simulates().await?;
    let (height, time) = evm.newest().await?;
    Ok((evm, height, time))
}

async fn witness(target: &Destination, url: &str) -> Result<u64> {
    let evm = Evm::new("witness_rpc", url)?;
    require_chain(target, &evm).await?;
    Ok(evm.newest().await?.0)
}

async fn require_chain(target: &Destination, evm: &Evm) -> Result<()> {
    let (expected, found) = (target.chain.eip155_number().unwrap_or_default(), evm.chain_number().await?);
    ensure!(found == expected, "chain id: expected {expected}, found {found}");
    Ok(())
}

async fn contracts(config: &Config, target: &Destination, evm: &Evm) -> Vec<Row> {
    let chain = &target.chain;
    let named = [
        ("inbox", target.inbox),
        ("fast_lane", target.fast_lane),
        ("checkpoint_registry", target.checkpoint_registry),
        ("pause_controller", target.pause_controller),
    ];
    let mut rows = Vec::new();
    for (name, address) in named {
        let what = format!("destination {chain} {name}");
        rows.push(match evm.has_code(address).await {
            Ok(true) => Row::ok(what, format!("a contract at {address}")),
            Ok(false) => {
                let found = format!("expected a contract at {address}, found none");
                Row::wrong(what, found, format!("correct `{name}`, or deploy on this chain"))
            }
            Err(error) => Row::wrong(what, format!("{error:#}"), "look at the node"),
        });
    }
    if rows.iter().any(|row| row.state != super::State::Ok) {
        return rows;
    }
    let what = format!("destination {chain} pauses");
    rows.push(match evm.read(target.inbox, &Inbox::pausesCall {}).await {
        Ok(found) => {
            Row::same(what, &target.pause_controller, &found, "correct `pause_controller`: it is not the inbox's")
        }
        Err(error) => Row::wrong(what, format!("{error:#}"), "correct `inbox`: it does not answer as one"),
    });
    for (name, address, set) in [
        ("signer_set", target.fast_lane, &config.signer_set),
        ("verifier_set", target.checkpoint_registry, &config.verifier_set),
    ] {
        let what = format!("destination {chain} {name}");
        let mend =
            format!("correct `{name}`, or rotate the set on the chain: signatures of another set are refused there");
        rows.push(match members(evm, address, set.epoch).await {
            Ok(found) => Row::same(what, &told(set), &found, mend),
            Err(error) => {
                Row::wrong(what, format!("{error:#}"), "correct the contract's address: it does not answer as one")
            }
        });
    }
    rows
}

/// The set of `epoch` on the chain. Registry and fast lane keep theirs in the same way.
async fn members(evm: &Evm, address: Address, epoch: u64) -> Result<String> {
    let current = evm.read(address, &FastLane::currentEpochCall {}).await?;
    let set = evm.read(address, &FastLane::signerSetCall { epoch }).await?;
    let members = evm.read(address, &FastLane::signersCall { epoch }).await?;
    Ok(shown(current, set.threshold.into(), members))
}

fn told(set: &SignerSet) -> String {
    shown(set.epoch, set.threshold, set.members.iter().copied().collect())
}

fn shown(epoch: u64, threshold: usize, mut members: Vec<Address>) -> String {
    members.sort();
    let members: Vec<String> = members.iter().map(Address::to_string).collect();
    format!("epoch {epoch}, {threshold} of {}", members.join(" "))
}

async fn paying(target: &Destination, account: Option<Address>, evm: &Evm) -> Vec<Row> {
    let what = format!("destination {} account", target.chain);
    let Some(account) = account else { return vec![Row::skipped(what, "its key must be found first")] };
    let least = least_balance(target);
    let balance = match evm.balance(account).await {
        Ok(balance) if balance < least => {
            let found =
                format!("{account}: expected at least {least} wei, one full batch at the highest fee, found {balance}");
            Row::wrong(what, found, format!("send it {} wei or more", least - balance))
        }
        Ok(balance) => Row::ok(what, format!("{account} has {balance} wei")),
        Err(error) => Row::wrong(what, format!("{error:#}"), "look at the node"),
    };
    let what = format!("destination {} account's pauses", target.chain);
    let pauses = match may_pause(target, account, evm).await {
        Ok(true) => Row::ok(what, "it may pause on the chain"),
        Ok(false) => Row::wrong(
            what,
            format!("expected a guardian of {}, found none", target.pause_controller),
            format!(
                "grant {account} the guardians' role: until then what the bridge pauses by itself stays off the chain"
            ),
        ),
        Err(error) => Row::wrong(what, format!("{error:#}"), "correct `pause_controller`"),
    };
    vec![balance, pauses]
}

async fn may_pause(target: &Destination, account: Address, evm: &Evm) -> Result<bool> {
    let authority = evm.read(target.pause_controller, &PauseController::authorityCall {}).await?;
    let selector = PauseController::pauseCall::SELECTOR.into();
    let asked = AccessManager::canCallCall { caller: account, target: target.pause_controller, selector };
    let answer = evm.read(authority, &asked).await?;
    Ok(answer.immediate)
}
