//! What a bad Solana deposit costs the deposits of other batches of shreds, and those of its own.

use super::maker::NOW;
use super::solana_scene::Scene;
use super::{SHRED_BATCHES, counting, on_one_thread};
use crate::Verifier;
use crate::solana::DepositEvidence;

/// Which are proven, and how many batches of shreds were checked.
fn work(scene: &Scene, evidence: &[DepositEvidence]) -> (Vec<bool>, usize) {
    let (results, checked) =
        on_one_thread(|| counting(&SHRED_BATCHES, || scene.verifier.verify_batch(&scene.trusted, evidence, NOW)));
    (results.iter().map(Result::is_ok).collect(), checked)
}

#[test]
fn each_distinct_batch_of_shreds_is_checked_once_whatever_the_others_are() {
    let scene = Scene::shared();
    let mut evidence = vec![scene.evidence.clone(); 6];
    assert_eq!(work(scene, &evidence), (vec![true; 6], 1));
    // What is wrong beside the shreds is not another batch of them.
    evidence[1].inclusion.instruction = 0;
    evidence[4].execution.signatures.clear();
    let proven = [true, false, true, true, false, true];
    assert_eq!(work(scene, &evidence), (proven.to_vec(), 1));
    // Each forged one is, and two that are forged alike are one.
    for (bad, checked) in [(1, 2), (2, 3), (3, 3)] {
        let mut evidence = vec![scene.evidence.clone(); 6];
        for (place, item) in evidence.iter_mut().enumerate().take(bad) {
            let mut shred = item.inclusion.shreds.batch[0].to_vec();
            shred[200 + place % 2] ^= 1;
            item.inclusion.shreds.batch[0] = shred.into();
        }
        let proven = (0..6).map(|place| place >= bad).collect();
        assert_eq!(work(scene, &evidence), (proven, checked));
    }
}
