//! A destination: its node and witnesses, its contracts, and the account that pays.

use alloy_primitives::Address;
use anyhow::Result;
use spandrel_contracts::{FastLane, Inbox};
use spandrel_verifiers::UnixSeconds;
use spandrel_verifiers::attestation::SignerSet;

use super::account::Account;
use super::evm::Evm;
use super::rights::Rights;
use super::{Row, Seen, routes};
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
            let name = format!("destination {chain}");
            let of = Account { what: &name, account, least: least_balance(target) };
            seen.rows.extend(of.look(target.pause_controller, &evm).await);
            let (control, controller) = (config.control.as_ref(), target.pause_controller);
            seen.rows.extend(Rights { name: &name, controller, control, account }.look(&evm).await);
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
    evm.require_chain(&target.chain).await?;
    evm.simulates().await?;
    let (height, time) = evm.newest().await?;
    Ok((evm, height, time))
}

async fn witness(target: &Destination, url: &str) -> Result<u64> {
    let evm = Evm::new("witness_rpc", url)?;
    evm.require_chain(&target.chain).await?;
    Ok(evm.newest().await?.0)
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
    rows.extend(routes::paid(config, target, evm).await);
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
