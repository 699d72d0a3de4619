//! Files of unknown names among the vectors, by what is in them.

use std::path::Path;

use bitcoin::Block;
use bitcoin::consensus::encode::deserialize;
use serde_json::Value;
use spandrel_verifiers::bitcoin::{ChainParams, HEADER_LENGTH, Header, bits_of, target_of};

use super::blocks::prove_block;
use super::chains::run_tree;
use super::files::Tally;
use super::proofs::{run_forgeries, run_sizes, run_spv};
use crate::vector_coverage::{Kind, Ran};

/// What a file may be.
pub const KINDS: &[Kind] = &[
    Kind { name: "a block", run: block },
    Kind { name: "headers in a row", run: headers },
    Kind { name: "a tree of chains, valid by BIP 54 or not", run: tree },
    Kind { name: "headers in a row, as JSON", run: json_headers },
    Kind { name: "Merkle proofs, right and forged", run: forgeries },
    Kind { name: "proofs and headers of bitcoin-spv", run: spv },
    Kind { name: "transactions by their size", run: sizes },
];

/// The bytes, or those that they are the hex of.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).ok().map(str::trim);
    text.and_then(|text| hex::decode(text).ok()).unwrap_or_else(|| bytes.to_vec())
}

fn block(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let block = deserialize::<Block>(&plain(bytes)).ok().filter(|block| !block.txdata.is_empty())?;
    let mut tally = Tally::new("a block of an unknown name");
    prove_block(&block, &mut tally);
    Some(Ran::Cases(tally.passed, tally.refused))
}

fn headers(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let bytes = plain(bytes);
    if bytes.is_empty() || !bytes.len().is_multiple_of(HEADER_LENGTH) {
        return None;
    }
    in_a_row(bytes.chunks(HEADER_LENGTH).map(|bytes| Header::parse(bytes).unwrap()).collect())
}

/// Every list in the file whose members are headers in hex, or have one as their `hex`.
fn json_headers(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes)?;
    let lists: Vec<&Value> = match &file {
        Value::Object(members) => members.values().collect(),
        list => vec![list],
    };
    let header = |item: &Value| {
        let text = item["hex"].as_str().or_else(|| item.as_str())?;
        let bytes = hex::decode(text.trim_start_matches("0x")).ok()?;
        (bytes.len() == HEADER_LENGTH).then(|| Header::parse(&bytes).unwrap())
    };
    let rows = lists.iter().filter_map(|list| list.as_array()?.iter().map(header).collect::<Option<Vec<_>>>());
    let rans: Vec<Ran> = rows.filter(|row| row.len() > 1).filter_map(in_a_row).collect();
    let passed = rans.iter().map(|ran| if let Ran::Cases(passed, _) = ran { *passed } else { 0 }).sum();
    (passed > 0).then_some(Ran::Cases(passed, 0))
}

/// Each linked to the one before, with its own work. Of which network is not known: the least work is that of regtest.
fn in_a_row(headers: Vec<Header>) -> Option<Ran> {
    if !headers.windows(2).all(|pair| pair[1].parent == pair[0].hash) {
        return None;
    }
    for header in &headers {
        header.check_work(&ChainParams::regtest()).unwrap();
        assert_eq!(bits_of(target_of(header.bits).unwrap()), header.bits);
    }
    Some(Ran::Cases(headers.len(), 0))
}

fn json(path: &Path, bytes: &[u8]) -> Option<Value> {
    if path.extension()? == "json" { serde_json::from_slice(bytes).ok() } else { None }
}

/// What `run` makes of the file, which is of some kind already.
fn counted(file: &Value, run: impl Fn(&Value, &mut Tally)) -> Option<Ran> {
    let mut tally = Tally::new("a file of an unknown name");
    run(file, &mut tally);
    Some(Ran::Cases(tally.passed, tally.refused))
}

fn spv(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes).filter(|file| file["valid"].is_array() && file["badSPVProofs"].is_array())?;
    counted(&file, run_spv)
}

fn tree(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes).filter(|file| file["block_headers"].is_array() && file["extensions"].is_array())?;
    counted(&file, |file, tally| run_tree(file, Some(0), tally))
}

fn sizes(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let is_case = |case: &Value| case["tx"].is_string() && case["valid"].is_boolean() && case["comment"].is_string();
    let file = json(path, bytes)?;
    let is_of_sizes = path.to_string_lossy().contains("size");
    file.as_array().filter(|cases| is_of_sizes && !cases.is_empty() && cases.iter().all(is_case))?;
    counted(&file, run_sizes)
}

fn forgeries(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes)?;
    let is_case =
        |case: &Value| ["branch", "txid_internal", "index", "valid"].iter().all(|name| !case[*name].is_null());
    file["cases"].as_array().filter(|cases| !cases.is_empty() && cases.iter().all(is_case))?;
    counted(&file, run_forgeries)
}
