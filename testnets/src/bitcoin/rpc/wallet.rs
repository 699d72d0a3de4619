//! The wallet's methods (`wallet/rpc/`).

use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{Transaction, TxOut};
use serde_json::{Value, json};

use super::args::Args;
use crate::bitcoin::error::Fault;
use crate::bitcoin::node::Core;
use crate::bitcoin::wallet::AddressKind;

pub fn getnewaddress(core: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    let kind = match args.get(1).map(|_| args.text(1)).transpose()? {
        None | Some("bech32") => AddressKind::Bech32,
        Some("bech32m") => AddressKind::Bech32m,
        Some(other) => return Err(Fault::unknown(format!("Unknown address type '{other}'"))),
    };
    Ok(json!(core.wallet.new_address(kind)?.to_string()))
}

pub fn getbalance(core: &mut Core, _: &Args<'_>) -> Result<Value, Fault> {
    Ok(json!(core.wallet.balance(&core.chain).to_btc()))
}

pub fn sendtoaddress(core: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    let script_pubkey = args.script(0)?;
    let value = args.amount(1)?;
    let rate = core.payment_fee_rate;
    let change = core.wallet.new_address(AddressKind::Bech32)?.script_pubkey();
    let coins = core.wallet.spendable(&core.chain);
    let tx = core.wallet.pay(coins, &[TxOut { value, script_pubkey }], &change, rate)?;
    Ok(json!(core.chain.accept(tx)?))
}

pub fn signrawtransactionwithwallet(core: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    let mut tx: Transaction = args.decoded(0, "TX decode failed. Make sure the tx has at least one input.")?;
    let prevouts: Option<Vec<TxOut>> =
        tx.input.iter().map(|input| core.chain.coin(&input.previous_output).map(|coin| coin.output)).collect();
    let complete = prevouts.is_some_and(|prevouts| core.wallet.sign(&mut tx, &prevouts));
    let hex = serialize_hex(&tx);
    if complete {
        return Ok(json!({ "hex": hex, "complete": true }));
    }
    let unsigned = tx.input.iter().filter(|input| input.witness.is_empty());
    let errors: Vec<Value> = unsigned
        .map(|input| {
            let outpoint = input.previous_output;
            json!({ "txid": outpoint.txid, "vout": outpoint.vout, "error": "Input not found or already spent" })
        })
        .collect();
    Ok(json!({ "hex": hex, "complete": false, "errors": errors }))
}
