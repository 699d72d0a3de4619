//! Files of unknown names among the vectors, by what is in them.

use std::path::Path;

use bitcoin::Block;
use bitcoin::consensus::encode::deserialize;
use serde_json::Value;
use spandrel_verifiers::bitcoin::{ChainParams, HEADER_LENGTH, Header, bits_of, target_of};

use super::blocks::prove_block;
use super::files::Tally;
use super::proofs::run_forgeries;
use crate::vector_coverage::{Kind, Ran};

/// What a file may be.
pub const KINDS: &[Kind] = &[
    Kind { name: "a block", run: block },
    Kind { name: "headers in a row", run: headers },
    Kind { name: "Merkle proofs, right and forged", run: forgeries },
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

/// Each linked to the one before, with its own work. Of which network is not known: the least work is that of regtest.
fn headers(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let bytes = plain(bytes);
    if bytes.is_empty() || !bytes.len().is_multiple_of(HEADER_LENGTH) {
        return None;
    }
    let headers: Vec<Header> = bytes.chunks(HEADER_LENGTH).map(|bytes| Header::parse(bytes).unwrap()).collect();
    if !headers.windows(2).all(|pair| pair[1].parent == pair[0].hash) {
        return None;
    }
    for header in &headers {
        header.check_work(&ChainParams::regtest()).unwrap();
        assert_eq!(bits_of(target_of(header.bits).unwrap()), header.bits);
    }
    Some(Ran::Cases(headers.len(), 0))
}

fn forgeries(path: &Path, bytes: &[u8]) -> Option<Ran> {
    if path.extension()? != "json" {
        return None;
    }
    let file: Value = serde_json::from_slice(bytes).ok()?;
    let is_case =
        |case: &Value| ["branch", "txid_internal", "index", "valid"].iter().all(|name| !case[*name].is_null());
    file["cases"].as_array().filter(|cases| !cases.is_empty() && cases.iter().all(is_case))?;
    let mut tally = Tally::new("Merkle proofs of an unknown name");
    run_forgeries(&file, &mut tally);
    Some(Ran::Cases(tally.passed, tally.refused))
}
