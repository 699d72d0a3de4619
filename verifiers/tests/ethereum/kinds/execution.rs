//! Headers, accounts, receipts and tries of the execution chain.

use std::collections::BTreeMap;
use std::path::Path;

use alloy_primitives::{Address, B256, keccak256};
use serde_json::Value;
use spandrel_verifiers::ethereum::{ExecutionHeader, Receipt};

use super::beacon::counted;
use super::{beside, has, json, yaml};
use crate::answers::{AccountAnswer, GetProof};
use crate::headers::{are_rlp, run_rlp};
use crate::history::{Content as History, root, run_header_with_proof};
use crate::receipts::{Block, leaves_of, prove_all, rpc_receipt, run_receipt_proof, run_topic};
use crate::recorded::header_of;
use crate::support::{Tally, bytes as read, hex_bytes};
use crate::tries::{Content as State, entries_of, run_index_proof, run_proofs, run_trie};
use crate::vector_coverage::Ran;

pub fn proofs(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let (passed, refused) = run_proofs(serde_json::from_value(json(bytes)?).ok()?);
    Some(Ran::Cases(passed, refused))
}

/// An answer to `eth_getProof`, by itself, as the result of a call, or beside its state's root. Where that is not said it is
/// the hash of the proof's first node.
pub fn account(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(bytes)?;
    let place = ["result", "proof"].into_iter().find(|name| file[*name].is_object());
    let proof: GetProof = serde_json::from_value(place.map_or(&file, |name| &file[name]).clone()).ok()?;
    let said = file["state_root"].is_string().then(|| root(&file["state_root"]));
    let (first, mut tally) = (proof.account_proof.first()?, Tally::silent());
    proof.check(said.unwrap_or(keccak256(first)), &mut tally);
    counted(&tally)
}

/// By address; an answer by itself does not say of whom it is.
pub fn answers(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(bytes)?;
    let read = |answer: &Value| serde_json::from_value::<AccountAnswer>(answer.clone()).ok();
    if read(&file).is_some() {
        return Some(Ran::Unread("an account without its address"));
    }
    let mut tally = Tally::silent();
    for (address, answer) in file["accounts"].as_object()? {
        let answer = read(answer)?;
        let root = keccak256(answer.account_proof.first()?);
        answer.check(root, address.parse::<Address>().ok()?, &mut tally);
    }
    counted(&tally)
}

/// `eth_getBlockByHash`, by itself or as the result of a call.
fn block_of(bytes: &[u8]) -> Option<Value> {
    let mut file = json(bytes)?;
    let block = if file["result"].is_object() { file["result"].take() } else { file };
    has(&block, &["hash", "parentHash", "stateRoot", "receiptsRoot", "miner"]).then_some(block)
}

pub fn block(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let block = block_of(bytes)?;
    let (hash, encoded) = (root(&block["hash"]), header_of(&block));
    let header = ExecutionHeader::open(hash, &encoded).unwrap();
    assert_eq!(header.receipts_root, root(&block["receiptsRoot"]));
    ExecutionHeader::open(header.parent_hash, &encoded).unwrap_err();
    Some(Ran::Cases(1, 1))
}

/// All of a block, proven where the block stands beside them. Else, and alone, they are only encoded and read again.
pub fn receipts(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(bytes)?;
    let receipts = file.as_array().map_or(std::slice::from_ref(&file), Vec::as_slice);
    let is_receipt =
        |receipt: &Value| has(receipt, &["logsBloom", "cumulativeGasUsed", "transactionIndex", "blockHash"]);
    let first = receipts.first().filter(|_| receipts.iter().all(is_receipt))?;
    let leaves: Vec<_> = receipts.iter().map(rpc_receipt).collect();
    let blocks = beside(path).into_iter().filter(|path| path.is_file()).filter_map(|path| block_of(&read(path)));
    let block = blocks.into_iter().find(|block| block["hash"] == first["blockHash"]);
    let mut tally = Tally::silent();
    match block.filter(|_| file.is_array()) {
        Some(block) => drop(prove_all(&mut tally, root(&block["receiptsRoot"]), &leaves)),
        None => leaves.iter().for_each(|leaf| {
            Receipt::decode(leaf).unwrap();
            tally.pass();
        }),
    }
    counted(&tally)
}

/// One or many, each under the root that its proof's first node hashes to.
pub fn receipt_proofs(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(bytes)?;
    let one = std::slice::from_ref(&file).iter();
    let cases: Vec<&Value> = file["receiptProofs"].as_object().map_or(one.collect(), |cases| cases.values().collect());
    let mut tally = Tally::silent();
    for case in cases {
        let node = has(case, &["receipt", "receiptProof"]).then(|| case["receiptProof"][0].as_str())??;
        run_receipt_proof(case, keccak256(hex_bytes(node)), &mut tally);
    }
    counted(&tally)
}

pub fn index_proof(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let case = json(bytes).filter(|case| has(case, &["proof", "receipt_key", "receipts_root"]))?;
    let mut tally = Tally::silent();
    run_index_proof(&case, &mut tally);
    counted(&tally)
}

/// With a topic that it has, or as a list of numbers.
pub fn receipt(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(bytes)?;
    if has(&file, &["receipt", "topic"]) {
        run_topic(&file);
        return Some(Ran::Cases(1, 0));
    }
    let numbers: Vec<u8> = serde_json::from_value(file).ok()?;
    Receipt::decode(&numbers).ok().map(|_| Ran::Cases(1, 0))
}

pub fn log(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(bytes)?;
    let is_log = |log: &Value| has(log, &["address", "topics", "data"]);
    let is_list = file.as_array().is_some_and(|logs| !logs.is_empty() && logs.iter().all(is_log));
    (is_log(&file) || is_list).then_some(Ran::Unread("logs without their receipts: nothing to prove"))
}

pub fn whole_block(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let mut tally = Tally::silent();
    yaml::<Block>(bytes, "receipts")?.prove(&mut tally);
    counted(&tally)
}

/// A header with its proof, or a block's receipts, which are only read: their root stands elsewhere.
pub fn history_content(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let content: History = yaml(bytes, "content_value")?;
    let mut tally = Tally::silent();
    match content.content_key.first()? {
        0 => run_header_with_proof(&content, &[], &mut tally),
        2 => leaves_of(&content).iter().for_each(|leaf| {
            Receipt::decode(leaf).unwrap();
            tally.pass();
        }),
        _ => return None,
    }
    counted(&tally)
}

pub fn state_content(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let mut tally = Tally::silent();
    for content in yaml::<Vec<State>>(bytes, "content_value_offer")? {
        content.follow(&mut tally);
    }
    counted(&tally)
}

pub fn rlp(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let cases = json(bytes).filter(are_rlp)?;
    let mut tally = Tally::silent();
    let valid = run_rlp(&cases, &mut tally);
    Some(Ran::Cases(valid, tally.refused()))
}

/// Keys are hashed first where only that leads to the root.
pub fn tries(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let cases: BTreeMap<String, Value> = serde_json::from_value(json(bytes)?).ok()?;
    let is_case = |case: &Value| case["root"].is_string() && !case["in"].is_null();
    let first = cases.values().next().filter(|_| cases.values().all(is_case))?;
    let (entries, root): (_, B256) = (entries_of(&first["in"], true), first["root"].as_str()?.parse().ok()?);
    let is_secure = crate::planted::build(&entries, &[]).0 == root;
    let mut tally = Tally::silent();
    run_trie("cases", &cases, is_secure, &mut tally);
    counted(&tally)
}
