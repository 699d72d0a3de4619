//! A final block that a branch of more work replaced is shown by both branches, and by nothing less.

mod bitcoin_miner;

use alloy_primitives::{B256, Bytes};
use bitcoin::Block;
use bitcoin_miner::{hash, header_bytes, mine_run, regtest_chain};
use spandrel_verifiers::file::{ContradictionFile, ProofFile};
use spandrel_verifiers::{Contradiction, bitcoin as ours};

fn headers(blocks: &[Block]) -> Vec<Bytes> {
    blocks.iter().map(header_bytes).collect()
}

/// Six headers that seven have replaced.
fn replaced() -> (ours::Contradiction, B256) {
    branches(6)
}

/// So many headers that one more have replaced.
fn branches(length: u64) -> (ours::Contradiction, B256) {
    let chain = regtest_chain();
    let (first, second) = (mine_run(chain.best().hash, 1, length, 1), mine_run(chain.best().hash, 1, length + 1, 2));
    let two = ours::Contradiction {
        chain: chain.params().chain(),
        anchor: chain.anchor().clone(),
        replaced: headers(&first),
        replacing: headers(&second),
    };
    (two, hash(&first[0]))
}

#[test]
fn a_final_block_that_was_replaced_is_shown_in_both_forms_of_a_file() {
    let (two, first) = replaced();
    let two = Contradiction::Bitcoin(Box::new(two));
    let shown = two.verify().unwrap();
    assert_eq!((shown.number, shown.first), (1, first));
    let json = serde_json::to_vec(&ContradictionFile::new(two.clone())).unwrap();
    for form in [two.to_bytes(), json] {
        let ProofFile::Contradiction(file) = ProofFile::read(&form).unwrap() else { panic!("another file") };
        assert_eq!(file.contradiction, two);
        assert!(file.explain().to_string().contains("replaced by 7 of more"));
    }
}

/// No header says how deep a block must be to be final: the reader is told how deep this one was.
#[test]
fn how_long_the_replaced_branch_is_is_left_to_the_reader_and_told() {
    for length in [1, 6] {
        let two = Contradiction::Bitcoin(Box::new(branches(length).0));
        assert!(two.verify().unwrap().by.starts_with(&format!("{length} headers")));
        let told = format!("{length} headers were enough for a block to be final: nothing here proves it");
        assert!(two.said().contains(&told), "{:?}", two.said());
    }
}

#[test]
fn a_forged_pair_of_branches_is_refused() {
    let (honest, _) = replaced();
    let refused = |change: &dyn Fn(&mut ours::Contradiction)| {
        let mut forged = honest.clone();
        change(&mut forged);
        Contradiction::Bitcoin(Box::new(forged)).verify().unwrap_err().field
    };
    assert_eq!(refused(&|two| drop(two.replacing.pop())), "replacing", "no more work");
    assert_eq!(refused(&|two| two.replacing.clear()), "replacing");
    assert_eq!(refused(&|two| two.replaced.clear()), "replaced");
    let more = mine_run(ours::sha256d(&honest.replaced[5]), 7, 2, 3);
    let longer = |two: &mut ours::Contradiction| two.replacing = [two.replaced.clone(), headers(&more)].concat();
    assert_eq!(refused(&longer), "replacing", "it has only grown");
    assert!(refused(&|two| two.replacing.swap(0, 1)).starts_with("replacing.headers"));
    let easier = |two: &mut ours::Contradiction| {
        let mut header = two.replacing[6].to_vec();
        header[72] ^= 1;
        two.replacing[6] = header.into();
    };
    assert!(refused(&easier).starts_with("replacing"));
    assert_eq!(refused(&|two| two.chain = spandrel_verifiers::ChainId::eip155(1)), "chain");
}
