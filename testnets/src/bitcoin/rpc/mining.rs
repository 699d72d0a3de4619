//! Making blocks, the clock, and fee estimates (`rpc/mining.cpp`, `rpc/fees.cpp`).

use bitcoin::{Amount, Block, ScriptBuf, Transaction, Txid};
use serde_json::{Value, json};

use super::args::{Args, script_of};
use crate::bitcoin::error::Fault;
use crate::bitcoin::mempool::Waiting;
use crate::bitcoin::mining::{self, TRANSACTIONS_WEIGHT};
use crate::bitcoin::node::Core;
use crate::bitcoin::spend;

pub fn generatetoaddress(core: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    let blocks = args.integer(0)?;
    let payout = script_of(args.text(1)?).map_err(|_| Fault::unknown("Error: Invalid address"))?;
    let hashes: Result<Vec<_>, Fault> = (0..blocks)
        .map(|_| {
            let transactions = core.chain.mempool.select(TRANSACTIONS_WEIGHT);
            mine(core, payout.clone(), transactions)
        })
        .collect();
    Ok(json!(hashes?))
}

pub fn generateblock(core: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    let payout = args.script(0)?;
    let listed = args.required(1)?.as_array().ok_or_else(|| Fault::new(Fault::TYPE, "transactions is not an array"))?;
    let mut transactions: Vec<Waiting> = Vec::new();
    for item in listed {
        let waiting = chosen(core, item.as_str().unwrap_or_default(), &transactions)?;
        transactions.push(waiting);
    }
    let hash = mine(core, payout, transactions)?;
    Ok(json!({ "hash": hash }))
}

pub fn submitblock(core: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    let block: Block = args.decoded(0, "Block decode failed")?;
    if core.chain.tree.get(&block.block_hash()).is_some() {
        return Ok(json!("duplicate"));
    }
    match core.chain.add_block(block, core.now()) {
        Ok(hash) if core.chain.tree.is_active(&hash) => Ok(Value::Null),
        Ok(_) => Ok(json!("inconclusive")),
        Err(fault) => Ok(json!(fault.message)),
    }
}

pub fn setmocktime(core: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    let time = u64::try_from(args.integer(0)?).map_err(|_| Fault::parameter("Mocktime must be in the range"))?;
    core.mock_time = (time > 0).then_some(time);
    Ok(Value::Null)
}

pub fn estimatesmartfee(core: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    let blocks = args.integer(0)?;
    if !(1..=1008).contains(&blocks) {
        return Err(Fault::parameter("Invalid conf_target, must be between 1 and 1008"));
    }
    Ok(match core.estimated_fee_rate {
        Some(rate) => json!({ "feerate": Amount::from_sat(rate).to_btc(), "blocks": blocks }),
        None => json!({ "errors": ["Insufficient data or no feerate found"], "blocks": blocks }),
    })
}

fn mine(core: &mut Core, payout: ScriptBuf, transactions: Vec<Waiting>) -> Result<bitcoin::BlockHash, Fault> {
    let now = core.now();
    let tree = &core.chain.tree;
    let block = mining::mine(tree, tree.tip(), payout, transactions, u32::try_from(now).unwrap_or(u32::MAX));
    let hash = core.chain.add_block(block, now)?;
    tracing::debug!(%hash, height = core.chain.tree.tip_height(), "mined");
    Ok(hash)
}

/// A transaction for `generateblock`: one that waits, by its id, or raw.
fn chosen(core: &Core, text: &str, before: &[Waiting]) -> Result<Waiting, Fault> {
    if let Some(waiting) = text.parse::<Txid>().ok().filter(|_| text.len() == 64) {
        let found = core.chain.mempool.get(&waiting).cloned();
        return found.ok_or_else(|| Fault::unknown(format!("Transaction {text} not in mempool.")));
    }
    let tx: Option<Transaction> = hex::decode(text).ok().and_then(|bytes| bitcoin::consensus::deserialize(&bytes).ok());
    let tx = tx.ok_or_else(|| Fault::new(Fault::DESERIALIZATION, format!("Transaction decode failed for {text}.")))?;
    let place = core.chain.next_place();
    let fee = spend::check(&tx, place, |outpoint| {
        let in_block = before.iter().find(|waiting| waiting.tx.compute_txid() == outpoint.txid);
        let output = in_block.and_then(|waiting| waiting.tx.output.get(outpoint.vout as usize)).cloned();
        let made = output.map(|output| crate::bitcoin::coins::Coin { output, height: place.height, coinbase: false });
        made.or_else(|| core.chain.coins.get(outpoint).cloned())
    })?;
    Ok(Waiting { tx, fee })
}
