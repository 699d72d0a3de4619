//! Raw blocks: evidence of every transaction proves its inclusion, and stops only at the terms.

use alloy_primitives::{B256, Bytes, b256};
use bitcoin::Block;
use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::hashes::Hash;
use spandrel_verifiers::bitcoin::{
    BitcoinVerifier, ChainParams, ConfirmationPolicy, DepositTerms, Header, HeaderChain, Inclusion, merkle_root,
};
use spandrel_verifiers::{ChainId, LanePreference, Verifier};

use super::files::{Tally, anchored, from_genesis, read, read_bz2, read_json, unhex};
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

/// Proves every transaction of `block` but the coinbase, up to `limit` of them spread over the block.
fn prove_all(params: &ChainParams, block: &Block, height: u64, limit: usize, tally: &mut Tally) {
    let txids: Vec<_> = block.txdata.iter().map(|transaction| transaction.compute_txid()).collect();
    assert_eq!(merkle_root(&txids).0, block.header.merkle_root.to_byte_array());
    let chain = chain_of(params, block, height);
    let verifier = BitcoinVerifier::new(params.clone(), VAULT, ConfirmationPolicy::flat(1)).unwrap();
    let prove = |evidence: &Inclusion| verifier.verify(&chain, evidence, 0).unwrap_err().field;
    let step = block.txdata.len().div_ceil(limit).max(1);
    let last = block.txdata.len() - 1;
    for index in (1..=last).step_by(step).chain((last > 0).then_some(last)) {
        let mut evidence = Inclusion::of_block(block, height, index, 0, terms()).unwrap();
        if evidence.transaction.len() == 64 {
            assert_eq!(prove(&evidence), "transaction");
            tally.refused += 1;
            continue;
        }
        assert_eq!(prove(&evidence), "terms", "{index} of {height}");
        tally.passed += 1;
        evidence.index ^= 1;
        let wrong = prove(&evidence);
        assert!(wrong == "index" || wrong == "path", "{index} of {height}: {wrong}");
        tally.refused += 1;
    }
}

#[test]
fn every_transaction_of_real_blocks_is_proven() {
    let mainnet = ChainParams::mainnet();
    let mut tally = Tally::new("raw mainnet blocks");
    for name in [
        "electrs_blocks/src/tests/blocks/000000000000000002d249a3d89f63ef3fee203adcca7c24008c13fd854513f2",
        "electrs_blocks/src/tests/blocks/00000000000000001203c1ea455e38612bdf36e9967fdead11935c8e22283ecc",
        "rust_bitcoin/bitcoin/tests/data/\
         mainnet_block_000000000000000000000c835b2adcaedc20fdf6ee440009c249452c726dafae.raw",
    ] {
        let Some(bytes) = read(name) else { return };
        let block: Block = deserialize(&bytes).unwrap();
        let height = block.bip34_block_height().unwrap();
        prove_all(&mainnet, &block, height, 300, &mut tally);
    }
    for name in ["277647", "blk_0_to_4", "blk_3A", "blk_4A", "blk_5A"] {
        let Some(bytes) = read_bz2(&format!("btcd/blockchain/testdata/{name}.dat.bz2")) else { return };
        for block in framed_blocks(&bytes) {
            let height = block.bip34_block_height().unwrap_or(5);
            prove_all(&mainnet, &block, height, 300, &mut tally);
        }
    }
    tally.report();
}

#[test]
fn blocks_of_the_test_network_are_proven_witness_or_not() {
    let Some(file) = read_json("bitcoin_core/src/test/data/blockfilters.json") else { return };
    let mut tally = Tally::new("bitcoin_core blockfilters blocks");
    for row in file.as_array().unwrap().iter().skip(1) {
        let block: Block = deserialize(&unhex(&row[2])).unwrap();
        let mut hash = Header::parse(&serialize(&block.header)).unwrap().hash;
        hash.reverse();
        assert_eq!(hex::encode(hash), row[1].as_str().unwrap());
        let height = row[0].as_u64().unwrap();
        if block.txdata.len() < 2 {
            tally.skipped += 1;
            continue;
        }
        prove_all(&ChainParams::testnet3(), &block, height, 300, &mut tally);
    }
    tally.report();
}

#[test]
fn blocks_of_the_cleanup_vectors_prove_their_coinbases_place() {
    let Some(file) = read_json("bip54_consensus_cleanup/test_vectors/coinbases.json") else { return };
    let mut tally = Tally::new("bip54 coinbases");
    for case in file.as_array().unwrap() {
        // What BIP 54 asks of a coinbase's lock time is not in force and is nothing a header or a path shows.
        tally.skipped += usize::from(!case["valid"].as_bool().unwrap());
        let mut chain = from_genesis(ChainParams::mainnet());
        for bytes in case["block_chain"].as_array().unwrap() {
            let block: Block = deserialize(&unhex(bytes)).unwrap();
            let txids: Vec<_> = block.txdata.iter().map(|transaction| transaction.compute_txid()).collect();
            assert_eq!(merkle_root(&txids).0, block.header.merkle_root.to_byte_array());
            tally.expect("header", true, chain.extend(&[serialize(&block.header).into()], u64::MAX));
        }
    }
    tally.report();
}
