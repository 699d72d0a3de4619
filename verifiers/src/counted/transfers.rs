//! How often the shreds of deposits in one block are hashed, and what a bad deposit adds to that.

use std::collections::BTreeSet;

use super::maker::NOW;
use super::solana_scene::Scene;
use super::solana_scene::crowd::{Crowd, EACH};
use super::{SHRED_BATCHES, SHRED_LEAVES, SHRED_NODES, on_one_thread};
use crate::solana::{BlockPath, DepositEvidence, Shred, SolanaVerifier, TrustedSlots};
use crate::{Deposit, Verified, Verifier, VerifyError};

/// How many batches of shreds were checked, and how many leaves and nodes above them hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Work {
    batches: usize,
    leaves: usize,
    nodes: usize,
}

type Verdicts = Vec<Result<Verified<Deposit>, VerifyError>>;

/// What a batch says, and what was done for it.
fn work(verifier: &SolanaVerifier, trusted: &TrustedSlots, evidence: &[DepositEvidence]) -> (Verdicts, Work) {
    on_one_thread(|| {
        let counters = [&SHRED_BATCHES, &SHRED_LEAVES, &SHRED_NODES];
        counters.iter().for_each(|counter| counter.set(0));
        let verdicts = verifier.verify_batch(trusted, evidence, NOW);
        let [batches, leaves, nodes] = counters.map(|counter| counter.take());
        (verdicts, Work { batches, leaves, nodes })
    })
}

fn proven(verdicts: &Verdicts) -> Vec<bool> {
    verdicts.iter().map(Result::is_ok).collect()
}

fn shreds(evidence: &DepositEvidence) -> Vec<&[u8]> {
    let proof = &evidence.inclusion.shreds;
    let tail = match &proof.block {
        BlockPath::Chained { tail } => tail.as_slice(),
        BlockPath::DoubleMerkle { .. } => &[],
    };
    let parent = &evidence.inclusion.parent;
    proof.before.iter().chain(&proof.batch).chain(tail).chain(parent).map(AsRef::as_ref).collect()
}

/// The least work that can be done for deposits of one block: each shred and each place above it once.
fn least(crowd: &Crowd) -> Work {
    let distinct: BTreeSet<&[u8]> = crowd.evidence.iter().flat_map(shreds).collect();
    let places = distinct.iter().flat_map(|shred| {
        let Shred { index, fec_set_index, depth, .. } = Shred::parse(shred).unwrap();
        (1..=depth).map(move |level| (fec_set_index, level, (index - fec_set_index) >> level))
    });
    let mut nodes = places.collect::<BTreeSet<_>>().len();
    if let BlockPath::DoubleMerkle { fec_set_roots, .. } = &crowd.evidence[0].inclusion.shreds.block {
        let mut row = fec_set_roots.len() + 1;
        while row > 1 {
            row = row.div_ceil(2);
            nodes += row;
        }
    }
    Work { batches: crowd.evidence.len() / EACH, leaves: distinct.len(), nodes }
}

#[test]
fn each_shred_and_node_of_a_block_is_hashed_once_for_all_deposits_in_it() {
    for crowd in [Crowd::of_tower(), Crowd::of_alpenglow()] {
        let Crowd { verifier, trusted, evidence, .. } = &crowd;
        let least = least(&crowd);
        let brought = evidence.iter().step_by(EACH).flat_map(shreds).count();
        assert!(
            brought + 1 >= least.leaves + least.batches,
            "batches bring shreds of one another: {brought}, {least:?}"
        );
        let (verdicts, done) = work(verifier, trusted, evidence);
        assert_eq!((proven(&verdicts), done), (vec![true; evidence.len()], least));
        // In any order.
        let mut turned = evidence.clone();
        turned.reverse();
        turned.swap(1, 8);
        assert_eq!(work(verifier, trusted, &turned).1, least);
    }
}

/// Every way in which one item brings what no other does, with how many shreds of its own it then has.
fn spoiled(item: &DepositEvidence) -> Vec<(DepositEvidence, usize)> {
    let mut all = Vec::new();
    let count = item.inclusion.shreds.batch.len();
    for place in [0, count / 2, count - 1] {
        // Its signature, which proves nothing; slot, index, set; a flag; data; the chained root; each sibling.
        for byte in [3, 66, 73, 79, 85, 200, 1_060].into_iter().chain((0..6).map(|level| 1_083 + 20 * level)) {
            let mut bad = item.clone();
            let shred = &mut bad.inclusion.shreds.batch[place];
            *shred = shred.iter().enumerate().map(|(at, value)| if at == byte { value ^ 1 } else { *value }).collect();
            all.push((bad, 1));
        }
    }
    let mut bad = item.clone();
    for shred in &mut bad.inclusion.shreds.batch {
        *shred = shred.iter().enumerate().map(|(at, value)| if at == 300 { value ^ 1 } else { *value }).collect();
    }
    all.push((bad, count));
    let mut bad = item.clone();
    if let Some(shred) = bad.inclusion.parent.first_mut() {
        *shred = shred.iter().enumerate().map(|(at, value)| if at == 300 { value ^ 1 } else { *value }).collect();
        all.push((bad, 1));
    }
    let mut bad = item.clone();
    match &mut bad.inclusion.shreds.block {
        BlockPath::Chained { tail } => tail.clear(),
        BlockPath::DoubleMerkle { fec_set_roots, .. } => fec_set_roots[0].0[31] ^= 1,
    }
    all.push((bad, 0));
    all
}

#[test]
fn a_bad_deposit_makes_a_block_hash_no_more_than_the_stated_bound() {
    for crowd in [Crowd::of_tower(), Crowd::of_alpenglow()] {
        let Crowd { verifier, trusted, evidence, .. } = &crowd;
        let (honest, least) = work(verifier, trusted, evidence);
        let listed = match &evidence[0].inclusion.shreds.block {
            BlockPath::Chained { .. } => 0,
            BlockPath::DoubleMerkle { fec_set_roots, .. } => fec_set_roots.len() + 11,
        };
        for place in [0, 2, 3, 7, 11] {
            for (bad, own) in spoiled(&evidence[place]) {
                let mut batch = evidence.clone();
                batch[place] = bad;
                let (verdicts, done) = work(verifier, trusted, &batch);
                assert_eq!(verdicts[place], verifier.verify(trusted, &batch[place], NOW));
                for (other, verdict) in verdicts.iter().enumerate().filter(|(other, _)| *other != place) {
                    assert_eq!(verdict, &honest[other], "neighbour {other} of {place}");
                }
                assert!(done.batches <= least.batches + 1);
                assert!(done.leaves <= least.leaves + own, "{done:?}, at least {least:?}, {own} of its own");
                assert!(done.nodes <= least.nodes + 15 * own + listed, "{done:?}, at least {least:?}, {own}");
            }
        }
    }
}

#[test]
fn each_distinct_batch_of_shreds_is_checked_once_whatever_the_others_are() {
    let scene = Scene::shared();
    let work = |evidence: &[DepositEvidence]| {
        let (verdicts, done) = work(&scene.verifier, &scene.trusted, evidence);
        (proven(&verdicts), done.batches)
    };
    let mut evidence = vec![scene.evidence.clone(); 6];
    assert_eq!(work(&evidence), (vec![true; 6], 1));
    // What is wrong beside the shreds is not another batch of them; what is under no trusted block is not looked at.
    evidence[1].inclusion.instruction = 0;
    evidence[4].execution.signatures.clear();
    evidence[5].inclusion.slot += 1;
    let verdicts = [true, false, true, true, false, false];
    assert_eq!(work(&evidence), (verdicts.to_vec(), 1));
    // Each forged one is, and two that are forged alike are one.
    for (bad, checked) in [(1, 2), (2, 3), (3, 3)] {
        let mut evidence = vec![scene.evidence.clone(); 6];
        for (place, item) in evidence.iter_mut().enumerate().take(bad) {
            let mut shred = item.inclusion.shreds.batch[0].to_vec();
            shred[200 + place % 2] ^= 1;
            item.inclusion.shreds.batch[0] = shred.into();
        }
        let verdicts = (0..6).map(|place| place >= bad).collect();
        assert_eq!(work(&evidence), (verdicts, checked));
    }
}
