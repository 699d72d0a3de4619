//! The header chain under reorganisations, refused batches, full fork storage, storing and rebasing.

mod bitcoin_miner;

use std::collections::HashMap;

use alloy_primitives::{B256, Bytes};
use bitcoin::Block;
use bitcoin_miner::{START, hash, header_bytes, mine, mine_run, regtest_chain};
use proptest::prelude::*;
use spandrel_verifiers::ErrorKind;
use spandrel_verifiers::bitcoin::{FORK_PRUNE_DEPTH, HeaderChain, MAX_FORK_HEADERS};

const NOW: u64 = START as u64 + 100 * 365 * 86_400;

fn headers(blocks: &[Block]) -> Vec<Bytes> {
    blocks.iter().map(header_bytes).collect()
}

fn last(blocks: &[Block]) -> B256 {
    hash(blocks.last().unwrap())
}

#[test]
fn a_longer_branch_wins_however_deep_it_forks() {
    let mut chain = regtest_chain();
    let genesis = chain.best().hash;
    let first = mine_run(genesis, 1, 40, 1);
    let second = mine_run(genesis, 1, 41, 2);
    chain.extend(&headers(&first), NOW).unwrap();
    assert_eq!(chain.best().hash, last(&first));
    let held = chain.is_final(hash(&first[34]), 6).unwrap();
    assert_eq!(held.get().height, 35);
    chain.extend(&headers(&second[..40]), NOW).unwrap();
    assert_eq!(chain.best().hash, last(&first), "equal work: first seen stays");
    chain.extend(&headers(&second[40..]), NOW).unwrap();
    assert_eq!((chain.best().hash, chain.forked()), (last(&second), 40));
    let gone = chain.is_final(hash(&first[34]), 6).unwrap_err();
    assert_eq!((gone.field.as_str(), gone.kind), ("header", ErrorKind::NotYet));
    assert_eq!(chain.at_height(7).unwrap().hash, hash(&second[6]));
    assert_eq!(chain.ancestor(last(&first), 7).unwrap().hash, hash(&first[6]));
    assert_eq!(chain.ancestor(last(&first), 41), None);
    let more = mine_run(last(&first), 41, 2, 3);
    chain.extend(&headers(&more), NOW).unwrap();
    assert_eq!(chain.best().hash, last(&more), "and back again");
}

#[test]
fn depth_counts_the_block_itself() {
    let mut chain = regtest_chain();
    let blocks = mine_run(chain.best().hash, 1, 6, 1);
    chain.extend(&headers(&blocks), NOW).unwrap();
    assert_eq!(chain.confirmations(hash(&blocks[0])), Some(6));
    chain.is_final(hash(&blocks[0]), 6).unwrap();
    let shallow = chain.is_final(hash(&blocks[0]), 7).unwrap_err();
    assert_eq!((shallow.field.as_str(), shallow.kind), ("confirmations", ErrorKind::NotYet));
    assert_eq!(chain.is_final(B256::repeat_byte(1), 1).unwrap_err().field, "header");
    chain.is_final(last(&blocks), 0).unwrap();
}

#[test]
fn a_batch_with_one_bad_header_changes_nothing() {
    let mut chain = regtest_chain();
    let blocks = mine_run(chain.best().hash, 1, 12, 1);
    chain.extend(&headers(&blocks[..4]), NOW).unwrap();
    let before = serde_json::to_string(&chain).unwrap();
    let mut refused = |bytes: Vec<Bytes>, now: u64| {
        let error = chain.extend(&bytes, now).unwrap_err();
        assert_eq!(serde_json::to_string(&chain).unwrap(), before);
        error.field
    };
    let (parent, height) = (hash(&blocks[5]), 7);
    let at = |time: u32| header_bytes(&mine(parent, height, time, 9, Vec::new()));
    let with = |bad: Bytes| [headers(&blocks[4..6]), vec![bad]].concat();
    assert_eq!(refused(with(Bytes::from(vec![0; 79])), NOW), "headers[2].header");
    assert_eq!(refused(with(headers(&blocks[7..8]).remove(0)), NOW), "headers[2].parent");
    assert_eq!(refused(with(at(START)), NOW), "headers[2].time", "not above the median");
    assert_eq!(
        refused(with(at(START + 6 * 600 + 7201)), u64::from(START) + 6 * 600),
        "headers[2].time",
        "too far ahead"
    );
    let edited = |edit: &dyn Fn(&mut bitcoin::block::Header)| {
        let mut block = mine(parent, height, START + 4200, 9, Vec::new());
        edit(&mut block.header);
        header_bytes(&block)
    };
    let harder = edited(&|header| header.bits = bitcoin::CompactTarget::from_consensus(0x207f_fffe));
    assert_eq!(refused(with(harder), NOW), "headers[2].bits");
    let unworked = edited(&|header| {
        while header.validate_pow(header.target()).is_ok() {
            header.nonce += 1;
        }
    });
    assert_eq!(refused(with(unworked), NOW), "headers[2].hash");
    let old = edited(&|header| {
        header.version = bitcoin::block::Version::from_consensus(3);
        while header.validate_pow(header.target()).is_err() {
            header.nonce += 1;
        }
    });
    assert_eq!(refused(with(old), NOW), "headers[2].version");
    chain.extend(&headers(&blocks), NOW).unwrap();
    assert_eq!((chain.best().height, chain.known()), (12, 13), "known headers are skipped");
}

#[test]
fn a_header_from_the_future_is_taken_when_its_time_has_come() {
    let mut chain = regtest_chain();
    let block = mine(chain.best().hash, 1, START, 1, Vec::new());
    let early = chain.extend(&[header_bytes(&block)], u64::from(START) - 7201).unwrap_err();
    assert_eq!(early.kind, ErrorKind::NotYet);
    chain.extend(&[header_bytes(&block)], u64::from(START) - 7200).unwrap();
}

#[test]
fn fork_storage_is_bounded_and_stale_branches_make_room() {
    let mut chain = regtest_chain();
    let genesis = chain.best().hash;
    let siblings: Vec<Block> =
        (0..=MAX_FORK_HEADERS as u64 + 1).map(|tag| mine(genesis, 1, START, tag, Vec::new())).collect();
    let (fitting, excess) = siblings.split_at(MAX_FORK_HEADERS + 1);
    chain.extend(&headers(fitting), NOW).unwrap();
    assert_eq!(chain.forked(), MAX_FORK_HEADERS);
    let before = (chain.best(), chain.known());
    let full = chain.extend(&headers(excess), NOW).unwrap_err();
    assert_eq!((full.field.as_str(), full.kind), ("headers", ErrorKind::NotYet));
    assert_eq!((chain.best(), chain.known()), before);
    // A batch that would win but leaves too many behind is undone as well.
    let rival = mine_run(hash(&excess[0]), 2, 2, 7);
    let too_much = [headers(&fitting[..1]), headers(excess), headers(&rival)].concat();
    assert!(chain.extend(&too_much, NOW).is_err());
    assert_eq!((chain.best(), chain.known()), before);
    // The best chain itself may always grow; then the old branches are stale and give way.
    let grown = mine_run(chain.best().hash, 2, FORK_PRUNE_DEPTH + 2, 8);
    chain.extend(&headers(&grown), NOW).unwrap();
    chain
        .extend(&headers(&[mine(last(&grown[..grown.len() - 1]), chain.best().height, START * 2, 9, Vec::new())]), NOW)
        .unwrap();
    assert_eq!(chain.forked(), 1);
}

#[test]
fn a_rival_that_could_still_win_is_kept_whole_when_stale_branches_go() {
    let mut chain = regtest_chain();
    let genesis = chain.best().hash;
    let (best, rival) =
        (mine_run(genesis, 1, FORK_PRUNE_DEPTH + 90, 1), mine_run(genesis, 1, FORK_PRUNE_DEPTH + 80, 2));
    chain.extend(&headers(&best), NOW).unwrap();
    chain.extend(&headers(&rival), NOW).unwrap();
    let room = MAX_FORK_HEADERS as u64 - rival.len() as u64;
    let siblings: Vec<Block> = (0..=room).map(|tag| mine(genesis, 1, START, 10 + tag, Vec::new())).collect();
    chain.extend(&headers(&siblings), NOW).unwrap();
    assert_eq!(chain.forked(), rival.len());
    let more = mine_run(last(&rival), FORK_PRUNE_DEPTH + 81, 11, 3);
    chain.extend(&headers(&more), NOW).unwrap();
    assert_eq!(chain.best().hash, last(&more));
    assert_eq!(chain.at_height(1).unwrap().hash, hash(&rival[0]));
}

#[test]
fn a_stored_chain_comes_back_with_the_same_best_branch() {
    let genesis = regtest_chain().best().hash;
    let branches = [mine_run(genesis, 1, 5, 1), mine_run(genesis, 1, 5, 2)];
    let mut text = String::new();
    for [first, second] in [[0, 1], [1, 0]].map(|order| order.map(|branch| &branches[branch])) {
        let mut chain = regtest_chain();
        chain.extend(&headers(first), NOW).unwrap();
        chain.extend(&headers(second), NOW).unwrap();
        text = serde_json::to_string(&chain).unwrap();
        let loaded: HeaderChain = serde_json::from_str(&text).unwrap();
        assert_eq!((loaded.best(), loaded.known()), (chain.best(), chain.known()));
        assert_eq!(loaded.best().hash, last(first), "first seen");
        assert_eq!(serde_json::to_string(&loaded).unwrap(), text);
    }
    let mut forged: serde_json::Value = serde_json::from_str(&text).unwrap();
    forged["headers"][2] = forged["headers"][3].clone();
    assert!(serde_json::from_value::<HeaderChain>(forged).is_err(), "a stored chain is checked again");
}

#[test]
fn a_rebased_chain_goes_on_like_the_old_one() {
    let mut chain = regtest_chain();
    let blocks = mine_run(chain.best().hash, 1, 30, 1);
    let fork = mine_run(hash(&blocks[21]), 23, 3, 2);
    let older = mine_run(hash(&blocks[3]), 5, 3, 3);
    for run in [&blocks, &fork, &older] {
        chain.extend(&headers(run), NOW).unwrap();
    }
    let mut rebased = chain.rebased(10).unwrap();
    assert_eq!((rebased.anchor().height, rebased.best(), rebased.best_work()), (20, chain.best(), chain.best_work()));
    assert_eq!((rebased.known(), rebased.anchor().previous_times.len()), (1 + 10 + 3, 10));
    let early = mine(last(&blocks), 31, START + 25 * 600, 4, Vec::new());
    let again = mine_run(last(&fork), 26, 10, 5);
    for chain in [&mut chain, &mut rebased] {
        assert_eq!(chain.extend(&[header_bytes(&early)], NOW).unwrap_err().field, "headers[0].time");
        chain.extend(&headers(&again), NOW).unwrap();
        assert_eq!(chain.best().hash, last(&again));
    }
    let short = chain.rebased(2).unwrap();
    assert_eq!(chain.rebased(5).unwrap().rebased(2).unwrap().anchor(), short.anchor());
    let best = chain.best();
    let median = chain.at_height(best.height - 5).unwrap().time as u32;
    for (time, is_taken) in [(median, false), (median + 1, true)] {
        let block = header_bytes(&mine(best.hash, best.height + 1, time, 6, Vec::new()));
        assert_eq!(chain.clone().extend(std::slice::from_ref(&block), NOW).is_ok(), is_taken);
        assert_eq!(short.clone().extend(&[block], NOW).is_ok(), is_taken);
    }
    let twice = rebased.rebased(rebased.best().height - 22).unwrap();
    assert_eq!((twice.anchor().height, twice.best()), (22, rebased.best()));
    assert_eq!(chain.rebased(1000).unwrap().anchor().height, 0);
}

/// A random tree: block `i` (from 1) has the parent `parents[i - 1] % i`, block 0 being the genesis block.
fn tree(genesis: B256, parents: &[usize]) -> Vec<(usize, u64, Block)> {
    let mut tree: Vec<(usize, u64, Block)> = Vec::new();
    for (index, pick) in parents.iter().enumerate() {
        let parent = pick % (index + 1);
        let (at, below) = if parent == 0 { (genesis, 0) } else { (hash(&tree[parent - 1].2), tree[parent - 1].1) };
        let height = below + 1;
        let block = mine(at, height, START + 600 * height as u32, index as u64, Vec::new());
        tree.push((parent, height, block));
    }
    tree
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn most_work_wins_in_whatever_order_headers_come(
        parents in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
        order in prop::collection::vec(any::<u16>(), 40),
    ) {
        let mut chain = regtest_chain();
        let picks: Vec<usize> = parents.iter().enumerate().map(|(at, pick)| pick.index(at + 1)).collect();
        let tree = tree(chain.best().hash, &picks);
        let mut waiting: Vec<usize> = (1..=tree.len()).collect();
        waiting.sort_by_key(|index| order[index - 1]);
        let mut seen: HashMap<usize, u64> = HashMap::from([(0, 0)]);
        let mut expected = (0, chain.best().hash);
        while !waiting.is_empty() {
            waiting.retain(|index| {
                let (parent, height, block) = &tree[index - 1];
                let taken = chain.extend(&[header_bytes(block)], NOW);
                assert_eq!(taken.is_ok(), seen.contains_key(parent));
                if taken.is_ok() {
                    seen.insert(*index, *height);
                    if *height > expected.0 {
                        expected = (*height, hash(block));
                    }
                    let best = chain.best();
                    assert_eq!((best.height, best.hash), expected);
                }
                taken.is_err()
            });
        }
        prop_assert_eq!(chain.known(), tree.len() + 1);
        prop_assert_eq!(chain.best().height, tree.iter().map(|(_, height, _)| *height).max().unwrap());
        for height in 0..=chain.best().height {
            prop_assert_eq!(chain.at_height(height), chain.ancestor(chain.best().hash, height));
        }
    }
}
