//! Rival chains with real proof of work: the alternative mainnet of Bitcoin Core's tests, btcd's reorganisation.

use alloy_primitives::{B256, Bytes};
use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::script::Builder;
use bitcoin::{Amount, Block, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness};
use serde_json::Value;
use spandrel_verifiers::bitcoin::{ChainParams, Header, HeaderChain, sha256d, target_of, work_of};

use super::files::{Tally, anchored, from_genesis, read, read_bz2, read_json, unhex};

fn alternative_mainnet() -> Option<Vec<Bytes>> {
    read_json("bitcoin_core/test/functional/data/mainnet_alt.json").map(|file| mined(&file))
}

/// The headers of `mainnet_alt.json`, which gives only times and nonces: a coinbase-only block each, paying 50 BTC to
/// one fixed key; difficulty 1 to height 2,015, four times that at 2,016.
pub fn mined(file: &Value) -> Vec<Bytes> {
    let column = |name: &str| -> Vec<u32> {
        file[name].as_array().unwrap().iter().map(|value| value.as_u64().unwrap() as u32).collect()
    };
    let paid_to = hex::decode("76a914eadbac7f36c37e39361168b7aaee3cb24a25312d88ac").unwrap();
    let mut parent = ChainParams::mainnet().genesis_hash();
    let rows = column("timestamps").into_iter().zip(column("nonces"));
    let headers = rows.zip(1i64..).map(|((time, nonce), height)| {
        let padding: &[u8] = if height <= 16 { &[0] } else { &[] };
        let script = [Builder::new().push_int(height).as_bytes(), padding].concat();
        let coinbase = Transaction {
            version: bitcoin::transaction::Version::TWO,
            lock_time: bitcoin::absolute::LockTime::ZERO,
            input: vec![TxIn {
                previous_output: OutPoint::null(),
                script_sig: script.into(),
                sequence: Sequence::MAX,
                witness: Witness::new(),
            }],
            output: vec![TxOut { value: Amount::from_int_btc(50), script_pubkey: ScriptBuf::from(paid_to.clone()) }],
        };
        let root = sha256d(&serialize(&coinbase));
        let bits: u32 = if height < 2016 { 0x1d00_ffff } else { 0x1c3f_ffc0 };
        let header = Header { hash: B256::ZERO, version: 0x2000_0000, parent, merkle_root: root, time, bits, nonce };
        let bytes = header.encode();
        parent = sha256d(&bytes);
        Bytes::from(bytes)
    });
    headers.collect()
}

/// The slow chain of the BIP 54 vectors from the same genesis block: difficulty 1 beyond height 2,016.
fn slow_mainnet() -> Option<Vec<Bytes>> {
    fn along(branch: &Value, headers: &mut Vec<Bytes>) {
        headers.extend(branch["block_headers"].as_array().unwrap().iter().map(unhex));
        let longest = branch["extensions"].as_array().into_iter().flatten().find(|next| next["extensions"].is_array());
        if let Some(next) = longest {
            along(next, headers);
        }
    }
    let file = read_json("bip54_consensus_cleanup/test_vectors/timestamps.json")?;
    let mut headers = Vec::new();
    along(&file, &mut headers);
    headers.remove(0);
    Some(headers)
}

fn height_after(batches: [&[Bytes]; 2]) -> HeaderChain {
    let mut chain = from_genesis(ChainParams::mainnet());
    for batch in batches {
        batch.chunks(2016).for_each(|part| chain.extend(part, u64::MAX).unwrap());
    }
    chain
}

#[test]
fn the_alternative_mainnet_is_valid_and_loses_to_more_work_not_to_more_blocks() {
    let (Some(alternative), Some(slow)) = (alternative_mainnet(), slow_mainnet()) else { return };
    let mut tally = Tally::new("mainnet_alt");
    let mut chain = from_genesis(ChainParams::mainnet());
    tally.expect("valid on its own", true, chain.extend(&alternative, u64::MAX));
    let (tip, alternative_work) = (chain.best(), chain.best_work());
    assert_eq!(tip.height, 2016);
    // 2,018 easy blocks are more blocks and less work than 2,015 easy ones and one of fourfold difficulty.
    for orders in [[&alternative[..], &slow[..2018]], [&slow[..2018], &alternative[..]]] {
        assert_eq!(height_after(orders).best(), tip);
        tally.passed += 1;
    }
    for orders in [[&alternative[..], &slow[..2020]], [&slow[..2020], &alternative[..]]] {
        let chain = height_after(orders);
        assert_eq!((chain.best().height, chain.forked()), (2020, 2016));
        tally.expect("off the best chain", false, chain.is_final(tip.hash, 1));
    }
    // With the difficulty of the first period kept, block 2,016 is not the one the rules ask for.
    let mut kept = alternative.clone();
    let mut easy = Header::parse(&kept[2015]).unwrap();
    easy.bits = 0x1d00_ffff;
    kept[2015] = easy.encode().into();
    let refused = from_genesis(ChainParams::mainnet()).extend(&kept, u64::MAX);
    assert_eq!(refused.as_ref().unwrap_err().field, "headers[2015].bits");
    tally.expect("no retarget", false, refused);
    // Against the real chain: it cannot branch off below a checkpoint, and one real block of 2021 outweighs it all.
    let name = "near_mainnet_headers/contract/tests/data/blocks_headers_685440-687456_mainnet.json";
    if let (Some(real), Some(block_11)) = (read_json(name), early_block_11()) {
        let bits = u32::try_from(real[0][0]["bits"].as_u64().unwrap()).unwrap();
        assert!(work_of(target_of(bits).unwrap()) > alternative_work);
        let start: Bytes = ChainParams::mainnet().genesis_header().into();
        let mut anchored = anchored(ChainParams::mainnet(), 11, &block_11, &start, &[]);
        tally.expect("under a checkpoint", false, anchored.extend(&alternative, u64::MAX));
    }
    tally.report();
}

/// The real block 11 stands in for any later checkpoint.
fn early_block_11() -> Option<Bytes> {
    let text = read("btcd/netsync/testdata/blockheaders-mainnet-1-11.txt")?;
    Some(hex::decode(String::from_utf8(text).unwrap().lines().last().unwrap().trim()).unwrap().into())
}

/// Blocks of a file in the network's framing: magic, length, block.
pub fn framed_blocks(bytes: &[u8]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = bytes;
    while let Some((frame, after)) = rest.split_first_chunk::<8>() {
        let length = u32::from_le_bytes(frame[4..].try_into().unwrap()) as usize;
        blocks.push(deserialize(&after[..length]).unwrap());
        rest = &after[length..];
    }
    blocks
}

/// Blocks of btcd's dump: lines of hex under titles, each block in the network's framing.
pub fn dumped_blocks(text: &str) -> Vec<Vec<u8>> {
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("Block") {
            blocks.push(Vec::new());
        } else if let (Some(block), false) = (blocks.last_mut(), line.starts_with("File")) {
            block.extend(hex::decode(line.replace(' ', "")).unwrap());
        }
    }
    blocks
}

#[test]
fn btcds_reorganisation_goes_to_the_longer_branch() {
    let files = ["blk_0_to_4", "blk_3A", "blk_4A", "blk_5A"];
    let files = files.map(|name| read_bz2(&format!("btcd/blockchain/testdata/{name}.dat.bz2")));
    let files: Option<Vec<Vec<u8>>> = files.into_iter().collect();
    let dump = read("btcd/blockchain/testdata/reorgtest.hex");
    let dump = dump.map(|text| dumped_blocks(&String::from_utf8(text).unwrap()));
    for (set, source) in [("btcd reorg", files), ("btcd reorgtest.hex", dump)] {
        let Some(source) = source else { continue };
        let mut tally = Tally::new(set);
        let mut chain = from_genesis(ChainParams::mainnet());
        let mut best = Vec::new();
        for block in source.iter().flat_map(|bytes| framed_blocks(bytes)) {
            let header = serialize(&block.header);
            tally.expect("header", true, chain.extend(&[Bytes::copy_from_slice(&header)], u64::MAX));
            best.push((chain.best().height, chain.best().hash == sha256d(&header)));
        }
        let expected = [(0, true), (1, true), (2, true), (3, true), (4, true), (4, false), (4, false), (5, true)];
        assert_eq!(best, expected);
        assert_eq!(chain.forked(), 2);
        tally.report();
    }
}
