//! Real and official header chains: every header is taken in its place, and refused in any other shape.

use alloy_primitives::{B256, Bytes};
use serde_json::Value;
use spandrel_verifiers::bitcoin::{
    ChainParams, ConfirmationPolicy, HEADER_LENGTH, Header, HeaderChain, check_work_each,
};
use spandrel_verifiers::file::{BitcoinTrust, Trust};

use crate::both_forms::assert_both_forms;

use super::files::{Tally, anchored, files_under, from_genesis, hex_fields, read, read_json, unhex};

fn eighties(bytes: &[u8]) -> Vec<Bytes> {
    bytes.chunks(HEADER_LENGTH).map(Bytes::copy_from_slice).collect()
}

fn extend(chain: &mut HeaderChain, headers: &[Bytes]) -> Result<(), spandrel_verifiers::VerifyError> {
    // A header of another length is refused as a file is read.
    if headers.iter().all(|header| header.len() == HEADER_LENGTH) {
        assert_both_forms(&Trust::Bitcoin(Box::new(BitcoinTrust {
            chain: chain.params().chain(),
            vault: B256::repeat_byte(1),
            confirmations: ConfirmationPolicy::flat(6),
            anchor: chain.anchor().clone(),
            headers: headers.to_vec(),
        })));
    }
    headers.chunks(2016).try_for_each(|batch| chain.extend(batch, u64::MAX))
}

/// A header from its fields, hashes in display order.
pub fn assembled(fields: &Value) -> Bytes {
    let reversed = |value: &Value| -> Vec<u8> { unhex(value).iter().rev().copied().collect() };
    let number = |name: &str| u32::try_from(fields[name].as_u64().unwrap()).unwrap().to_le_bytes();
    let (parent, root) = (reversed(&fields["prev_block_hash"]), reversed(&fields["merkle_root"]));
    [&number("version")[..], &parent, &root, &number("time"), &number("bits"), &number("nonce")].concat().into()
}

/// The recorded fields of headers 685,440 to 687,456.
fn near_mainnet_fields() -> Option<Vec<Value>> {
    let batches = read_json("near_mainnet_headers/contract/tests/data/blocks_headers_685440-687456_mainnet.json")?;
    Some(batches.as_array().unwrap().iter().flat_map(|batch| batch.as_array().unwrap()).cloned().collect())
}

/// The same as headers.
pub fn near_mainnet_headers() -> Option<Vec<Header>> {
    near_mainnet_fields().map(|all| all.iter().map(|fields| Header::parse(&assembled(fields)).unwrap()).collect())
}

#[test]
fn two_thousand_mainnet_headers_across_a_retarget() {
    let Some(all) = near_mainnet_fields() else { return };
    let headers: Vec<Bytes> = all.iter().map(assembled).collect();
    let mut tally = Tally::new("near_mainnet_headers");
    for (header, fields) in headers.iter().zip(&all) {
        let mut hash = Header::parse(header).unwrap().hash;
        hash.reverse();
        assert_eq!(hex::encode(hash), fields["block_hash"].as_str().unwrap());
    }
    let anchor = || anchored(ChainParams::mainnet(), 685_450, &headers[10], &headers[0], &headers[..10]);
    let mut chain = anchor();
    for (index, header) in headers.iter().enumerate().skip(11) {
        tally.expect(&format!("{}", 685_440 + index), true, chain.extend(std::slice::from_ref(header), u64::MAX));
    }
    assert_eq!(chain.best().height, 685_440 + headers.len() as u64 - 1);
    assert_eq!(chain.forked(), 0);
    let bits = |height: u64| chain.header(chain.at_height(height).unwrap().hash).unwrap().1.bits;
    assert_eq!((bits(687_455), bits(687_456)), (0x170d_5f7b, 0x170e_1ef9));
    let mut together = anchor();
    tally.expect("all together", true, extend(&mut together, &headers[11..]));
    assert_eq!((together.best(), together.best_work()), (chain.best(), chain.best_work()));
    assert!(check_work_each(chain.params(), &headers).iter().all(Result::is_ok));
    // The same headers with one link missing, one bit of one header changed, or from a period that began otherwise.
    let mut gap = headers[11..].to_vec();
    gap.remove(1000);
    tally.expect("gap", false, extend(&mut anchor(), &gap));
    for bit in [0, 40, 300, 550, 580, 620] {
        let mut changed = headers[11..60].to_vec();
        let mut bytes = changed[30].to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        changed[30] = bytes.into();
        tally.expect(&format!("bit {bit}"), false, extend(&mut anchor(), &changed));
    }
    let mut shifted = anchored(ChainParams::mainnet(), 685_450, &headers[10], &headers[1], &headers[..10]);
    let refused = extend(&mut shifted, &headers[11..]);
    assert!(refused.as_ref().unwrap_err().field.ends_with(".bits"), "{refused:?}");
    tally.expect("another period start", false, refused);
    tally.report();
}

#[test]
fn mainnet_runs_with_a_retarget() {
    let mut tally = Tally::new("tbtc_v2 headersWithRetarget, longHeaders");
    if let Some(file) = read_json("tbtc_v2/solidity/test/relay/headersWithRetarget.json") {
        let headers = hex_fields(&file["chain"]);
        let (anchor, period) = (unhex(&file["genesis"]["hex"]), unhex(&file["oldPeriodStart"]["hex"]));
        let mut chain = anchored(ChainParams::mainnet(), 554_390, &anchor, &period, &[]);
        tally.expect("headersWithRetarget", true, extend(&mut chain, &headers));
        assert_eq!(chain.best().height, 554_408);
        let mut other = anchored(ChainParams::mainnet(), 554_390, &anchor, &anchor, &[]);
        tally.expect("wrong period start", false, extend(&mut other, &headers));
        let mut off = anchored(ChainParams::mainnet(), 554_389, &anchor, &period, &[]);
        tally.expect("one height off", false, extend(&mut off, &headers));
    }
    if let Some(file) = read_json("tbtc_v2/solidity/test/relay/longHeaders.json") {
        let (headers, period) = (hex_fields(&file["chain"]), unhex(&file["epochStart"]["hex"]));
        let mut chain = anchored(ChainParams::mainnet(), 741_803, &headers[10], &period, &headers[..10]);
        tally.expect("longHeaders", true, extend(&mut chain, &headers[11..]));
        assert_eq!(chain.best().height, 741_793 + headers.len() as u64 - 1);
        tally.report();
    }
}

#[test]
fn a_mainnet_reorganisation_across_a_retarget() {
    let Some(file) = read_json("tbtc_v2/solidity/test/relay/headersReorgAndRetarget.json") else { return };
    let mut tally = Tally::new("tbtc_v2 headersReorgAndRetarget");
    let (anchor, period) = (unhex(&file["genesis"]["hex"]), unhex(&file["oldPeriodStart"]["hex"]));
    let (before, after) = (hex_fields(&file["preRetargetChain"]), hex_fields(&file["postRetargetChain"]));
    let orphan = unhex(&file["orphan_437478"]["hex"]);
    let orphan_hash = Header::parse(&orphan).unwrap().hash;
    let mut chain = anchored(ChainParams::mainnet(), 437_466, &anchor, &period, &[]);
    tally.expect("before", true, extend(&mut chain, &before));
    tally.expect("up to the fork", true, extend(&mut chain, &after[..6]));
    assert_eq!(chain.best().height, 437_477);
    tally.expect("orphan first", true, extend(&mut chain, std::slice::from_ref(&orphan)));
    assert_eq!(chain.best().hash, orphan_hash);
    tally.expect("rival of equal work", true, extend(&mut chain, &after[6..7]));
    assert_eq!(chain.best().hash, orphan_hash, "first seen");
    tally.expect("one more", true, extend(&mut chain, &after[7..]));
    assert_eq!((chain.best().height, chain.forked()), (437_479, 1));
    assert_eq!(chain.confirmations(orphan_hash), None);
    tally.expect("orphan", false, chain.is_final(orphan_hash, 1));
    tally.expect("its replacement", true, chain.is_final(Header::parse(&after[6]).unwrap().hash, 2));
    tally.report();
}

#[test]
fn the_first_headers_of_every_network() {
    let mut tally = Tally::new("citrea headers");
    for name in files_under("citrea", ".bin") {
        let network = name.rsplit('/').next().and_then(|file| file.split('-').next()).unwrap_or_default();
        let params = match network {
            "mainnet" => ChainParams::mainnet(),
            "testnet" | "testnet3" => ChainParams::testnet3(),
            "testnet4" => ChainParams::testnet4(),
            "signet" => ChainParams::signet(),
            "regtest" => ChainParams::regtest(),
            _ => {
                tally.skip(&name, "a network that is not known here");
                continue;
            }
        };
        let headers = eighties(&read(&name).unwrap());
        assert_eq!(headers[0], params.genesis_header());
        assert!(check_work_each(&params, &headers).iter().all(Result::is_ok));
        let mut chain = from_genesis(params);
        tally.expect(&name, true, extend(&mut chain, &headers));
        assert_eq!(chain.best().height, headers.len() as u64 - 1);
        let elsewhere = if network == "mainnet" { ChainParams::testnet4() } else { ChainParams::mainnet() };
        tally.expect("on another network", false, extend(&mut from_genesis(elsewhere), &headers));
    }
    tally.report_any();
    if let Some(text) = read("btcd/netsync/testdata/blockheaders-mainnet-1-11.txt") {
        let mut tally = Tally::new("btcd headers");
        let text = String::from_utf8(text).unwrap();
        let headers: Vec<Bytes> = text.lines().map(|line| hex::decode(line.trim()).unwrap().into()).collect();
        let mut chain = from_genesis(ChainParams::mainnet());
        tally.expect("mainnet 1 to 11", true, extend(&mut chain, &headers));
        assert_eq!(chain.best().height, 11);
        tally.report();
    }
}

/// Walks a tree of `{block_headers, extensions, valid}`; `valid` speaks of BIP 54.
fn walk(chain: &HeaderChain, branch: &Value, tally: &mut Tally) {
    let headers: Vec<Bytes> = branch["block_headers"].as_array().unwrap().iter().map(unhex).collect();
    let mut chain = chain.clone();
    let is_valid = chain.params().cleanup_height.is_none() || branch["valid"].as_bool().unwrap_or(true);
    let taken = extend(&mut chain, &headers);
    if let Err(error) = &taken {
        assert!(error.field.ends_with(".time"), "{error}");
    }
    tally.expect(branch["comment"].as_str().unwrap_or("branch"), is_valid, taken);
    for extension in branch["extensions"].as_array().into_iter().flatten() {
        walk(&chain, extension, tally);
    }
}

/// Judges a tree of chains from mainnet's genesis on, with BIP 54 or without.
pub fn run_tree(file: &Value, cleanup_height: Option<u64>, tally: &mut Tally) {
    walk(&from_genesis(ChainParams { cleanup_height, ..ChainParams::mainnet() }), file, tally);
}

#[test]
fn timewarp_chains_are_valid_today_and_refused_by_bip54() {
    let Some(file) = read_json("bip54_consensus_cleanup/test_vectors/timestamps.json") else { return };
    for (set, cleanup_height) in [("bip54 timestamps, today", None), ("bip54 timestamps", Some(0))] {
        let mut tally = Tally::new(set);
        run_tree(&file, cleanup_height, &mut tally);
        tally.report();
        assert_eq!(tally.refused, if cleanup_height.is_none() { 0 } else { 2 });
    }
}
