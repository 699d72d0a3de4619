//! Blocks, transactions and scripts as Core shows them in JSON (`core_write.cpp`). Output descriptors (`desc`) are
//! left out.

use bitcoin::block::Header;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::opcodes::all::{OP_PUSHNUM_1, OP_PUSHNUM_16};
use bitcoin::script::Instruction;
use bitcoin::{Address, Amount, BlockHash, Network, Script, Transaction, TxIn, Work};
use serde_json::{Value, json};

use crate::bitcoin::chain::Chain;
use crate::bitcoin::tree::BlockTree;

/// Compact target in hex.
pub fn bits(header: &Header) -> String {
    format!("{:08x}", header.bits.to_consensus())
}

/// Full target in hex.
pub fn target(header: &Header) -> String {
    hex::encode(header.target().to_be_bytes())
}

/// Accumulated work in hex.
pub fn work(work: Work) -> String {
    hex::encode(work.to_be_bytes())
}

/// `getblockheader` with verbose. The block must be in the tree.
pub fn header(tree: &BlockTree, hash: &BlockHash) -> Value {
    let entry = tree.entry(hash);
    let header = &entry.block.header;
    let mut shown = json!({
        "hash": hash,
        "confirmations": tree.confirmations(hash),
        "height": entry.height,
        "version": header.version.to_consensus(),
        "versionHex": format!("{:08x}", header.version.to_consensus()),
        "merkleroot": header.merkle_root,
        "time": header.time,
        "mediantime": tree.median_time_past(hash),
        "nonce": header.nonce,
        "bits": bits(header),
        "target": target(header),
        "difficulty": header.difficulty_float(),
        "chainwork": work(entry.work),
        "nTx": entry.block.txdata.len(),
    });
    if entry.height > 0 {
        shown["previousblockhash"] = json!(header.prev_blockhash);
    }
    let next = tree.active().get(entry.height as usize + 1).filter(|_| tree.is_active(hash));
    if let Some(next) = next {
        shown["nextblockhash"] = json!(next);
    }
    shown
}

/// `getblock` with verbosity 1, or 2 when `transactions`. The block must be in the tree.
pub fn block(chain: &Chain, hash: &BlockHash, transactions: bool) -> Value {
    let block = &chain.tree.entry(hash).block;
    let mut shown = header(&chain.tree, hash);
    let (size, weight) = (block.total_size() as u64, block.weight().to_wu());
    shown["strippedsize"] = json!((weight - size) / 3);
    shown["size"] = json!(size);
    shown["weight"] = json!(weight);
    if !transactions {
        shown["tx"] = block.txdata.iter().map(|tx| json!(tx.compute_txid())).collect();
        return shown;
    }
    let mut spent = chain.coins.spent_by(hash).iter();
    let render = |tx: &Transaction| {
        let mut shown = transaction(tx);
        shown["hex"] = json!(serialize_hex(tx));
        if !tx.is_coinbase() && chain.tree.is_active(hash) {
            let paid: Amount = spent.by_ref().take(tx.input.len()).map(|(_, coin)| coin.output.value).sum();
            let received: Amount = tx.output.iter().map(|output| output.value).sum();
            shown["fee"] = json!(paid.checked_sub(received).unwrap_or(Amount::ZERO).to_btc());
        }
        shown
    };
    shown["tx"] = block.txdata.iter().map(render).collect();
    shown
}

/// A transaction without its `hex`.
pub fn transaction(tx: &Transaction) -> Value {
    let outputs = (0..).zip(&tx.output).map(|(n, output): (u32, _)| {
        json!({ "value": output.value.to_btc(), "n": n, "scriptPubKey": script(&output.script_pubkey) })
    });
    json!({
        "txid": tx.compute_txid(),
        "hash": tx.compute_wtxid(),
        "version": tx.version.0,
        "size": tx.total_size(),
        "vsize": tx.vsize(),
        "weight": tx.weight().to_wu(),
        "locktime": tx.lock_time.to_consensus_u32(),
        "vin": tx.input.iter().map(|spent| input(spent, tx.is_coinbase())).collect::<Vec<_>>(),
        "vout": outputs.collect::<Vec<_>>(),
    })
}

fn input(input: &TxIn, coinbase: bool) -> Value {
    let mut shown = if coinbase {
        json!({ "coinbase": input.script_sig.to_hex_string() })
    } else {
        json!({
            "txid": input.previous_output.txid,
            "vout": input.previous_output.vout,
            "scriptSig": { "asm": assembly(&input.script_sig), "hex": input.script_sig.to_hex_string() },
        })
    };
    if !input.witness.is_empty() {
        shown["txinwitness"] = input.witness.iter().map(|item| json!(hex::encode(item))).collect();
    }
    shown["sequence"] = json!(input.sequence.0);
    shown
}

/// A `scriptPubKey` object.
pub fn script(script: &Script) -> Value {
    let kind = match script {
        script if script.is_p2wpkh() => "witness_v0_keyhash",
        script if script.is_p2wsh() => "witness_v0_scripthash",
        script if script.is_p2tr() => "witness_v1_taproot",
        script if script.is_op_return() => "nulldata",
        script if script.is_p2pkh() => "pubkeyhash",
        script if script.is_p2sh() => "scripthash",
        script if script.is_p2pk() => "pubkey",
        _ => "nonstandard",
    };
    let mut shown = json!({ "asm": assembly(script), "hex": script.to_hex_string(), "type": kind });
    if let Ok(address) = Address::from_script(script, Network::Regtest) {
        shown["address"] = json!(address.to_string());
    }
    shown
}

fn assembly(script: &Script) -> String {
    let word = |instruction| match instruction {
        Ok(Instruction::PushBytes(bytes)) if bytes.is_empty() => "0".to_owned(),
        Ok(Instruction::PushBytes(bytes)) => hex::encode(bytes.as_bytes()),
        Ok(Instruction::Op(op)) if (OP_PUSHNUM_1.to_u8()..=OP_PUSHNUM_16.to_u8()).contains(&op.to_u8()) => {
            (op.to_u8() - OP_PUSHNUM_1.to_u8() + 1).to_string()
        }
        Ok(Instruction::Op(op)) => op.to_string(),
        Err(_) => "[error]".to_owned(),
    };
    script.instructions().map(word).collect::<Vec<_>>().join(" ")
}
