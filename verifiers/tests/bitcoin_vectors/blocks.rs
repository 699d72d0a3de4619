//! Raw blocks: evidence of every transaction proves its inclusion, and stops only at the terms.

use alloy_primitives::{B256, Bytes, b256};
use bitcoin::Block;
use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::hashes::Hash;
use serde_json::Value;
use spandrel_verifiers::bitcoin::{
    BitcoinVerifier, ChainParams, ConfirmationPolicy, DepositTerms, Header, HeaderChain, Inclusion, check_coinbase,
    merkle_root,
};
use spandrel_verifiers::{ChainId, LanePreference, Verifier};

use super::files::{Tally, anchored, files_under, from_genesis, read, read_bz2, read_json, unhex};
use super::rivals::framed_blocks;

const VAULT: B256 = b256!("c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5");

fn terms() -> DepositTerms {
    DepositTerms {
        destination_chain: ChainId::eip155(1),
        destination_bridge: B256::left_padding_from(&[0x11; 20]),
        recipient: B256::left_padding_from(&[0x22; 20]),
        lane: LanePreference::Any,
        expiry: 1,
        refund_key: VAULT,
        refund_delay: 1008,
    }
}

/// A chain whose anchor is this one block.
fn chain_of(params: &ChainParams, block: &Block, height: u64) -> HeaderChain {
    let header: Bytes = serialize(&block.header).into();
    anchored(params.clone(), height, &header, &header, &[])
}

/// Holds a block's transactions and work against its header, and proves every transaction but the coinbase, up to `limit` of
/// them spread over the block.
fn prove_all(params: &ChainParams, block: &Block, height: u64, limit: usize, tally: &mut Tally) {
    let txids: Vec<_> = block.txdata.iter().map(|transaction| transaction.compute_txid()).collect();
    assert_eq!(merkle_root(&txids).0, block.header.merkle_root.to_byte_array());
    let chain = chain_of(params, block, height);
    tally.passed += 1;
    let verifier = BitcoinVerifier::new(params.clone(), VAULT, ConfirmationPolicy::flat(1)).unwrap();
    let prove = |evidence: &Inclusion| verifier.verify(&chain, evidence, 0).unwrap_err().field;
    let mut all = Vec::new();
    let step = block.txdata.len().div_ceil(limit).max(1);
    let last = block.txdata.len() - 1;
    for index in (1..=last).step_by(step).chain((last > 0).then_some(last)) {
        let mut evidence = Inclusion::of_block(block, height, index, 0, terms()).unwrap();
        all.push(evidence.clone());
        if evidence.transaction.len() == 64 {
            assert_eq!(prove(&evidence), "transaction");
            tally.refused += 1;
            continue;
        }
        assert_eq!(prove(&evidence), "terms", "{index} of {height}");
        tally.passed += 1;
        evidence.index ^= 1;
        let wrong = prove(&evidence);
        // Far into a block no place is searched for the transaction, and either may be wrong.
        assert!(["index", "path", "transaction or path"].contains(&wrong.as_str()), "{index} of {height}: {wrong}");
        tally.refused += 1;
        all.push(evidence);
    }
    let together = verifier.verify_batch(&chain, &all, 0);
    assert_eq!(together.len(), all.len());
    for (evidence, verdict) in all.iter().zip(together) {
        assert_eq!(verdict, verifier.verify(&chain, evidence, 0), "{} of {height}", evidence.index);
    }
}

#[test]
fn every_transaction_of_real_blocks_is_proven() {
    let mainnet = ChainParams::mainnet();
    for set in ["electrs_blocks", "rust_bitcoin"] {
        let mut tally = Tally::new(set);
        for name in files_under(set, "") {
            let Ok(block) = deserialize::<Block>(&read(&name).unwrap()) else {
                tally.skip(&name, "not a raw block");
                continue;
            };
            prove_all(&mainnet, &block, height_of(&block), 300, &mut tally);
        }
        tally.report_any();
    }
    let mut tally = Tally::new("btcd blocks");
    for name in files_under("btcd", ".dat.bz2") {
        for block in framed_blocks(&read_bz2(&name).unwrap()) {
            prove_all(&mainnet, &block, height_of(&block), 300, &mut tally);
        }
    }
    tally.report_any();
}

/// Proves the transactions of a block of any network: of which it is makes a difference to the least work alone.
pub fn prove_block(block: &Block, tally: &mut Tally) {
    let has_work = Header::parse(&serialize(&block.header)).unwrap().check_work(&ChainParams::mainnet()).is_ok();
    let params = if has_work { ChainParams::mainnet() } else { ChainParams::regtest() };
    prove_all(&params, block, height_of(block), 300, tally);
}

/// The height that the coinbase states, up to 16 by an opcode; before BIP 34, any height at which it need not.
fn height_of(block: &Block) -> u64 {
    let input = block.txdata.first().and_then(|coinbase| coinbase.input.first());
    let first = input.and_then(|input| input.script_sig.as_bytes().first().copied());
    let small = first.filter(|opcode| (0x51..=0x60).contains(opcode)).map(|opcode| u64::from(opcode - 0x50));
    block.bip34_block_height().ok().or(small).unwrap_or(5)
}

/// Blocks in rows of height, hash and block, under a row of titles.
pub fn run_filters(file: &Value, tally: &mut Tally) {
    for row in file.as_array().unwrap().iter().skip(1) {
        let block: Block = deserialize(&unhex(&row[2])).unwrap();
        let mut hash = Header::parse(&serialize(&block.header)).unwrap().hash;
        hash.reverse();
        assert_eq!(hex::encode(hash), row[1].as_str().unwrap());
        prove_all(&ChainParams::testnet3(), &block, row[0].as_u64().unwrap(), 300, tally);
    }
}

#[test]
fn blocks_of_the_test_network_are_proven_witness_or_not() {
    let Some(file) = read_json("bitcoin_core/src/test/data/blockfilters.json") else { return };
    let mut tally = Tally::new("bitcoin_core blockfilters blocks");
    run_filters(&file, &mut tally);
    tally.report();
}

/// Judges chains of blocks by their coinbases, as BIP 54 does from a height on.
pub fn run_coinbases(file: &Value, cleanup_height: Option<u64>, tally: &mut Tally) {
    let params = ChainParams { cleanup_height, ..ChainParams::mainnet() };
    for case in file.as_array().unwrap() {
        let mut chain = from_genesis(params.clone());
        let blocks = case["block_chain"].as_array().unwrap().iter().map(|bytes| deserialize(&unhex(bytes)).unwrap());
        let verdict = (0..).zip(blocks).try_for_each(|(height, block): (u64, Block)| {
            let txids: Vec<_> = block.txdata.iter().map(|transaction| transaction.compute_txid()).collect();
            assert_eq!(merkle_root(&txids).0, block.header.merkle_root.to_byte_array());
            chain.extend(&[serialize(&block.header).into()], u64::MAX).unwrap();
            check_coinbase(&params, &block.txdata[0], height)
        });
        let is_valid = cleanup_height.is_none() || case["valid"].as_bool().unwrap();
        tally.expect(case["comment"].as_str().unwrap(), is_valid, verdict);
    }
}

#[test]
fn coinbases_of_the_cleanup_vectors_are_valid_today_and_judged_by_bip54() {
    let Some(file) = read_json("bip54_consensus_cleanup/test_vectors/coinbases.json") else { return };
    for (set, cleanup_height) in [("bip54 coinbases, today", None), ("bip54 coinbases", Some(1))] {
        let mut tally = Tally::new(set);
        run_coinbases(&file, cleanup_height, &mut tally);
        tally.report();
    }
}
