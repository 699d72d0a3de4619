//! A pause while no relayer answers: what a guardian signed, as the transactions that bring it to the chains.

use alloy_primitives::{Address, Bytes};
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use spandrel_core::Stated;
use spandrel_engine::{concerns_deposits, concerns_payouts};
use spandrel_risk::Scope;
use spandrel_risk::control::{Act, ControlRefusal, MAX_TTL, SignedStatement};
use spandrel_submit::evm::stated_call;
use spandrel_verifiers::ChainId;

use super::Order;
use crate::clock::{moment, unix_now};
use crate::config::Config;
use crate::output::print;

/// Whether a relayer is asked.
#[derive(Debug, clap::Args)]
pub struct OfflineOptions {
    /// Ask no relayer: sign, and print for each chain the transaction that pauses it. Anyone may send it, from any account.
    #[arg(long, conflicts_with = "dry_run")]
    offline: bool,
    /// The statement's number, 0 when it is not given. The chains take any; a relayer takes a key's next one alone.
    #[arg(long, requires = "offline")]
    nonce: Option<u64>,
}

/// A transaction that brings a statement to a chain.
#[derive(Debug, Serialize)]
struct Bringing {
    chain: ChainId,
    to: Address,
    data: Bytes,
}

impl OfflineOptions {
    /// Has `act`, a pause or a freeze of `scope`, sent to the relayer, or printed for the chains.
    pub(super) async fn stop(&self, act: Act, scope: &Scope, order: &Order, json: bool) -> Result<()> {
        if !self.offline {
            return order.send(act, None, json).await.map_err(without_a_relayer);
        }
        if let Act::Pause { seconds, .. } = act
            && !(1..=MAX_TTL).contains(&seconds)
        {
            return Err(ControlRefusal::TtlOutOfRange { maximum: MAX_TTL, found: seconds }.into());
        }
        let (signed, config) = order.sign_alone(act, self.nonce.unwrap_or(0))?;
        let transactions = transactions(&config, &signed, scope)?;
        let value = serde_json::json!({ "signed": signed, "transactions": transactions });
        print(json, &value, || {
            let statement = &signed.statement;
            let expiry = moment(statement.expiry);
            let each = transactions
                .iter()
                .map(|Bringing { chain, to, data }| format!("\n{chain}\n  to   {to}\n  data {data}"));
            format!(
                "{} by {}: nothing is sent. Send each, from any account, before {expiry}:{}",
                statement.act,
                statement.guardian,
                each.collect::<String>()
            )
        })
    }
}

/// Who stops something and reaches nobody is told of the way that is left.
fn without_a_relayer(error: anyhow::Error) -> anyhow::Error {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<reqwest::Error>());
    if causes.any(|cause| cause.is_connect() || cause.is_timeout()) {
        return error.context("no relayer answers: --offline signs it without one and prints what the chains take");
    }
    error
}

/// To each chain that the relayer would bring it to: where it pays, and where deposits are made.
fn transactions(config: &Config, signed: &SignedStatement, scope: &Scope) -> Result<Vec<Bringing>> {
    type Bridge<'a> = (&'a ChainId, Address, Address);
    let paying = config.destination.iter().map(|target| (&target.chain, target.inbox, target.pause_controller));
    let taking = config.vault_pauses().map(|(chain, pauses)| (chain, pauses.inbox, pauses.pause_controller));
    let (paying, taking): (Vec<Bridge<'_>>, Vec<Bridge<'_>>) = (paying.collect(), taking.collect());
    let bridges = paying.iter().chain(&taking).map(|(chain, inbox, _)| ((*chain).clone(), inbox.into_word()));
    let stated = Stated { signed: signed.clone(), bridges: bridges.collect() };
    let (data, _) = stated_call(&stated, unix_now()).context("expiry: expected one to come, found one that is over")?;
    let paying = paying.into_iter().filter(|(chain, ..)| concerns_payouts(scope, chain));
    let taking = taking.into_iter().filter(|(chain, ..)| concerns_deposits(scope, chain));
    let bring = |(chain, _, to): Bridge<'_>| Bringing { chain: chain.clone(), to, data: data.clone() };
    let transactions: Vec<_> = paying.chain(taking).map(bring).collect();
    ensure!(!transactions.is_empty(), "scope: expected one that a configured chain has to do with, found {scope}");
    Ok(transactions)
}
