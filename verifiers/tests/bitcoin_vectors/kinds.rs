//! Files of unknown names among the vectors, by what is in them.

use std::io::Read;
use std::path::Path;

use bitcoin::Block;
use bitcoin::consensus::encode::{deserialize, serialize};
use serde_json::Value;
use spandrel_verifiers::bitcoin::{ChainParams, HEADER_LENGTH, Header};

use super::blocks::{prove_block, run_coinbases, run_filters};
use super::chains::{assembled, run_tree};
use super::files::{Tally, from_genesis};
use super::partial::{json_merkle_blocks, merkle_block};
use super::proofs::{run_forgeries, run_parts, run_sizes, run_spv};
use super::relays;
use super::rivals::{dumped_blocks, framed_blocks, mined};
use super::rows::{check_row, check_tree};
use super::sources::source;
use crate::vector_coverage::{Kind, Ran};

/// What a file may be.
pub const KINDS: &[Kind] = &[
    Kind { name: "a block", run: block },
    Kind { name: "blocks in the network's framing", run: framed },
    Kind { name: "headers in a row", run: headers },
    Kind { name: "a tree of chains, valid by BIP 54 or not", run: tree },
    Kind { name: "headers with what is said of them", run: relays::stated_headers },
    Kind { name: "headers in a row, as JSON", run: json_headers },
    Kind { name: "a transaction in parts with its path", run: relays::proof },
    Kind { name: "cases of a relay by their codes", run: relays::relay },
    Kind { name: "Merkle proofs, right and forged", run: forgeries },
    Kind { name: "proofs and headers of bitcoin-spv", run: spv },
    Kind { name: "functions of bitcoin-spv", run: parts },
    Kind { name: "transactions by their size", run: sizes },
    Kind { name: "chains by their coinbases", run: coinbases },
    Kind { name: "blocks in rows", run: rows },
    Kind { name: "times and nonces of a chain", run: mined_chain },
    Kind { name: "a partial Merkle tree", run: merkle_block },
    Kind { name: "partial Merkle trees in JSON", run: json_merkle_blocks },
    Kind { name: "source code", run: source },
];

/// The bytes, or those that they are the hex of.
pub fn plain(bytes: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).ok().map(str::trim);
    text.and_then(|text| hex::decode(text.trim_start_matches("0x")).ok()).unwrap_or_else(|| bytes.to_vec())
}

fn block(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let block = deserialize::<Block>(&plain(bytes)).ok().filter(|block| !block.txdata.is_empty())?;
    let mut tally = Tally::new("a block of an unknown name");
    prove_block(&block, &mut tally);
    Some(Ran::Cases(tally.passed, tally.refused))
}

/// Blocks behind a network's magic number and their lengths, compressed or as hex. Those that name one before are its
/// chain.
fn framed(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let bytes = match std::str::from_utf8(bytes) {
        _ if bytes.starts_with(b"BZh") => unzipped(bytes)?,
        Ok(text) if text.starts_with("File path: ") => dumped_blocks(text).concat(),
        _ => plain(bytes),
    };
    let length = bytes.get(4..8).map(|length| u32::from_le_bytes(length.try_into().expect("4 bytes")));
    let is_framed = length
        .and_then(|length| bytes.get(8..)?.get(..length as usize))
        .is_some_and(|first| deserialize::<Block>(first).is_ok());
    let mut tally = Tally::new("blocks of an unknown name");
    let blocks = is_framed.then(|| framed_blocks(&bytes))?;
    blocks.iter().for_each(|block| prove_block(block, &mut tally));
    let headers = blocks.iter().map(|block| Header::parse(&serialize(&block.header)).unwrap());
    check_tree(&headers.collect::<Vec<_>>()).unwrap();
    Some(Ran::Cases(tally.passed, tally.refused))
}

fn unzipped(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    bzip2::read::BzDecoder::new(bytes).read_to_end(&mut out).ok().map(|_| out)
}

/// What a line begins with whose header stands beside the row.
const FORK: &str = "fork:";

/// One after the other, or a line of hex each, some of them forks.
fn headers(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let (forks, row): (Vec<&str>, Vec<&str>) = text.lines().map(str::trim).partition(|line| line.starts_with(FORK));
    let row = hex::decode(row.concat()).ok().filter(|row| !row.is_empty()).unwrap_or_else(|| bytes.to_vec());
    let parsed = |bytes: &[u8]| -> Option<Vec<Header>> {
        let is_whole = !bytes.is_empty() && bytes.len().is_multiple_of(HEADER_LENGTH);
        is_whole.then(|| bytes.chunks(HEADER_LENGTH).map(|bytes| Header::parse(bytes).unwrap()).collect())
    };
    let mut row = parsed(&row)?;
    let Ran::Cases(passed, _) = in_a_row(&row, None)? else { return None };
    if forks.is_empty() {
        return Some(Ran::Cases(passed, 0));
    }
    let forks = parsed(&hex::decode(forks.concat().replace(FORK, "")).ok()?)?;
    for fork in &forks {
        assert!(row.iter().any(|header| header.hash == fork.parent), "no parent of the fork {}", fork.hash);
        row.push(*fork);
    }
    check_tree(&row).unwrap();
    Some(Ran::Cases(passed + forks.len(), 0))
}

/// Every list in the file, or that of its lists in a row, whose members are headers in hex, have one as their `hex` or
/// `raw`, or are its fields. If all say their heights, targets change at those alone.
fn json_headers(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes)?;
    let lists: Vec<&Value> = match &file {
        Value::Object(members) => members.values().collect(),
        list => vec![list],
    };
    let flat = |list: &Value| -> Option<Vec<Value>> {
        let items = list.as_array()?;
        let is_nested = !items.is_empty() && items.iter().all(Value::is_array);
        Some(if is_nested {
            items.iter().filter_map(Value::as_array).flatten().cloned().collect()
        } else {
            items.clone()
        })
    };
    let header = |item: &Value| {
        if item["prev_block_hash"].is_string() && item["nonce"].is_u64() {
            return Some(Header::parse(&assembled(item)).unwrap());
        }
        let text = [&item["hex"], &item["raw"], item].into_iter().find_map(Value::as_str)?;
        let bytes = hex::decode(text.trim_start_matches("0x")).ok()?;
        (bytes.len() == HEADER_LENGTH).then(|| Header::parse(&bytes).unwrap())
    };
    let rows = lists.iter().filter_map(|list| flat(list)).filter(|items| items.len() > 1);
    let rans = rows.filter_map(|items| {
        let heights: Option<Vec<u64>> = items.iter().map(|item| item.get("height")?.as_u64()).collect();
        in_a_row(&items.iter().map(header).collect::<Option<Vec<_>>>()?, heights.as_deref())
    });
    let rans: Vec<Ran> = rans.collect();
    let passed = rans.iter().map(|ran| if let Ran::Cases(passed, _) = ran { *passed } else { 0 }).sum();
    (passed > 0).then_some(Ran::Cases(passed, 0))
}

/// Each linked to the one before, by the rules of some network, at these heights if they are known. A lone one without its
/// work is nothing but as many bytes.
fn in_a_row(headers: &[Header], heights: Option<&[u64]>) -> Option<Ran> {
    let is_linked = headers.windows(2).all(|pair| pair[1].parent == pair[0].hash);
    let is_chance = headers.len() == 1 && headers[0].check_work(&ChainParams::regtest()).is_err();
    if !is_linked || is_chance {
        return None;
    }
    let heights = heights.unwrap_or_default();
    assert!(heights.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{heights:?}");
    check_row(headers, heights.first().copied()).unwrap();
    Some(Ran::Cases(headers.len(), 0))
}

pub fn json(_: &Path, bytes: &[u8]) -> Option<Value> {
    matches!(bytes.trim_ascii_start().first()?, b'{' | b'[').then(|| serde_json::from_slice(bytes).ok())?
}

/// What `run` makes of the file, which is of some kind already.
pub fn counted(file: &Value, run: impl Fn(&Value, &mut Tally)) -> Option<Ran> {
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

/// Each of a list is an object of these members and no other.
fn cases_of(path: &Path, bytes: &[u8], members: &[&str]) -> Option<Value> {
    let is_case = |case: &Value| {
        let names = case.as_object().map(|case| case.keys().map(String::as_str).collect::<Vec<_>>());
        names.is_some_and(|names| names.len() == members.len() && members.iter().all(|name| names.contains(name)))
    };
    json(path, bytes).filter(|file| file.as_array().is_some_and(|cases| !cases.is_empty() && cases.iter().all(is_case)))
}

fn sizes(path: &Path, bytes: &[u8]) -> Option<Ran> {
    counted(&cases_of(path, bytes, &["tx", "valid", "comment"])?, run_sizes)
}

fn coinbases(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = cases_of(path, bytes, &["block_chain", "valid", "comment"])?;
    counted(&file, |file, tally| run_coinbases(file, Some(1), tally))
}

fn rows(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let is_row = |row: &Value| row[0].is_u64() && row[1].is_string() && row[2].is_string();
    let file = json(path, bytes)?;
    file.as_array().filter(|rows| rows.len() > 1 && rows[1..].iter().all(is_row))?;
    counted(&file, run_filters)
}

fn parts(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes).filter(|file| file["verifyHash256Merkle"].is_array() && file["prove"].is_array())?;
    counted(&file, run_parts)
}

fn mined_chain(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes).filter(|file| file["timestamps"].is_array() && file["nonces"].is_array())?;
    let headers = mined(&file);
    from_genesis(ChainParams::mainnet()).extend(&headers, u64::MAX).unwrap();
    Some(Ran::Cases(headers.len(), 0))
}

fn forgeries(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes)?;
    let is_case =
        |case: &Value| ["branch", "txid_internal", "index", "valid"].iter().all(|name| !case[*name].is_null());
    file["cases"].as_array().filter(|cases| !cases.is_empty() && cases.iter().all(is_case))?;
    counted(&file, run_forgeries)
}
