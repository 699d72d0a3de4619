//! Blocks and branches (`rpc/blockchain.cpp`).

use bitcoin::BlockHash;
use bitcoin::consensus::encode::serialize_hex;
use serde_json::{Value, json};

use super::args::Args;
use super::render;
use crate::bitcoin::error::Fault;
use crate::bitcoin::node::Core;

pub fn getblockchaininfo(core: &mut Core, _: &Args<'_>) -> Result<Value, Fault> {
    let tree = &core.chain.tree;
    let tip = tree.tip();
    let entry = tree.entry(&tip);
    Ok(json!({
        "chain": "regtest",
        "blocks": entry.height,
        "headers": entry.height,
        "bestblockhash": tip,
        "bits": render::bits(&entry.block.header),
        "target": render::target(&entry.block.header),
        "difficulty": entry.block.header.difficulty_float(),
        "time": entry.block.header.time,
        "mediantime": tree.median_time_past(&tip),
        "verificationprogress": 1,
        "initialblockdownload": false,
        "chainwork": render::work(entry.work),
        "size_on_disk": 0,
        "pruned": false,
        "warnings": [],
    }))
}

pub fn getblockcount(core: &mut Core, _: &Args<'_>) -> Result<Value, Fault> {
    Ok(json!(core.chain.tree.tip_height()))
}

pub fn getbestblockhash(core: &mut Core, _: &Args<'_>) -> Result<Value, Fault> {
    Ok(json!(core.chain.tree.tip()))
}

pub fn getblockhash(core: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    let height = usize::try_from(args.integer(0)?).ok();
    let hash = height.and_then(|height| core.chain.tree.active().get(height));
    hash.map(|hash| json!(hash)).ok_or_else(|| Fault::parameter("Block height out of range"))
}

pub fn getblockheader(core: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    let hash: BlockHash = args.hash(0)?;
    let tree = &core.chain.tree;
    let entry = tree.get(&hash).ok_or_else(not_found)?;
    if args.verbosity(1, 1)? == 0 {
        return Ok(json!(serialize_hex(&entry.block.header)));
    }
    Ok(render::header(tree, &hash))
}

pub fn getblock(core: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    let hash: BlockHash = args.hash(0)?;
    let entry = core.chain.tree.get(&hash).ok_or_else(not_found)?;
    match args.verbosity(1, 1)? {
        ..=0 => Ok(json!(serialize_hex(entry.block.as_ref()))),
        verbosity => Ok(render::block(&core.chain, &hash, verbosity >= 2)),
    }
}

pub fn getchaintips(core: &mut Core, _: &Args<'_>) -> Result<Value, Fault> {
    let tree = &core.chain.tree;
    let tip = tree.tip();
    let mut tips: Vec<(u32, Value)> = tree
        .leaves()
        .map(|(hash, entry)| (hash, entry, tree.path_to(hash).1.len()))
        .filter(|(hash, _, branch)| **hash == tip || *branch > 0)
        .map(|(hash, entry, branch)| {
            let status = if *hash == tip {
                "active"
            } else if entry.invalid {
                "invalid"
            } else {
                "valid-fork"
            };
            (entry.height, json!({ "height": entry.height, "hash": hash, "branchlen": branch, "status": status }))
        })
        .collect();
    if !tips.iter().any(|(_, shown)| shown["status"] == "active") {
        let height = tree.tip_height();
        tips.push((height, json!({ "height": height, "hash": tip, "branchlen": 0, "status": "active" })));
    }
    tips.sort_by_key(|(height, _)| std::cmp::Reverse(*height));
    Ok(tips.into_iter().map(|(_, shown)| shown).collect())
}

pub fn invalidateblock(core: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    core.chain.invalidate(&args.hash(0)?)?;
    Ok(Value::Null)
}

pub fn reconsiderblock(core: &mut Core, args: &Args<'_>) -> Result<Value, Fault> {
    core.chain.reconsider(&args.hash(0)?)?;
    Ok(Value::Null)
}

fn not_found() -> Fault {
    Fault::unknown("Block not found")
}
