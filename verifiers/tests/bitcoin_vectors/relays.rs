//! What relays of Bitcoin headers are tested with: headers with what is said of them, proofs of one transaction, and cases
//! of a relay by the code that it ends with.

use std::path::Path;

use alloy_primitives::{B256, Bytes};
use serde_json::{Value, json};
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::bitcoin::{ChainParams, Header, HeaderChain};

use super::files::{Tally, anchored, hash_of, unhex};
use super::kinds::{counted, json as read_json};
use super::proofs::{check_header, check_spv};
use super::rows::check_row;
use crate::vector_coverage::Ran;

/// Headers of a period of one target.
const PERIOD: u64 = 2016;

fn has(value: &Value, members: &[&str]) -> bool {
    members.iter().all(|name| !value[*name].is_null())
}

fn is_header(value: &Value) -> bool {
    has(value, &["raw", "hash", "prevhash", "merkle_root", "height"])
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn height(header: &Value) -> u64 {
    header["height"].as_u64().unwrap()
}

/// Headers that say their hash, parent, root and height. Those that follow each other are a row of some network.
pub fn stated_headers(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = read_json(path, bytes)?;
    let rows = file.as_array().filter(|rows| !rows.is_empty() && rows.iter().all(is_header))?;
    let headers: Vec<Header> = rows.iter().map(|row| check_header(row, &ChainParams::regtest()).unwrap()).collect();
    let known: Vec<(u64, Header)> = rows.iter().map(height).zip(headers).collect();
    for row in known.chunk_by(|(before, _), (height, _)| before + 1 == *height) {
        let headers: Vec<Header> = row.iter().map(|(_, header)| *header).collect();
        for (pair, (height, _)) in headers.windows(2).zip(&row[1..]) {
            assert_eq!(pair[1].parent, pair[0].hash, "{height}");
        }
        check_row(&headers, Some(row[0].0)).unwrap();
    }
    Some(Ran::Cases(known.len(), 0))
}

/// A transaction in parts, its path, and the header that confirms it; also under names that share a start, or with a bare
/// header.
pub fn proof(path: &Path, bytes: &[u8]) -> Option<Ran> {
    const PARTS: [&str; 6] = ["version", "vin", "vout", "locktime", "tx_id", "index"];
    let file = read_json(path, bytes)?;
    if has(&file, &PARTS) && has(&file, &["intermediate_nodes"]) && is_header(&file["confirming_header"]) {
        return counted(&file, run_proof);
    }
    let start = file.as_object()?.keys().find_map(|name| name.strip_suffix("_TX_ID_LE"))?;
    let part = |name: &str| &file[format!("{start}_{name}")];
    let header = Header::parse(&unhex(Some(part("HEADER")).filter(|raw| raw.is_string())?)).ok()?;
    let stated = json!({
        "raw": part("HEADER"), "hash": header.hash, "prevhash": header.parent, "merkle_root": header.merkle_root,
    });
    let proof = json!({
        "version": part("VERSION"), "vin": part("VIN"), "vout": part("VOUT"), "locktime": part("LOCKTIME"),
        "tx_id": part("TX_ID_LE"), "index": part("INDEX"), "intermediate_nodes": part("PROOF"),
        "confirming_header": stated,
    });
    (has(&proof, &PARTS) && has(&proof, &["intermediate_nodes"])).then(|| counted(&proof, run_proof))?
}

/// As it is, and at another place. Of which network is not known.
fn run_proof(proof: &Value, tally: &mut Tally) {
    let check_spv = |proof| check_spv(proof, &ChainParams::regtest());
    tally.expect("as it is", true, check_spv(proof));
    let mut moved = proof.clone();
    moved["index"] = json!(proof["index"].as_u64().unwrap() ^ 1);
    tally.expect("another place", false, check_spv(&moved));
}

/// Cases of summa's relay, by the name of what is asked of it.
pub fn relay(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = read_json(path, bytes)?;
    let is_relay = has(&file["header"], &["validateHeaderChain"]) || has(&file["validator"], &["validateProof"]);
    is_relay.then(|| counted(&file, run_relay))?
}

fn run_relay(file: &Value, tally: &mut Tally) {
    for case in list(&file["header"], "validateHeaderChain") {
        let name = case["comment"].as_str().unwrap_or_default();
        if case["isMainnet"] == json!(false) {
            tally.skip(name, "headers that its relay takes by the rules of a network that it does not name");
            continue;
        }
        tally.expect(
            name,
            case["output"] == json!(0),
            extended(&case["anchor"], &case["anchor"], list(case, "headers")),
        );
    }
    for case in list(&file["header"], "validateDifficultyChange") {
        let name = case["comment"].as_str().unwrap_or_default();
        let verdict = retargeted(&case["prevEpochStart"], &case["anchor"], list(case, "headers"));
        tally.expect(name, case["output"] == json!(0), verdict);
    }
    run_ancestors(&file["chain"]["isMostRecentCommonAncestor"], tally);
    run_heaviest(&file["chain"]["heaviestFromAncestor"], tally);
    let proofs = list(&file["validator"], "validateProof").iter().map(|case| (&case["proof"], &case["error"]));
    let filled = list(&file["validator"], "checkRequestsFilled").iter();
    let check_spv = |proof| check_spv(proof, &ChainParams::mainnet());
    for (proof, error) in proofs.chain(filled.map(|case| (&case["filledRequest"]["proof"], &case["error"]))) {
        match error.as_u64() {
            Some(0) => tally.expect("proof", true, check_spv(proof)),
            // Of summa's codes, the one for a proof or header that is not valid.
            Some(108) => tally.expect("bad proof", false, check_spv(proof)),
            _ => tally.skip("proof", "it is refused for what the relay was asked, not for the proof"),
        }
    }
    for name in ["link", "requests"] {
        tally.skip(name, "what a relay keeps for itself");
    }
}

/// A chain of mainnet from `anchor`, if `headers` follow it. What is said of each must be so.
fn extended(start: &Value, anchor: &Value, headers: &[Value]) -> Result<HeaderChain, VerifyError> {
    let mut heights = height(anchor)..;
    for header in std::iter::once(anchor).chain(headers) {
        check_header(header, &ChainParams::mainnet())?;
        let expected = heights.next().unwrap_or_default();
        if height(header) != expected {
            return Err(VerifyError::invalid("height", expected, height(header)));
        }
    }
    let raw = |header: &Value| unhex(&header["raw"]);
    let mut chain = anchored(ChainParams::mainnet(), height(anchor), &raw(anchor), &raw(start), &[]);
    chain.extend(&headers.iter().map(raw).collect::<Vec<Bytes>>(), u64::MAX)?;
    Ok(chain)
}

/// As [`extended`], where `anchor` ends the period that `start` begins.
fn retargeted(start: &Value, anchor: &Value, headers: &[Value]) -> Result<HeaderChain, VerifyError> {
    let first = check_header(start, &ChainParams::mainnet())?;
    let last = check_header(anchor, &ChainParams::mainnet())?;
    if !height(start).is_multiple_of(PERIOD) || height(start) + PERIOD - 1 != height(anchor) {
        let expected = format!("the end of the period from {}", height(start));
        return Err(VerifyError::invalid("height", expected, height(anchor)));
    }
    if first.bits != last.bits {
        return Err(VerifyError::invalid("bits", first.bits, last.bits));
    }
    extended(start, anchor, headers)
}

/// The last block that two have below them, or are.
fn common(chain: &HeaderChain, left: B256, right: B256) -> Option<B256> {
    let (top, _) = chain.header(left)?;
    let (other, _) = chain.header(right)?;
    let ancestor = |of, height| chain.ancestor(of, height).map(|block| block.hash);
    let lowest = chain.anchor().height;
    let mut heights = (lowest..=top.min(other)).rev();
    heights.find_map(|height| ancestor(left, height).filter(|found| ancestor(right, height) == Some(*found)))
}

fn run_ancestors(file: &Value, tally: &mut Tally) {
    if !file.is_object() {
        return;
    }
    let headers = [list(file, "preRetargetChain"), list(file, "postRetargetChain")].concat();
    let mut chain = extended(&file["oldPeriodStart"], &file["genesis"], &headers).unwrap();
    chain.extend(&[unhex(&file["orphan"]["raw"])], u64::MAX).unwrap();
    for case in list(file, "testCases") {
        let [ancestor, left, right] = ["ancestor", "left", "right"].map(|name| hash_of(&case[name]));
        let found = common(&chain, left, right);
        let is_so = if found == Some(ancestor) { Ok(()) } else { Err(found) };
        tally.expect("isMostRecentCommonAncestor", case["output"] == json!(true), is_so);
    }
}

/// Which of two that stand above a block has more work, the first known where it is the same.
fn heaviest(file: &Value, case: &Value) -> Result<B256, VerifyError> {
    let missing = |name: &str| VerifyError::invalid(name, "a block above the ancestor", "none");
    let [ancestor, current, new] = ["ancestor", "currentBest", "newBest"].map(|name| hash_of(&case[name]));
    let mut headers = [list(file, "headers"), std::slice::from_ref(&file["orphan"])].concat();
    headers.retain(is_header);
    let parent = |hash: B256| headers.iter().find(|header| hash_of(&header["hash"]) == hash);
    let above = |mut hash: B256, name: &str| -> Result<Vec<Bytes>, VerifyError> {
        let mut row = Vec::new();
        while hash != ancestor {
            let header = parent(hash).ok_or_else(|| missing(name))?;
            row.insert(0, unhex(&header["raw"]));
            hash = hash_of(&header["prevhash"]);
        }
        Ok(row)
    };
    let root = parent(ancestor).ok_or_else(|| missing("ancestor"))?;
    let mut chain = extended(root, root, &[])?;
    chain.extend(&above(current, "currentBest")?, u64::MAX)?;
    chain.extend(&above(new, "newBest")?, u64::MAX)?;
    Ok(chain.best().hash)
}

fn run_heaviest(file: &Value, tally: &mut Tally) {
    for case in list(file, "testCases") {
        let verdict = heaviest(file, case);
        match case["error"].as_u64() {
            Some(0) => {
                assert_eq!(verdict.as_ref().ok(), Some(&hash_of(&case["output"])));
                tally.expect("heaviestFromAncestor", true, verdict);
            }
            // Of summa's codes, the one for a block that the relay had not been told, which no file says.
            Some(104) => tally.skip("heaviestFromAncestor", "which blocks the relay knows is not in the file"),
            _ => tally.expect("heaviestFromAncestor", false, verdict),
        }
    }
}

/// The evidence of a mined block, as relays write it.
#[test]
fn headers_and_proofs_that_relays_write_are_run() {
    use bitcoin::consensus::encode::serialize;
    use bitcoin::hashes::Hash;
    use bitcoin::{OutPoint, Transaction, Txid};
    use spandrel_verifiers::bitcoin::merkle_path;

    use crate::bitcoin_miner::{START, hash, mine, mine_run, regtest_chain, transaction};
    let spent = |n: u8| OutPoint { txid: Txid::from_byte_array([n; 32]), vout: 0 };
    let transactions =
        (1..4).map(|n| transaction(spent(n), Default::default(), vec![(Default::default(), 9)])).collect();
    let block = mine(regtest_chain().best().hash, 1, START, 1, transactions);
    let after = mine_run(hash(&block), 2, 2, 1);
    let stated = |block: &bitcoin::Block, height: u64| {
        let raw = serialize(&block.header);
        let header = Header::parse(&raw).unwrap();
        json!({
            "raw": hex::encode(raw), "hash": header.hash, "prevhash": header.parent, "merkle_root": header.merkle_root,
            "height": height,
        })
    };
    let run = |file: &Value, kind: fn(&Path, &[u8]) -> Option<Ran>| {
        let bytes = file.to_string().into_bytes();
        std::panic::catch_unwind(|| kind(Path::new("file.json"), &bytes))
    };
    let mut rows = [stated(&block, 1), stated(&after[0], 2), stated(&after[1], 3)];
    assert_eq!(run(&json!(rows), stated_headers).unwrap(), Some(Ran::Cases(3, 0)));
    assert_eq!(run(&json!([rows[0], rows[2]]), stated_headers).unwrap(), Some(Ran::Cases(2, 0)));
    rows[2]["height"] = json!(2);
    run(&json!([rows[0], rows[2]]), stated_headers).unwrap_err();
    rows[1]["hash"] = json!(B256::ZERO);
    run(&json!(rows), stated_headers).unwrap_err();
    assert_eq!(run(&json!([{"raw": "00"}]), stated_headers).unwrap(), None);

    let txids: Vec<_> = block.txdata.iter().map(Transaction::compute_txid).collect();
    let whole = hex::encode(serialize(&block.txdata[2]));
    let (front, locktime) = whole.split_at(whole.len() - 8);
    // One input without a script, of 41 bytes behind its count.
    let (version, vin, vout) = (&front[..8], &front[8..92], &front[92..]);
    let path: String = merkle_path(&txids, 2).iter().map(hex::encode).collect();
    let txid = hex::encode(txids[2].to_byte_array());
    let one = json!({
        "version": version, "vin": vin, "vout": vout, "locktime": locktime, "tx_id": txid, "index": 2,
        "intermediate_nodes": path, "confirming_header": rows[0],
    });
    assert_eq!(run(&one, proof).unwrap(), Some(Ran::Cases(1, 1)));
    let named = json!({
        "A_VERSION": version, "A_VIN": vin, "A_VOUT": vout, "A_LOCKTIME": locktime, "A_TX_ID_LE": txid, "A_INDEX": 2,
        "A_PROOF": path, "A_HEADER": rows[0]["raw"],
    });
    assert_eq!(run(&named, proof).unwrap(), Some(Ran::Cases(1, 1)));
    let other = |mut file: Value, name: &str, value: Value| {
        file[name] = value;
        run(&file, proof)
    };
    other(one.clone(), "index", json!(1)).unwrap_err();
    other(named, "A_TX_ID_LE", json!(B256::ZERO)).unwrap_err();
    assert_eq!(other(one, "confirming_header", json!(null)).unwrap(), None);
}

/// Mainnet's headers of a reorganisation across a retarget, as a relay's cases.
#[test]
fn cases_of_a_relay_end_as_their_codes_say() {
    use super::files::read_json;
    let Some(recorded) = read_json("tbtc_v2/solidity/test/relay/headersReorgAndRetarget.json") else { return };
    let stated = |header: &Value| {
        let parsed = Header::parse(&unhex(&header["hex"])).unwrap();
        json!({
            "raw": header["hex"], "hash": parsed.hash, "prevhash": parsed.parent, "merkle_root": parsed.merkle_root,
            "height": header["height"],
        })
    };
    let row = |name: &str| list(&recorded, name).iter().map(stated).collect::<Vec<_>>();
    let (before, after) = (row("preRetargetChain"), row("postRetargetChain"));
    let [start, genesis, orphan] = ["oldPeriodStart", "genesis", "orphan_437478"].map(|name| stated(&recorded[name]));
    let run = |file: &Value| {
        let bytes = file.to_string().into_bytes();
        std::panic::catch_unwind(|| relay(Path::new("file.json"), &bytes).unwrap())
    };
    let chains = |cases: Value| json!({"header": {"validateHeaderChain": cases}});
    let chain = |headers: &[Value], code: u32| {
        json!({
            "headers": headers, "anchor": genesis, "isMainnet": true, "output": code,
        })
    };
    let gap = [before[0].clone(), before[2].clone()];
    assert_eq!(run(&chains(json!([chain(&before, 0), chain(&gap, 103)]))).unwrap(), Ran::Cases(1, 1));
    run(&chains(json!([chain(&before, 103)]))).unwrap_err();
    run(&chains(json!([chain(&gap, 0)]))).unwrap_err();
    let retarget = |start: &Value, code: u32| {
        json!({
            "headers": after[..2], "prevEpochStart": start, "anchor": before[4], "output": code,
        })
    };
    let changes = |cases: Value| json!({"header": {"validateHeaderChain": [], "validateDifficultyChange": cases}});
    let mut late = start.clone();
    late["height"] = json!(435_457);
    assert_eq!(run(&changes(json!([retarget(&start, 0), retarget(&late, 302)]))).unwrap(), Ran::Cases(1, 1));
    run(&changes(json!([retarget(&late, 0)]))).unwrap_err();
    let of_chain = |mut chain: Value| {
        chain["header"] = json!({"validateHeaderChain": []});
        run(&chain)
    };
    let ancestors = |ancestor: &Value, output: bool| {
        let case =
            json!({"ancestor": ancestor["hash"], "left": after[6]["hash"], "right": orphan["hash"], "output": output});
        of_chain(json!({"chain": {"isMostRecentCommonAncestor": {
            "genesis": genesis, "oldPeriodStart": start, "preRetargetChain": before, "postRetargetChain": after,
            "orphan": orphan, "testCases": [case],
        }}}))
    };
    assert_eq!(ancestors(&after[5], true).unwrap(), Ran::Cases(1, 0));
    assert_eq!(ancestors(&after[4], false).unwrap(), Ran::Cases(0, 1));
    ancestors(&after[4], true).unwrap_err();
    let heaviest = |new: &Value, output: &Value, error: u32| {
        let case = json!({
            "ancestor": after[2]["hash"], "currentBest": after[6]["hash"], "newBest": new["hash"],
            "output": output["hash"], "error": error,
        });
        of_chain(json!({"chain": {"heaviestFromAncestor": {"headers": after, "orphan": orphan, "testCases": [case]}}}))
    };
    assert_eq!(heaviest(&after[7], &after[7], 0).unwrap(), Ran::Cases(1, 0));
    // Of the same work the first stays.
    assert_eq!(heaviest(&orphan, &after[6], 0).unwrap(), Ran::Cases(1, 0));
    heaviest(&orphan, &orphan, 0).unwrap_err();
    assert_eq!(heaviest(&after[1], &after[1], 102).unwrap(), Ran::Cases(0, 1));
}
