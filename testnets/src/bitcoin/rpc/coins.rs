//! Transactions and outputs (`rpc/rawtransaction.cpp`, `rpc/mempool.cpp`), and what is published (`zmq/zmqrpc.cpp`).

use bitcoin::absolute::LockTime;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{BlockHash, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness, transaction};
use serde_json::{Value, json};

use super::args::{Args, amount_of, script_of};
use super::render;
use crate::bitcoin::error::Fault;
use crate::bitcoin::node::Core;
use crate::bitcoin::notify::TOPICS;

pub fn getrawtransaction(core: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    let txid: Txid = args.hash(0)?;
    let verbosity = args.verbosity(1, 0)?;
    let asked: Option<BlockHash> = args.get(2).map(|_| args.hash(2)).transpose()?;
    let chain = &core.chain;
    let waiting = chain.mempool.get(&txid).filter(|_| asked.is_none()).map(|waiting| (waiting.tx.clone(), None));
    let in_block = |hash: BlockHash| {
        let block = &chain.tree.get(&hash)?.block;
        let tx = block.txdata.iter().find(|tx| tx.compute_txid() == txid)?;
        Some((tx.clone(), Some(hash)))
    };
    let found = match asked {
        Some(hash) if chain.tree.get(&hash).is_none() => return Err(Fault::unknown("Block hash not found")),
        Some(hash) => in_block(hash),
        None => waiting.or_else(|| chain.coins.block_of(&txid).and_then(in_block)),
    };
    let Some((tx, block)) = found else {
        let missing = match asked {
            Some(_) => "No such transaction found in the provided block. Use gettransaction for wallet transactions.",
            None => "No such mempool or blockchain transaction. Use gettransaction for wallet transactions.",
        };
        return Err(Fault::unknown(missing));
    };
    if verbosity == 0 {
        return Ok(json!(serialize_hex(&tx)));
    }
    let mut shown = render::transaction(&tx);
    shown["hex"] = json!(serialize_hex(&tx));
    if let Some(hash) = block {
        let time = chain.tree.entry(&hash).block.header.time;
        shown["blockhash"] = json!(hash);
        shown["confirmations"] = json!(chain.tree.confirmations(&hash).max(0));
        shown["time"] = json!(time);
        shown["blocktime"] = json!(time);
    }
    Ok(shown)
}

pub fn gettxout(core: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    let vout = u32::try_from(args.integer(1)?).map_err(|_| Fault::parameter("n out of range"))?;
    let outpoint = OutPoint::new(args.hash(0)?, vout);
    let with_mempool = args.get(2).is_none_or(|flag| flag.as_bool() != Some(false));
    let chain = &core.chain;
    let coin = if !with_mempool {
        chain.coins.get(&outpoint).cloned()
    } else if chain.mempool.is_spent(&outpoint) {
        None
    } else {
        chain.coin(&outpoint)
    };
    let Some(coin) = coin else { return Ok(Value::Null) };
    Ok(json!({
        "bestblock": chain.tree.tip(),
        "confirmations": (chain.tree.tip_height() + 1).saturating_sub(coin.height),
        "value": coin.output.value.to_btc(),
        "scriptPubKey": render::script(&coin.output.script_pubkey),
        "coinbase": coin.coinbase,
    }))
}

pub fn getrawmempool(core: &mut Core, _: &Args<'_>) -> Result<Value, Fault> {
    Ok(core.chain.mempool.iter().map(|waiting| json!(waiting.tx.compute_txid())).collect())
}

pub fn sendrawtransaction(core: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    let tx: Transaction = args.decoded(0, "TX decode failed. Make sure the tx has at least one input.")?;
    Ok(json!(core.chain.accept(tx)?))
}

pub fn createrawtransaction(_: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    let malformed = || Fault::parameter("Invalid parameter, inputs and outputs must be arrays of objects");
    let input = args.required(0)?.as_array().ok_or_else(malformed)?.iter().map(|input| {
        let txid = input.get("txid").and_then(Value::as_str).and_then(|text| text.parse().ok());
        let vout = input.get("vout").and_then(Value::as_u64).and_then(|vout| u32::try_from(vout).ok());
        let (Some(txid), Some(vout)) = (txid, vout) else { return Err(malformed()) };
        let sequence = input.get("sequence").and_then(Value::as_u64).and_then(|sequence| u32::try_from(sequence).ok());
        Ok(TxIn {
            previous_output: OutPoint::new(txid, vout),
            script_sig: ScriptBuf::new(),
            sequence: sequence.map_or(Sequence::ENABLE_RBF_NO_LOCKTIME, Sequence),
            witness: Witness::new(),
        })
    });
    let input = input.collect::<Result<_, _>>()?;
    let mut output = Vec::new();
    for entry in args.required(1)?.as_array().ok_or_else(malformed)? {
        for (address, amount) in entry.as_object().ok_or_else(malformed)? {
            output.push(TxOut { value: amount_of(amount)?, script_pubkey: script_of(address)? });
        }
    }
    let tx = Transaction { version: transaction::Version::TWO, lock_time: LockTime::ZERO, input, output };
    Ok(json!(serialize_hex(&tx)))
}

pub fn getzmqnotifications(core: &mut Core, _: &Args<'_>) -> Result<Value, Fault> {
    let shown = |topic: &&str| json!({ "type": format!("pub{topic}"), "address": core.zmq_endpoint, "hwm": 1000 });
    Ok(TOPICS.iter().map(shown).collect())
}
