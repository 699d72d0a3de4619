//! Merkle proofs and transactions from other projects' vectors, valid and forged.

use alloy_primitives::{B256, Bytes};
use bitcoin::Transaction;
use bitcoin::consensus::encode::deserialize;
use serde_json::Value;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::bitcoin::{
    ChainParams, Header, decode_transaction, retarget, sha256d, target_of, verify_path, without_witness,
};

use super::files::{Tally, hash_of, read_json, unhex};

fn siblings(bytes: &[u8]) -> Vec<B256> {
    bytes.chunks(32).map(|chunk| B256::right_padding_from(chunk)).collect()
}

fn index_of(value: &Value) -> u32 {
    value["index"].as_u64().unwrap() as u32
}

/// Judges each of the cases under the file's root or their own.
pub fn run_forgeries(file: &Value, tally: &mut Tally) {
    let root = hash_of(&file["merkle_root_internal"]);
    for case in file["cases"].as_array().unwrap() {
        let root = case.get("synthetic_root_internal").map_or(root, hash_of);
        let path: Vec<B256> = case["branch"].as_array().unwrap().iter().map(hash_of).collect();
        let txid = hash_of(&case["txid_internal"]);
        let by_path = verify_path(root, txid, index_of(case), &path);
        let name = case["name"].as_str().unwrap();
        let verdict = match case.get("tx") {
            Some(bytes) => {
                let bytes = unhex(bytes);
                assert_eq!(sha256d(&bytes), txid, "{name}");
                decode_transaction("transaction", &bytes).map(|_| ()).and(by_path)
            }
            None => by_path,
        };
        tally.expect(name, case["valid"].as_bool().unwrap(), verdict);
    }
}

#[test]
fn forged_merkle_proofs_are_refused() {
    let Some(file) = read_json("derived_merkle_forgeries.json") else { return };
    let mut tally = Tally::new("derived_merkle_forgeries");
    run_forgeries(&file, &mut tally);
    tally.report();
}

/// Judges transactions by their size, as BIP 54 does.
pub fn run_sizes(file: &Value, tally: &mut Tally) {
    for case in file.as_array().unwrap() {
        let transaction: Transaction = deserialize(&unhex(&case["tx"])).unwrap();
        let stripped = without_witness(&transaction);
        let verdict = decode_transaction("transaction", &stripped).map(|_| ());
        tally.expect(case["comment"].as_str().unwrap(), case["valid"].as_bool().unwrap(), verdict);
        if stripped.len() != unhex(&case["tx"]).len() {
            tally.expect("with witness", false, decode_transaction("transaction", &unhex(&case["tx"])).map(|_| ()));
        }
    }
}

#[test]
fn transactions_of_64_bytes_are_refused() {
    let Some(file) = read_json("bip54_consensus_cleanup/test_vectors/txsize.json") else { return };
    let mut tally = Tally::new("bip54 txsize");
    run_sizes(&file, &mut tally);
    tally.report();
}

/// Checks a proof object of bitcoin-spv: transaction parts, index, siblings, confirming header with its work on a network.
pub fn check_spv(proof: &Value, params: &ChainParams) -> Result<(), VerifyError> {
    let parts = ["version", "vin", "vout", "locktime"].map(|name| unhex(&proof[name]));
    let decoded = decode_transaction("transaction", &parts.concat())?;
    if decoded.txid() != hash_of(&proof["tx_id"]) {
        return Err(VerifyError::invalid("tx_id", decoded.txid(), hash_of(&proof["tx_id"])));
    }
    let header = check_header(&proof["confirming_header"], params)?;
    let path = siblings(&unhex(&proof["intermediate_nodes"]));
    verify_path(header.merkle_root, decoded.txid(), index_of(proof), &path)
}

/// Checks a header's work on a network, and what is said of it.
pub fn check_header(stated: &Value, params: &ChainParams) -> Result<Header, VerifyError> {
    let header = Header::parse(&unhex(&stated["raw"]))?;
    header.check_work(params)?;
    for (name, value) in [("hash", header.hash), ("prevhash", header.parent), ("merkle_root", header.merkle_root)] {
        if hash_of(&stated[name]) != value {
            return Err(VerifyError::invalid(name, value, hash_of(&stated[name])));
        }
    }
    Ok(header)
}

/// Judges bitcoin-spv's proofs and headers, good and bad.
pub fn run_spv(file: &Value, tally: &mut Tally) {
    let parse = |text: &Value| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap();
    let all = |name: &str| file[name].as_array().into_iter().flatten();
    let mainnet = ChainParams::mainnet();
    for proof in all("valid") {
        tally.expect("valid", true, check_spv(&parse(proof), &mainnet));
    }
    for header in all("validHeader") {
        tally.expect("valid header", true, check_header(&parse(header), &mainnet));
    }
    for case in all("badHeaders") {
        tally.expect(case["comment"].as_str().unwrap(), false, check_header(&case["header"], &mainnet));
    }
    for case in all("badSPVProofs") {
        tally.expect(case["comment"].as_str().unwrap(), false, check_spv(&case["proof"], &mainnet));
    }
}

#[test]
fn spv_proofs_verify_and_broken_ones_do_not() {
    let Some(file) = read_json("bitcoin_spv/testProofs.json") else { return };
    let mut tally = Tally::new("bitcoin_spv testProofs");
    run_spv(&file, &mut tally);
    assert!(["valid", "validHeader", "badHeaders", "badSPVProofs"].iter().all(|name| file[*name].is_array()));
    // The rest are JSON texts with bad hex: nothing of ours reads them.
    tally.skipped += file.as_object().unwrap().values().filter(|value| value.is_string()).count();
    tally.report();
}

fn refused(field: &str) -> Result<(), VerifyError> {
    Err(VerifyError::malformed(field, "another length", "this"))
}

/// `proof` is leaf, siblings and root in one; lengths that are not whole hashes are refused before.
fn check_whole(proof: &[u8], index: u32) -> Result<(), VerifyError> {
    let hashes = siblings(proof);
    match hashes.as_slice() {
        _ if !proof.len().is_multiple_of(32) => refused("proof"),
        [only] => verify_path(*only, *only, index, &[]),
        [leaf, path @ .., root] => verify_path(*root, *leaf, index, path),
        [] => refused("proof"),
    }
}

#[test]
fn merkle_header_and_retarget_vectors_agree() {
    let Some(file) = read_json("bitcoin_spv/testVectors.json") else { return };
    let mut tally = Tally::new("bitcoin_spv testVectors");
    run_parts(&file, &mut tally);
    tally.report();
}

/// Checks bitcoin-spv's cases of single functions, by the function's name.
pub fn run_parts(file: &Value, tally: &mut Tally) {
    let cases = |name: &str| file[name].as_array().unwrap().clone();
    for case in cases("verifyHash256Merkle") {
        let (input, is_valid) = (&case["input"], case["output"].as_bool().unwrap());
        tally.expect("verifyHash256Merkle", is_valid, check_whole(&unhex(&input["proof"]), index_of(input)));
    }
    for case in cases("prove") {
        let (input, is_valid) = (&case["input"], case["output"].as_bool().unwrap());
        let path = siblings(&unhex(&input["proof"]));
        let verdict = verify_path(hash_of(&input["merkleRootLE"]), hash_of(&input["txIdLE"]), index_of(input), &path);
        tally.expect("prove", is_valid, verdict);
    }
    for case in cases("retargetAlgorithm") {
        let [first, last, next] = [0, 1, 2].map(|at| Header::parse(&unhex(&case["input"][at]["hex"])).unwrap());
        let bits = retarget(&ChainParams::mainnet(), last.bits, first.time, last.time).unwrap();
        tally.expect("retargetAlgorithm", true, if bits == next.bits { Ok(()) } else { Err(bits) });
    }
    for (name, is_valid) in [("validateHeaderChain", true), ("validateHeaderChainError", false)] {
        for case in cases(name) {
            let bytes = unhex(&case["input"]);
            tally.expect(name, is_valid, linked(&bytes));
        }
    }
    for case in cases("workHash") {
        assert_eq!(sha256d(&unhex(&case["input"])), hash_of(&case["output"]));
        tally.passed += 1;
    }
    for case in cases("extractTarget") {
        let target = target_of(Header::parse(&unhex(&case["input"])).unwrap().bits).unwrap();
        assert_eq!(target.to_be_bytes(), hash_of(&case["output"]).0);
        tally.passed += 1;
    }
    for case in cases("calculateTxId") {
        let bytes = ["version", "vin", "vout", "locktime"].map(|name| unhex(&case["input"][name])).concat();
        let decoded = decode_transaction("transaction", &bytes).unwrap();
        assert_eq!(decoded.txid(), hash_of(&case["output"]));
        tally.passed += 1;
    }
    for (name, is_error) in
        [("tryAsVin", false), ("tryAsVinError", true), ("tryAsVout", false), ("tryAsVoutError", true)]
    {
        for case in cases(name) {
            let part = unhex(&case["input"]);
            let bytes = if name.starts_with("tryAsVin") { with_input(&part) } else { with_output(&part) };
            let is_valid = !is_error && case["output"].as_bool().unwrap();
            tally.expect(name, is_valid, decode_transaction("transaction", &bytes).map(|_| ()));
        }
    }
    let used = 12;
    tally.skipped += file.as_object().unwrap().len() - used;
}

fn with_input(vin: &[u8]) -> Vec<u8> {
    let output = hex::decode("0100e1f50500000000015100000000").unwrap();
    [&[1, 0, 0, 0][..], vin, &output].concat()
}

fn with_output(vout: &[u8]) -> Vec<u8> {
    let input = [&[1][..], &[7; 32], &[0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]].concat();
    [&[1, 0, 0, 0][..], &input, vout, &[0; 4]].concat()
}

/// Headers in one string: whole, linked, each with its own work.
fn linked(bytes: &[u8]) -> Result<(), VerifyError> {
    let mut parent: Option<B256> = None;
    for header in bytes.chunks(80).map(Bytes::copy_from_slice) {
        let header = Header::parse(&header)?;
        header.check_work(&ChainParams::mainnet())?;
        if parent.is_some_and(|parent| parent != header.parent) {
            return Err(VerifyError::invalid("parent", parent.unwrap_or_default(), header.parent));
        }
        parent = Some(header.hash);
    }
    Ok(())
}
