//! What a bad Bitcoin deposit makes a batch hash.

use std::collections::BTreeSet;

use alloy_primitives::Bytes;
use bitcoin::consensus::encode::serialize;
use bitcoin::script::ScriptBuf;

use super::bitcoin_deposits::{VAULT, filler, terms};
use super::bitcoin_miner::{START, hash, header_bytes, mine, mine_run, regtest_chain};
use super::{MERKLE_NODES, counting, on_one_thread};
use crate::Verifier;
use crate::bitcoin::{BitcoinVerifier, ChainParams, ConfirmationPolicy, HeaderChain, Inclusion, deposit_script};

const NOW: u64 = START as u64 + 10_000;
const DEPOSITS: u8 = 200;
/// Most nodes that are hashed to find where a path belongs.
const SEARCHED_NODES: usize = 126;

struct Scene {
    verifier: BitcoinVerifier,
    chain: HeaderChain,
    evidence: Vec<Inclusion>,
}

/// A block that is full of deposits.
fn scene() -> Scene {
    let mut chain = regtest_chain();
    let script = ScriptBuf::from(deposit_script(VAULT, &terms()).unwrap().to_vec());
    let transactions = (1..=DEPOSITS).map(|tag| filler(tag, vec![(script.clone(), 250_000)])).collect();
    let block = mine(chain.best().hash, 1, START, 1, transactions);
    let after = mine_run(hash(&block), 2, 5, 1);
    let headers: Vec<Bytes> = [&block].into_iter().chain(&after).map(header_bytes).collect();
    chain.extend(&headers, NOW).unwrap();
    let inclusion = |index: u8| Inclusion::of_block(&block, 1, index.into(), 0, terms()).unwrap();
    let evidence = (1..=DEPOSITS).map(inclusion).collect();
    let verifier = BitcoinVerifier::new(ChainParams::regtest(), VAULT, ConfirmationPolicy::flat(6)).unwrap();
    Scene { verifier, chain, evidence }
}

/// Which are refused, and how many nodes were hashed.
fn work(scene: &Scene, evidence: &[Inclusion]) -> (Vec<usize>, usize) {
    let (results, hashed) =
        on_one_thread(|| counting(&MERKLE_NODES, || scene.verifier.verify_batch(&scene.chain, evidence, NOW)));
    let refused = results.iter().enumerate().filter(|(_, result)| result.is_err()).map(|(place, _)| place);
    (refused.collect(), hashed)
}

/// Every way in which one item of a batch is bad alone.
fn spoiled(item: &Inclusion) -> Vec<Inclusion> {
    let mut all = Vec::new();
    for level in 0..item.path.len() {
        let mut bad = item.clone();
        bad.path[level].0[7] ^= 1;
        all.push(bad);
        let mut bad = item.clone();
        bad.coinbase_path[level].0[7] ^= 1;
        all.push(bad);
    }
    for index in [item.index ^ 1, item.index ^ 0x20, u32::MAX] {
        all.push(Inclusion { index, ..item.clone() });
    }
    all.push(Inclusion { transaction: Bytes::from(serialize(&filler(250, Vec::new()))), ..item.clone() });
    all.push(Inclusion { path: item.path[1..].to_vec(), ..item.clone() });
    let mut bad = item.clone();
    bad.header = bad.header.iter().enumerate().map(|(at, byte)| if at == 40 { byte ^ 1 } else { *byte }).collect();
    all.push(bad);
    all
}

#[test]
fn a_bad_bitcoin_deposit_makes_a_batch_hash_no_more_than_the_stated_bound() {
    let scene = scene();
    let honest = &scene.evidence;
    let depth = honest[0].path.len();
    // Of the deposits' paths and the coinbase's.
    let indices = || honest.iter().map(|item| item.index).chain([0]);
    let places = indices().flat_map(|index| (1..=depth).map(move |level| (level, index >> level)));
    let distinct = places.collect::<BTreeSet<_>>().len();
    assert_eq!(work(&scene, honest), (Vec::new(), distinct));
    let mut most = 0;
    // Below, at and beyond the highest subtree that is searched.
    for place in [0, 1, 30, 62, 64, 99, 130, 199] {
        for bad in spoiled(&honest[place]) {
            let mut evidence = honest.clone();
            evidence[place] = bad;
            let (refused, hashed) = work(&scene, &evidence);
            assert_eq!(refused, [place]);
            let bound = distinct + 2 * depth + depth / 2 + 2 * depth + SEARCHED_NODES;
            assert!(hashed <= bound, "deposit {place}: {hashed} of {bound}");
            most = most.max(hashed);
        }
    }
    assert!(most > distinct + SEARCHED_NODES, "{most}: what is searched for the fault's name is counted");
}
